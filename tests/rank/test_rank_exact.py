"""The ranking is the best of all that keep the bounds, and refused where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.rank.slow_but_sure import best_of_all, counts_table, keeps, quadratic_greedy

from equipoise import Groups
from equipoise.rank import Bound, InfeasibleError, rank_items

NAMES = ("a", "b", "c", "d")


@st.composite
def problems(draw, senses=(">=", "<="), most=7):
    m = draw(st.integers(1, most))
    n = draw(st.integers(1, m))
    p = draw(st.integers(1, 4))
    codes = np.array(draw(st.lists(st.integers(0, p - 1), min_size=m, max_size=m)))
    scores = np.array(draw(st.lists(st.integers(-4, 6), min_size=m, max_size=m)), float)
    steps = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    discount = np.cumsum(steps[::-1])[::-1].astype(float)
    bounds = draw(st.lists(bounds_of(NAMES[:p], senses, n), max_size=5))
    return scores, codes, NAMES[:p], bounds, discount


@st.composite
def bounds_of(draw, names, senses, n):
    group, sense = draw(st.sampled_from(names)), draw(st.sampled_from(senses))
    kind = draw(st.sampled_from(["share", "first", "counts"]))
    if kind == "share":
        return Bound.of_share(group, sense, draw(st.integers(0, 20)) / 20)
    if kind == "first":
        within = draw(st.integers(1, n))
        return Bound.of_first(group, sense, draw(st.integers(0, within)), within)
    return Bound.of_counts(group, sense, [draw(st.integers(0, k)) for k in range(1, n + 1)])


def _check(scores, codes, names, bounds, discount):
    n = len(discount)
    groups = Groups.from_codes(codes, names)
    membership = groups.matrix().astype(int)
    least, most = counts_table(bounds, names, groups.sizes, n, len(codes))
    wanted = best_of_all(scores, membership, least, most, discount)
    try:
        found = rank_items(scores, groups, bounds, n=n, discount=discount)
    except InfeasibleError as refused:
        assert wanted is None
        k = refused.prefix
        assert best_of_all(scores, membership, least, most, np.zeros(k)) is None
        assert k == 1 or best_of_all(scores, membership, least, most, np.zeros(k - 1)) is not None
        return
    assert wanted is not None
    assert len({*found.order}) == n
    assert keeps(found.order, membership, least, most)
    assert found.exact
    assert found.utility == pytest.approx(wanted)


@given(problems(senses=(">=",)))
@settings(max_examples=60)
def test_with_lower_bounds_it_is_the_best_of_all(problem):
    _check(*problem)


@given(problems(senses=("<=",)))
@settings(max_examples=60)
def test_with_upper_bounds_it_is_the_best_of_all(problem):
    _check(*problem)


@given(problems())
@settings(max_examples=100)
def test_with_both_it_is_the_best_of_all(problem):
    _check(*problem)


def test_who_is_due_later_comes_first_where_that_lets_somebody_better_in():
    # Of "late" nobody may come first, and of "due" one must come in the first two.
    scores, groups = [10.0, 9.0, 0.0, 1000.0], ["free", "free", "due", "late"]
    found = rank_items(
        scores, groups, ["late <= 0 in 1", "due >= 1 in 2"], discount=[1, 1, 0.1, 0.1]
    )
    assert list(found.order) == [2, 3, 0, 1]
    assert found.method == "assignment"


def test_what_one_kind_of_bounds_alone_cannot_exceed_is_proved_without_an_assignment():
    random = np.random.default_rng(0)
    codes = random.integers(0, 3, 9000)
    groups = Groups.from_codes(codes, ["a", "b", "c"])
    found = rank_items(random.normal(size=9000), groups, ["a >= 0.2", "b <= 0.9"])
    assert (found.method, found.limit) == ("deadlines", None)


def test_where_it_is_too_large_to_prove_what_none_exceeds_is_said(monkeypatch):
    monkeypatch.setattr("equipoise.rank.disjoint.LARGEST", 3)
    found = rank_items(
        [10.0, 9.0, 0.0, 1000.0],
        ["free", "free", "due", "late"],
        ["late <= 0 in 1", "due >= 1 in 2"],
        discount=[1, 1, 0.1, 0.1],
    )
    assert not found.exact
    assert found.utility < 1001 <= found.limit


@pytest.mark.parametrize("seed", range(30))
def test_it_is_what_the_quadratic_rule_finds(seed):
    random = np.random.default_rng(seed)
    m, p = 30, int(random.integers(2, 5))
    codes, scores = random.integers(0, p, m), np.round(random.normal(size=m), 1)
    groups = Groups.from_codes(codes, NAMES[:p])
    shares = 0.9 * random.dirichlet(np.ones(p))
    bounds = [Bound.of_share(g, ">=", s) for g, s in zip(NAMES, shares, strict=False)]
    least, _ = counts_table(bounds, NAMES[:p], groups.sizes, 20, m)
    try:
        found = rank_items(scores, groups, bounds, n=20)
    except InfeasibleError:
        assert (least.sum(axis=1) > np.arange(21)).any() or (least[-1] > groups.sizes).any()
        return
    assert list(found.order) == quadratic_greedy(scores, codes, least, 20)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_the_closed_form_for_one_group_is_the_general_rule(seed):
    random = np.random.default_rng(seed)
    m = int(random.integers(2, 60))
    codes = random.integers(0, 2, m)
    scores = random.integers(0, 9, m) + 5.0 * (codes == 0)
    groups = Groups.from_codes(codes, ["others", "women"])
    bound = Bound.of_share("women", ">=", float(random.random()))
    closed = rank_items(scores, groups, bound)
    # A bound of the others that asks for nobody new makes the general rule be used.
    size = int((codes == 0).sum())
    general = rank_items(scores, groups, [bound, Bound.of_first("others", ">=", size, m)])
    assert closed.method in ("closed form", "sort")
    assert list(closed.order) == list(general.order)


def test_without_bounds_it_sorts_and_equals_keep_their_order_whatever_their_group():
    found = rank_items([1, 2, 2, 3, 2], ["b", "b", "a", "a", "b"])
    assert list(found.order) == [3, 1, 2, 4, 0]
    assert found.lost == 0


def test_ties_are_kept_in_order_where_scores_differ_by_the_last_bit():
    scores = 1 + 2.0**-52 * np.array([1, 0, 1, 2, 0])
    assert list(rank_items(scores).order) == [3, 0, 2, 1, 4]


def test_one_protected_group_with_a_share_of_half_alternates():
    found = rank_items([9, 8, 7, 6, 5, 4], ["m", "m", "m", "w", "m", "w"], "w >= 1/2")
    assert list(found.order) == [0, 3, 1, 5, 2, 4]


@pytest.mark.parametrize(
    ("bounds", "n", "prefix", "groups"),
    [
        (["a >= 2 in 3", "b >= 2 in 3"], 6, 3, ("a", "b")),
        (["c >= 3 in 4"], 6, 4, ("c",)),
        (["a >= 3 in 5", "a <= 2 in 5"], 6, 5, ("a",)),
        (["a <= 1 in 4", "b <= 1 in 4", "c <= 1 in 4"], 6, 4, ("a", "b", "c")),
        (["a <= 0 in 2", "a >= 2 in 3", "b >= 1 in 1"], 6, 3, ("a",)),
        (["a <= 0 in 2", "b <= 0 in 2", "a >= 1 in 3", "b >= 1 in 3"], 6, 3, ("a", "b")),
    ],
)
def test_bounds_that_nobody_can_keep_are_refused_with_prefix_and_groups(bounds, n, prefix, groups):
    with pytest.raises(InfeasibleError, match=f"first {prefix} places") as refused:
        rank_items(np.arange(7.0), ["a", "a", "a", "b", "b", "c", "c"], bounds, n=n)
    assert refused.value.prefix == prefix
    assert refused.value.groups == groups


@given(problems(), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_neither_the_order_of_groups_nor_one_bound_less_costs_anything(problem, random):
    scores, codes, names, bounds, discount = problem
    n, order = len(discount), list(range(len(names)))
    try:
        found = rank_items(scores, Groups.from_codes(codes, names), bounds, n=n, discount=discount)
    except InfeasibleError:
        return
    random.shuffle(order)
    renamed = Groups.from_codes(np.argsort(order)[codes], [names[g] for g in order])
    again = rank_items(scores, renamed, bounds, n=n, discount=discount)
    assert again.utility == pytest.approx(found.utility)
    fewer = rank_items(scores, renamed, bounds[1:], n=n, discount=discount)
    assert fewer.utility >= found.utility - 1e-9
    assert found.utility <= found.best_utility + 1e-9


@given(problems(senses=(">=",)), st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=50)
def test_with_lower_bounds_neither_discount_nor_scale_nor_origin_of_scores_matters(
    problem, scale, origin
):
    scores, codes, names, bounds, discount = problem
    groups, n = Groups.from_codes(codes, names), len(discount)
    try:
        found = rank_items(scores, groups, bounds, n=n, discount=discount)
    except InfeasibleError:
        return
    moved = rank_items(scale * scores + origin, groups, bounds, n=n)
    assert list(moved.order) == list(found.order)
