"""What errors at equal size have to say: claims, tables and figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.fair_coreset.published import ADULT_MEDIAN, NONE
from equipoise.reproduce.fair_coreset.queries import FAMILIES
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most, shown_below
from equipoise.reproduce.part import Result, Shown
from equipoise.reproduce.within import within

Floats = NDArray[np.float64]
BySetting = Mapping[str, Sequence[Result]]

LINES, UNIFORM, STRATIFIED = "lines", "uniform", "stratified"
_ADULT = "Adult, raw, k-median, k = 3"
_TEXT = (
    "Each column is one way of making a summary, each row a size: that of the paper's construction "
    "as its authors' program has it (lines), asked for the error eps. Figures are the largest "
    "relative errors of the fair cost, in %, over random queries / near optimal ones / adversarial "
    "ones, means over seeds. Random ones are the paper's: centres are rows, and each collection is "
    "cut at one centre after another. Near optimal ones are what a search for a fair clustering "
    "asks, for masses of overlapping groups; adversarial ones have all centres in one place, or "
    "one on an outlier. Raw columns flatter lines: nearly all of Adult's variance is in one column."
)


def show(by_setting: BySetting) -> Shown:
    """Claims, tables and figures.

    Parameters
    ----------
    by_setting : mapping from names to sequences of dict
        A result a seed.

    Returns
    -------
    Shown
    """
    claims = [claim for name, results in by_setting.items() for claim in _claims(name, results)]
    tables = [_table(name, results) for name, results in by_setting.items()]

    def draw() -> list[Section]:
        pictures = [_figure(name, results) for name, results in by_setting.items()]
        return [Section("Errors at equal size", [Text(_TEXT), *pictures, *tables])]

    return Shown(tuple(claims), tuple(tables), draw)


def _claims(name: str, results: Sequence[Result]) -> list[Claim]:
    eps = _eps(results)
    shares = [np.array([_largest(one, LINES, e) / e for e in eps]).max() for one in results]
    kept = over_seeds(np.array(shares))
    claims = [
        judged(
            f"{name}: the paper's construction errs by no more than eps over random queries "
            "(largest share of eps, over all eps)",
            "far below eps",
            kept,
            shown_at_most(kept, 1.0),
        )
    ]
    for better, worse, said in (
        (LINES, UNIFORM, "less"),
        (STRATIFIED, LINES, NONE),
        (STRATIFIED, UNIFORM, NONE),
    ):
        found = _ratio(results, better, worse)
        if found is None:
            continue
        claims.append(
            judged(
                f"{name}: {better} err less than {worse} of equal size over random queries "
                "(ratio, geometric mean over eps)",
                said,
                found,
                shown_below(found, 1.0),
            )
        )
    if name == _ADULT and eps[0] == 0.1:
        claims += _published(results)
    return claims


def _published(results: Sequence[Result]) -> list[Claim]:
    theirs, uniform, size = ADULT_MEDIAN
    found = []
    for builder, figure in ((LINES, theirs), (UNIFORM, uniform)):
        ours = over_seeds(np.array([_largest(one, builder, 0.1) for one in results]))
        found.append(
            within(
                f"{_ADULT}, eps = .1, {builder}: the largest error is within a factor of 2 of the "
                "published",
                f"{figure:.3f}",
                ours,
                figure / 2,
                2 * figure,
            )
        )
    sizes = over_seeds(np.array([_of(one, LINES, 0.1)["size"] for one in results], np.float64))
    found.append(
        within(
            f"{_ADULT}, eps = .1: the size is within a factor of 1.5 of the published",
            f"{size}",
            sizes,
            size / 1.5,
            1.5 * size,
        )
    )
    return found


def _ratio(results: Sequence[Result], better: str, worse: str) -> Estimate | None:
    logs = [
        np.mean(
            [
                np.log(_largest(one, better, e) / _largest(one, worse, e))
                for e in _eps(results)
                if _has(one, better, e) and _has(one, worse, e)
            ]
        )
        for one in results
        if any(_has(one, better, e) and _has(one, worse, e) for e in _eps(results))
    ]
    if not logs:
        return None
    found = over_seeds(np.array(logs))
    return Estimate(*(float(np.exp(value)) for value in found))


def _eps(results: Sequence[Result]) -> list[float]:
    return sorted({one["eps"] for one in results[0]["found"]})


def _has(result: Result, builder: str, eps: float) -> bool:
    return any(one["builder"] == builder and one["eps"] == eps for one in result["found"])


def _of(result: Result, builder: str, eps: float) -> Result:
    return next(one for one in result["found"] if one["builder"] == builder and one["eps"] == eps)


def _largest(result: Result, builder: str, eps: float, family: str = FAMILIES[0]) -> float:
    # An error of exactly 0 has no logarithm, and is beyond what costs can be compared to.
    return max(float(_of(result, builder, eps)["largest"][family]), 1e-12)


def _builders(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(one["builder"] for one in results[0]["found"]))


def _mean(results: Sequence[Result], builder: str, eps: float, family: str) -> float | None:
    found = [_largest(one, builder, eps, family) for one in results if _has(one, builder, eps)]
    return float(np.mean(found)) if found else None


def _table(name: str, results: Sequence[Result]) -> Table:
    builders = _builders(results)
    rows = []
    for eps in _eps(results):
        size = np.mean([_of(one, LINES, eps)["size"] for one in results])
        cells = []
        for builder in builders:
            errors = [_mean(results, builder, eps, family) for family in FAMILIES]
            said = [f"{100 * error:.2g}" for error in errors if error is not None]
            cells.append(" / ".join(said) if said else "–")
        rows.append([f"{eps:g}", f"{size:,.0f}", *cells])
    faster = np.median(
        [
            one["seconds"] / _of(one, STRATIFIED, _eps(results)[-1])["seconds"]
            for one in results
            if _has(one, STRATIFIED, _eps(results)[-1])
        ]
        or [np.nan]
    )
    caption = (
        f"{name}: {results[0]['rows']:,} rows, {len(results)} seeds; largest errors in %. A cost "
        f"of all rows takes {results[0]['seconds']:.2g} s of CPU, {faster:.0f} times that of the "
        "smallest summary."
    )
    columns = [Column("eps", "right"), Column("size", "right")]
    return Table(columns + [Column(one, "right") for one in builders], rows, caption=caption)


def _figure(name: str, results: Sequence[Result]) -> Figure:
    panels: dict[str, list[Line]] = {}
    for family in FAMILIES:
        panels[f"error, {family}"] = []
        for builder in _builders(results):
            points = [
                (
                    float(np.log10(np.mean([_of(r, builder, eps)["size"] for r in results]))),
                    _mean(results, builder, eps, family),
                )
                for eps in _eps(results)
                if all(_has(one, builder, eps) for one in results)
            ]
            if points:
                x, y = zip(*sorted(points), strict=True)
                panels[f"error, {family}"].append(Line(x, y, builder))
    return lines(
        panels,
        x_label="log10 of the points of the summary",
        log=tuple(panels),
        caption=f"{name}: largest relative error of the fair cost, mean over seeds.",
    )
