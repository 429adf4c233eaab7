"""Strata in batches: no rate rests on too few rows, and every mean stays unbiased."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise import Constraint, Groups
from equipoise.learn.order import Order
from equipoise.learn.strata import StratifiedOrder, choose_shares, fewest_rows, spread_rows

SELECTION = Constraint.parse('gap("selection") <= 0.05')
RATES = ("selection", "true_positive", "equalized_odds", "predictive_value", "loss")


def disjoint(codes, g=None):
    g = int(np.max(codes)) + 1 if g is None else g
    return Groups.from_codes(codes, [f"group {i}" for i in range(g)])


def table(random, n, g, k, overlapping=False):
    """Groups of very different sizes, and labels."""
    label = random.choice(k, n, p=random.dirichlet(np.ones(k)))
    share = random.dirichlet(np.full(g, 0.4))
    if overlapping:
        member = random.random((n, g)) < share
        return Groups.from_membership(member, [f"group {i}" for i in range(g)]), label
    return disjoint(random.choice(g, n, p=share), g), label


def supports(groups, label, k, rate):
    """For each component and group, which rows its rate may be a share of: by its definition."""
    member = groups.matrix() > 0
    classes = range(k) if k > 2 else [1]
    of_label = {
        "true_positive": [label == c for c in classes],
        "equalized_odds": [label == c for c in classes] + [label != c for c in classes],
    }.get(rate, [np.ones(len(label), bool)])
    return [rows & member[:, g] for rows in of_label for g in range(len(groups))]


def rows_in_a_batch(chosen, batch_size, rows):
    """How many of some rows are in a batch, in the mean."""
    strata, shares = chosen
    each = shares[strata] / np.bincount(strata)[strata]  # of a batch, by row
    return batch_size * each[rows].sum()


def importance(chosen):
    return StratifiedOrder(*chosen, 1, [0]).importance


def stream(order, batches):
    return np.stack([order.next_batch().numpy() for _ in range(batches)], axis=1)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 10**6),
    st.integers(2, 12),
    st.integers(2, 4),
    st.sampled_from(RATES),
    st.booleans(),
    st.integers(20, 600),
)
def test_every_rate_rests_on_sixteen_rows_or_importance_is_at_its_cap(
    seed, g, k, rate, overlapping, batch_size
):
    groups, label = table(np.random.default_rng(seed), 800, g, k, overlapping)
    chosen = choose_shares(
        groups, label, k, [Constraint.parse(f'gap("{rate}") <= 0.05')], batch_size
    )
    present = [rows for rows in supports(groups, label, k, rate) if rows.any()]
    at_random = [batch_size * rows.mean() for rows in present]
    if min(at_random, default=np.inf) > 16 - 1e-6:
        assert chosen is None
        return
    assert chosen[1].sum() == pytest.approx(1, abs=1e-12)
    assert (chosen[1] > 0).all()
    most = importance(chosen).max()
    assert most <= 2 + 1e-9
    got = [rows_in_a_batch(chosen, batch_size, rows) for rows in present]
    if min(got) < 16 - 1e-6 and most < 2 - 1e-6:
        # Then there is nothing to take from: every row serves something that is rare.
        rare = [rows for rows, before in zip(present, at_random, strict=True) if before < 32]
        assert np.any(rare, axis=0).all()
    for rows, before in zip(got, at_random, strict=True):
        assert rows >= before / 2 - 1e-9


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 10**6),
    st.integers(2, 12),
    st.integers(2, 4),
    st.sampled_from(RATES),
    st.booleans(),
    st.integers(2, 300),
)
def test_the_rarest_rate_rests_on_as_many_rows_as_a_batch_has_of_it(
    seed, g, k, rate, overlapping, batch_size
):
    groups, label = table(np.random.default_rng(seed), 400, g, k, overlapping)
    promises = [Constraint.parse(f'gap("{rate}") <= 0.1')]
    chosen = choose_shares(groups, label, k, promises, batch_size)
    if chosen is None:
        counts, weights = (
            [rows.mean() * batch_size for rows in supports(groups, label, k, rate)],
            None,
        )
    else:
        rests = supports(groups, label, k, rate)
        counts, weights = (
            [rows_in_a_batch(chosen, batch_size, r) for r in rests],
            importance(chosen),
        )
    expected = min((n for n in counts if n > 0), default=np.inf)
    got = fewest_rows(groups, label, k, promises, batch_size, weights)
    assert got == pytest.approx(expected, rel=1e-9)


def test_shares_of_three_groups_are_those_of_the_closed_form():
    # With w asked for, boosted shares are .9, w / 100 and w / 100. After division by their sum the
    # rare groups have 16 rows in 100 if w = 16 (.9 + .02 w).
    w = 16 * 0.9 / (1 - 16 * 0.02)
    groups = disjoint(np.repeat([0, 1, 2], [900, 80, 20]))
    label = np.zeros(1000, np.int64)
    strata, shares = choose_shares(groups, label, 2, [SELECTION], 100)
    np.testing.assert_array_equal(strata, groups.codes)
    np.testing.assert_allclose(shares, [0.68, 0.16, 0.16], rtol=1e-9)
    np.testing.assert_allclose(
        importance((strata, shares))[[0, 900, 980]], [0.9 + 0.02 * w, 0.5, 0.125], rtol=1e-9
    )


def test_so_many_rare_groups_share_alike_what_the_cap_lets():
    # 200 groups of 5 rows and one of 1,000: in a batch of 100 there are not 16 rows for each.
    groups = disjoint(np.concatenate([np.zeros(1000, int), np.repeat(np.arange(1, 201), 5)]))
    label = np.arange(2000) % 2
    chosen = choose_shares(groups, label, 2, [SELECTION], 100)
    assert importance(chosen).max() == pytest.approx(2, rel=1e-9)
    rare = [rows_in_a_batch(chosen, 100, groups.codes == g) for g in range(1, 201)]
    np.testing.assert_allclose(rare, rare[0], rtol=1e-9)
    assert rare[0] == pytest.approx((100 - 25) / 200)  # the large one keeps half of its 50


@pytest.mark.parametrize("n", [50, 977, 3001])
@pytest.mark.parametrize("g", [2, 3, 7])
def test_where_every_group_is_large_batches_are_drawn_at_random(n, g):
    codes = np.arange(n) % g
    for k in (2, 3):
        assert choose_shares(disjoint(codes), np.arange(n) % k, k, [SELECTION], 10**6) is None


def test_labels_that_a_rate_does_not_rest_on_are_not_drawn_more_often():
    group = np.repeat([0, 1], [960, 40])
    label = np.arange(1000) % 2
    promise = Constraint.parse('gap("true_positive") <= 0.05')
    counts = importance(choose_shares(disjoint(group), label, 2, [promise], 200))
    rare_positive = (group == 1) & (label == 1)
    assert len(np.unique(counts[~rare_positive])) == 1
    assert counts[rare_positive].max() < 1 < counts[~rare_positive].min()


def test_of_several_promises_the_one_that_needs_most_rows_decides():
    group, label = np.repeat([0, 1], [950, 50]), np.tile([0, 0, 0, 0, 1], 200)
    rates = ("selection", "true_positive")
    promises = [Constraint.parse(f'gap("{rate}") <= 0.05') for rate in rates]
    chosen = choose_shares(disjoint(group), label, 2, promises, 200)
    for rate in rates:
        for rows in supports(disjoint(group), label, 2, rate):
            assert rows_in_a_batch(chosen, 200, rows) >= 16 - 1e-9
    assert rows_in_a_batch(chosen, 200, (group == 1) & (label == 1)) == pytest.approx(16)


def test_a_rare_group_among_overlapping_ones_is_drawn_in_all_its_patterns():
    random = np.random.default_rng(2)
    member = random.random((2000, 4)) < [0.5, 0.4, 0.6, 0.01]
    groups = Groups.from_membership(member, list("abcd"))
    chosen = choose_shares(groups, random.integers(0, 2, 2000), 2, [SELECTION], 300)
    assert rows_in_a_batch(chosen, 300, member[:, 3]) == pytest.approx(16)
    counts = importance(chosen)
    assert len(np.unique(counts[member[:, 3]].round(12))) == 1
    assert counts[member[:, 3]].max() < 1 < counts[~member[:, 3]].min()


class Offsets(np.random.Generator):
    """Draws the offsets of systematic sampling that it is told to."""

    def __init__(self, offsets):
        super().__init__(np.random.PCG64(0))
        self.offsets = offsets

    def random(self, size):
        return np.resize(self.offsets, size)


@pytest.mark.parametrize("batch_size", [1, 7, 40, 300])
def test_weighted_means_are_unbiased_by_enumeration_of_the_offset(batch_size, monkeypatch):
    random = np.random.default_rng(0)
    sizes = np.array([1, 2, 30, 5, 60, 1, 101])
    strata = random.permutation(np.repeat(np.arange(7), sizes))
    shares = random.dirichlet(np.ones(7))
    # The counts of the strata change where a boundary, moved by the offset, is a whole number.
    changes = np.sort(1 - np.modf(np.cumsum(shares[:-1]) * batch_size)[0])
    edges = np.concatenate([[0.0], changes, [1.0]])
    offsets, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    monkeypatch.setattr("numpy.random.default_rng", lambda _: Offsets(offsets))
    order = StratifiedOrder(strata, shares, batch_size, [0])
    expected = np.zeros(7)
    for batch, width in zip(stream(order, len(offsets))[0], widths, strict=True):
        expected += width * np.bincount(strata[batch], order.importance[batch], 7) / batch_size
    np.testing.assert_allclose(expected, sizes / 200, rtol=1e-12)


def test_rows_of_a_stratum_have_equal_chances():
    random = np.random.default_rng(1)
    strata = np.repeat([0, 1, 2], [90, 9, 1])
    order = StratifiedOrder(strata, np.array([0.6, 0.3, 0.1]), 10, range(40))
    value = random.normal(size=100) + 3 * strata
    drawn = stream(order, 500)
    means = (order.importance * value)[drawn].mean(-1).mean(1)  # of independent streams
    error = means.std(ddof=1) / np.sqrt(40)
    assert abs(means.mean() - value.mean()) < 4 * error
    assert error < 0.01


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 90))
def test_the_rows_of_a_stratum_are_seen_in_turn_and_in_number_as_their_share(seed, s, batch_size):
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 9, s)  # some of one row, and a batch may be larger than the table
    strata, shares = (
        random.permutation(np.repeat(np.arange(s), sizes)),
        random.dirichlet(np.ones(s)),
    )
    drawn = stream(StratifiedOrder(strata, shares, batch_size, [seed]), 70)[0]
    assert drawn.shape == (70, batch_size)
    for i, size in enumerate(sizes):
        counts = (strata[drawn] == i).sum(1)
        assert (abs(counts - shares[i] * batch_size) < 1).all()
        seen = drawn[strata[drawn] == i]
        whole = seen[: len(seen) // size * size].reshape(-1, size)
        assert (np.sort(whole, axis=1) == np.flatnonzero(strata == i)).all()
        rest = seen[len(whole) * size :]
        assert len(np.unique(rest)) == len(rest)


def test_an_offset_that_rounds_up_to_one_makes_no_batch_larger(monkeypatch):
    monkeypatch.setattr("numpy.random.default_rng", lambda _: Offsets(1 - 2.0**-53))
    order = StratifiedOrder(np.repeat([0, 1], 50), np.array([0.3, 0.7]), 512, [0])
    assert order.next_batch().shape == (1, 512)


def hundreds_of_strata(seeds=(0,)):
    random = np.random.default_rng(4)
    codes = np.concatenate([np.arange(400), random.choice(400, 5000)])
    groups, label = disjoint(codes), random.integers(0, 2, 5400)
    chosen = choose_shares(groups, label, 2, [SELECTION], 256)
    return chosen, StratifiedOrder(*chosen, 256, seeds)


def test_hundreds_of_strata_with_less_than_a_row_each_are_all_seen():
    (strata, shares), order = hundreds_of_strata()
    assert 256 * shares.max() < 1
    drawn = stream(order, 64)[0]
    counts = np.bincount(strata[drawn.ravel()], minlength=len(shares))
    assert (counts > 0).all()
    assert order.importance.max() <= 2


def orders(seeds):
    strata = np.repeat([0, 1, 2], [60, 9, 1])
    return {
        "random": Order(70, 13, seeds),
        "stratified": StratifiedOrder(strata, np.array([0.5, 0.4, 0.1]), 13, seeds),
    }


@pytest.mark.parametrize("kind", ["random", "stratified"])
def test_a_replicates_stream_depends_on_its_own_seed_alone(kind):
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    stacked = stream(orders([4, 9, 1])[kind], 100)
    np.testing.assert_array_equal(stacked[1:2], stream(orders([9])[kind], 100))
    assert (stacked[0] != stacked[1]).any()
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


@pytest.mark.parametrize("kind", ["random", "stratified"])
@pytest.mark.parametrize("after", [0, 1, 63, 64, 70])
def test_a_stream_goes_on_bit_for_bit_from_a_file_without_pickled_code(after, kind):
    order = orders([4, 9])[kind]
    stream(order, after) if after else None
    file = io.BytesIO()
    torch.save(order.state_dict(), file)
    live = order.state_dict()
    expected = stream(order, 150)
    file.seek(0)
    for state in (torch.load(file, weights_only=True), live):
        resumed = orders([0, 1])[kind]
        resumed.load_state_dict(state)
        np.testing.assert_array_equal(stream(resumed, 150), expected)


def test_the_state_of_other_strata_or_replicates_is_refused():
    state = orders([4, 9])["stratified"].state_dict()
    strata, shares = np.repeat([0, 1, 2], [60, 9, 1]), np.array([0.5, 0.4, 0.1])
    for other in (
        StratifiedOrder(strata, shares, 13, [4]),
        StratifiedOrder(strata, shares, 12, [4, 9]),
        StratifiedOrder(np.minimum(strata, 1), np.array([0.5, 0.5]), 13, [4, 9]),
    ):
        expected = stream(copy_of(other), 5)
        with pytest.raises(ValueError, match=r"\(2, 3, 13\), but \("):
            other.load_state_dict(state)
        np.testing.assert_array_equal(stream(other, 5), expected)


def copy_of(order):
    twin = StratifiedOrder.__new__(StratifiedOrder)
    twin.__dict__.update(order.__dict__)
    twin._streams = [type(s)(s._rows, 0) for s in order._streams]
    twin.load_state_dict(order.state_dict())
    return twin


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(1, 60), min_size=1, max_size=12),
    st.integers(1, 200),
    st.integers(0, 10**6),
)
def test_rows_are_spread_over_strata_the_small_ones_whole(sizes, at_most, seed):
    n = sum(sizes)
    stratum = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)) * 7, sizes))
    rows, counts = spread_rows(stratum, at_most)
    assert len(np.unique(rows)) == len(rows) == len(counts)
    assert len(rows) <= max(at_most, len(sizes))
    if n <= at_most:
        np.testing.assert_array_equal(rows, np.arange(n))
        assert (counts == 1).all()
        return
    taken = np.array([(stratum[rows] == 7 * i).sum() for i in range(len(sizes))])
    quota = taken.max()
    np.testing.assert_array_equal(taken, np.minimum(sizes, quota))
    assert np.minimum(sizes, quota + 1).sum() > at_most  # no more would have fitted
    assert counts.mean() == pytest.approx(1)
    share = [counts[stratum[rows] == 7 * i].sum() / counts.sum() for i in range(len(sizes))]
    np.testing.assert_allclose(share, np.array(sizes) / n, rtol=1e-12)
    for i in range(len(sizes)):
        places = np.searchsorted(np.flatnonzero(stratum == 7 * i), rows[stratum[rows] == 7 * i])
        assert np.ptp(np.diff(places)) <= 1 if len(places) > 2 else places[0] == 0


def test_of_more_strata_than_rows_asked_for_there_is_one_row_each():
    rows, counts = spread_rows(np.repeat(np.arange(30), 2), 10)
    np.testing.assert_array_equal(rows, 2 * np.arange(30))
    np.testing.assert_allclose(counts, 1)
