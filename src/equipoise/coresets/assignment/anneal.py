"""Multipliers near the best: Newton's method on a dual that is smoothed less and less."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.coresets.assignment.inputs import Array, Points
from equipoise.coresets.assignment.limits import Limits
from equipoise.coresets.assignment.loops import soft_least

_COOLING = 0.3
_PRECISE = 1e-3  # of the temperature, what a step must gain to be followed by another
_REACH = 8.0  # temperatures
_STEPS = 12  # of one temperature: it need not be exact, as the next one starts from it
_FAR = 20.0  # temperatures, that a step may change a price by
_COLD = 0.3  # of the tolerance
_COLDEST = 1e-12
_BARRIER = 0.02  # of the temperature
_RIDGE = 1e-9


@dataclass(frozen=True, eq=False)
class Annealed:
    """Where annealing ended.

    Attributes
    ----------
    multipliers : ndarray, shape (q, k)
        In units of the points' spread.
    prices : ndarray, shape (kinds, k)
        That follow from these.
    slack : float
        In these units, how much dearer than the best a centre may be to be of interest still.
    undecided : int
        Points that have another centre of interest.
    masses : ndarray, shape (kinds, k)
        What centres have where points divide themselves by Gibbs' law.
    evaluations : int
        Passes over the points.
    """

    multipliers: Array
    prices: Array
    slack: float
    undecided: int
    masses: Array
    evaluations: int


def anneal(points: Points, limits: Limits, enough: int, tolerance: float) -> Annealed:
    """Maximise the dual, smoothed at a falling temperature.

    The dual of ``min sum y costs`` under `limits` is ``sum_x w_x min_j (costs + prices) -
    <right, v>`` with prices ``rows @ v``. The least is replaced by ``-T log sum exp(- . / T)``,
    whose second derivative comes with the same pass over the points, and multipliers of
    inequalities are kept positive by a primal-dual barrier.

    Parameters
    ----------
    points : Points
    limits : Limits
    enough : int
        It ends as soon as no more points than these are undecided between two centres: these are
        then few enough to be left to a linear program.
    tolerance : float
        Or when the temperature is below this share of the value, where it hardly matters whether
        they are decided: points that are alike may stay undecided however cold it is.

    Returns
    -------
    Annealed
    """
    search = _Search(points, limits)
    temperature = 0.5
    floor = points.costs.min(axis=1) @ points.weights / (points.mass * points.spread)
    while True:
        undecided = search.settle(temperature)
        value = float(floor) - search.value
        if undecided <= enough or temperature < max(_COLD * tolerance * value, _COLDEST):
            break
        temperature *= _COOLING
    slack = _REACH * temperature
    masses = search.masses * points.mass
    return Annealed(search.v, limits.prices(search.v), slack, undecided, masses, search.evaluations)


class _Search:
    """Multipliers and the slacks that are complementary to them, at some temperature."""

    def __init__(self, points: Points, limits: Limits) -> None:
        self.points, self.limits = points, limits
        self.shares = points.weights / points.mass
        self.right = limits.right / points.mass
        self.bounded = np.broadcast_to(~limits.equal[:, None], self.right.shape)
        self.v = np.where(self.bounded, 0.1, 0.0)
        self.slack = np.ones_like(self.v)
        self.evaluations = 0
        self.masses = np.zeros((len(limits.rows), self.right.shape[1]))
        self.value = 0.0
        self.damping = 1e-9
        k = self.right.shape[1]
        by_kind = np.bincount(points.kinds, self.shares, minlength=len(limits.rows))
        self.metric = np.kron(
            limits.rows.T @ (by_kind[:, None] * limits.rows), np.eye(k) - np.ones((k, k)) / k
        )

    def settle(self, temperature: float) -> int:
        """Take steps until prices are right to about the temperature."""
        mu = _BARRIER * temperature
        value, slope, bend, undecided = self._look(self.v, temperature, mu)
        if self.evaluations == 1:
            self.slack = np.where(self.bounded, np.maximum(self._bare(slope, mu), 0.01), 1.0)
        for _ in range(_STEPS):
            step = self._direction(slope, bend, temperature)
            length = min(1.0, self._room(self.v, step))
            falls = float((slope * step).sum())
            while True:
                tried = self.v + length * step
                new, new_slope, new_bend, new_undecided = self._look(tried, temperature, mu)
                if new <= value + 1e-4 * length * falls + 1e-13 * abs(value):
                    break
                length *= 0.3
                if length < 1e-6:
                    return undecided
            self._follow(length * step, mu)
            self.v, value, slope, bend = tried, new, new_slope, new_bend
            self.value = value
            undecided = new_undecided
            if -length * falls <= _PRECISE * temperature:
                break
        return undecided

    def _look(self, v: Array, temperature: float, mu: float) -> tuple[float, Array, Array, int]:
        """Value, gradient (q, k) and second derivative of what is minimised, and the undecided."""
        self.evaluations += 1
        q, k = v.shape
        rows = self.limits.rows
        soft, masses, bends, undecided = soft_least(
            self.points.scaled, self.shares, self.points.kinds, rows @ v, temperature, _REACH
        )
        # A little strictly convex: where multipliers can grow without effect, they shall not.
        value = float((self.right * v).sum()) - soft + 0.5 * _RIDGE * float((v * v).sum())
        self.masses = masses
        slope = self.right - rows.T @ masses + _RIDGE * v
        pairs = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), q * q)
        bend = (pairs.T @ bends.reshape(len(rows), k * k)).reshape(q, q, k, k)
        bend = bend.transpose(0, 2, 1, 3).reshape(q * k, q * k)
        inside = self.bounded
        value -= mu * float(np.log(v[inside]).sum())
        slope = slope - np.divide(mu, v, out=np.zeros_like(v), where=inside)
        return value, slope, bend, undecided

    def _bare(self, slope: Array, mu: float) -> Array:
        """The gradient without the barrier's."""
        return slope + np.divide(mu, self.v, out=np.zeros_like(self.v), where=self.bounded)

    def _direction(self, slope: Array, bend: Array, temperature: float) -> Array:
        """Newton's step, damped until no price moves far."""
        from scipy.linalg import LinAlgError, cho_factor, cho_solve

        stiff = np.divide(self.slack, self.v, out=np.zeros_like(self.v), where=self.bounded).ravel()
        system = bend + np.diag(stiff + _RIDGE)
        # Roundings of the curvature must not make it look concave.
        system[np.diag_indices_from(system)] += 1e-13 * float(np.trace(bend)) / len(bend)
        self.damping = max(0.01 * self.damping, 1e-9)
        while self.damping < 1e6:
            try:
                factor = cho_factor(
                    system + self.damping / temperature * self.metric, check_finite=False
                )
            except LinAlgError:
                pass
            else:
                step = cho_solve(factor, -slope.ravel(), check_finite=False).reshape(slope.shape)
                moved = self.limits.prices(step)
                if float(np.ptp(moved, axis=1).max(initial=0.0)) <= _FAR * temperature:
                    return step
            self.damping *= 10
        return np.zeros_like(slope)

    def _room(self, v: Array, step: Array) -> float:
        """How far one can go until a multiplier is nearly zero."""
        down = self.bounded & (step < 0)
        return 0.95 * float((-v[down] / step[down]).min(initial=np.inf))

    def _follow(self, moved: Array, mu: float) -> None:
        """Move the slacks as Newton's equations say, and keep them comparable to the barrier's."""
        inside = self.bounded
        v = np.where(inside, self.v, 1.0)
        change = mu / v - self.slack * (1 + moved / v)
        down = inside & (change < 0)
        longest = 0.95 * float((-self.slack[down] / change[down]).min(initial=np.inf))
        slack = self.slack + min(1.0, longest) * change
        central = mu / (v + np.where(inside, moved, 0.0))
        self.slack = np.where(inside, np.clip(slack, 1e-3 * central, 1e3 * central), 1.0)
