"""Rankings of what is observed, judged by what is latent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.groups import Groups, How
from equipoise.rank.bounds import Bound
from equipoise.rank.candidates import as_scores, best_first
from equipoise.rank.exposure import as_order
from equipoise.rank.ranking import Ranking


@dataclass(frozen=True)
class LatentAudit:
    """What a ranking is worth in latent utility.

    Attributes
    ----------
    constrained : float
        Discounted sum of latent utilities of the ranking under bounds (the paper's Cons).
    unconstrained : float
        Of the ranking by the scores alone (Uncons).
    best : float
        Of the ranking by the latent utilities (Opt).
    """

    constrained: float
    unconstrained: float
    best: float

    @property
    def kept(self) -> float:
        """The share of the best that the ranking under bounds has; NaN if that is not positive."""
        return self._share(self.constrained)

    @property
    def kept_unconstrained(self) -> float:
        """The share that the ranking by the scores alone has, likewise."""
        return self._share(self.unconstrained)

    def _share(self, utility: float) -> float:
        return utility / self.best if self.best > 0 else np.nan


def audit_latent(ranking: Ranking, utility: ArrayLike) -> LatentAudit:
    """Judge a ranking by latent utilities, which it has not seen.

    Parameters
    ----------
    ranking : Ranking
    utility : array-like, shape (m,)
        Of all rows that could be ranked.

    Returns
    -------
    LatentAudit

    Raises
    ------
    ValueError
        If there are fewer utilities than rows ranked, or they are no finite numbers.
    """
    latent = as_scores(utility, "utility")
    if ranking.order.max() >= len(latent):
        raise ValueError(
            f"utility has {len(latent):,} values, but row {ranking.order.max()} is ranked; give "
            "one for each row that could be ranked."
        )
    worth = ranking.discount
    best = best_first(latent)[: len(worth)]
    of = [float(worth @ latent[rows]) for rows in (ranking.order, ranking.by_score, best)]
    return LatentAudit(*of)


def bounds_of(order: ArrayLike, sensitive_features: Any, *, how: How = "crossed") -> list[Bound]:
    """The counts of each group in each prefix of a ranking, as lower bounds.

    If the ranking is the best by latent utility and groups are disjoint, the best one by observed
    utility under these bounds has the same latent utility, whatever the multiplicative bias of
    each group: bounds say which group has each position, and bias keeps the order within a group
    (Celis, Mehrotra, Vishnoi 2020, section 3).

    Parameters
    ----------
    order : array-like of int, shape (n,)
        Rows from the first position on.
    sensitive_features : array-like, mapping, table or Groups
        Of all rows.
    how : {"crossed", "each", "lattice"}

    Returns
    -------
    list of Bound

    Raises
    ------
    ValueError
        If rows are ranked twice or are not there.
    """
    groups = Groups.of(sensitive_features, how)
    rows = as_order(order, groups.n_rows)
    counts = np.cumsum(groups.take(rows).matrix(), axis=0)
    return [
        Bound.of_counts(name, ">=", counts[:, g])
        for g, name in enumerate(groups.names)
        if counts[-1, g]
    ]
