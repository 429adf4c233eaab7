"""The answer: a mixture of a tilted product law and tilted rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.discrete.prior import Prior

Array = NDArray[np.float64]


class Drawn(NamedTuple):
    """Points, and where they come from.

    Attributes
    ----------
    levels : ndarray of int, shape (n, d)
        As :meth:`Domain.unpack` takes them.
    row : ndarray of int64, shape (n,)
        Which distinct row of the prior, or -1 if drawn from the product law.
    """

    levels: NDArray[Any]
    row: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MaxEntropy:
    """The law closest to a prior that has a given expectation.

    It is ``p(a) = q(a) exp<a, multipliers> / Z`` where q is the prior, and so a mixture again: of
    a product law and of weighted rows, each tilted. Everything about it is therefore exact and
    costs no more than a look at the distinct rows, however large the domain.

    Attributes
    ----------
    prior : Prior
    multipliers : ndarray of float64, shape (statistics,)
        The shortest that there are: those of the categories of a column sum to 0. Of levels that
        cannot occur they say nothing.
    expectation : ndarray of float64, shape (statistics,)
        That the law has.
    residual : float
        By how much it misses what was asked, at most, in standard deviations of the prior.
    gap : float
        Nats: a law that has the expectation exactly is at most so much farther from the prior than
        the closest. Infinite if the solver ended too far away to tell.
    divergence : float
        KL(p || prior), in nats.
    product_mass : float
        The weight of the product part.
    marginals : ndarray of float64, shape (all levels,)
        Of the product part.
    row_law : ndarray of float64, shape (u,)
        What the other part gives to each distinct row of the prior; empty if there is none.
    residuals : tuple of float
        Before each step of the solver and at its end.
    """

    prior: Prior
    multipliers: Array
    expectation: Array
    residual: float
    gap: float
    divergence: float
    product_mass: float
    marginals: Array
    row_law: Array
    residuals: tuple[float, ...]

    def sample(self, n: int, seed: int | np.random.Generator = 0) -> NDArray[Any]:
        """Draw points independently, exactly.

        Parameters
        ----------
        n : int
        seed : int or Generator

        Returns
        -------
        ndarray of int, shape (n, columns)

        Raises
        ------
        ValueError
            If n is negative.
        """
        return self.prior.domain.unpack(self.draw_parts(n, np.random.default_rng(seed)).levels)

    def draw_parts(self, n: int, random: np.random.Generator) -> Drawn:
        """Draw points and say of each from which part it comes.

        Parameters
        ----------
        n : int
        random : Generator

        Returns
        -------
        Drawn
        """
        from equipoise.maxent.discrete.loops import draw

        if n < 0:
            raise ValueError(f"n must be at least 0, not {n}.")
        domain, rows = self.prior.domain, self.prior.rows
        row = np.full(n, -1)
        if len(self.row_law):
            places = np.flatnonzero(random.random(n) >= self.product_mass)
            row[places] = by_cumulative(self.row_law, random.random(len(places)))
        known = np.empty((0, len(domain.attributes)), domain.dtype) if rows is None else rows.levels
        levels = np.empty((n, len(domain.attributes)), domain.dtype)
        sizes = np.array([len(one) for one in domain.attributes])
        draw(levels, row, known, domain.starts, sizes, self._ends, random)
        return Drawn(levels, row)

    def log_prob(self, codes: ArrayLike) -> Array:
        """The logarithm of the probability of points.

        Parameters
        ----------
        codes : array-like of int, shape (n, columns)

        Returns
        -------
        ndarray of float64, shape (n,)
            Minus infinity where the law has no mass.
        """
        levels = self.prior.domain.pack(codes)
        rows = self.prior.rows
        row = np.full(len(levels), -1) if rows is None else rows.find(levels)
        return self._log_prob(levels, row)

    @property
    def row_probabilities(self) -> Array:
        """The probability of each distinct row of the prior, from both parts; shape (u,)."""
        rows = self.prior.rows
        if rows is None:
            return np.empty(0)
        return np.exp(self._log_prob(rows.levels, np.arange(len(rows))))

    def joint(self, attributes: Sequence[int]) -> Array:
        """The joint law of some attributes.

        Parameters
        ----------
        attributes : sequence of int

        Returns
        -------
        ndarray of float64, one axis for each

        Raises
        ------
        ValueError
            If an attribute is none, or is given twice.
        """
        domain = self.prior.domain
        some = list(attributes)
        if (
            not some
            or len(set(some)) < len(some)
            or not set(some) <= {*range(len(domain.attributes))}
        ):
            raise ValueError(
                f"attributes must be different numbers from 0 to {len(domain.attributes) - 1}, "
                f"not {some}."
            )
        shape = tuple(len(domain.attributes[j]) for j in some)
        law = np.ones(())
        for j in some:
            law = np.multiply.outer(law, self.marginals[domain.level_slices[j]])
        law = self.product_mass * law
        rows = self.prior.rows
        if rows is not None and len(self.row_law):
            columns = tuple(rows.levels[:, j].astype(np.int64) for j in some)
            at = np.ravel_multi_index(columns, shape)
            seen = np.bincount(at, self.row_law, int(np.prod(shape))).reshape(shape)
            law = law + (1 - self.product_mass) * seen
        return np.asarray(law)

    @property
    def _ends(self) -> Array:
        ends = np.empty_like(self.marginals)
        for at in self.prior.domain.level_slices:
            law = self.marginals[at]
            ends[at] = np.cumsum(law)
            # Sums are rounded, and no uniform number may fall beyond them.
            ends[at.start + int(np.flatnonzero(law)[-1]) : at.stop] = 1.0
        return ends

    def _log_prob(self, levels: NDArray[Any], row: NDArray[np.int64]) -> Array:
        with np.errstate(divide="ignore"):
            logs = np.log(self.marginals)
            total = np.full(len(levels), np.log(self.product_mass))
            for j, at in enumerate(self.prior.domain.level_slices):
                total += logs[at][levels[:, j]]
            if len(self.row_law):
                own = np.where(row >= 0, self.row_law[row], 0.0)
                total = np.logaddexp(total, np.log1p(-self.product_mass) + np.log(own))
        return total


def by_cumulative(law: Array, uniform: Array) -> NDArray[np.int64]:
    """The outcomes at uniform numbers, by the inverse of the distribution function.

    Parameters
    ----------
    law : ndarray, shape (k,)
    uniform : ndarray, shape (n,)
        In [0, 1).

    Returns
    -------
    ndarray of int64, shape (n,)
        None of probability 0.
    """
    from equipoise.maxent.discrete.loops import outcomes

    possible = np.flatnonzero(law)
    return np.asarray(possible[outcomes(np.cumsum(law[possible]), uniform)])
