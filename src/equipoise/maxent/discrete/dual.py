"""The dual of the closest law: its value, gradient and Hessian in time linear in the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from equipoise.maxent.discrete.coordinates import Coordinates
from equipoise.maxent.discrete.prior import Prior

Array = NDArray[np.float64]

_BLOCK = 4096
# From so many multiplications on, products of rows are taken in single precision: a direction that
# is off by a millionth is as good, and the gradient is exact.
_MANY = 2e9


@dataclass(frozen=True, eq=False)
class State:
    """The tilted law at some multipliers.

    Attributes
    ----------
    multipliers : ndarray, shape (D,)
    value : float
        Of the dual, log E_q exp<t, multipliers>, where t are coordinates with the expectation at 0.
    product_mass : float
        How much of the law is its product part.
    tilted : ndarray, shape (all levels,)
        The marginals of the product part.
    row_law : ndarray, shape (u,)
        What the other part gives to each distinct row; sums to 1, or is empty.
    gradient : ndarray, shape (D,)
        The mean of t: how far the expectation is missed.
    """

    multipliers: Array
    value: float
    product_mass: float
    tilted: Array
    row_law: Array
    gradient: Array


@dataclass(frozen=True, eq=False)
class Dual:
    """The convex function whose minimiser tilts the prior to the expectation.

    Both parts of the prior split (arXiv 1906.02164, Section 3): the partition function of a product
    law is a product, that of rows a sum, and the moments of the mixture are mixtures of moments.

    Attributes
    ----------
    prior : Prior
    coordinates : Coordinates
    """

    prior: Prior
    coordinates: Coordinates

    @property
    def size(self) -> int:
        """The number of multipliers, D."""
        return int(self.coordinates.offsets[-1])

    def at(self, multipliers: Array) -> State:
        """Evaluate value and gradient.

        Parameters
        ----------
        multipliers : ndarray, shape (D,)

        Returns
        -------
        State
        """
        prior, domain = self.prior, self.prior.domain
        of_level = self.coordinates.of_levels(multipliers)
        product_log, tilted = self._product(of_level)
        rows_log, row_law = -np.inf, np.empty(0)
        shares = tilted
        mass = 1.0
        if prior.rows is not None and prior.share < 1:
            with np.errstate(divide="ignore"):
                weights = np.log(prior.rows.weights)
            logs = weights + domain.scores(prior.rows.levels, of_level)
            top = logs.max()
            row_law = np.exp(logs - top)
            total = row_law.sum()
            row_law /= total
            rows_log = float(top + np.log(total))
        with np.errstate(divide="ignore"):
            parts = np.array([np.log(prior.share), np.log1p(-prior.share)])
        parts += product_log, rows_log
        value = float(np.logaddexp(*parts))
        mass = float(np.exp(parts[0] - value))
        if len(row_law):
            seen = domain.level_sums(prior.rows.levels, row_law)  # type: ignore[union-attr]
            shares = mass * tilted + (1 - mass) * seen
        gradient = self.coordinates.mean(shares)
        return State(multipliers, value, mass, tilted, row_law, gradient)

    def hessian(self, state: State, *, exact: bool = False) -> Array:
        """The covariance of the coordinates.

        Parameters
        ----------
        state : State
        exact : bool
            Whether to compute in double precision however many rows there are.

        Returns
        -------
        ndarray, shape (D, D)
        """
        ends = self.coordinates.offsets
        mean = self.coordinates.mean(state.tilted)
        out = np.outer(mean, mean)
        slices = self.prior.domain.level_slices
        for j, (table, at) in enumerate(zip(self.coordinates.tables, slices, strict=True)):
            own = slice(ends[j], ends[j + 1])
            out[own, own] = table.T @ (state.tilted[at][:, None] * table)
        out *= state.product_mass
        if len(state.row_law):
            out += (1 - state.product_mass) * self._second_moments(state.row_law, exact)
        return out - np.outer(state.gradient, state.gradient)

    def hessian_vector(self, state: State, vector: Array) -> Array:
        """The Hessian times a vector, in time linear in the rows and without the Hessian.

        Parameters
        ----------
        state : State
        vector : ndarray, shape (D,)

        Returns
        -------
        ndarray, shape (D,)
        """
        domain, coordinates = self.prior.domain, self.coordinates
        of_level = coordinates.of_levels(vector)
        mean = coordinates.mean(state.tilted)
        along = coordinates.mean(state.tilted * self._centred(of_level, state.tilted))
        out = state.product_mass * (along + mean * (mean @ vector))
        if len(state.row_law):
            rows = self.prior.rows
            assert rows is not None
            weights = state.row_law * domain.scores(rows.levels, of_level)
            sums = domain.level_sums(rows.levels, weights)
            out += (1 - state.product_mass) * coordinates.mean(sums)
        return out - state.gradient * float(state.gradient @ vector)

    def least_along(self, state: State, vector: Array) -> float:
        """The least inner product of a vector with the coordinates where the law has mass.

        Parameters
        ----------
        state : State
        vector : ndarray, shape (D,)

        Returns
        -------
        float
        """
        domain = self.prior.domain
        of_level = self.coordinates.of_levels(vector)
        least = np.inf
        if state.product_mass > 0:
            least = sum(
                float(of_level[at][state.tilted[at] > 0].min()) for at in domain.level_slices
            )
        if len(state.row_law):
            rows = self.prior.rows
            assert rows is not None
            along = domain.scores(rows.levels, of_level)
            least = min(least, float(along[state.row_law > 0].min()))
        return least

    def _product(self, of_level: Array) -> tuple[float, Array]:
        tilted = np.empty_like(of_level)
        total = 0.0
        with np.errstate(divide="ignore"):
            logs = np.log(self.prior.marginals) + of_level
        for at in self.prior.domain.level_slices:
            top = logs[at].max()
            law = np.exp(logs[at] - top)
            size = law.sum()
            tilted[at] = law / size
            total += float(top + np.log(size))
        return total, tilted

    def _centred(self, of_level: Array, tilted: Array) -> Array:
        out = of_level.copy()
        for at in self.prior.domain.level_slices:
            out[at] -= tilted[at] @ of_level[at]
        return out

    @cached_property
    def _padded(self) -> Array:
        return self.coordinates.padded

    def _second_moments(self, row_law: Array, exact: bool) -> Array:
        from equipoise.maxent.discrete.loops import expand

        rows = self.prior.rows
        assert rows is not None
        size, starts, offsets = self.size, self.prior.domain.starts, self.coordinates.offsets
        single = not exact and len(row_law) * float(size) ** 2 > _MANY
        dtype = np.float32 if single else np.float64
        multiply = blas.ssyrk if single else blas.dsyrk
        table = self._padded.astype(dtype)
        # Scaled to mean 1, or single precision would lose rare rows.
        factors = np.sqrt(row_law * len(row_law)).astype(dtype)
        block = np.empty((min(_BLOCK, len(row_law)), size), dtype)
        total = np.zeros((size, size))
        upper = np.zeros((size, size), dtype, order="F")
        for begin in range(0, len(row_law), _BLOCK):
            some = slice(begin, begin + _BLOCK)
            factor = factors[some]
            part = block[: len(factor)]
            expand(rows.levels[some], starts, table, offsets, factor, part)
            upper = multiply(1.0, part.T, beta=1.0, c=upper, overwrite_c=1)
            if single and (begin // _BLOCK) % 64 == 63:
                total += upper
                upper[:] = 0
        total += upper
        total = np.triu(total)
        total += np.triu(total, 1).T
        return total / len(row_law)
