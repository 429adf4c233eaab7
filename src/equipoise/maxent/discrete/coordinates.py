"""Coordinates of statistics in which the prior has unit variances and the expectation is 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.discrete.domain import Domain
from equipoise.maxent.discrete.prior import Prior

Array = NDArray[np.float64]

# Directions with less of the spread than this are none: one category too many, equal columns.
_RANK = 1e-9
_CONSISTENT = 1e-8


@dataclass(frozen=True, eq=False)
class Coordinates:
    """The statistics of levels in other coordinates.

    Attributes
    ----------
    domain : Domain
    tables : tuple of ndarray, each of shape (levels, r_j)
        The coordinates of each attribute's levels; the expectation is at 0.
    maps : tuple of ndarray, each of shape (k_j, r_j)
        From multipliers in these coordinates to multipliers of the statistics.
    """

    domain: Domain
    tables: tuple[Array, ...]
    maps: tuple[Array, ...]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where the coordinates of each attribute begin, and where the last end."""
        return np.cumsum([0, *(table.shape[1] for table in self.tables)])

    @property
    def padded(self) -> Array:
        """The tables as one, shape (all levels, most coordinates of an attribute)."""
        widest = max(1, *(table.shape[1] for table in self.tables))
        return np.concatenate([np.pad(t, ((0, 0), (0, widest - t.shape[1]))) for t in self.tables])

    def of_levels(self, vector: Array) -> Array:
        """What each level adds to the inner product with a vector.

        Parameters
        ----------
        vector : ndarray, shape (coordinates,)

        Returns
        -------
        ndarray, shape (all levels,)
        """
        ends = self.offsets
        return np.concatenate(
            [t @ vector[a:b] for t, a, b in zip(self.tables, ends[:-1], ends[1:], strict=True)]
        )

    def mean(self, shares: Array) -> Array:
        """The mean of the coordinates where each level has a share.

        Parameters
        ----------
        shares : ndarray, shape (all levels,)

        Returns
        -------
        ndarray, shape (coordinates,)
        """
        parts = zip(self.tables, self.domain.level_slices, strict=True)
        return np.concatenate([shares[at] @ table for table, at in parts])

    def multipliers(self, vector: Array) -> Array:
        """Multipliers of the statistics.

        Where they are not determined, as those of all categories of a column, the shortest: they
        then sum to 0.

        Parameters
        ----------
        vector : ndarray, shape (coordinates,)

        Returns
        -------
        ndarray, shape (statistics,)
        """
        ends = self.offsets
        return np.concatenate(
            [m @ vector[a:b] for m, a, b in zip(self.maps, ends[:-1], ends[1:], strict=True)]
        )


def whitened(prior: Prior, expectation: Array) -> Coordinates:
    """Coordinates in which the prior has uncorrelated unit variances within each attribute.

    Parameters
    ----------
    prior : Prior
    expectation : ndarray, shape (statistics,)

    Returns
    -------
    Coordinates

    Raises
    ------
    ValueError
        If no law on the levels can have the expectation, whatever their shares, since it is not
        in the plane through them: such as shares of categories whose sum is not 1.
    """
    domain = prior.domain
    shares, tables, maps = prior.level_shares, [], []
    for j, (one, at, own) in enumerate(
        zip(domain.attributes, domain.level_slices, domain.slices, strict=True)
    ):
        law, wanted = shares[at], expectation[own]
        scale = np.abs(one.values).max(axis=0)
        scale[scale == 0] = 1.0
        values = one.values / scale
        centre = law @ values
        spread = np.sqrt(law)[:, None] * (values - centre)
        _, sizes, axes = np.linalg.svd(spread, full_matrices=False)
        rank = int((sizes > _RANK * max(sizes[0], 1e-300)).sum()) if sizes[0] > 1e-150 else 0
        # One level has no spread but by rounding.
        rank = min(rank, int(np.count_nonzero(law)) - 1)
        axes, sizes = axes[:rank], sizes[:rank]
        away = wanted / scale - centre
        if np.abs(away - axes.T @ (axes @ away)).max() > _CONSISTENT:
            raise ValueError(
                f"expectation: attribute {j} cannot have the mean {_shown(wanted)}; "
                + (
                    "the shares of its categories must sum to 1."
                    if one.categorical
                    else "it is outside the plane through the values of its levels."
                )
            )
        to_own = axes.T / sizes
        tables.append(np.where((law > 0)[:, None], (values - wanted / scale) @ to_own, 0.0))
        maps.append(to_own / scale[:, None])
    return Coordinates(domain, tuple(tables), tuple(maps))


def plain(prior: Prior, expectation: Array) -> Coordinates:
    """The statistics themselves, less the expectation.

    Parameters
    ----------
    prior : Prior
    expectation : ndarray, shape (statistics,)

    Returns
    -------
    Coordinates
    """
    domain = prior.domain
    tables = [
        one.values - expectation[own]
        for one, own in zip(domain.attributes, domain.slices, strict=True)
    ]
    return Coordinates(domain, tuple(tables), tuple(np.eye(t.shape[1]) for t in tables))


def _shown(values: Array) -> str:
    text = ", ".join(f"{value:.6g}" for value in values[:6])
    return f"({text}{', ...' if len(values) > 6 else ''})"
