"""Groups that overlap: the best of all rankings, or what is known of an approximation."""

from __future__ import annotations

import numpy as np
import pytest
from tests.rank.slow_but_sure import best_of_all, counts_table, keeps

from equipoise import Groups
from equipoise.rank import Bound, InfeasibleError, rank_items

NAMES = ["x", "y", "z"]


def _problem(seed, most=6):
    random = np.random.default_rng(seed)
    m, g = int(random.integers(3, most + 1)), int(random.integers(2, 4))
    n = int(random.integers(1, m + 1))
    membership = random.random((m, g)) < 0.5
    scores, discount = random.normal(size=m), np.sort(random.random(n))[::-1]
    bounds = [
        Bound.of_share(name, sense, round(random.random() * (0.6 if sense == ">=" else 1), 2))
        for name in NAMES[:g]
        for sense in (">=", "<=")
        if random.random() < 0.5
    ]
    return scores, membership, NAMES[:g], bounds, discount


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_best_of_all_rankings(seed):
    scores, membership, names, bounds, discount = _problem(seed)
    groups = Groups.from_membership(membership, names)
    least, most = counts_table(bounds, names, groups.sizes, len(discount), len(scores))
    whole = membership.astype(int)
    wanted = best_of_all(scores, whole, least, most, discount)
    try:
        found = rank_items(scores, groups, bounds, n=len(discount), discount=discount)
    except InfeasibleError as refused:
        assert wanted is None
        k = refused.prefix
        assert best_of_all(scores, whole, least, most, np.zeros(k)) is None
        assert k == 1 or best_of_all(scores, whole, least, most, np.zeros(k - 1)) is not None
        return
    assert found.exact
    assert keeps(found.order, whole, least, most)
    assert found.utility == pytest.approx(wanted)


def _cramped():
    # Found by search: dividing positions is better than whole ones.
    random = np.random.default_rng(11)
    membership = random.random((60, 3)) < 0.35
    scores = random.normal(size=60) - 0.5 * membership.sum(axis=1)
    return scores, Groups.from_membership(membership, NAMES), [f"{g} >= 0.45" for g in NAMES]


def test_what_rounding_loses_or_breaks_is_said(monkeypatch):
    scores, groups, bounds = _cramped()
    exact = rank_items(scores, groups, bounds, n=25)
    assert exact.method == "integer program"
    monkeypatch.setattr("equipoise.rank.overlapping.LARGEST_WHOLE", 0)
    rounded = rank_items(scores, groups, bounds, n=25)
    assert rounded.method == "linear program, rounded"
    assert not rounded.exact
    assert rounded.limit >= exact.utility - 1e-9
    assert not rounded.shortfall
    assert rounded.utility <= exact.utility
    monkeypatch.setattr("equipoise.rank.overlapping._MENDINGS", 0)
    broken = rank_items(scores, groups, bounds, n=25)
    counts = np.cumsum(groups.matrix()[broken.order], axis=0)
    lacking = np.floor(0.45 * np.arange(1, 26) + 1e-9)[:, None] - counts
    assert broken.shortfall == {
        name: by for name, by in zip(NAMES, lacking.max(axis=0), strict=True) if by > 0
    }
    assert broken.shortfall


def test_groups_to_blame_are_the_fewest():
    membership = np.array([[1, 0, 1], [1, 0, 0], [0, 1, 1], [0, 0, 1]], bool)
    with pytest.raises(InfeasibleError) as refused:
        rank_items(
            [4, 3, 2, 1],
            Groups.from_membership(membership, NAMES),
            ["x >= 2 in 2", "y >= 1 in 2", "z >= 1 in 2"],
        )
    assert (refused.value.prefix, refused.value.groups) == (2, ("x", "y"))


def test_too_many_positions_are_refused_with_a_cure(monkeypatch):
    monkeypatch.setattr("equipoise.rank.overlapping.LARGEST", 10)
    scores, groups, bounds = _cramped()
    with pytest.raises(ValueError, match="how='crossed'"):
        rank_items(scores, groups, bounds, n=25)


def test_without_bounds_nothing_is_solved():
    scores, groups, _ = _cramped()
    assert rank_items(scores, groups).method == "sort"


def test_pairs_of_a_million_rows_are_counted_without_a_list_of_them():
    # 10^6 rows in four cells at 10^6 positions: 4 * (250,000 * 10^6 - 250,000 * 249,999 / 2).
    row = np.arange(1_000_000)
    groups = Groups.from_membership(np.stack([row % 2 == 0, row % 4 < 2], axis=1), ["x", "y"])
    with pytest.raises(ValueError, match="875,000,500,000 pairs"):
        rank_items(row / 1e6, groups, "x >= 0.5")
