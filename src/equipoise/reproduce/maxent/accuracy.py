"""How many digits of the normaliser are right, beside the textbook's sum over residues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.maxent.continuous import Simplex
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.long_arithmetic import log_normaliser, mean
from equipoise.reproduce.maxent.published import EXACT, NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown

Array = NDArray[Any]

_LOST = 1.0  # a relative error with which no digit is right
_FLOOR = 1e-17  # below what doubles can show
_SERIES = {
    "eigenvalues in [0, 1], log2 of their number": (1.0, 2.0, 3.0, 4.0, 5.0, 6.0),
    "20 eigenvalues, log10 of their range": (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0),
    "5 near eigenvalues, log10 of the gaps": (-12.0, -10.0, -8.0, -6.0, -4.0, -3.0, -2.0, -1.0),
    "10 eigenvalues in [0, 10], log10 of the gap of a pair": (-12.0, -9.0, -6.0, -3.0, -1.0),
}
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class _Setting:
    series: str
    at: float
    seed: int

    def cell(self) -> Cell:
        title = f"accuracy, {self.series} {self.at:g}, seed {self.seed}"
        return Cell(title, dict(vars(self)), self.run, 0.5)

    def run(self) -> Result:
        nodes = self.nodes()
        exact = log_normaliser(nodes)
        moments = Simplex(len(nodes)).moments(nodes)
        few = (int(nodes.argmin()), int(nodes.argmax()))
        return {
            # Of a logarithm the error is relative to it where it is large, as a double's is.
            "contour": abs(moments.log_normaliser - float(exact)) / max(1.0, abs(float(exact))),
            "mean": max(abs(moments.mean[i] / mean(nodes, i) - 1) for i in few),
            "textbook": _textbook_error(nodes, float(exact)),
        }

    def nodes(self) -> Array:
        rng = np.random.default_rng([self.seed, round(100 + self.at)])
        kind = list(_SERIES).index(self.series)
        if kind == 0:
            return rng.uniform(0, 1, round(2**self.at))
        if kind == 1:
            return rng.uniform(0, 10**self.at, 20)
        if kind == 2:
            return 10**self.at * (np.arange(5) + rng.uniform(0, 0.5, 5))
        nodes = 10 * (np.arange(10) + rng.uniform(0, 0.5, 10)) / 10
        return np.append(nodes[:-1], nodes[0] + 10**self.at)


def textbook(nodes: Array) -> float:
    """(n - 1)! times the sum of exp(y_i) / prod (y_i - y_j), in doubles, as it is written.

    Parameters
    ----------
    nodes : ndarray, shape (n,)

    Returns
    -------
    float
        Infinite or NaN where it cannot be evaluated.
    """
    gaps = nodes[:, None] - nodes + np.eye(len(nodes))
    with np.errstate(all="ignore"):
        return float(special.gamma(len(nodes)) * (np.exp(nodes) / gaps.prod(axis=1)).sum())


def _textbook_error(nodes: Array, exact: float) -> float:
    top = float(nodes.max())  # so that it does not overflow
    with np.errstate(all="ignore"):
        error = float(abs(textbook(nodes - top) / np.exp(exact - top) - 1))
    return min(error, _LOST) if np.isfinite(error) else _LOST


def accuracy_part(tier: Tier, _: Path | None) -> Part:
    """Every series.

    Returns
    -------
    Part
    """
    seeds = 3 if tier == "quick" else 10
    settings = [
        _Setting(series, at, seed)
        for series, places in _SERIES.items()
        for at in places
        for seed in range(seeds)
    ]
    return Part("accuracy", tuple(one.cell() for one in settings), partial(_show, settings))


_Found = Mapping[str, Mapping[float, Sequence[Result]]]


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, dict[float, list[Result]]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.series, {}).setdefault(one.at, []).append(result)
    table = _table(found)
    return Shown(
        _claims(results, found),
        (table,),
        lambda: [Section("Digits of the normaliser", [Text(_TEXT), *_figures(found), table])],
    )


_TEXT = (
    "E exp<y, p> for p uniform on a simplex, which is the normaliser for projections of rank one "
    "with eigenvalues y. Exact values are by a series of positive terms in fifty decimal digits. "
    "Errors are the largest over a few random sets of eigenvalues; of the normaliser relative, 1 "
    "where no digit is right, and of the log-normaliser by contour relative to the larger of 1 and "
    "itself. The mean's is of its entries at the least and the greatest eigenvalue."
)


def _worst(of: Sequence[Result], name: str) -> float:
    return max(one[name] for one in of)


def _claims(results: Sequence[Result], found: _Found) -> tuple[Claim, ...]:
    points = [of for by_place in found.values() for of in by_place.values()]
    lost = sum(_worst(of, "textbook") > 1e-3 for of in points)
    return (
        exactly(
            f"Error of log-normalisers by contour, largest of {len(results)}: at most "
            f"{_TOLERANCE:g}",
            EXACT,
            _worst(results, "contour"),
            _TOLERANCE,
        ),
        exactly(
            f"Relative error of entries of the mean: at most {_TOLERANCE:g}",
            EXACT,
            _worst(results, "mean"),
            _TOLERANCE,
        ),
        exactly(
            f"The textbook's sum over residues in doubles is off by more than .001 at this many of "
            f"{len(points)} points of the table: at least 1",
            NONE,
            float(lost),
            low=1.0,
        ),
    )


def _table(found: _Found) -> Table:
    rows = [
        [
            series,
            f"{at:g}",
            *(f"{_worst(of, name):.0e}" for name in ("contour", "mean", "textbook")),
        ]
        for series, by_place in found.items()
        for at, of in by_place.items()
    ]
    names = ("at", "contour", "its mean", "textbook")
    return Table(
        [Column("eigenvalues"), *(Column(name, "right") for name in names)],
        rows,
        "Errors of the normaliser",
    )


def _figures(found: _Found) -> list[Figure]:
    # One for each series: their axes across have nothing in common.
    shown = {"contour": "contour", "mean": "mean by contour", "textbook": "textbook's sum"}
    panels = {
        series: [
            Line(
                list(by_place),
                [max(_worst(of, name), _FLOOR) for of in by_place.values()],
                label,
            )
            for name, label in shown.items()
        ]
        for series, by_place in found.items()
    }
    return [
        lines({series: curves}, x_label=series.rpartition(", ")[2], log=(series,))
        for series, curves in panels.items()
    ]
