"""Laws of the diagonals of random Hermitian matrices with given eigenvalues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous.columns import orbit_columns, projection_columns
from equipoise.maxent.continuous.domain import Domain, Moments
from equipoise.maxent.continuous.errors import MeanOnBoundaryError, MeanOutsideError
from equipoise.maxent.continuous.long_orbit import orbit_moments
from equipoise.maxent.continuous.orthogonal import projection_moments

Array = NDArray[Any]

_OFF = 1e-10  # by how much a trace may be off: rounding, and no mistake


@dataclass(frozen=True)
class Diagonals:
    """Diagonals of U diag(values) U*, with U from Haar measure on the unitary group.

    They fill the hull of the permutations of the values (Schur and Horn), with a density that is
    log-concave since it is a linear image of Lebesgue measure on the polytope of Gelfand and
    Tsetlin's patterns. Adding a constant to a parameter changes the density by a factor only;
    fitted ones have 0 at their largest entry.

    Parameters
    ----------
    values : tuple of float
        Not all equal.
    """

    values: tuple[float, ...]

    @property
    def n(self) -> int:
        """Number of entries of the diagonal."""
        return len(self.values)

    @property
    def log_size(self) -> None:
        """None: the prior is not a uniform one."""
        return None

    @property
    def self_concordant(self) -> bool:
        """It is: the prior is log-concave."""
        return True

    @property
    def rank(self) -> int | None:
        """Of the projection, where it is one."""
        return round(sum(self.values)) if {*self.values} <= {0.0, 1.0} else None

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`; of projections by contour where it is good enough."""
        k = self.rank
        found = None
        if k is not None and 0 < k < self.n:
            if 2 * k <= self.n:
                found = projection_moments(parameter, k)
            else:
                # I - P is a projection too.
                found = projection_moments(-parameter, self.n - k)
                if found is not None:
                    log = found.log_normaliser + float(parameter.sum())
                    found = Moments(log, 1 - found.mean, found.covariance)
        return orbit_moments(parameter, self.values) if found is None else found

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return float(np.sort(direction) @ np.sort(self.values))

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        total, trace = mean.sum(), sum(self.values)
        if abs(total - trace) > _OFF * max(1.0, sum(map(abs, self.values))):
            raise MeanOutsideError(
                f"mean has trace {total:.12g}, and all matrices of the domain have {trace:.12g}: "
                "correct its trace"
            )
        fixed = mean.copy()
        fixed[np.argmax(self.margin(mean))] += trace - total
        return fixed

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`: how strictly the values majorise the mean."""
        if self.rank is not None:
            return np.minimum(mean, 1 - mean)
        excess = np.cumsum(np.sort(self.values)[::-1] - np.sort(mean)[::-1])[:-1]
        return np.full(self.n, excess.min())

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`: all but the largest."""
        return np.arange(self.n) != np.argmax(mean)

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`: for projections exact where means are near to 0 and 1."""
        if self.rank is None:
            return np.zeros(self.n)
        start = 1 / (1 - mean) - 1 / mean
        return start - start.max()

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        ordered = np.sort(x, axis=-1)[..., ::-1]
        excess = np.cumsum(np.sort(self.values)[::-1] - ordered, axis=-1)
        return (excess >= -_OFF).all(axis=-1) & (np.abs(excess[..., -1]) < _OFF)

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`; of matrices drawn by Gibbs sampling, see :mod:`.columns`."""
        if self.rank is None:
            columns, values = orbit_columns(parameter, self.values, number, rng), self.values
        else:
            columns = projection_columns(parameter, self.rank, number, rng)
            values = (1.0,) * self.rank
        return (np.abs(columns) ** 2) @ np.array(values)

    def face(self, mean: Array) -> tuple[Array, Array, Domain]:
        """See :class:`HasFaces`; of projections only."""
        if self.rank is None:
            raise MeanOnBoundaryError(
                "eigenvalues of the mean are on the boundary of the permutations of the orbit's, "
                "and faces of orbits other than projections are not offered: move the mean inside"
            )
        open_, ones = (mean > 0) & (mean < 1), mean >= 1
        k = self.rank - int(ones.sum())
        inner = (1.0,) * k + (0.0,) * (int(open_.sum()) - k)
        return open_, ones.astype(float), Diagonals(inner)
