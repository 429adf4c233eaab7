"""COMPAS: who was charged again within two years, Broward County 2013-14."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow.compute as pc

from equipoise.data.delimited import file_bytes, parse_delimited
from equipoise.data.errors import DataError
from equipoise.data.tables.known_table import KnownTable, locate

__all__ = ["TABLES", "read_compas"]

_SOURCE = "https://github.com/propublica/compas-analysis"
_FILES = ("compas/compas-scores-two-years.csv",)
_TARGET = "two_year_recid"
_FEATURES = (
    "sex", "age", "race", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count",
    "c_charge_degree",
)  # fmt: skip
_FILTER = ("days_b_screening_arrest", "is_recid", "score_text")


def read_compas(folder: Path) -> nw.DataFrame[Any]:
    """Read COMPAS after the filter of ProPublica's analysis [1]_, 6,172 rows.

    A row stays if the charge lies within 30 days of the screening, the case was found
    (`is_recid` is not -1), the charge is more than a traffic offence and there is a score.

    Names and birth dates of the persons are in the file and are never loaded. The scores are
    left out because they are another model's prediction of the label, and everything dated
    after the screening because it tells the label.

    `two_year_recid` is 1 for a person charged again within two years. That is the positive
    class, the event predicted and not the good outcome, so that a false-positive rate is what
    the analysis of this table made known: the share flagged of those never charged again.

    Parameters
    ----------
    folder : Path
        The data folder, with compas/compas-scores-two-years.csv.

    Returns
    -------
    narwhals.DataFrame
        Eight columns known at the screening, and `two_year_recid`.

    Raises
    ------
    DataError
        If the file is not there or damaged.

    References
    ----------
    .. [1] J. Angwin, J. Larson, S. Mattu, L. Kirchner, "Machine Bias", ProPublica 2016.
    """
    path = locate(folder, _FILES, _SOURCE)
    content = file_bytes(path)
    table = parse_delimited(
        content,
        str(path),
        delimiter=",",
        names=_header(content, path),
        skip_rows=1,
        columns=(*_FEATURES, *_FILTER, _TARGET),
        missing=("",),
    )
    near = pc.less_equal(pc.abs(table["days_b_screening_arrest"]), 30)
    found = pc.not_equal(table["is_recid"], -1)
    charged = pc.not_equal(table["c_charge_degree"], "O")
    scored = pc.not_equal(table["score_text"], "N/A")
    kept = pc.and_(pc.and_(near, found), pc.and_(charged, scored))
    rows = table.filter(kept, null_selection_behavior="drop")
    return nw.from_native(rows.select([*_FEATURES, _TARGET]), eager_only=True)


def _header(content: bytes, path: Path) -> list[str]:
    """Column names, the second of a name numbered: the file has two of them twice."""
    line = content.partition(b"\n")[0].decode("utf-8-sig", errors="replace")
    names = next(csv.reader([line]), [])
    lacking = [name for name in (*_FEATURES, *_FILTER, _TARGET) if name not in names]
    if lacking:
        raise DataError(
            f"data_dir: {path} has no column {lacking[0]!r}; wanted the file as offered at "
            f"{_SOURCE}"
        )
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        numbered.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return numbered


TABLES = (
    KnownTable(
        name="compas",
        title="COMPAS (ProPublica): is a person charged again within two years?",
        read=read_compas,
        target=_TARGET,
        positive=1,
        sensitive=("race",),
        drop=(),
        source=_SOURCE,
        files=_FILES,
    ),
)
