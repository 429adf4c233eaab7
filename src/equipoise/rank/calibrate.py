"""What bounds to choose: how many of each group the best are expected to have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.rank.bounds import Bound
from equipoise.rank.candidates import as_scores

Array = NDArray[np.float64]

_HALVINGS = 200
# So far from whole, expected counts are whole but for rounding.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Calibration:
    """How many of each group are expected among the best.

    Attributes
    ----------
    names : tuple of str, length p
    counts : ndarray, shape (n, p)
        Among the first 1, 2, ..., n by latent utility.
    """

    names: tuple[str, ...]
    counts: Array

    @property
    def shares(self) -> dict[str, float]:
        """The share of each group among the first n: the alpha of a proportional bound."""
        n = len(self.counts)
        return {
            name: float(share) for name, share in zip(self.names, self.counts[-1] / n, strict=True)
        }

    def bounds(self, *names: str) -> list[Bound]:
        """Lower bounds of every prefix: expected counts, rounded down.

        Parameters
        ----------
        *names : str
            The groups to protect; by default all.

        Returns
        -------
        list of Bound
        """
        floors = np.floor(self.counts + _ROUNDING)
        chosen = self._chosen(names)
        return [Bound.of_counts(name, ">=", floors[:, self.names.index(name)]) for name in chosen]

    def share_bounds(self, *names: str) -> list[Bound]:
        """Lower bounds of every prefix in proportion to the share among the first n.

        Parameters
        ----------
        *names : str
            The groups to protect; by default all.

        Returns
        -------
        list of Bound
        """
        shares = self.shares
        # Rounded down, so that shares of all groups do not add up to more than 1.
        return [
            Bound.of_share(name, ">=", Fraction(int(1e6 * shares[name] + _ROUNDING), 10**6))
            for name in self._chosen(names)
        ]

    def _chosen(self, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in self.names:
                raise ValueError(f"no group {name!r}; known are {', '.join(self.names)}.")
        return names or self.names


def calibrate(laws: Mapping[str, Any], sizes: Mapping[str, int], n: int) -> Calibration:
    """Find how many of each group the best n are expected to have.

    The k best are those above the threshold t with sum_s m_s P(w_s > t) = k, as is so in the limit
    of many; of them m_s P(w_s > t) are of group s. With bounds by these counts, proportional
    ones where groups have one law, the loss of utility vanishes as n grows, whatever the bias
    (Celis, Mehrotra, Vishnoi 2020, section 4, whose theorem is about groups of one law).

    Parameters
    ----------
    laws : mapping from groups to laws of latent utility
        Continuous distributions of ``scipy.stats``, with their parameters fixed; or samples,
        array-like, shape (any,). All of one kind.
    sizes : mapping from groups to int
        Candidates of each.
    n : int
        Positions; no more than candidates.

    Returns
    -------
    Calibration

    Raises
    ------
    ValueError
        If groups differ, sizes are not positive, n is out of range, or laws are discrete or of two
        kinds.

    Examples
    --------
    >>> from scipy.stats import uniform
    >>> calibrate({"a": uniform(), "b": uniform()}, {"a": 300, "b": 100}, 40).shares
    {'a': 0.75, 'b': 0.25}
    """
    names = tuple(laws)
    if {*names} != {*sizes}:
        raise ValueError(
            f"laws are of {', '.join(names)} and sizes of {', '.join(sizes)}; give both of each "
            "group."
        )
    m = np.array([sizes[name] for name in names], np.float64)
    if not (np.isfinite(m) & (m >= 1)).all():
        raise ValueError(f"sizes must be at least 1, not {dict(sizes)}.")
    if not 1 <= n <= m.sum() or n != int(n):
        raise ValueError(
            f"n must be a whole number from 1 to {m.sum():,.0f}, the number of candidates, not {n}."
        )
    k = np.arange(1, n + 1, dtype=np.float64)
    continuous = [hasattr(law, "sf") and hasattr(law, "ppf") for law in laws.values()]
    discrete = [name for name, law in laws.items() if hasattr(getattr(law, "dist", law), "pmf")]
    if discrete:
        raise ValueError(
            f"the law of {discrete[0]!r} is discrete, and who ties at the threshold is not told by "
            "it: give samples of all groups, in which ties are shared."
        )
    if all(continuous):
        return Calibration(names, _of_distributions(list(laws.values()), m, k))
    if any(continuous):
        raise ValueError(
            "laws are distributions for some groups and samples for others; draw samples of all, "
            "or fit a distribution to each."
        )
    samples = [as_scores(law, f"laws[{name!r}]") for name, law in laws.items()]
    return Calibration(names, _of_samples(samples, m, k))


def _of_distributions(laws: list[Any], m: Array, k: Array) -> Array:
    # Bisection, for all k at once, between points beyond which no law has more than 1e-12.
    low = np.full(len(k), min(float(law.ppf(1e-12)) for law in laws))
    high = np.full(len(k), max(float(law.isf(1e-12)) for law in laws))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = sum(size * law.sf(middle) for size, law in zip(m, laws, strict=True))
        low, high = np.where(above > k, middle, low), np.where(above > k, high, middle)
    counts = np.stack([s * law.sf(high) for s, law in zip(m, laws, strict=True)], axis=1)
    return np.asarray(counts * (k / counts.sum(axis=1))[:, None])


def _of_samples(samples: list[Array], m: Array, k: Array) -> Array:
    pooled = np.concatenate(samples)
    group = np.repeat(np.arange(len(samples)), [len(one) for one in samples])
    weight = np.array([size / len(one) for size, one in zip(m, samples, strict=True)])[group]
    values, of_value = np.unique(-pooled, return_inverse=True)
    # Equal values of all groups are above a threshold together, in part.
    mass = np.bincount(of_value * len(samples) + group, weight, len(values) * len(samples))
    above = np.vstack([np.zeros(len(samples)), np.cumsum(mass.reshape(len(values), -1), axis=0)])
    together = above.sum(axis=1)
    return np.stack([np.interp(k, together, above[:, g]) for g in range(len(samples))], axis=1)
