"""What models say of rows: the gain in accuracy, and what decisions add to the groups' moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.groups import Groups
from equipoise.learn.noisy.chances import learn_chances, predict_chances
from equipoise.learn.noisy.moments import Moments
from equipoise.learn.noisy.pool import Scored
from equipoise.noise import NoisyGroups

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

_EVERYBODY = -1
"""The key of the model of groups that is of all rows, whatever their label."""


@dataclass(frozen=True, eq=False)
class Models:
    """A model of labels, and one or more of the groups that are observed.

    Where the promise tells labels apart, as false positives do, groups are modelled among the rows
    of each label that matters: p(y, zhat | x) = p(y | x) p(zhat | x, y). What a row belongs to
    follows by the inverse of the flip matrix, and is not clipped: moments are then right on average
    even where a few rows seem to belong to a group by less than 0.

    Attributes
    ----------
    of_label : classifier
    of_groups : dict
        By label, or by -1 for all rows.
    moments : Moments
    patterns : ndarray, shape (k, p)
        W of each distinct kind of row.
    """

    of_label: Any
    of_groups: dict[int, Any]
    moments: Moments
    patterns: Array

    def gain_and_moments(self, X: Any) -> tuple[Array, Array]:
        """Of new rows, each of weight 1.

        Parameters
        ----------
        X : table or array of n rows

        Returns
        -------
        gain : ndarray, shape (n,)
            2 p(y = 1 | x) - 1.
        moments : ndarray, shape (q, n)
            What deciding 1 adds.
        """
        chance = predict_chances(self.of_label, X, 2)[:, 1]
        if not self.of_groups:
            return 2 * chance - 1, np.empty((0, len(chance)))
        among = {
            key: predict_chances(model, X, len(self.patterns))
            for key, model in self.of_groups.items()
        }
        weight = np.ones(len(chance))
        return 2 * chance - 1, _moments(self.moments, chance, among, self.patterns, weight)


def learn_models(
    X: Any,
    label: Codes,
    groups: Groups | NoisyGroups,
    moments: Moments,
    *,
    estimator: Any,
    group_estimator: Any,
    weights: Array | None = None,
    cv: int | None = None,
) -> tuple[Models, Scored]:
    """Fit the models that a promise needs.

    Parameters
    ----------
    X : table or array of n rows
    label : ndarray of int, shape (n,)
        0 or 1.
    groups : Groups or NoisyGroups of n rows
    moments : Moments
    estimator, group_estimator : classifier
        With probabilities.
    weights : ndarray, shape (n,), optional
    cv : int, optional
        See :func:`equipoise.learn.noisy.chances.learn_chances`.

    Returns
    -------
    models : Models
    scored : Scored
        What they say of the rows.
    """
    codes, patterns = groups.patterns()
    patterns = np.asarray(patterns, dtype=np.float64)
    of_label = learn_chances(estimator, X, label, 2, weights=weights, cv=cv)
    learnt = {
        key: learn_chances(
            group_estimator,
            X,
            codes,
            len(patterns),
            among=None if key == _EVERYBODY else label == key,
            weights=weights,
            cv=cv,
        )
        for key in moments.labels or (_EVERYBODY,)
    }
    weight = np.ones(len(label)) if weights is None else weights
    weight = weight / weight.sum()
    chance = of_label.chance[:, 1]
    among = {key: one.chance for key, one in learnt.items()}
    scored = Scored(
        weight * (2 * chance - 1),
        _moments(moments, chance, among, patterns, weight),
        moments.counted(label, patterns[codes], weight),
        float(weight @ chance),
    )
    models = {key: one.model for key, one in learnt.items()}
    return Models(of_label.model, models, moments, patterns), scored


def _moments(
    moments: Moments, chance: Array, among: dict[int, Array], patterns: Array, weight: Array
) -> Array:
    membership = {key: one @ patterns for key, one in among.items()}
    return moments.modelled(chance, membership.pop(_EVERYBODY, None), membership, weight)
