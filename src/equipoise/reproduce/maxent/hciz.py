"""The integral of Harish-Chandra, Itzykson and Zuber beside the determinant that is its formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.maxent.continuous import Projections
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.long_arithmetic import log_projections
from equipoise.reproduce.maxent.published import EXACT, NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown

Array = NDArray[Any]

_LOST = 100.0  # as large as any error is said to be
_TOLERANCE = 1e-11
_SIZES = (
    (4, 2, 1e-3),
    (4, 2, 3.0),
    (6, 3, 1.0),
    (6, 3, 30.0),
    (10, 3, 1.0),
    (10, 5, 20.0),
    (12, 6, 1.0),
    (20, 4, 5.0),
    (20, 10, 5.0),
)


@dataclass(frozen=True)
class _Setting:
    n: int
    k: int
    reach: float
    seed: int

    def cell(self) -> Cell:
        title = f"rank {self.k} of {self.n}, range {self.reach:g}, seed {self.seed}"
        return Cell(title, dict(vars(self)), self.run, 0.02 * self.k * self.n)

    def run(self) -> Result:
        rng = np.random.default_rng([self.seed, self.n, self.k])
        nodes = rng.uniform(0, self.reach, self.n)
        exact = log_projections(nodes, self.k)
        found = Projections(self.n, self.k).diagonal.moments(nodes)
        return {
            "ours": abs(found.log_normaliser - exact),
            "trace": abs(float(found.mean.sum()) - self.k),
            "naive": min(abs(naive_log(nodes, self.k) - exact), _LOST),
        }


def naive_log(nodes: Array, k: int) -> float:
    """The confluent determinant over Vandermonde determinants, in doubles.

    Its functions are y^p exp(y) for p < k and y^p for p < n - k.

    Parameters
    ----------
    nodes : ndarray, shape (n,)
    k : int

    Returns
    -------
    float
        The largest double where it is not finite.
    """
    n = len(nodes)
    matrix = np.column_stack(
        [nodes**p * np.exp(nodes) for p in range(k)] + [nodes**p for p in range(n - k)]
    )
    below = np.tril_indices(n, -1)
    with np.errstate(all="ignore"):
        gaps = np.log(np.abs((nodes[:, None] - nodes)[below])).sum()
        log = np.linalg.slogdet(matrix)[1] - gaps
        log += special.gammaln(np.arange(1, n + 1)).sum()
        log -= special.gammaln(np.arange(1, k + 1)).sum()
        log -= special.gammaln(np.arange(1, n - k + 1)).sum()
    return float(log) if np.isfinite(log) else float(np.finfo(float).max)


def hciz_part(tier: Tier, _: Path | None) -> Part:
    """Ranks and ranges of eigenvalues.

    Returns
    -------
    Part
    """
    seeds = 2 if tier == "quick" else 10
    settings = [_Setting(*size, seed) for size in _SIZES for seed in range(seeds)]
    return Part("hciz", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    by_size: dict[tuple[int, int, float], list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        by_size.setdefault((one.n, one.k, one.reach), []).append(result)
    wrong = sum(max(one["naive"] for one in of) > 1e-3 for of in by_size.values())
    rows = [
        [f"{n}", f"{k}", f"{reach:g}",
         *(f"{max(one[name] for one in of):.0e}" for name in ("ours", "naive"))]
        for (n, k, reach), of in by_size.items()
    ]  # fmt: skip
    names = ("n", "rank", "range of eigenvalues", "ours", "determinant in doubles")
    table = Table([Column(name, "right") for name in names], rows, "Errors of the log-normaliser")
    claims = (
        exactly(
            f"Error of log-normalisers for projections of rank 2 to 10, largest of {len(results)}: "
            f"at most {_TOLERANCE:g}",
            EXACT,
            max(one["ours"] for one in results),
            _TOLERANCE,
        ),
        exactly(
            f"Trace of the mean less the rank: at most {_TOLERANCE:g}",
            EXACT,
            max(one["trace"] for one in results),
            _TOLERANCE,
        ),
        exactly(
            "The formula's determinant in doubles is off by more than .001 at this many of "
            f"{len(by_size)} points of the table: at least 1",
            NONE,
            float(wrong),
            low=1.0,
        ),
    )
    return Shown(
        claims, (table,), lambda: [Section("Projections of higher rank", [Text(_TEXT), table])]
    )


_TEXT = (
    "The formula is a quotient of determinants that nearly vanish. Exact values are by a minor of "
    "the exponential of a bidiagonal matrix (Opitz's formula for divided differences) in long "
    "arithmetic, which is neither of the ways that the library takes. Averages over Haar measure "
    "are under Draws."
)
