"""Whether the chain is right: its error of energy, and means known in other ways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.audit import Estimate
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import over_seeds
from equipoise.reproduce.mala.data import posterior
from equipoise.reproduce.mala.published import NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within
from equipoise.sampling import Draws, run, start
from equipoise.sampling.densities import (
    MALA,
    ULA,
    ArrayTarget,
    GaussianPrior,
    LogisticPosterior,
    Target,
)
from equipoise.sampling.diagnostics import mcse_mean

Array = NDArray[Any]

_CHAINS, _BURN, _DRAWS = 8, 200, 4000
_ETAS = (0.004, 0.002, 0.001)
_COVARIANCE = np.array([[1.0, 0.6, 0.0], [0.6, 2.0, -0.3], [0.0, -0.3, 0.5]])
_ULA_STEP = 0.5


@dataclass(frozen=True)
class _Setting:
    what: str
    seed: int

    def cell(self) -> Cell:
        decides = {"draws": [_CHAINS, _BURN, _DRAWS], "etas": _ETAS, **vars(self)}
        return Cell(f"{self.what}, seed {self.seed}", decides, self.run, 1.0)

    def run(self) -> Result:
        return _RUNS[self.what](self.seed)


def checks_part(tier: Tier, _: Path | None) -> Part:
    """Checks against what is known exactly.

    Returns
    -------
    Part
    """
    seeds = 8 if tier == "quick" else 40
    settings = [_Setting(what, seed) for what in _RUNS for seed in range(seeds)]
    return Part("checks", tuple(one.cell() for one in settings), partial(_show, settings))


def _energy(seed: int) -> Result:
    """Errors of energy beside eta^3 (v . H g / 4 - D^3 U[v, v, v] / 12)."""
    target = posterior("incoherent", 20, seed)
    rng = np.random.default_rng([seed, 2])
    x, v = rng.standard_normal((200, 20)), rng.standard_normal((200, 20))
    slope = -target.evaluate(x)[1]
    both = [target.along(x, v + sign * slope, 2) for sign in (1, -1)]
    expected = (both[0] - both[1]) / 16 - target.along(x, v, 3) / 12
    rising = expected > np.median(expected[expected > 0])  # what falls is all accepted, and unseen
    x, v, expected = x[rising], v[rising], expected[rising]
    ratio, size = [], []
    for eta in _ETAS:
        kernel = MALA(target, eta**2 / 2)
        after = kernel.advance(kernel.init(x), np.column_stack([v, np.zeros(len(v))]))
        error = -np.log(after["acceptance"])
        ratio.append(float(error @ expected / (expected @ expected)) / eta**3)
        size.append(float(np.sqrt(np.mean(error**2))))
    return {"ratio": ratio[-1], "power": float(np.polyfit(np.log(_ETAS), np.log(size), 1)[0])}


def _bias(seed: int) -> Result:
    """Variances that ULA and MALA keep of a normal coordinate."""
    target = ArrayTarget(lambda x: (-(x**2).sum(axis=1) / 2, -x), "normal")
    found = {}
    for kind in (ULA, MALA):
        kernel = kind(target, _ULA_STEP)
        chains, _ = run(kernel, start(kernel, np.zeros(2), seed=seed, n_chains=_CHAINS), _BURN)
        _, draws = run(kernel, chains, _DRAWS)
        found[kind.__name__] = float((draws.array**2).mean())
    return found


def _standardised(kernel: MALA, n: int, seed: int, known: Callable[[Draws], Array]) -> Result:
    """Differences of means from known ones, over their standard errors."""
    chains, _ = run(kernel, start(kernel, np.zeros(n), seed=seed, n_chains=_CHAINS), _BURN)
    _, draws = run(kernel, chains, _DRAWS)
    away = known(draws)
    return {"z": (away.mean(axis=(0, 1)) / mcse_mean(away)).tolist()}


def _gaussian(seed: int) -> Result:
    precision = np.linalg.inv(_COVARIANCE)
    target = ArrayTarget(lambda x: (-((x @ precision) * x).sum(1) / 2, -x @ precision), "normal")

    def known(draws: Draws) -> Array:
        x = draws.array
        products = [
            x[:, :, i] * x[:, :, j] - _COVARIANCE[i, j] for i in range(3) for j in range(i + 1)
        ]
        return np.concatenate([x, np.stack(products, axis=2)], axis=2)

    return _standardised(MALA(target, 0.4), 3, seed, known)


def _mixture(seed: int) -> Result:
    """Two normals of variance 1 at -1.5 and 1.5, of weights .7 and .3."""
    apart, weight = 1.5, 0.3

    def both(x: Array) -> tuple[Array, Array]:
        left = np.log(1 - weight) - (x[:, 0] + apart) ** 2 / 2
        right = np.log(weight) - (x[:, 0] - apart) ** 2 / 2
        share = special.expit(right - left)
        return np.logaddexp(left, right), (apart * (2 * share - 1) - x[:, 0])[:, None]

    below = (1 - weight) * special.ndtr(apart) + weight * special.ndtr(-apart)

    def known(draws: Draws) -> Array:
        x = draws.array
        mean, square = (2 * weight - 1) * apart, 1 + apart**2
        return np.concatenate([x - mean, x**2 - square, (x < 0) - below], axis=2)

    return _standardised(MALA(ArrayTarget(both, "mixture"), 1.0), 1, seed, known)


def _quadrature(seed: int) -> Result:
    """A posterior of two coefficients, beside sums over a grid."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((12, 2))
    target: Target = LogisticPosterior(
        X, X[:, 0] + rng.standard_normal(12) > 0.3, GaussianPrior(2.0)
    )
    line = np.linspace(-12, 12, 401)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(line, line)], axis=1)
    weight = np.exp(target.log_density(grid))
    weight /= weight.sum()

    def known(draws: Draws) -> Array:
        x = draws.array
        return np.concatenate([x - weight @ grid, x**2 - weight @ grid**2], axis=2)

    return _standardised(MALA(target, 0.6), 2, seed, known)


_RUNS: dict[str, Callable[[int], Result]] = {
    "energy": _energy,
    "bias": _bias,
    "normal": _gaussian,
    "mixture": _mixture,
    "quadrature": _quadrature,
}


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, list[Result]] = {what: [] for what in _RUNS}
    for one, result in zip(settings, results, strict=True):
        found[one.what].append(result)
    table = _table(found)
    return Shown(_claims(found), (table,), lambda: [Section("Checks", [Text(_TEXT), table])])


_TEXT = (
    "One step's error of energy is eta^3 (v . H g / 4 - D^3 U[v, v, v] / 12) to leading order, "
    "with gradient g and Hessian H of U at the position and momentum v: it is why h ~ d^(-1/3) is "
    "accepted. Means are compared with a formula, or with sums over a grid, in units of their "
    "Monte Carlo standard errors."
)


def _over(found: Sequence[Result], name: str) -> Estimate:
    return over_seeds(np.array([one[name] for one in found]))


def _claims(found: dict[str, list[Result]]) -> tuple[Claim, ...]:
    kept = 1 / (1 - _ULA_STEP / 2)
    ratio, power = _over(found["energy"], "ratio"), _over(found["energy"], "power")
    known = [*found["normal"], *found["mixture"], *found["quadrature"]]
    return (
        within("The error of energy over its expansion, at eta = .001", NONE, ratio, 0.97, 1.03),
        within("The error of energy is of the order of this power of eta", NONE, power, 2.95, 3.05),
        within(
            f"ULA at h = {_ULA_STEP} keeps of variance 1 its known wrong {kept:.3f}",
            NONE,
            _over(found["bias"], "ULA"),
            kept - 0.03,
            kept + 0.03,
        ),
        within(
            f"MALA at h = {_ULA_STEP} keeps variance 1",
            NONE,
            _over(found["bias"], "MALA"),
            0.97,
            1.03,
        ),
        within(
            f"Means over {sum(len(one['z']) for one in known)} known ones, normal, mixture and "
            "quadrature: root mean square of standardised differences (1)",
            NONE,
            spread([one["z"] for one in known]),
            *CALIBRATED,
        ),
    )


def _table(found: dict[str, list[Result]]) -> Table:
    rows = []
    for what in ("normal", "mixture", "quadrature"):
        z = np.array([one["z"] for one in found[what]])
        rows.append([what, str(z.size), f"{np.sqrt((z**2).mean()):.2f}", f"{np.abs(z).max():.1f}"])
    names = ("means", "root mean square", "largest")
    return Table(
        [Column("target"), *(Column(name, "right") for name in names)],
        rows,
        "Differences from known means, over their standard errors",
    )
