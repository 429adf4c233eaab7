"""Implicit bias as a model: the utilities of a group's members are seen too small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.groups import Groups, How
from equipoise.rank.candidates import as_scores

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ImplicitBias:
    """Multiplicative bias, of intersections the product.

    Kleinberg and Raghavan (ITCS 2018); for several groups Celis, Mehrotra and Vishnoi (FAT* 2020,
    arXiv 2001.08767): of an item with latent utility w in groups s, t, ... what is observed is
    beta_s beta_t ... w.

    Attributes
    ----------
    beta : mapping from groups to float
        Above 0 and at most 1; groups that are not named are seen as they are.

    Raises
    ------
    ValueError
        If a factor is outside that range.

    Examples
    --------
    >>> from equipoise.rank import ImplicitBias
    >>> ImplicitBias({"women": 0.5}).observe([4.0, 3.0], ["women", "men"])
    array([2., 3.])
    """

    beta: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.beta, Mapping):
            raise ValueError(f"beta must be a mapping from groups to factors, not {self.beta!r}.")
        for name, factor in self.beta.items():
            number: Any = factor
            if not isinstance(number, Real) or not 0 < factor <= 1:
                raise ValueError(
                    f"beta of {name!r} must be above 0 and at most 1, not {factor}: bias makes "
                    "utilities look smaller than they are."
                )

    def observe(
        self,
        utility: ArrayLike,
        sensitive_features: Any,
        *,
        how: How = "crossed",
        shift: bool = False,
    ) -> Array:
        """What is observed of latent utilities.

        Parameters
        ----------
        utility : array-like, shape (m,)
            Not negative: a negative number times a factor below 1 is larger, and bias would be a
            favour.
        sensitive_features : array-like, mapping, table or Groups
            Where groups overlap, factors of all groups of a row are multiplied.
        how : {"crossed", "each", "lattice"}
        shift : bool
            Whether utilities count from the smallest one, so that negative ones may be given.

        Returns
        -------
        ndarray, shape (m,)

        Raises
        ------
        ValueError
            If utilities are negative and are not shifted, or there is no group of a given name.
        """
        latent = as_scores(utility, "utility")
        groups = Groups.of(sensitive_features, how)
        if groups.n_rows != len(latent):
            raise ValueError(
                f"sensitive_features have {groups.n_rows:,} rows and utility {len(latent):,}; they "
                "must be of the same rows."
            )
        lowest = float(latent.min())
        if lowest < 0 and not shift:
            raise ValueError(
                f"utility has {int((latent < 0).sum()):,} negative values, which a factor below 1 "
                "makes larger: bias would be a favour. Let shift be True to count from the "
                "smallest, or leave these rows out."
            )
        unknown = sorted({*self.beta} - {*groups.names})
        if unknown:
            raise ValueError(f"beta: no group {unknown[0]!r}; known are {', '.join(groups.names)}.")
        codes, patterns = groups.patterns()
        factors = np.array([self.beta.get(name, 1.0) for name in groups.names])
        factor = np.where(patterns, factors, 1.0).prod(axis=1)[codes]
        zero = min(lowest, 0.0) if shift else 0.0
        return zero + factor * (latent - zero)
