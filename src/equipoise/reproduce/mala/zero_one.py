"""Linear classifiers under the zero-one loss, where labels are noisy in known ways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from equipoise.audit import Estimate
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most, shown_below
from equipoise.reproduce.mala.langevin_batches import anneal_in_batches
from equipoise.reproduce.mala.published import NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.sampling.densities import GaussianPrior, LogisticPosterior, fit_zero_one

Array = NDArray[Any]

_ROWS, _D, _TEST = 500, 10, 50_000
_NOISES = ("none", "uniform", "bounded", "far rows")
_METHODS = ("annealed MALA", "annealed SGLD", "logistic", "squared hinge")
_AS_GOOD = 0.01


@dataclass(frozen=True)
class _Setting:
    noise: str
    seed: int

    def cell(self) -> Cell:
        decides = {"rows": [_ROWS, _D, _TEST], "methods": _METHODS, **vars(self)}
        return Cell(f"labels with noise: {self.noise}, seed {self.seed}", decides, self.run, 2.5)

    def run(self) -> Result:
        rng = np.random.default_rng([self.seed, _NOISES.index(self.noise)])
        X, flipped = _rows(self.noise, _ROWS, rng)
        y = (X[:, 0] > 0) ^ (rng.random(_ROWS) < flipped)
        fit = fit_zero_one(X, y, seed=self.seed)
        found = {
            "annealed MALA": fit.coef,
            "annealed SGLD": anneal_in_batches(X, y, fit, self.seed),
            "logistic": LogisticPosterior(X, y, GaussianPrior(10.0)).mode().position,
            "squared hinge": LinearSVC(dual=False, fit_intercept=False).fit(X, y).coef_[0],
        }
        test, chance = _rows(self.noise, _TEST, rng)
        return {
            name: {"train": float(np.mean((X @ u > 0) != y)), "excess": _excess(test, chance, u)}
            for name, u in found.items()
        }


def _rows(noise: str, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows whose label is the sign of the first column, and with which chance it is flipped.

    The chance is below 1/2 everywhere, so that the first axis is the best classifier of all.
    """
    X = rng.standard_normal((count, _D))
    if noise == "none":
        return X, np.zeros(count)
    if noise == "uniform":
        return X, np.full(count, 0.2)
    if noise == "bounded":
        return X, np.where(X[:, 0] * X[:, 1] > 0, 0.4, 0.05)
    X[rng.random(count) < 0.1] *= 10
    far = (X**2).sum(axis=1) > 9 * _D
    return X, np.where(far & (X[:, 0] * X[:, 1] > 0), 0.49, 0.0)


def _excess(X: Array, chance: Array, u: Array) -> float:
    """Error beyond that of the first axis, exact given the rows."""
    other = (X @ u > 0) != (X[:, 0] > 0)
    return float(np.mean(np.where(other, 1 - 2 * chance, 0.0)))


def zero_one_part(tier: Tier, _: Path | None) -> Part:
    """Classifiers from noisy labels.

    Returns
    -------
    Part
    """
    return part_of(6 if tier == "quick" else 40)


def part_of(seeds: int) -> Part:
    """The part with some number of seeds.

    Parameters
    ----------
    seeds : int

    Returns
    -------
    Part
    """
    settings = [_Setting(noise, seed) for noise in _NOISES for seed in range(seeds)]
    return Part("zero-one", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, list[Result]] = {noise: [] for noise in _NOISES}
    for one, result in zip(settings, results, strict=True):
        found[one.noise].append(result)
    table = _table(found)
    return Shown(_claims(found), (table,), lambda: [Section("Zero-one loss", [Text(_TEXT), table])])


_TEXT = (
    f"{_ROWS} rows in {_D} dimensions, labels by the first axis and then flipped: none; each with "
    "chance .2; with chance .4 on one side of a second axis and .05 on the other (bounded, or "
    "Massart, noise); or, of a tenth of the rows ten times as far out, with chance .49 on that "
    "side. The first axis is the best classifier in every case, and excess error is exact given "
    f"{_TEST} rows. Annealed MALA is the library's default. SGLD has its schedule, its step sizes "
    "times .3 or 1, whichever trains better, no rejections, batches of a quarter of the rows and "
    "four times as many steps; both are judged at as many points for each step size."
)


def _of(results: Sequence[Result], method: str, name: str) -> Array:
    return np.array([one[method][name] for one in results])


def _less(results: Sequence[Result], method: str, name: str) -> Estimate:
    """By how much annealed MALA's figure is above another's on the same rows."""
    return over_seeds(_of(results, "annealed MALA", name) - _of(results, method, name))


def _claims(found: Mapping[str, Sequence[Result]]) -> tuple[Claim, ...]:
    claims = []
    for noise in ("bounded", "far rows"):
        less = _less(found[noise], "logistic", "excess")
        claims.append(
            judged(
                f"Noise, {noise}: excess error of annealed MALA less logistic regression's "
                "(below 0)",
                NONE,
                less,
                shown_below(less, 0.0),
            )
        )
    for noise in ("none", "uniform"):
        less = _less(found[noise], "logistic", "excess")
        claims.append(
            judged(
                f"Noise, {noise}: the same, where logistic regression is not misled "
                f"(at most {_AS_GOOD})",
                NONE,
                less,
                shown_at_most(less, _AS_GOOD),
            )
        )
    every = [one for noise in _NOISES for one in found[noise]]
    less = _less(every, "annealed SGLD", "train")
    claims.append(
        judged(
            "Training error of annealed MALA less SGLD's, for as many gradients of rows (below 0)",
            NONE,
            less,
            shown_below(less, 0.0),
        )
    )
    return tuple(claims)


def _table(found: Mapping[str, Sequence[Result]]) -> Table:
    rows = []
    for noise, results in found.items():
        for method in _METHODS:
            train = over_seeds(_of(results, method, "train"))
            excess = over_seeds(_of(results, method, "excess"))
            rows.append(
                [
                    noise,
                    method,
                    f"{train.value:.3f}",
                    f"{excess.value:.4f}",
                    f"[{excess.low:.4f}, {excess.high:.4f}]",
                ]
            )
    names = ("training error", "excess error", "interval")
    return Table(
        [Column("noise"), Column("method"), *(Column(name, "right") for name in names)], rows
    )
