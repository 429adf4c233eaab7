"""One door to every data set: a name, a file, a table."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.data.dataset import Dataset, reject_text
from equipoise.data.errors import DataError, hint
from equipoise.data.known import KnownTable, known_tables
from equipoise.data.read import SUFFIXES, read_table, table_suffix
from equipoise.data.sensitive import parse_sensitive
from equipoise.data.simulate import simulate_census

__all__ = ["SIMULATED", "load"]

SIMULATED = "census-sim"
"""The name under which the simulated census is loaded."""


def load(
    source: Any,
    *,
    target: str | None = None,
    sensitive: Sequence[str] | None = None,
    positive: Any = None,
    weights: str | None = None,
    drop: Sequence[str] = (),
    keep_sensitive: bool = False,
    missing_group: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    rows: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    source : str, path, table or Dataset
        "census-sim" for the simulated census as `simulate_census` gives it by default; the
        name of a well-known table (see `known_tables`); a .csv, .tsv or .parquet file; a
        pandas, polars, pyarrow or narwhals table; or a data set, which comes back as it is.
    target : str, optional
        The label's column. Known and simulated tables have a usual one.
    sensitive : sequence of str, optional
        The sensitive columns, with cut points if wished: ``["race", "age:25,60"]``. Known and
        simulated tables have usual ones.
    positive : label, optional
        The favoured class of two. By default the usual one of a known table's usual target,
        else the larger.
    weights, drop, keep_sensitive, missing_group
        As `Dataset.from_table` has them. What a known table never uses as a feature is
        dropped besides `drop`, unless given another role.
    data_dir : str or path, optional
        The folder with the files of known tables; by default the environment variable
        EQUIPOISE_DATA.
    rows : int, optional
        Keep so many rows, drawn at random without replacement, in their order.
    seed : int
        Of that draw; non-negative.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        If there is no such source, a known table's files are not there, a role is lacking or
        unfit, or more rows are asked for than there are.
    """
    roles: dict[str, Any] = {
        "target": target,
        "sensitive": sensitive,
        "positive": positive,
        "weights": weights,
        "drop": drop,
        "keep_sensitive": keep_sensitive,
        "missing_group": missing_group,
    }
    reject_text("sensitive", sensitive)
    reject_text("drop", drop)
    if isinstance(source, Dataset):
        dataset = _as_given(source, roles)
    elif isinstance(source, str) and source in (known := known_tables()):
        dataset = _load_known(known[source], data_dir, roles)
    elif isinstance(source, str) and source == SIMULATED:
        usual = {"target": "income", "positive": ">50K", "sensitive": ("sex", "race")}
        dataset = _with_usual(simulate_census().table, usual, (), SIMULATED, roles)
    elif isinstance(source, str | os.PathLike):
        path = _path(source)
        _check_roles(roles, str(path))
        stem = path.name[: -len(table_suffix(path))]
        dataset = Dataset.from_table(read_table(path), name=stem, **roles)
    else:
        _check_roles(roles, "a table")
        dataset = Dataset.from_table(source, **roles)
    return dataset if rows is None else _sample(dataset, rows, seed)


def _as_given(dataset: Dataset, roles: dict[str, Any]) -> Dataset:
    given = [
        name
        for name, value in roles.items()
        if (value is not None if name == "positive" else value)
    ]
    if given:
        raise DataError(
            f"{given[0]}: given for a Dataset, whose columns have their roles already; give it "
            "to Dataset.from_table instead"
        )
    return dataset


def _load_known(
    known: KnownTable, data_dir: str | os.PathLike[str] | None, roles: dict[str, Any]
) -> Dataset:
    folder = data_dir if data_dir is not None else os.environ.get("EQUIPOISE_DATA")
    if not folder:
        raise DataError(
            f"data_dir: the rows of {known.name!r} are not in the package; get "
            f"{' or '.join(known.files)} from {known.source} and name the folder with data_dir "
            "(on the command line: --data-dir) or the environment variable EQUIPOISE_DATA"
        )
    if not Path(folder).is_dir():
        raise DataError(f"data_dir: no folder {folder}; wanted the folder with {known.files[0]}")
    usual = {
        "target": known.target,
        "positive": known.positive,
        "sensitive": known.sensitive,
    }
    return _with_usual(known.read(Path(folder)), usual, known.drop, known.name, roles)


def _with_usual(
    table: Any,
    usual: dict[str, Any],
    unused: Sequence[str],
    name: str,
    roles: dict[str, Any],
) -> Dataset:
    """Fill the roles that were not given with the usual ones, and build the data set."""
    chosen = dict(roles)
    if chosen["target"] in (None, usual["target"]):
        chosen["target"] = usual["target"]
        if chosen["positive"] is None:
            chosen["positive"] = usual["positive"]
    if chosen["sensitive"] is None:
        chosen["sensitive"] = usual["sensitive"]
    taken = {chosen["target"], chosen["weights"], *chosen["drop"]}
    taken |= {parse_sensitive(entry, table.columns).column for entry in chosen["sensitive"]}
    rest = [column for column in unused if column not in taken]
    return Dataset.from_table(table, name=name, **{**chosen, "drop": [*chosen["drop"], *rest]})


def _path(source: str | os.PathLike[str]) -> Path:
    path = Path(source)
    name = str(source)
    if path.name == name and not path.exists() and not name.lower().endswith(SUFFIXES):
        raise DataError(
            f"source: no table is called {name!r}, and no file either. "
            f"{hint(name, [SIMULATED, *known_tables()])} A file of yours ends in one of "
            f"{', '.join(SUFFIXES)}."
        )
    return path


def _check_roles(roles: dict[str, Any], source: str) -> None:
    for role, example in (("target", "'income'"), ("sensitive", "['sex', 'race']")):
        if roles[role] is None:
            raise DataError(
                f"{role}: not given, but for {source} it must be, as in {role}={example} "
                f"(on the command line: --{role})"
            )


def _sample(dataset: Dataset, rows: int, seed: int) -> Dataset:
    if not 1 <= rows <= len(dataset):
        raise DataError(f"rows: given {rows:,}, wanted between 1 and {len(dataset):,}")
    if seed < 0:
        raise DataError(f"seed: given {seed}, wanted an integer >= 0")
    chosen = np.random.default_rng(seed).choice(len(dataset), size=rows, replace=False)
    return dataset.take(np.sort(chosen))
