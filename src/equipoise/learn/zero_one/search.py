"""The search for a plane: colder and sharper densities, and the best of all points met."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.problem import Rows, as_tensor
from equipoise.learn.strata import spread_rows
from equipoise.learn.zero_one.pressure import Pressure
from equipoise.learn.zero_one.shares import Shares
from equipoise.learn.zero_one.target import Planes, SmoothTarget, with_ones
from equipoise.sampling.densities import MALA, GaussianPrior, LogisticPosterior

Array = NDArray[Any]

_MOST_ROWS = 2**15
_CHAINS = 8
_FEWEST_STEPS = 25  # on a density
_MOST_STAGES = 20
# Chains are looked at so often: a look costs half a step.
_LOOKS = 5
# Of the smoothing, in units of the spread of rows' distances from the plane that is begun with.
_SIGMA = (0.5, 0.02)
# By how much the smoothed error of draws is to lie above its least.
_EXCESS = (0.02, 0.0005)
_PENALTY = 30.0
# Of coordinates of unit vectors in single precision: rows that differ by less do not.
_ALIKE = 1e-6
# The best few as single precision sees them are looked at again in double.
_SHORT_LIST = 8


class Judge:
    """Errors and broken promises of planes, from decisions.

    Parameters
    ----------
    rows : Rows
    promises : sequence of Constraint
    """

    def __init__(self, rows: Rows, promises: Sequence[Constraint]) -> None:
        self._shares = Shares.of(rows, np.ones(len(rows)))
        self._rows = with_ones(rows.features)[as_tensor(self._shares.order)]
        self._pressure = None
        if promises:
            assert rows.groups is not None
            self._pressure = Pressure(promises, len(rows.groups), _PENALTY)

    def __call__(self, planes: Array, *, double: bool = False) -> tuple[Array, Array]:
        """Judge some planes.

        Parameters
        ----------
        planes : ndarray, shape (k, d + 1)
        double : bool
            Whether distances are computed in double precision, as decisions will be.

        Returns
        -------
        broken, error : ndarray, shape (k,)
            By how much the promises are broken, 0 where they are kept; and the share of errors.
        """
        rows = self._rows.double() if double else self._rows
        share = (as_tensor(planes).to(rows) @ rows.T > 0).double()
        error = self._shares.error(share)
        if self._pressure is None:
            return np.zeros(len(planes)), error
        return np.maximum(self._pressure.broken(self._shares.tables(share)), 0), error


@dataclass(frozen=True, eq=False)
class Stage:
    """What is known after one density.

    Attributes
    ----------
    plane : ndarray, shape (d + 1,)
        The best so far: coefficients and intercept.
    energy : float
        Mean of the chains: smoothed error and price of the promises.
    multipliers : ndarray, shape (m,)
    """

    plane: Array
    energy: float
    multipliers: Array


def search(
    rows: Rows,
    promises: Sequence[Constraint],
    judge: Judge,
    seed: int,
    steps: int,
    after: Callable[[int, int, Stage], object],
) -> Array:
    """Find a plane of few errors that keeps the promises.

    MALA walks on a density for each of some stages, ever colder and less smoothed (Mangoubi and
    Vishnoi 2019, arXiv 1902.08452; Zhang, Liang and Charikar 2017, arXiv 1702.05575), around the
    plane of a logistic regression at first. After each stage the multipliers of the promises rise
    by what decisions break of them. The step size follows the acceptance throughout: what counts
    are the points that are met. The best by :class:`Judge` of all is given back.

    Parameters
    ----------
    rows : Rows
        Of which at most 32,768 are walked on, those that stand for others with their weight.
    promises : sequence of Constraint
    judge : Judge
    seed : int
    steps : int
        Of each chain, in all.
    after : callable
        Told the number of a stage, of how many, and what is known then.

    Returns
    -------
    ndarray, shape (d + 1,)

    Raises
    ------
    ValueError
        If all rows are alike, or of one class.
    """
    some, counts = spread_rows(rows.cells(2), _MOST_ROWS)
    part = rows if len(some) == len(rows) else rows.take(some)
    shares = Shares.of(part, counts)
    planes = Planes.of(part.features[as_tensor(shares.order)])
    pressure = None
    if promises:
        assert part.groups is not None
        pressure = Pressure(promises, len(part.groups), _PENALTY)
    unit, q = planes.unit, planes.unit.shape[1]
    if not unit.std(dim=0, correction=0).max() > _ALIKE:
        raise ValueError(
            'method "zero-one" needs rows that differ in their features, and all rows are alike.'
        )
    first = _logistic(unit, shares)
    spread = float((unit @ torch.from_numpy(first).to(unit)).std())
    generators = [np.random.default_rng([seed, chain]) for chain in range(_CHAINS)]
    # Some twenty degrees away from it, each chain in a direction of its own.
    noise = np.stack([one.standard_normal(q) for one in generators]) / np.sqrt(q)
    position = first + noise / 3
    found = [np.concatenate([first[None], position]) @ planes.back.T]
    n_stages = max(2, min(_MOST_STAGES, steps // _FEWEST_STEPS))
    each = max(1, steps // n_stages)
    kept: tuple[Array, Array, Array] | None = None
    step_size = MALA.usual_step(q) / q
    for number, (above, sigma) in enumerate(
        zip(np.geomspace(*_EXCESS, n_stages), np.geomspace(*_SIGMA, n_stages), strict=True)
    ):
        target = SmoothTarget(planes, shares, pressure, q / (2 * above), sigma * spread)
        kernel = MALA(target, step_size)
        state = kernel.init(position)
        for step in range(each):
            state = kernel.step(state, generators)
            missed = float(state["acceptance"].mean()) - kernel.best_acceptance
            faster = kernel.step_size * np.exp(2 * missed / np.sqrt(1 + step))
            kernel = replace(kernel, step_size=float(faster))
            if step % _LOOKS == _LOOKS - 1 or step == each - 1:
                found.append(state["position"] @ planes.back.T)
        position, step_size = state["position"], kernel.step_size
        if pressure is not None:
            decided = (torch.from_numpy(position).to(unit) @ unit.T > 0).double()
            pressure.rise(shares.tables(decided))
        kept, found = _best(judge, np.concatenate(found), kept), []
        multipliers = np.zeros(0) if pressure is None else pressure.multipliers
        energy = -float(state["log_density"].mean()) / target.cold
        after(number, n_stages, Stage(kept[0][0], energy, multipliers))
    assert kept is not None
    broken, error = judge(kept[0], double=True)
    return kept[0][np.lexsort((error, broken))[0]]


def _best(
    judge: Judge, planes: Array, before: tuple[Array, Array, Array] | None
) -> tuple[Array, Array, Array]:
    # In single precision, as models are saved, and of length one.
    planes = planes / np.linalg.norm(planes, axis=1, keepdims=True)
    planes = planes.astype(np.float32).astype(np.float64)
    broken, error = judge(planes)
    if before is not None:
        planes = np.concatenate([before[0], planes])
        broken = np.concatenate([before[1], broken])
        error = np.concatenate([before[2], error])
    best = np.lexsort((error, broken))[:_SHORT_LIST]
    return planes[best], broken[best], error[best]


def _logistic(unit: Tensor, shares: Shares) -> Array:
    label = (shares.blame < 0).cpu().numpy()
    if label.all() or not label.any():
        raise ValueError('method "zero-one" needs rows of both classes to train on.')
    rows = unit.double().cpu().numpy() * np.sqrt(unit.shape[1])
    mode = LogisticPosterior(rows, label, GaussianPrior(10.0)).mode().position
    return mode / np.linalg.norm(mode)
