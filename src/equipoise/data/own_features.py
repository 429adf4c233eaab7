"""A table in which each of two groups has features that no row of the other has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError

__all__ = ["OwnFeatures", "simulate_own_features"]

_EACH = 15
_SHARED_WEIGHT = 0.3
_OWN_WEIGHT = 1.2


@dataclass(frozen=True, eq=False)
class OwnFeatures:
    """Simulated rows, with the truth that labels were drawn from.

    Attributes
    ----------
    features : ndarray of float32, shape (n, 45)
        Fifteen that all rows have, fifteen of the first group, which are 0 for the second, and
        fifteen of the second, which are 0 for the first; or a rotation of these.
    label : ndarray of int64, shape (n,)
        Drawn with the probability that the truth gives.
    truth : ndarray of int64, shape (n,)
        The label that is the more likely one.
    group : ndarray of int64, shape (n,)
        0 or 1.
    """

    features: NDArray[np.float32]
    label: NDArray[np.int64]
    truth: NDArray[np.int64]
    group: NDArray[np.int64]


def simulate_own_features(
    counts: tuple[int, int], seed: int, *, rotated: bool = False
) -> OwnFeatures:
    """Draw rows of two groups, whose labels follow a logistic model.

    One-hot columns of rare categories are such features. A rotation of all features together leaves
    every linear model what it can be, and takes away that coordinates belong to groups.

    Parameters
    ----------
    counts : tuple of two int
        Rows of the first and of the second group.
    seed : int
        Of the model and of the rows: the same with and without a rotation.
    rotated : bool

    Returns
    -------
    OwnFeatures
        In random order.

    Raises
    ------
    DataError
        If a group would have no row.
    """
    if min(counts) < 1:
        raise DataError(f"counts: given {counts}, wanted at least one row of each group")
    draw = np.random.default_rng(seed)
    scale = np.repeat([_SHARED_WEIGHT, _OWN_WEIGHT, _OWN_WEIGHT], _EACH)
    weights = draw.standard_normal(3 * _EACH) * scale
    group = draw.permutation(np.repeat(np.arange(2), counts))
    features = draw.standard_normal((len(group), 3 * _EACH))
    features[group == 1, _EACH : 2 * _EACH] = 0
    features[group == 0, 2 * _EACH :] = 0
    logits = features @ weights
    label = (draw.random(len(group)) < 1 / (1 + np.exp(-logits))).astype(np.int64)
    if rotated:
        # Q of a normal matrix, with the signs that make it uniform over all rotations.
        q, r = np.linalg.qr(draw.standard_normal((3 * _EACH, 3 * _EACH)))
        features = features @ (q * np.sign(np.diag(r)))
    truth = (logits > 0).astype(np.int64)
    return OwnFeatures(features.astype(np.float32), label, truth, group)
