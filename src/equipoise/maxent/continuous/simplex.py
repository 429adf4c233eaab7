"""The simplex, with the uniform law or a Dirichlet one, and the corner of R^n below it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.maxent.continuous.contour import paired, parabola, saddles
from equipoise.maxent.continuous.domain import Domain, Moments, everything
from equipoise.maxent.continuous.envelope import draw_dirichlet
from equipoise.maxent.continuous.errors import MeanOutsideError, require_whole

Array = NDArray[Any]

_OFF = 1e-10  # by how much a sum that must be one may be off: rounding, and no mistake


@dataclass(frozen=True)
class Simplex:
    """{p >= 0, sum p = 1} under Dirichlet(a, ..., a); uniform for a = 1.

    E exp<y, p> = Gamma(a n) / 2 pi i times the integral of exp(z) prod (z - y_i)^(-a). For a = 1
    that is (n - 1)! times the divided difference of exp at y. The squared moduli of a uniform unit
    vector have this law: with a = 1 if it is complex, 1/2 if real (then the tilted law of the
    vector is Bingham's), 2 if quaternionic.

    Adding a constant to a parameter changes nothing; fitted ones have 0 at their largest entry.

    Parameters
    ----------
    n : int
        Two or more.
    concentration : float
        a.
    """

    n: int
    concentration: float = 1.0

    def __post_init__(self) -> None:
        require_whole("n", self.n, 1)
        if not (np.isfinite(self.concentration) and self.concentration > 0):
            raise ValueError(f"concentration is a positive number, not {self.concentration!r}")

    @property
    def log_size(self) -> float | None:
        """Of the projection that leaves a coordinate out: 1 / (n - 1)!. None unless uniform."""
        return -float(special.gammaln(self.n)) if self.concentration == 1 else None

    @property
    def self_concordant(self) -> bool:
        """If the concentration is at least one: the prior is log-concave."""
        return self.concentration >= 1

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        a, top = self.concentration, float(parameter.max())
        nodes = parameter - top
        s = float(saddles(-nodes, a))
        rates = s - nodes
        contour = parabola(
            lambda move: move - a * np.log1p(move[:, None] / rates).sum(axis=1),
            s,
            float((a * (rates**-2).sum()) ** -0.5),
            s - a * float(np.log(rates).sum()),
        )
        total = contour.weight.real.sum()
        weight = contour.weight / total
        poles = a / (contour.move[:, None] + rates)
        mean = (weight @ poles).real
        spread = poles - mean
        covariance = paired(weight, spread)
        covariance[np.diag_indices(self.n)] += (weight @ poles**2).real / a
        log = float(special.gammaln(a * self.n)) + contour.log_scale + float(np.log(total)) + top
        return Moments(log, mean, covariance)

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float(direction.max())

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        total = mean.sum()
        if abs(total - 1) > _OFF:
            raise MeanOutsideError(f"mean sums to {total:.12g}, not 1: divide it by its sum")
        fixed = mean.copy()
        fixed[np.argmax(mean)] += 1 - total
        return fixed

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return mean

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all but the largest."""
        return np.arange(self.n) != np.argmax(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`: exact in the limit of many coordinates."""
        start = -self.concentration / mean
        return start - start.max()

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return (x >= -1e-12).all(axis=-1) & (np.abs(x.sum(axis=-1) - 1) < _OFF)

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; exact."""
        return draw_dirichlet(parameter, self.concentration, rng, number)

    def face(self, mean: Array) -> tuple[Array, Array, Domain]:
        """See :class:`HasFaces`: coordinates that are zero are left out."""
        free = mean > 0
        return free, np.zeros(self.n), Simplex(int(free.sum()), self.concentration)


@dataclass(frozen=True)
class SolidSimplex:
    """{x >= 0, sum x <= 1}, uniform: a simplex of one coordinate more, what is left to one.

    Parameters
    ----------
    n : int
    """

    n: int

    def __post_init__(self) -> None:
        require_whole("n", self.n, 1)

    @property
    def log_size(self) -> float:
        """Of the volume, 1 / n!."""
        return -float(special.gammaln(self.n + 1))

    @property
    def self_concordant(self) -> bool:
        """It is: the prior is log-concave."""
        return True

    @property
    def _whole(self) -> Simplex:
        return Simplex(self.n + 1)

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        log, mean, covariance = self._whole.moments(np.append(parameter, 0.0))
        return Moments(log, mean[:-1], covariance[:-1, :-1])

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return max(float(direction.max()), 0.0)

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`: nothing has to hold."""
        return mean

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return np.minimum(mean, 1 - mean.sum())

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all."""
        return everything(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return 1 / (1 - mean.sum()) - 1 / mean

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return (x >= -1e-12).all(axis=-1) & (x.sum(axis=-1) <= 1 + _OFF)

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; exact."""
        return self._whole.draw(np.append(parameter, 0.0), number, rng)[:, :-1]
