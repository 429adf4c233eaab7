"""Tables that are repaired: COMPAS and Adult as the paper codes them, and peers on the same."""

from __future__ import annotations

import importlib.util
import os
import warnings
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.clock import interleaved, processor_seconds
from benchmarks.figure import Figure
from equipoise import Constraint, Groups
from equipoise.data import DataError
from equipoise.maxent.discrete import Attribute, Domain, Prior, fit
from equipoise.repair import reweight
from equipoise.repair.estimator import PARITY
from equipoise.reproduce.repair.coded import READERS, Coded, simulated
from equipoise.reproduce.repair.fitted import Choice

Array = NDArray[Any]

_TABLES = {"COMPAS": ("race", 5_278, (2, 3, 3, 2)), "Adult": ("sex", 48_842, (2, 7, 9))}
_LABELS = [Constraint.parse(PARITY)]
_ONE_WAY_STEPS = 100


def figures() -> list[Figure]:
    """Milliseconds of fits, and how many times as long peers take.

    Returns
    -------
    list of Figure
    """
    tables = {name: _table(name) for name in _TABLES}
    found = [figure for name, coded in tables.items() for figure in _fits(name, coded)]
    if _installed("aif360"):
        found += [_reweighing(tables["Adult"]), *_optimised(tables["COMPAS"])]
    if _installed("mbi"):
        found.append(_one_way(tables["Adult"]))
    return found


def _table(name: str) -> Coded:
    protected, rows, sizes = _TABLES[name]
    folder = os.environ.get("EQUIPOISE_DATA")
    if folder:
        try:
            return READERS[name](Path(folder), protected)
        except DataError as error:
            print(f"{name}: {error}")
    print(f"{name}: a simulated table of its size (EQUIPOISE_DATA names no folder that has it)")
    return simulated(rows, sizes, 0)


def _fits(name: str, coded: Coded) -> list[Figure]:
    law = Choice(0.5).fit(coded)
    prior, wanted = law.distribution.prior, law.wanted
    rows = prior.rows
    assert rows is not None
    domain, codes, weights = prior.domain, law.model.codes, law.rows
    taken = {
        "fit": processor_seconds(lambda: fit(prior, wanted)),
        "compressed": processor_seconds(lambda: Prior.of(domain, codes, weights, share=0.5)),
        "all": processor_seconds(lambda: Choice(0.5).fit(coded)),
    }
    what = f"{name}, {len(coded):,} rows of which {len(rows)} differ"
    return [
        Figure(f"{name.lower()}_{part}_ms", 1e3 * taken[part], "<=", bar, f"{what}: {said}, ms")
        for part, bar, said in (
            ("fit", 10, "a fit after compression"),
            ("compressed", 20, "compression"),
            ("all", 100, "from columns to law, all together"),
        )
    ]


def _reweighing(coded: Coded) -> Figure:
    from aif360.algorithms.preprocessing import Reweighing

    told = _as_aif360(coded)
    groups = Groups.from_codes(coded.group, ("0", "1"))

    def theirs() -> Array:
        method = Reweighing([{"group": 0}], [{"group": 1}])
        return np.asarray(method.fit_transform(told).instance_weights)

    def ours() -> Array:
        return reweight(coded.label, groups, 2, _LABELS)

    assert np.allclose(theirs(), ours()), "weights differ from AIF360's"
    taken = interleaved({"ours": ours, "theirs": theirs}, rounds=5)
    return Figure(
        "reweighing_over_ours",
        taken["theirs"] / taken["ours"],
        ">=",
        1,
        f"Adult: AIF360's Reweighing ({1e3 * taken['theirs']:.1f} ms, its data set made before) "
        f"over the same weights of ours ({1e3 * taken['ours']:.1f} ms)",
    )


def _optimised(coded: Coded) -> list[Figure]:
    try:
        from aif360.algorithms.preprocessing.optim_preproc import OptimPreproc
        from aif360.algorithms.preprocessing.optim_preproc_helpers.opt_tools import OptTools
    except ImportError as error:
        print(f"AIF360's OptimPreproc does not start ({error}): not compared")
        return []
    told = _as_aif360(coded)
    options = {
        "distortion_fun": _apart,
        "epsilon": 0.05,
        "clist": [0.99, 1.99, 2.99],
        "dlist": [0.1, 0.05, 0.0],
    }

    def theirs() -> None:
        with redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            OptimPreproc(OptTools, options).fit(told)

    taken = interleaved({"ours": lambda: Choice(0.5).fit(coded), "theirs": theirs}, rounds=3)
    return [
        Figure(
            "optim_preproc_over_ours",
            taken["theirs"] / taken["ours"],
            ">=",
            1,
            f"COMPAS: AIF360's OptimPreproc ({taken['theirs']:.2f} s) over the law of ours, from "
            f"columns ({1e3 * taken['ours']:.0f} ms)",
        )
    ]


def _one_way(coded: Coded) -> Figure:
    # Shares of each column's values alone: what it calls one-way marginals, without noise.
    from mbi import Domain as TheirDomain
    from mbi import LinearMeasurement, estimation

    codes = np.column_stack([coded.group, coded.label, coded.features])
    names = [f"c{j}" for j in range(len(coded.shape))]
    measured = [
        LinearMeasurement(np.bincount(codes[:, j], minlength=size).astype(float), (name,))
        for j, (name, size) in enumerate(zip(names, coded.shape, strict=True))
    ]
    whole = TheirDomain(names, coded.shape)
    domain = Domain([Attribute.categories(size) for size in coded.shape])
    wanted = domain.mean(codes)
    taken = interleaved(
        {
            "ours": lambda: fit(Prior.product(domain), wanted),
            "theirs": lambda: estimation.MirrorDescent().estimate(
                whole, measured, iters=_ONE_WAY_STEPS
            ),
        },
        rounds=3,
    )
    return Figure(
        "one_way_over_ours",
        taken["theirs"] / taken["ours"],
        ">=",
        1,
        f"Adult: private-pgm's one-way fit, {_ONE_WAY_STEPS} steps ({taken['theirs']:.2f} s) over "
        f"that of ours ({1e3 * taken['ours']:.1f} ms)",
    )


def _as_aif360(coded: Coded) -> Any:
    import pandas as pd  # type: ignore[import-untyped]
    from aif360.datasets import BinaryLabelDataset

    columns = {f"x{j}": column for j, column in enumerate(coded.features.T)}
    frame = pd.DataFrame({**columns, "group": coded.group, "label": coded.label})
    return BinaryLabelDataset(df=frame, label_names=["label"], protected_attribute_names=["group"])


def _apart(old: dict[str, Any], new: dict[str, Any]) -> float:
    return float(sum(abs(float(old[name]) - float(new[name])) for name in old))


def _installed(module: str) -> bool:
    if importlib.util.find_spec(module) is not None:
        return True
    print(f"{module} is not installed: not compared")
    return False
