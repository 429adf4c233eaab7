"""The best ranking under bounds of every prefix, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.groups import Groups, How
from equipoise.rank.bounds import Bound, parse_bounds
from equipoise.rank.candidates import Candidates, as_scores
from equipoise.rank.discounts import Discount, discounts
from equipoise.rank.disjoint import Placed, place
from equipoise.rank.expected import ExpectedGroups
from equipoise.rank.overlapping import limits_of, place_overlapping
from equipoise.rank.windows import Windows
from equipoise.shares import find_group

Array = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ranking:
    """A ranking, and what it costs.

    Attributes
    ----------
    order : ndarray of int64, shape (n,)
        Rows from the first position on.
    by_score : ndarray of int64, shape (n,)
        The same without bounds.
    discount : ndarray, shape (n,)
    utility : float
        Discounted sum of the scores.
    best_utility : float
        The same without bounds.
    bounds : tuple of Bound
    method : str
        How it was found: ``"sort"``, ``"closed form"``, ``"deadlines"``, ``"assignment"``,
        ``"integer program"``; or how it was approximated.
    limit : float or None
        None where no ranking that keeps the bounds is better. Otherwise what none exceeds.
    shortfall : dict of (str, int)
        By how many people a bound is broken in the prefix where it is broken most; only groups
        that overlap, in rankings too large for an integer program, have some.
    """

    order: Rows
    by_score: Rows
    discount: Array
    utility: float
    best_utility: float
    bounds: tuple[Bound, ...]
    method: str
    limit: float | None
    shortfall: dict[str, int]

    @property
    def exact(self) -> bool:
        """Whether it is known that no ranking that keeps the bounds has a larger utility."""
        return self.limit is None

    @property
    def lost(self) -> float:
        """The share of the utility without bounds that they cost."""
        if not self.best_utility:
            return 0.0
        return (self.best_utility - self.utility) / abs(self.best_utility)

    def positions(self, n_rows: int) -> Rows:
        """Where each row comes.

        Parameters
        ----------
        n_rows : int

        Returns
        -------
        ndarray of int64, shape (n_rows,)
            From 1; 0 for rows that are not ranked.
        """
        places = np.zeros(n_rows, np.int64)
        places[self.order] = np.arange(1, len(self.order) + 1)
        return places


def rank_items(
    scores: ArrayLike,
    sensitive_features: Any = None,
    bounds: str | Bound | Iterable[str | Bound] = (),
    *,
    n: int | None = None,
    discount: Discount | ArrayLike = "dcg",
    how: How = "crossed",
) -> Ranking:
    """Rank items by score as well as bounds on the groups in every prefix allow.

    Celis, Mehrotra and Vishnoi, "Interventions for ranking in the presence of implicit bias" (FAT*
    2020, arXiv 2001.08767): the ranking maximises the discounted sum of the scores given, subject
    to the bounds, and serves better than the one without them where the scores of a group are too
    low.

    Parameters
    ----------
    scores : array-like, shape (m,)
        Larger is better; of equal ones the first row comes first, whatever its group.
    sensitive_features : array-like, mapping, table, Groups or ExpectedGroups, optional
        The groups of each row, as :meth:`equipoise.Groups.of` takes them; or how probably each
        row is in each, and bounds are of expected counts.
    bounds : str or Bound, or several
        Such as ``"women >= 0.3"``, ``"women <= 0.6"``, ``"women >= 3 in 10"``; see
        :class:`equipoise.rank.Bound`.
    n : int, optional
        Positions to fill; by default all are ranked.
    discount : {"dcg", "reciprocal", "geometric", "none"} or array-like
        What positions are worth, nowhere increasing. With lower bounds alone of disjoint groups the
        ranking is the same for all.
    how : {"crossed", "each", "lattice"}
        What several sensitive features mean: groups of ``"each"`` and ``"lattice"`` overlap.

    Returns
    -------
    Ranking

    Raises
    ------
    InfeasibleError
        If no ranking keeps the bounds; it names the first prefix and the groups.
    ValueError
        For scores, groups, bounds or discounts that cannot be used.

    Examples
    --------
    >>> from equipoise.rank import rank_items
    >>> scores = [9, 8, 7, 6, 5, 4]
    >>> group = ["m", "m", "m", "w", "m", "w"]
    >>> rank_items(scores, group, "w >= 1/2").order
    array([0, 3, 1, 5, 2, 4])
    """
    values = as_scores(scores)
    if not np.isfinite(float(np.abs(values).max()) * len(values)):
        raise ValueError(
            "scores are so large that their sum is not finite: divide them by a number first."
        )
    m = len(values)
    n = _positions(n, m)
    asked = parse_bounds(bounds)
    worth = discounts(discount, n)
    groups = _groups(sensitive_features, asked, m, how)
    for bound in asked:
        find_group(bound, groups.names)
        _require_within(bound, n)
    codes, patterns = groups.patterns()
    candidates = Candidates.of(values, codes, len(patterns))
    disjoint = isinstance(groups, Groups) and groups.disjoint
    if disjoint or not asked:
        names = groups.names if disjoint else [str(cell) for cell in range(len(patterns))]
        windows = Windows.of(asked, names, candidates.sizes, n)
        windows.check()
        return _ranking(candidates, worth, asked, place(candidates, windows, worth), {})
    limits = limits_of(asked, groups.names, patterns, candidates.sizes, n)
    found = place_overlapping(candidates, limits, worth)
    return _ranking(candidates, worth, asked, found.placed, found.shortfall)


def _ranking(
    candidates: Candidates,
    worth: Array,
    bounds: tuple[Bound, ...],
    placed: Placed,
    shortfall: dict[str, int],
) -> Ranking:
    n = len(worth)
    order, by_score = candidates.order[placed.ranks], candidates.order[:n]
    return Ranking(
        order,
        by_score,
        worth,
        float(worth @ candidates.scores[order]),
        float(worth @ candidates.scores[by_score]),
        bounds,
        placed.method,
        placed.bound,
        shortfall,
    )


def _require_within(bound: Bound, n: int) -> None:
    # Counts of many prefixes may go on behind the end; one of which all are there asks nothing.
    first = min((k for k, _ in bound.counts), default=0)
    if first > n:
        raise ValueError(
            f"the bound '{bound}' counts in the first {first:,} positions, but {n:,} are filled: "
            "count it in a shorter prefix, or rank more."
        )


def _positions(n: Any, m: int) -> int:
    if n is None:
        return m
    whole = isinstance(n, int | np.integer) or (isinstance(n, float) and n.is_integer())
    if isinstance(n, bool) or not whole or not 1 <= n <= m:
        raise ValueError(f"n must be a whole number of positions from 1 to {m:,}, not {n!r}.")
    return int(n)


def _groups(
    sensitive_features: Any, bounds: Sequence[Bound], m: int, how: How
) -> Groups | ExpectedGroups:
    if sensitive_features is None:
        if bounds:
            raise ValueError(
                f"sensitive_features are needed to keep '{bounds[0]}': say who is in which group."
            )
        return Groups(["everybody"], codes=np.zeros(m, np.int64))
    groups: Groups | ExpectedGroups = (
        sensitive_features
        if isinstance(sensitive_features, ExpectedGroups)
        else Groups.of(sensitive_features, how)
    )
    if groups.n_rows != m:
        raise ValueError(
            f"sensitive_features have {groups.n_rows:,} rows and scores {m:,}; they must be of "
            "the same rows."
        )
    return groups
