"""What an answer is to be close to: a product law and weighted rows, mixed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.discrete.domain import Domain, check_weights
from equipoise.maxent.discrete.rows import Rows

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prior:
    """The law ``C m + (1 - C) w`` of a product law m and of weighted rows w.

    Attributes
    ----------
    domain : Domain
    share : float
        C, the weight of the product law, from 0 to 1.
    marginals : ndarray of float64, shape (all levels,)
        Of the product law, attribute by attribute.
    rows : Rows or None
        None where C is 1.
    """

    domain: Domain
    share: float
    marginals: Array
    rows: Rows | None

    @classmethod
    def product(
        cls,
        domain: Domain,
        marginals: Literal["uniform"] | Sequence[ArrayLike] = "uniform",
    ) -> Prior:
        """A product law alone.

        Parameters
        ----------
        domain : Domain
        marginals : "uniform", or sequence of d array-likes
            The law of each attribute.

        Returns
        -------
        Prior

        Raises
        ------
        ValueError
            If they are no laws of the attributes.
        """
        return cls(domain, 1.0, _marginals(domain, marginals, None), None)

    @classmethod
    def of(
        cls,
        domain: Domain,
        codes: ArrayLike,
        weights: ArrayLike | None = None,
        *,
        share: float = 0.0,
        marginals: Literal["uniform", "rows"] | Sequence[ArrayLike] = "uniform",
    ) -> Prior:
        """Mix weighted rows with a product law (Celis, Keswani, Vishnoi, arXiv 1906.02164).

        Parameters
        ----------
        domain : Domain
        codes : array-like of int, shape (n, columns)
        weights : array-like, shape (n,), optional
            What each row counts; all the same by default.
        share : float
            C, the weight of the product law. With 0 nothing but the rows can be drawn.
        marginals : {"uniform", "rows"} or sequence of d array-likes
            The product law: uniform on the domain, as in the paper; or independent attributes,
            each with the law that the weighted rows have, which puts far less on points that
            never occur.

        Returns
        -------
        Prior

        Raises
        ------
        ValueError
            If codes, weights, share or marginals do not fit.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"share must be between 0 and 1, not {share}.")
        levels = domain.pack(codes)
        counted = check_weights(weights, len(levels))
        seen = domain.level_sums(levels, counted)
        law = _marginals(domain, marginals, seen)
        return cls(domain, float(share), law, Rows.of(levels, counted) if share < 1 else None)

    @property
    def level_shares(self) -> Array:
        """How often each level occurs under the mixture, shape (all levels,)."""
        shares = self.share * self.marginals
        if self.rows is not None:
            seen = self.domain.level_sums(self.rows.levels, self.rows.weights)
            shares = shares + (1 - self.share) * seen
        return shares

    def restricted(self, kept: NDArray[np.bool_]) -> tuple[Prior, float]:
        """The law given that only some levels occur.

        Parameters
        ----------
        kept : ndarray of bool, shape (all levels,)

        Returns
        -------
        Prior
            Of the same domain.
        float
            The probability of that event; 0 leaves the law as it is.
        """
        domain, law, chance = self.domain, np.where(kept, self.marginals, 0.0), 1.0
        for at in domain.level_slices:
            part = law[at].sum()
            chance *= float(part)
            law[at] = law[at] / part if part else self.marginals[at]
        of_rows, rows = 0.0, self.rows
        if rows is not None:
            inside = kept[domain.starts + rows.levels].all(axis=1)
            weights = np.where(inside, rows.weights, 0.0)
            of_rows = float(weights.sum())
            rows = replace(rows, weights=weights / of_rows) if of_rows else None
        total = self.share * chance + (1 - self.share) * of_rows
        if not total:
            return self, 0.0
        return Prior(domain, self.share * chance / total, law, rows), total

    def of_rows(self, kept: NDArray[np.bool_]) -> tuple[Prior, float]:
        """The law given that one of some rows occurs, where there is no product law.

        Parameters
        ----------
        kept : ndarray of bool, shape (u,)

        Returns
        -------
        Prior
        float
            The probability of that event.
        """
        assert self.rows is not None
        weights = np.where(kept, self.rows.weights, 0.0)
        total = float(weights.sum())
        return replace(self, rows=replace(self.rows, weights=weights / total)), total


def _marginals(
    domain: Domain,
    marginals: Literal["uniform", "rows"] | Sequence[ArrayLike],
    seen: Array | None,
) -> Array:
    if isinstance(marginals, str):
        if marginals == "rows" and seen is not None:
            return seen
        if marginals == "uniform":
            return np.concatenate([np.full(len(one), 1 / len(one)) for one in domain.attributes])
        raise ValueError(f"marginals must be 'uniform', 'rows' or laws, not {marginals!r}.")
    laws = [np.asarray(law, np.float64) for law in marginals]
    sizes = [len(one) for one in domain.attributes]
    if [law.shape for law in laws] != [(size,) for size in sizes]:
        raise ValueError(
            f"marginals must hold one law for each attribute, of lengths {sizes}, not shapes "
            f"{[law.shape for law in laws]}."
        )
    for j, law in enumerate(laws):
        if not (law >= 0).all() or abs(law.sum() - 1) > 1e-9:
            raise ValueError(f"marginals: law {j} must be at least 0 with sum 1.")
    return np.concatenate([law / law.sum() for law in laws])
