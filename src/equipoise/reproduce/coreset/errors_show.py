"""What errors against size have to say: claims, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from equipoise.audit import Estimate
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.coreset.published import NONE
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most, shown_below
from equipoise.reproduce.part import Result, Shown

TWO_STAGES, STRATIFIED, UNIFORM = "two stages", "stratified", "uniform"
_THIRD = 1 / 3
_TEXT = (
    "Largest relative errors of the cost, in %, over six families of centres: random rows, seeds, "
    "nearly optimal ones, all in one place, far off, and one on an outlier; means over seeds. Two "
    "stages are the paper's, literally, but for its constants: the first sample has ten times the "
    "points of the second. Stratified is the library's own. Lines, snapped cells and the others "
    "are beside them; lines have the sizes that they came to."
)


def show(by_setting: Mapping[str, Sequence[Result]]) -> Shown:
    """Claims, tables and figures.

    Parameters
    ----------
    by_setting : mapping from names to sequences of dict
        A result a seed.

    Returns
    -------
    Shown
    """
    claims = [claim for name, of in by_setting.items() for claim in _claims(name, of)]
    tables = [_table(name, of) for name, of in by_setting.items()]

    def draw() -> list[Section]:
        pictures = [
            _figure(table, by_setting) for table in dict.fromkeys(map(_table_of, by_setting))
        ]
        return [Section("Errors against size", [Text(_TEXT), *pictures, *tables])]

    return Shown(tuple(claims), tuple(tables), draw)


def _claims(name: str, results: Sequence[Result]) -> list[Claim]:
    ours = _ratio(results, STRATIFIED, TWO_STAGES)
    theirs = _ratio(results, TWO_STAGES, UNIFORM)
    return [
        judged(
            f"{name}: two stages err less than a uniform sample of equal size, in the worst family "
            "(ratio, geometric mean over sizes)",
            "importance sampling is nearly optimal",
            theirs,
            shown_below(theirs, 1.0),
        ),
        judged(
            f"{name}: stratified errs at most a third of two stages, in the worst family (ratio)",
            NONE,
            ours,
            shown_at_most(ours, _THIRD),
        ),
    ]


def _ratio(results: Sequence[Result], one: str, other: str) -> Estimate:
    logs = []
    for result in results:
        worst = {
            name: np.log([_worst(f) for f in result["found"] if f["builder"] == name])
            for name in (one, other)
        }
        logs.append(float((worst[one] - worst[other]).mean()))
    return Estimate(*(float(np.exp(value)) for value in over_seeds(np.array(logs))))


def _worst(found: Result) -> float:
    return max(1e-12, *(float(error) for error in found["worst"].values()))


def _rows(results: Sequence[Result]) -> list[tuple[str, float, dict[str, float]]]:
    # Builders come in the same order in every result.
    rows = []
    for same in zip(*(result["found"] for result in results), strict=True):
        errors = {
            family: float(np.mean([one["worst"][family] for one in same]))
            for family in same[0]["worst"]
        }
        rows.append((same[0]["builder"], float(np.mean([one["size"] for one in same])), errors))
    return rows


def _table(name: str, results: Sequence[Result]) -> Table:
    rows = _rows(results)
    families = list(rows[0][2])
    columns = [Column("summary"), Column("size", "right")]
    return Table(
        columns + [Column(family, "right") for family in families],
        [
            [builder, f"{size:,.0f}", *(f"{100 * errors[family]:.2g}" for family in families)]
            for builder, size, errors in rows
        ],
        caption=f"{name}: {results[0]['rows']:,} rows, {len(results)} seeds; errors in %",
    )


def _table_of(name: str) -> str:
    return name.partition(",")[0]


def _figure(table: str, by_setting: Mapping[str, Sequence[Result]]) -> Figure:
    panels: dict[str, list[Line]] = {}
    for name, results in by_setting.items():
        if _table_of(name) != table:
            continue
        points: dict[str, list[tuple[float, float]]] = {}
        for builder, size, errors in _rows(results):
            points.setdefault(builder, []).append((float(np.log10(size)), max(errors.values())))
        panels[name] = [_line(builder, sorted(of)) for builder, of in points.items()]
    return lines(
        panels,
        x_label="log10 of the points of the summary",
        log=tuple(panels),
        caption=f"{table}: largest relative error in the worst family of centres, mean over seeds.",
    )


def _line(builder: str, points: Sequence[tuple[float, float]]) -> Line:
    return Line([x for x, _ in points], [y for _, y in points], builder)
