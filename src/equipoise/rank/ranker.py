"""Rankings under bounds in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from equipoise.groups import How
from equipoise.rank.bounds import Bound
from equipoise.rank.candidates import as_scores
from equipoise.rank.discounts import Discount
from equipoise.rank.ranking import Ranking, rank_items


class Ranker(BaseEstimator):  # type: ignore[misc]
    """The best ranking that keeps bounds on groups in every prefix.

    There is nothing to learn from one list for another: as clusterings are, a ranking is of the
    rows that were given. To rank what a model predicts, give its predictions.

    Parameters
    ----------
    bounds : str or Bound, or several
        Such as ``"women >= 0.3"``; see :class:`equipoise.rank.Bound`.
    n : int, optional
        Positions to fill; by default all are ranked.
    discount : {"dcg", "reciprocal", "geometric", "none"} or array-like
        What positions are worth.
    how : {"crossed", "each", "lattice"}
        What several sensitive features mean.

    Attributes
    ----------
    ranking_ : Ranking
    order_ : ndarray of int64, shape (n,)
        Rows from the first position on.
    positions_ : ndarray of int64, shape (m,)
        Where each row comes, from 1; 0 for rows that are not ranked.

    Examples
    --------
    >>> from equipoise import Ranker
    >>> ranker = Ranker("w >= 1/2", n=4)
    >>> ranker.fit_predict([9, 8, 7, 6, 5], sensitive_features=["m", "m", "m", "w", "w"])
    array([1, 3, 0, 2, 4])
    """

    def __init__(
        self,
        bounds: str | Bound | Iterable[str | Bound] = (),
        *,
        n: int | None = None,
        discount: Discount | ArrayLike = "dcg",
        how: How = "crossed",
    ) -> None:
        self.bounds = bounds
        self.n = n
        self.discount = discount
        self.how = how

    def fit(self, scores: ArrayLike, y: Any = None, *, sensitive_features: Any = None) -> Self:
        """Rank.

        Parameters
        ----------
        scores : array-like, shape (m,) or (m, 1)
            Larger is better.
        y : ignored
        sensitive_features : array-like, mapping, table or Groups
            The groups of each row.

        Returns
        -------
        self

        Raises
        ------
        InfeasibleError
            If no ranking keeps the bounds.
        ValueError
            For input that cannot be ranked.
        """
        values = as_scores(scores)
        self.ranking_: Ranking = rank_items(
            values,
            sensitive_features,
            self.bounds,
            n=self.n,
            discount=self.discount,
            how=self.how,
        )
        self.order_ = self.ranking_.order
        self.positions_ = self.ranking_.positions(len(values))
        return self

    def fit_predict(
        self, scores: ArrayLike, y: Any = None, *, sensitive_features: Any = None
    ) -> NDArray[np.int64]:
        """Rank, and give the position of each row.

        Parameters
        ----------
        scores, y, sensitive_features
            As for `fit`.

        Returns
        -------
        ndarray of int64, shape (m,)
            From 1; 0 for rows that are not ranked.
        """
        return self.fit(scores, y, sensitive_features=sensitive_features).positions_
