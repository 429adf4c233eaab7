"""FA*IR and AIF360's re-ranking on small tasks, where they are installed."""

from __future__ import annotations

import contextlib
import io
import time
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from equipoise import Groups
from equipoise.rank import Bound, exposure, rank_items

_CANDIDATES, _WANTED = 1000, 400


def peers() -> list[Figure]:
    """How long FA*IR takes beside ours, and how many people AIF360's rankings have.

    Returns
    -------
    list of Figure
        Of those that can be imported; the others are said not to be.
    """
    return [*_fair_star(), *_aif360()]


def _fair_star() -> list[Figure]:
    try:
        from fairsearchcore import fair, models
    except ImportError:
        print("fairsearchcore (FA*IR) is not installed: not measured")
        return []
    random = np.random.default_rng(0)
    protected = random.random(_CANDIDATES) < 0.3
    scores = random.normal(size=_CANDIDATES) - 0.8 * protected
    order = np.argsort(-scores, kind="stable")
    items = [models.FairScoreDoc(int(i), float(scores[i]), bool(protected[i])) for i in order]
    began = time.process_time()
    # Its adjusted table fails with the versions of pandas there are today.
    theirs = fair.Fair(_WANTED, 0.3, 0.1)
    table = theirs.create_unadjusted_mtable()
    middle = time.process_time()
    ranked = [item.id for item in theirs._re_rank_unadjusted(items)]
    ended = time.process_time()
    groups = Groups.from_codes(protected.astype(np.int64), ["others", "protected"])
    bound = Bound.of_counts("protected", ">=", table)
    ours = rank_items(scores, groups, bound, n=_WANTED)
    seconds = _seconds(scores, groups, bound)
    utility = float(ours.discount @ scores[ranked])
    print(
        f"FA*IR, {_WANTED} of {_CANDIDATES:,}: {middle - began:.3f} s for its table of counts and "
        f"{ended - middle:.4f} s for the ranking; ours under the same counts {seconds:.4f} s"
    )
    what = f"{_WANTED} of {_CANDIDATES:,} under FA*IR's counts"
    return [
        Figure(
            "rank_fair_star_gain", ours.utility - utility, ">=", -1e-9, f"{what}: utility over its"
        )
    ]


def _seconds(scores: NDArray[np.float64], groups: Groups, bound: Bound) -> float:
    began = time.process_time()
    rounds = 20
    for _ in range(rounds):
        rank_items(scores, groups, bound, n=_WANTED)
    return (time.process_time() - began) / rounds


def _aif360() -> list[Figure]:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            import pandas as pd  # type: ignore[import-untyped]
            from aif360.algorithms.postprocessing import DeterministicReranking
            from aif360.datasets import RegressionDataset
        except ImportError:
            print("AIF360 is not installed: not measured")
            return []
        random = np.random.default_rng(0)
        low = np.repeat([0, 1], 100)  # the group called privileged has the lower scores
        scores = np.round(random.normal(size=200) - 2.0 * low, 6)
        frame = pd.DataFrame({"group": low, "score": scores})
        data = RegressionDataset(
            frame,
            dep_var_name="score",
            protected_attribute_names=["group"],
            privileged_classes=[[1]],
        )
        found = {}
        for kind in ("Greedy", "Conservative", "Relaxed", "Constrained"):
            theirs: Any = DeterministicReranking([{"group": 0}], [{"group": 1}])
            ranked = theirs.fit_predict(data, 50, [0.5, 0.5], rerank_type=kind)
            # Its data sets rescale all columns, but keep the index.
            rows = ranked.convert_to_dataframe()[0].index.to_numpy().astype(int)
            found[kind] = (len({*rows}), float((low[rows] == 1).mean()))
    groups = Groups.from_codes(low, ["high", "low"])
    bounds = ["high >= 1/2", "low >= 1/2"]
    ours = rank_items(scores, groups, bounds, n=50)
    for kind, (distinct, share) in found.items():
        print(
            f"AIF360 {kind}: 50 places, {distinct} people, {share:.0%} of them of the lower group"
        )
    share = float(exposure(ours.order, groups).ranked[1])
    print(f"ours: 50 places, {len({*ours.order})} people, {share:.0%} of the lower group")
    return [
        Figure(
            "rank_distinct_of_50",
            len({*ours.order}),
            ">=",
            50,
            f"people in 50 places (AIF360's greedy: {found['Greedy'][0]})",
        )
    ]
