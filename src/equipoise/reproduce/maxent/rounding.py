"""The law of Goemans and Williamson: its dual, its signs, and the cuts that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from equipoise.maxent.continuous import GoemansWilliamson
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_least
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.max_cut import cuts, greatest_cut, random_graph, relax
from equipoise.reproduce.maxent.published import GOEMANS_WILLIAMSON, NONE, ROUNDING
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within

Array = NDArray[Any]

_SIGNS, _ROUNDED, _PARTS, _FEW = 20_000, 10_000, 10, 100
_GUARANTEE = 0.878
_DIMENSIONS = 5
_PENTAGON = 5 * (1 + np.cos(np.pi / 5)) / 2  # Goemans and Williamson 1995, section 4
_SIZES = (6, 8, 10, 12)


def _signs(seed: int) -> Result:
    """Means of products of signs beside the arcsine law, and the dual solved without a formula."""
    rng = np.random.default_rng([seed, 1])
    v = rng.standard_normal((_DIMENSIONS, _DIMENSIONS + 1))
    A = v @ v.T / _DIMENSIONS
    law = GoemansWilliamson(A)
    s = law.round(_SIGNS, seed).astype(float)
    i, j = np.triu_indices(_DIMENSIONS, 1)
    away = s[:, i] * s[:, j] - law.sign_covariance()[i, j]
    z = away.mean(axis=0) / (away.std(axis=0) / np.sqrt(_SIGNS))
    return {"z": z.tolist(), "dual": _dual_error(A, law)}


def _dual_error(A: Array, law: GoemansWilliamson) -> float:
    """Largest difference of the parameter from one found by minimising, over the largest entry."""
    n = len(A)
    rows, columns = np.tril_indices(n)

    def dual(entries: Array) -> tuple[float, Array]:
        # <Y, A> + (n log pi - log det Y) / 2 with Y = C C'.
        factor = np.zeros((n, n))
        factor[rows, columns] = entries
        value = ((A @ factor) * factor).sum() - np.log(np.abs(np.diag(factor))).sum()
        slope = 2 * A @ factor - np.diag(1 / np.diag(factor))
        return float(value + n * np.log(np.pi) / 2), slope[rows, columns]

    found = optimize.minimize(
        dual, np.eye(n)[rows, columns], jac=True, method="L-BFGS-B",
        options={"gtol": 1e-10, "ftol": 0.0, "maxiter": 5_000},
    )  # fmt: skip
    factor = np.zeros((n, n))
    factor[rows, columns] = found.x
    return float(np.abs(factor @ factor.T + law.parameter).max() / np.abs(law.parameter).max())


@dataclass(frozen=True)
class _Graph:
    n: int
    seed: int

    def cell(self) -> Cell:
        title = f"cuts, {self.n} vertices, seed {self.seed}"
        return Cell(title, {"rounded": [_ROUNDED, _PARTS, _FEW], **vars(self)}, self.run, 0.3)

    def run(self) -> Result:
        return cut_graph(
            random_graph(self.n, np.random.default_rng([self.seed, self.n])), self.seed
        )


def cut_graph(weights: Array, seed: int) -> Result:
    """Relax, round and compare.

    Parameters
    ----------
    weights : ndarray, shape (n, n)
    seed : int

    Returns
    -------
    dict
    """
    X, value, bound = relax(weights, seed)
    law = GoemansWilliamson(X, on_singular="face")
    rounded = cuts(weights, law.round(_ROUNDED, seed))
    parts = rounded.reshape(_PARTS, -1)
    expected = float((weights * (1 - law.sign_covariance())).sum() / 4)
    error = float(rounded.std() / np.sqrt(parts.shape[1]))
    exact = greatest_cut(weights)
    return {
        "relaxed": value,
        "certified": (bound - value) / value,
        "exact": exact,
        "expected": expected / value,
        "measured": float(rounded.mean() / value),
        "best": float(rounded[:_FEW].max() / exact),
        # On two sides that are certain nothing varies.
        "z": ((parts.mean(axis=1) - expected) / error).tolist() if error > 1e-12 else [],
    }


def _pentagon() -> Result:
    ring = np.roll(np.eye(5), 1, axis=1)
    return cut_graph(ring + ring.T, 0)


def rounding_part(tier: Tier, _: Path | None) -> Part:
    """Correlations, a ring of five, and random graphs.

    Returns
    -------
    Part
    """
    seeds = 10 if tier == "quick" else 50
    return part_of(
        [_Graph(n, seed) for n in _SIZES for seed in range(seeds)], 20 if tier == "quick" else 100
    )


def part_of(graphs: Sequence[_Graph], matrices: int) -> Part:
    """A part of some graphs, and of a number of covariance matrices.

    Parameters
    ----------
    graphs : sequence of settings
    matrices : int

    Returns
    -------
    Part
    """
    decides = {"signs": [_SIGNS, _DIMENSIONS]}
    cells = [
        *(
            Cell(f"signs, seed {seed}", {"seed": seed, **decides}, partial(_signs, seed), 0.1)
            for seed in range(matrices)
        ),
        Cell(
            "cuts of a ring of five",
            {"ring": 5, "rounded": [_ROUNDED, _PARTS, _FEW]},
            _pentagon,
            0.1,
        ),
        *(one.cell() for one in graphs),
    ]
    return Part("rounding", tuple(cells), partial(_show, graphs, matrices))


def _show(graphs: Sequence[_Graph], matrices: int, results: Sequence[Result]) -> Shown:
    signs, ring, cut = results[:matrices], results[matrices], results[matrices + 1 :]
    by_size: dict[str, list[Result]] = {"ring of five": [ring]}
    for one, result in zip(graphs, cut, strict=True):
        by_size.setdefault(f"{one.n} vertices", []).append(result)
    rows = [
        [name, str(len(of)),
         *(f"{min(one[what] for one in of):.4f}" for what in ("expected", "measured")),
         f"{min(one['exact'] / one['relaxed'] for one in of):.4f}",
         f"{min(one['best'] for one in of):.4f}",
         f"{max(one['certified'] for one in of):.0e}"]
        for name, of in by_size.items()
    ]  # fmt: skip
    names = ("graphs", "expected", "measured", "greatest cut", f"best of {_FEW}", "gap")
    table = Table(
        [Column("graph"), *(Column(name, "right") for name in names)],
        rows,
        "Least of cuts over the relaxation (best: over the greatest), and its relative gap",
    )
    return Shown(
        _claims(signs, ring, cut), (table,), lambda: [Section("Rounding", [Text(_TEXT), table])]
    )


_TEXT = (
    "The law on vv' with a given mean A that is nearest to Lebesgue measure of v is normal, and "
    "its signs round semidefinite relaxations. Graphs have up to twelve vertices, so that the "
    "greatest cut is found by trying all; the relaxation is solved by unit vectors, one after "
    "another, and is certified by its dual. Expected cuts are by the arcsine law."
)


def _claims(signs: Sequence[Result], ring: Result, cut: Sequence[Result]) -> tuple[Claim, ...]:
    every = [ring, *cut]
    measured = over_seeds(np.array([one["measured"] for one in cut]))
    return (
        exactly(
            f"Parameter found by minimising the dual, less half of the mean's inverse, "
            f"{len(signs)} means, relative: at most 1e-6",
            GOEMANS_WILLIAMSON,
            max(one["dual"] for one in signs),
            1e-6,
        ),
        within(
            f"{sum(len(one['z']) for one in signs)} products of signs against (2 / pi) arcsin: "
            "root mean square of standardised differences (1)",
            NONE,
            spread([one["z"] for one in signs]),
            *CALIBRATED,
        ),
        exactly(
            f"Gap of {len(every)} relaxations to their proved bounds, relative, largest: at most "
            "1e-6",
            NONE,
            max(one["certified"] for one in every),
            1e-6,
        ),
        exactly(
            f"Expected cut over the relaxation, least of {len(every)} graphs: at least "
            f"{_GUARANTEE}",
            ROUNDING,
            min(one["expected"] for one in every),
            low=_GUARANTEE,
        ),
        judged(
            f"Average of {_ROUNDED} rounded cuts over the relaxation, mean of {len(cut)} random "
            f"graphs: at least {_GUARANTEE}",
            ROUNDING,
            measured,
            shown_at_least(measured, _GUARANTEE),
        ),
        within(
            f"{_PARTS} averages of rounded cuts of each graph against the arcsine law's: root mean "
            "square of standardised differences (1)",
            NONE,
            spread([one["z"] for one in every if one["z"]]),
            *CALIBRATED,
        ),
        exactly(
            "Greatest cut over the relaxation, largest of all: at most 1 but for the gap",
            NONE,
            max(one["exact"] / one["relaxed"] for one in every),
            1 + 1e-6,
        ),
        exactly(
            "Ring of five: the relaxation less 5 (1 + cos(pi / 5)) / 2 = 4.5225, where 4 edges can "
            "be cut: at most 1e-6",
            "4.5225",
            abs(ring["relaxed"] - _PENTAGON),
            1e-6,
        ),
    )
