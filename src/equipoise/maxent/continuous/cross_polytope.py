"""The cross-polytope: the ball of the sum of absolute values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from equipoise.maxent.continuous.contour import paired, parabola
from equipoise.maxent.continuous.domain import Moments, everything
from equipoise.maxent.continuous.errors import require_whole

Array = NDArray[Any]


@dataclass(frozen=True)
class CrossPolytope:
    """Points of R^n whose absolute values sum to one at most, uniform.

    E exp<y, x> = n! / 2 pi i times the integral of exp(z) z^(n-1) / prod (z^2 - y_i^2).

    Parameters
    ----------
    n : int
    """

    n: int

    def __post_init__(self) -> None:
        require_whole("n", self.n, 1)

    @property
    def log_size(self) -> float:
        """Of the volume, 2^n / n!."""
        return float(self.n * np.log(2) - special.gammaln(self.n + 1))

    @property
    def self_concordant(self) -> bool:
        """It is: the prior is log-concave."""
        return True

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        n, pull = self.n, np.abs(parameter)
        top = float(pull.max())
        r = _saddle(pull)
        s = top + r
        below, above = r + (top - pull), s + pull  # s - |y| and s + |y|
        curvature = float((below**-2 + above**-2).sum()) - (n - 1) / s**2

        def log_ratio(move: Array) -> Array:
            falls = np.log1p(move[:, None] / below) + np.log1p(move[:, None] / above)
            return move + (n - 1) * np.log1p(move / s) - falls.sum(axis=1)

        log_scale = s + (n - 1) * np.log(s) - np.log(below).sum() - np.log(above).sum()
        contour = parabola(log_ratio, r, curvature**-0.5, float(log_scale))
        total = contour.weight.real.sum()
        weight = contour.weight / total
        move = contour.move[:, None]
        inverse = 1 / ((below + move) * (above + move))  # of z^2 - y^2
        slopes = 2 * parameter * inverse
        mean = (weight @ slopes).real
        spread = slopes - mean
        covariance = paired(weight, spread)
        covariance[np.diag_indices(n)] += (weight @ (2 * inverse + slopes**2)).real
        log = float(special.gammaln(n + 1)) + contour.log_scale + float(np.log(total))
        return Moments(log, mean, covariance)

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float(np.abs(direction).max())

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`: nothing has to hold."""
        return mean

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return np.full(self.n, 1 - np.abs(mean).sum())

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all."""
        return everything(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`: as if the coordinates were independent, given the saddle."""

        def pulls(s: float) -> Array:
            return mean * s**2 / (1 + np.hypot(1, mean * s))

        def over(s: float) -> float:
            # s^2 - y^2 is 2 y / mean, of which the mean of |x| is (s^2 + y^2) / s over it.
            takes = (s**2 + pulls(s) ** 2) * (1 + np.hypot(1, mean * s)) / (2 * s**3)
            return float(1 / s + takes.sum()) - 1

        far = 4 * (self.n + 1) / (1 - float(np.abs(mean).sum()))
        return pulls(float(optimize.brentq(over, 0.5, far)))

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return np.abs(x).sum(axis=-1) <= 1 + 1e-12

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; exact.

        Coordinates with densities exp(y x - s |x|) and a remainder exp(-s w), divided by their
        sum of absolute values, have a density proportional to (s - <y, x>)^(-n-1), and the rest is
        rejection as for the simplex (:func:`~.envelope.draw_dirichlet`).
        """
        n, pull = self.n, np.abs(parameter)
        r = _saddle(pull)
        top = float(pull.max())
        s, towards, against = top + r, r + (top - pull), top + r + pull
        drawn, waiting = np.empty((number, n)), np.arange(number)
        while len(waiting):
            m = len(waiting)
            along = rng.random((m, n)) < against / (towards + against)
            size = rng.standard_exponential((m, n)) / np.where(along, towards, against)
            total = size.sum(axis=1) + rng.standard_exponential(m) / s
            x = np.where(along, 1, -1) * np.sign(parameter + (parameter == 0)) * size
            x /= total[:, None]
            rest = 1 - size.sum(axis=1) / total
            # s - <y, x>, summed up from what is not negative.
            weight = (np.where(along, towards, against) * size).sum(axis=1) / total + s * rest
            level = n + 1
            chance = rng.standard_exponential(m)
            accepted = chance > weight - level - level * np.log(weight / level)
            drawn[waiting[accepted]] = x[accepted]
            waiting = waiting[~accepted]
        return drawn


def _saddle(pull: Array) -> float:
    """The saddle s less the largest pull: there 1 / s and what coordinates take are one."""
    top = float(pull.max())

    def over(r: float) -> float:
        s = top + r
        takes = 1 / (r + (top - pull)) - pull / (s * (s + pull))
        return float(1 / s + takes.sum()) - 1

    return float(optimize.brentq(over, 0.5, len(pull) + 1.5))
