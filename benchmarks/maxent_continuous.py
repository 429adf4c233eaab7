"""Maximum-entropy distributions: digits and milliseconds of the integrals behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from benchmarks.clock import processor_seconds
from benchmarks.figure import Figure
from equipoise.maxent.continuous import (
    Diagonals,
    RankOneProjections,
    Simplex,
    barycentric_entropy,
    fit,
)

Array = NDArray[Any]


def figures() -> list[Figure]:
    """Processor time, and errors beside mpmath where it is installed.

    Returns
    -------
    list of Figure
    """
    return [*_states(), *_projections(), *_digits()]


def _states() -> list[Figure]:
    rng = np.random.default_rng(0)
    ginibre = rng.standard_normal((300, 300)) + 1j * rng.standard_normal((300, 300))
    rho = ginibre @ ginibre.conj().T
    rho /= np.trace(rho).real
    seconds = processor_seconds(lambda: barycentric_entropy(rho))
    law = fit(RankOneProjections(300), rho)
    means = {
        "two, even": np.array([0.9, 0.1]),
        "two, far": np.array([1 - 1e-6, 1e-6]),
        "fifty": rng.dirichlet(np.ones(50)),
        "twenty, far": rng.dirichlet(np.full(20, 0.1)),
        "three hundred": rng.dirichlet(np.ones(300)),
    }
    worst = 0.0
    for mean in means.values():
        found = fit(Simplex(len(mean)), mean).expectation
        worst = max(worst, float(np.abs(found / mean - 1).max()))
    what = "barycentric entropy, 300 rows"
    return [
        Figure("entropy_300_ms", 1e3 * seconds, "<=", 50, f"{what}: milliseconds"),
        Figure("entropy_300_residual", law.residual, "<=", 1e-12, f"{what}: relative residual"),
        Figure("entropy_300_gap", law.gap, "<=", 1e-20, f"{what}: proved gap"),
        Figure("simplex_residual", worst, "<=", 1e-12, "simplices: worst relative error of a mean"),
    ]


def _projections() -> list[Figure]:
    y = -200 * np.linspace(0, 1, 60) ** 1.3
    domain = _diagonals(60, 8)
    seconds = processor_seconds(lambda: domain.moments(y))
    what = "integral over projections with derivatives, 60 rows, rank 8: milliseconds"
    return [Figure("hciz_60_8_ms", 1e3 * seconds, "<=", 10, what)]


def _digits() -> list[Figure]:
    try:
        from benchmarks.maxent_reference import log_hciz, log_residues
    except ImportError:
        print("mpmath is not installed: no error is measured")
        return []
    found = []
    for n, k, reach, bar in ((60, 8, 200.0, 1e-12), (20, 10, 5.0, 1e-12), (40, 20, 40.0, 1e-11)):
        y = -reach * np.linspace(0, 1, n) ** 1.3
        known = log_hciz(y, k, 100 + 4 * n * k)
        error = abs(_diagonals(n, k).moments(y).log_normaliser - known)
        what = (
            f"integral over projections, {n} rows, rank {k}: error of its log (of the determinant "
            f"as it is written, in doubles: {float(abs(_as_written(y, k) - known)):.2g})"
        )
        found.append(Figure(f"hciz_{n}_{k}_error", float(error), "<=", bar, what))
    for n, reach, digits in ((20, 1e5, 200), (300, 100.0, 1500)):
        y = -reach * np.linspace(0, 1, n) ** 1.3
        error = abs(Simplex(n).moments(y).log_normaliser - log_residues(y, digits))
        what = f"integral over the simplex, {n} nodes within {reach:g}: error of its log"
        found.append(Figure(f"simplex_{n}_error", float(error), "<=", 1e-12, what))
    return found


def _as_written(nodes: Array, k: int) -> float:
    # A sum over residues for each moment, and the determinant of the moments.
    n = len(nodes)
    factor = gammaln(np.arange(n - k, n) + 1).sum() - gammaln(np.arange(1, k) + 1).sum()
    with np.errstate(all="ignore"):
        apart = nodes[:, None] - nodes + np.eye(n)
        residues = np.exp(nodes) / apart.prod(axis=1)
        hankel = [[float(residues @ nodes ** (i + j)) for j in range(k)] for i in range(k)]
        sign, log = np.linalg.slogdet(hankel)
    return float(log + factor) if sign > 0 else float("nan")


def _diagonals(n: int, k: int) -> Diagonals:
    return Diagonals((1.0,) * k + (0.0,) * (n - k))
