"""A face of a domain: some coordinates are fixed, the others are a domain of the same kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous.domain import Domain, Moments

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Face:
    """Points of a domain whose coordinates outside ``open`` have the values ``fixed``.

    Its prior is the inner domain's, not a restriction of the whole's, in which the face has
    probability zero: entropies are relative to that. Parameters of fixed coordinates are zero.

    Attributes
    ----------
    open : ndarray of bool, shape (n,)
    fixed : ndarray, shape (n,)
    inner : Domain
        Of the open coordinates.
    """

    open: Array
    fixed: Array
    inner: Domain

    @property
    def n(self) -> int:
        """Dimension of the space that the set lies in."""
        return len(self.open)

    @property
    def log_size(self) -> float | None:
        """See :class:`Domain`: the inner domain's."""
        return self.inner.log_size

    @property
    def self_concordant(self) -> bool:
        """See :class:`Domain`: the inner domain's."""
        return self.inner.self_concordant

    def moments(self, parameter: Array) -> Moments:
        """See :class:`Domain`."""
        log, mean, covariance = self.inner.moments(parameter[self.open])
        wide = np.zeros((self.n, self.n))
        wide[np.ix_(self.open, self.open)] = covariance
        return Moments(log + float(parameter @ self.fixed), self._all(mean), wide)

    def support(self, direction: Array) -> float:
        """See :class:`Domain`."""
        return self.inner.support(direction[self.open]) + float(direction @ self.fixed)

    def checked(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        return self._all(self.inner.checked(mean[self.open]))

    def margin(self, mean: Array) -> Array:
        """See :class:`Domain`; infinite for what is fixed."""
        margin = np.full(self.n, np.inf)
        margin[self.open] = self.inner.margin(mean[self.open])
        return margin

    def free(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        free = np.zeros(self.n, dtype=bool)
        free[self.open] = self.inner.free(mean[self.open])
        return free

    def start(self, mean: Array) -> Array:
        """See :class:`Domain`."""
        start = np.zeros(self.n)
        start[self.open] = self.inner.start(mean[self.open])
        return start

    def contains(self, x: Array) -> Array:
        """See :class:`Domain`."""
        still = (np.abs(x - self.fixed)[..., ~self.open] < 1e-10).all(axis=-1)
        return still & self.inner.contains(x[..., self.open])

    def draw(self, parameter: Array, number: int, rng: np.random.Generator) -> Array:
        """See :class:`Domain`."""
        drawn = np.tile(self.fixed, (number, 1))
        drawn[:, self.open] = self.inner.draw(parameter[self.open], number, rng)
        return drawn

    def _all(self, values: Array) -> Array:
        whole = self.fixed.copy()
        whole[self.open] = values
        return whole
