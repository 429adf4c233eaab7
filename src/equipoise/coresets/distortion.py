"""How far costs on a coreset were from those of the rows, at the centres that were tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.coresets.centres import centre_families
from equipoise.coresets.checks import as_centres, as_points, as_weights
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.distances import nearest, to_power

Floats = NDArray[np.float64]

# Rows that stay in a processor's cache while all centres pass over them.
_BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Distortion:
    """Relative errors that were observed; at other centres they may be larger.

    Attributes
    ----------
    errors : dict of str to ndarray of float64
        For each family of centres and each of its sets, (cost on the coreset - cost of the
        rows) / cost of the rows. NaN, in which the others below do not count it, where both are
        0; infinite where only the rows' is.
    """

    errors: Mapping[str, Floats]

    @property
    def worst(self) -> float:
        """The largest error without its sign."""
        return max(_worst(errors) for errors in self.errors.values())

    @property
    def mean(self) -> float:
        """The mean error without its sign, over all sets."""
        every = np.abs(np.concatenate(list(self.errors.values())))
        return float(every[~np.isnan(every)].mean()) if not np.isnan(every).all() else 0.0

    def share_beyond(self, family: str, confidence: float = 0.95) -> float:
        """How much of a family may have errors larger than the worst of it that was seen.

        If sets were drawn independently from one distribution, as those of
        :func:`centre_families` are: with this confidence, no more than the share that is returned
        has, 1 - (1 - confidence)^(1/n) for n sets. It says nothing of other centres.

        Parameters
        ----------
        family : str
            One of the keys of `errors`.
        confidence : float
            Between 0 and 1.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If there is no such family, or the confidence is not between 0 and 1.
        """
        if family not in self.errors:
            raise ValueError(f"family must be one of {sorted(self.errors)}, not {family!r}.")
        if not 0 < confidence < 1:
            raise ValueError(f"confidence must be between 0 and 1, not {confidence!r}.")
        return float(1 - (1 - confidence) ** (1 / len(self.errors[family])))

    def __str__(self) -> str:
        lines = [f"{'centres':<16}{'sets':>6}{'mean error':>12}{'worst':>9}"]
        for name, errors in self.errors.items():
            mean = Distortion({name: errors}).mean
            lines.append(f"{name:<16}{len(errors):>6}{mean:>12.3%}{_worst(errors):>9.3%}")
        return "\n".join([*lines, "Observed, not guaranteed."])


def observed_distortion(
    points: ArrayLike,
    coreset: Coreset,
    centres: Mapping[str, ArrayLike] | ArrayLike | None = None,
    *,
    n_clusters: int | None = None,
    weights: ArrayLike | None = None,
    n_sets: int = 8,
    seed: int | np.random.SeedSequence = 0,
) -> Distortion:
    """Compare costs on a coreset with those of the rows, at many centres, in one pass.

    Parameters
    ----------
    points : array-like of float, shape (n, d)
        The rows that the coreset stands for; a memory map will do, if centres are given.
    coreset : Coreset
    centres : mapping of str to array-like of shape (s, k, d), or one such array, optional
        Sets of centres by family. By default those of :func:`centre_families` on the rows.
    n_clusters : int, optional
        k of those; needed if no centres are given.
    weights : array-like of float, shape (n,), optional
        Of the rows; by default 1.
    n_sets : int
        Of each family, if no centres are given.
    seed : int or SeedSequence
        Of those.

    Returns
    -------
    Distortion
        Prints as a table. To find out whether *all* centres are near is hard even for a computer
        with much time [1]_: these errors are what they are called, observed.

    Raises
    ------
    ValueError
        If shapes differ, something is not finite, the coreset stands for another number of rows,
        or neither centres nor `n_clusters` are given.

    References
    ----------
    .. [1] C. Schwiegelshohn, O. A. Sheikh-Omar. An empirical evaluation of k-means coresets. ESA
       2022.
    """
    rows = np.asarray(points)
    d = coreset.points.shape[1]
    if rows.ndim != 2 or rows.shape[1] != d:
        raise ValueError(f"points must have shape (n, {d}), not {rows.shape}.")
    w = np.ones(len(rows)) if weights is None else as_weights(weights, len(rows))
    if len(rows) != coreset.n_rows:
        raise ValueError(
            f"points has {len(rows):,} rows and the coreset stands for {coreset.n_rows:,}; give "
            "those that it was made of, with their weights."
        )
    if centres is None:
        if n_clusters is None:
            raise ValueError("n_clusters must be given where centres are not.")
        centres = centre_families(
            rows, n_clusters, weights=w, power=coreset.power, n_sets=n_sets, seed=seed
        )
    families = _families(centres, d)
    every = [C for sets in families.values() for C in sets]
    exact = np.zeros(len(every))
    for start in range(0, len(rows), _BLOCK):
        block = as_points(rows[start : start + _BLOCK])
        for number, C in enumerate(every):
            costs = to_power(nearest(block, C)[1], coreset.power)
            exact[number] += (w[start : start + _BLOCK] * costs).sum()
    found = np.array([coreset.cost(C) for C in every])
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = (found - exact) / exact
    ends = np.cumsum([len(sets) for sets in families.values()])
    return Distortion(dict(zip(families, np.split(errors, ends[:-1]), strict=True)))


def _families(centres: Mapping[str, ArrayLike] | ArrayLike, d: int) -> dict[str, list[Floats]]:
    named = centres if isinstance(centres, Mapping) else {"given": centres}
    families = {
        str(name): [as_centres(C, d) for C in np.asarray(sets)] for name, sets in named.items()
    }
    if not families or not all(families.values()):
        raise ValueError("centres must have at least one set of centres in each family.")
    return families


def _worst(errors: Floats) -> float:
    sizes = np.abs(errors[~np.isnan(errors)])
    return float(sizes.max()) if len(sizes) else 0.0
