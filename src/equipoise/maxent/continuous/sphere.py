"""The unit sphere and the unit ball."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.maxent.continuous.contour import parabola
from equipoise.maxent.continuous.domain import Moments, everything
from equipoise.maxent.continuous.errors import require_whole

Array = NDArray[Any]


@dataclass(frozen=True)
class Sphere:
    """Points of length one in R^n, uniform. The tilted law is von Mises and Fisher's.

    E exp<y, x> = Gamma(n / 2) / 2 pi i times the integral of exp(z + <y, y> / 4z) z^(-n/2), which
    has none of the underflows of the Bessel functions by which it is commonly written.

    Parameters
    ----------
    n : int
        Two or more.
    """

    n: int

    def __post_init__(self) -> None:
        require_whole("n", self.n, 2)

    @property
    def log_size(self) -> float:
        """Of the area, (n - 1)-dimensional."""
        return float(np.log(2) + self.n / 2 * np.log(np.pi) - special.gammaln(self.n / 2))

    @property
    def self_concordant(self) -> bool:
        """From three dimensions on, though the sphere is no convex body.

        In three, the marginal on a line at an angle to y is proportional to
        exp(a t) I_0(b sqrt(1 - t^2)), and log I_0(sqrt s) is concave and increasing in s, since
        I_0 has imaginary zeros alone. In more, the marginal on a plane through y is
        exp(a s + b t) (1 - s^2 - t^2)^((n - 4) / 2), which is log-concave. In two, skewness can
        be 2.8, as that of a squared normal is.
        """
        return self.n > 2

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        n, kappa = self.n, float(np.linalg.norm(parameter))
        length = float(np.hypot(n / 2, kappa))
        s = (n / 2 + length) / 2
        # At the saddle s - |y|^2 / 4s = n / 2: what would cancel in moves from there is left out.
        contour = parabola(
            lambda move: move * (move + n / 2) / (s + move) - n / 2 * np.log1p(move / s),
            s,
            s / length**0.5,
            length - n / 2 * float(np.log(s)),
        )
        total = contour.weight.real.sum()
        weight = contour.weight / total
        inverse = 1 / (s + contour.move)
        centre = float((weight @ inverse).real)
        across = centre / 2  # variance at right angles: mean length over kappa
        if kappa <= n:
            along = across + kappa**2 / 4 * float((weight @ (inverse - centre) ** 2).real)
        else:
            # In units u = 2 z / kappa the exponent is kappa (u + 1 / u) / 2, which is near kappa.
            away = (n**2 / (4 * (length + kappa)) + n / 2 + 2 * contour.move) / kappa
            bend = away**2 / (2 * (1 + away))
            spread = bend - (weight @ bend).real
            along = (n / 2 - 1) / kappa**2 + float((weight @ spread**2).real)
        covariance = across * np.eye(n)
        if kappa > 0:
            pole = parameter / kappa
            covariance += (along - across) * np.outer(pole, pole)
        log = float(special.gammaln(n / 2)) + contour.log_scale + float(np.log(total))
        return Moments(log, across * parameter, covariance)

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float(np.linalg.norm(direction))

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`: nothing has to hold."""
        return mean

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return np.full(self.n, 1 - np.linalg.norm(mean))

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all."""
        return everything(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`: Banerjee et al. (2005, JMLR 6, 1345), equation 4.4."""
        r = float(np.linalg.norm(mean))
        return mean * (self.n - r**2) / ((1 - r) * (1 + r))

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return np.abs(np.linalg.norm(x, axis=-1) - 1) < 1e-10

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; exact, by Wood's rejection (1994, Comm. Stat. Simul. 23, 157)."""
        n, kappa = self.n, float(np.linalg.norm(parameter))
        around = rng.standard_normal((number, n))
        if kappa == 0:
            return around / np.linalg.norm(around, axis=1, keepdims=True)
        b = (n - 1) / (2 * kappa + float(np.hypot(2 * kappa, n - 1)))
        x0 = (1 - b) / (1 + b)
        top = kappa * x0 + (n - 1) * np.log(4 * b / (1 + b) ** 2)
        short, waiting = np.empty(number), np.arange(number)  # short of the pole: 1 - cosine
        while len(waiting):
            beta = rng.beta((n - 1) / 2, (n - 1) / 2, len(waiting))
            fall = 2 * b * beta / (1 - (1 - b) * beta)
            chance = rng.standard_exponential(len(waiting))
            inside = 1 - x0 + x0 * fall
            accepted = kappa * (1 - fall) + (n - 1) * np.log(inside) - top >= -chance
            short[waiting[accepted]] = fall[accepted]
            waiting = waiting[~accepted]
        pole = parameter / kappa
        around -= np.outer(around @ pole, pole)
        around /= np.linalg.norm(around, axis=1, keepdims=True)
        return np.outer(1 - short, pole) + np.sqrt(short * (2 - short))[:, None] * around


@dataclass(frozen=True)
class Ball:
    """Points of length at most one in R^n, uniform.

    It is the shadow of a sphere in two dimensions more (Archimedes).

    Parameters
    ----------
    n : int
    """

    n: int

    def __post_init__(self) -> None:
        require_whole("n", self.n, 1)

    @property
    def log_size(self) -> float:
        """Of the volume."""
        return float(self.n / 2 * np.log(np.pi) - special.gammaln(self.n / 2 + 1))

    @property
    def self_concordant(self) -> bool:
        """It is: the prior is log-concave."""
        return True

    @property
    def _whole(self) -> Sphere:
        return Sphere(self.n + 2)

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        log, mean, covariance = self._whole.moments(np.append(parameter, [0.0, 0.0]))
        return Moments(log, mean[:-2], covariance[:-2, :-2])

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float(np.linalg.norm(direction))

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`: nothing has to hold."""
        return mean

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return np.full(self.n, 1 - np.linalg.norm(mean))

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all."""
        return everything(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return self._whole.start(np.append(mean, [0.0, 0.0]))[:-2]

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        return np.linalg.norm(x, axis=-1) <= 1 + 1e-12

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; exact."""
        return self._whole.draw(np.append(parameter, [0.0, 0.0]), number, rng)[:, :-2]
