"""Counts hold all an audit needs of the rows: they add up, travel, and resample as the rows do."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise import Counts, Groups, audit, gap
from equipoise.rates import RATES, find_rate

a_few = settings(deadline=None, max_examples=50, derandomize=True)


@st.composite
def audited(draw):
    """Rows of (group, label, prediction, loss) among four groups and three classes."""
    row = st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from([0, 1, 7]),
        st.sampled_from([0, 1, 7]),
        st.integers(0, 9),
    )
    return draw(st.lists(row, min_size=1, max_size=40))


def counted(rows, with_loss=False):
    """The counts of a block that knows only the groups and classes it has seen."""
    group, label, prediction, loss = zip(*rows, strict=True)
    classes = sorted({*label, *prediction})
    return Counts.from_block(
        np.searchsorted(classes, label),
        np.searchsorted(classes, prediction),
        Groups.of(list(group)),
        classes,
        np.array(loss, float) if with_loss else None,
    )


def as_rows(counts):
    """How many rows there are of each (group, label, prediction), empty cells left out."""
    return {
        (counts.groups[g], counts.classes[y], counts.classes[p]): n
        for (g, y, p), n in np.ndenumerate(counts.by_group)
        if n
    }


@st.composite
def overlapping(draw):
    """Codes, predictions and memberships of some rows."""
    n = draw(st.integers(1, 25))
    bits = st.lists(st.booleans(), min_size=n * 3, max_size=n * 3)
    codes = st.lists(st.integers(0, 1), min_size=n, max_size=n)
    return (
        np.array(draw(codes)),
        np.array(draw(codes)),
        np.array(draw(bits)).reshape(n, 3),
    )


# ------------------------------------------------------------------------- counting


@a_few
@given(audited())
def test_rows_are_counted_by_group_label_and_prediction(rows):
    expected = {}
    for group, label, prediction, _ in rows:
        key = group, label, prediction
        expected[key] = expected.get(key, 0) + 1
    assert as_rows(counted(rows)) == expected


@a_few
@given(overlapping())
def test_a_row_is_counted_in_each_of_its_groups(case):
    label, prediction, matrix = case
    counts = Counts.from_block(label, prediction, Groups.from_membership(matrix, "abc"), (0, 1))
    expected = np.zeros((3, 2, 2), int)
    for y, p, member in zip(label, prediction, matrix, strict=True):
        expected[member, y, p] += 1
    np.testing.assert_array_equal(counts.by_group, expected)


@a_few
@given(overlapping())
def test_a_row_in_several_groups_or_in_none_is_one_row(case):
    label, prediction, matrix = case
    counts = Counts.from_block(label, prediction, Groups.from_membership(matrix, "abc"), (0, 1))
    assert counts.n_rows == len(label)
    assert counts.accuracy == pytest.approx((label == prediction).mean())


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "uint16", "int32", "uint64", "int64"])
def test_codes_of_any_integer_type_are_counted_alike(dtype):
    rng = np.random.default_rng(0)
    label, prediction = rng.integers(0, 2, (2, 1000))
    groups = Groups.from_codes(rng.integers(0, 200, 1000), [str(i) for i in range(200)])
    expected = Counts.from_block(label, prediction, groups, (0, 1)).table
    found = Counts.from_block(label.astype(dtype), prediction.astype(dtype), groups, (0, 1)).table
    np.testing.assert_array_equal(found, expected)


def test_narrow_codes_of_many_classes_and_groups_do_not_overflow():
    groups = Groups.from_codes(np.array([149], np.uint8), [str(i) for i in range(150)])
    label, prediction = np.array([[119], [118]], np.uint8)
    counts = Counts.from_block(label, prediction, groups, range(120))
    assert counts.table[149, 119, 118] == counts.n_rows == 1


def test_strided_and_read_only_columns_are_counted_as_they_look():
    table = np.random.default_rng(1).integers(0, 2, (50, 3))
    table.flags.writeable = False
    label, prediction, group = table[::-2].T
    counts = Counts.from_block(label, prediction, Groups.from_codes(group, "ab"), (0, 1))
    expected = np.zeros((2, 2, 2), int)
    np.add.at(expected, (group, label, prediction), 1)
    np.testing.assert_array_equal(counts.by_group, expected)


@pytest.mark.parametrize("n", [16_383, 16_384, 16_385, 40_000])
def test_rows_at_the_seams_of_counting_blocks_are_counted_once(n):
    rng = np.random.default_rng(n)
    label, prediction, group = rng.integers(0, 3, (3, n))
    counts = Counts.from_block(label, prediction, Groups.from_codes(group, "abc"), (0, 1, 2))
    expected = np.bincount(group * 9 + label * 3 + prediction, minlength=27).reshape(3, 3, 3)
    np.testing.assert_array_equal(counts.by_group, expected)


def test_a_block_without_rows_has_no_rates_and_no_accuracy():
    nothing = np.array([], int)
    counts = Counts.from_block(nothing, nothing, Groups.from_codes(nothing, "ab"), (0, 1))
    assert counts.n_rows == 0
    assert np.isnan(counts.accuracy)
    assert np.isnan(counts.rates(find_rate("selection"))).all()
    assert np.isnan(counts.resample(find_rate("selection"), 5, np.random.default_rng(0))).all()


@pytest.mark.parametrize(("label", "prediction"), [([0, 2], [0, 1]), ([0, 1], [0, -1])])
def test_a_code_that_is_no_class_is_refused_and_not_counted_as_another(label, prediction):
    groups = Groups.from_codes([0, 1], "ab")
    with pytest.raises(ValueError, match="codes from 0 to 1"):
        Counts.from_block(np.array(label), np.array(prediction), groups, (0, 1))


def test_columns_of_different_lengths_are_refused():
    groups = Groups.from_codes([0, 1], "ab")
    with pytest.raises(ValueError, match="have 2, 3 and 2"):
        Counts.from_block(np.array([0, 1]), np.array([0, 1, 1]), groups, (0, 1))


def test_groups_that_nobody_shares_are_disjoint_and_others_not():
    y = np.array([0, 1])
    apart = Groups.from_membership([[1, 0], [0, 0]], "ab")
    shared = Groups.from_membership([[1, 1], [0, 1]], "ab")
    assert Counts.from_block(y, y, apart, (0, 1)).disjoint
    assert not Counts.from_block(y, y, shared, (0, 1)).disjoint


# -------------------------------------------------------------------------- merging


@a_few
@given(audited(), st.integers(1, 9))
def test_merged_blocks_are_the_counts_of_all_rows_whatever_each_block_has_seen(rows, size):
    merged = counted(rows[:size])
    for start in range(size, len(rows), size):
        merged = merged.merge(counted(rows[start : start + size]))
    assert as_rows(merged) == as_rows(counted(rows))


@a_few
@given(audited(), audited())
def test_merging_does_not_depend_on_the_order(one, two):
    one, two = counted(one), counted(two)
    assert as_rows(one.merge(two)) == as_rows(two.merge(one))


@a_few
@given(audited(), st.integers(1, 20))
def test_merged_losses_are_the_losses_of_all_rows(rows, cut):
    merged = counted(rows[:cut], True)
    if rows[cut:]:
        merged = merged.merge(counted(rows[cut:], True))
    mean = merged.rates(find_rate("loss"))[0]
    by_group = {g: [r[3] for r in rows if r[0] == g] for g in merged.groups}
    assert mean.tolist() == pytest.approx([np.mean(by_group[g]) for g in merged.groups])


@a_few
@given(overlapping(), st.integers(0, 25))
def test_blocks_of_overlapping_groups_merge_by_the_patterns_of_their_rows(case, cut):
    groups = Groups.from_membership(case[2], "abc")
    blocks = [
        Counts.from_block(case[0][part], case[1][part], groups.take(part), (0, 1))
        for part in (np.arange(len(case[0])) < cut, np.arange(len(case[0])) >= cut)
    ]
    merged, whole = blocks[0].merge(blocks[1]), Counts.from_block(*case[:2], groups, (0, 1))

    def by_pattern(counts):
        pairs = zip(counts.patterns.tolist(), counts.table.tolist(), strict=True)
        return {tuple(p): t for p, t in pairs if np.any(t)}

    assert by_pattern(merged) == by_pattern(whole)


@pytest.mark.parametrize("swap", [False, True])
def test_a_block_of_one_class_does_not_change_which_class_is_positive(swap):
    groups = Groups.from_codes([0, 0], "a")
    both = Counts.from_block(np.array([0, 1]), np.array([1, 1]), groups, ("yes", "no"))
    single = Counts.from_block(np.array([0, 0]), np.array([0, 0]), groups, ("no",))
    merged = single.merge(both) if swap else both.merge(single)
    assert merged.classes == ("yes", "no")
    assert merged.rates(find_rate("selection")).item() == 1.0


def test_a_block_with_losses_does_not_merge_with_one_without():
    rows = [("a", 0, 1, 3)]
    with pytest.raises(ValueError, match="only one of the two counts has a loss"):
        counted(rows).merge(counted(rows, True))


# ------------------------------------------------------------------------ travelling


@a_few
@given(audited(), st.booleans())
def test_counts_survive_json(rows, with_loss):
    counts = counted(rows, with_loss)
    again = Counts.from_dict(json.loads(json.dumps(counts.to_dict())))
    assert as_rows(again) == as_rows(counts)
    if with_loss:
        np.testing.assert_array_equal(again.loss, counts.loss)


def test_counts_of_overlapping_groups_survive_json():
    groups = Groups.from_membership([[1, 1], [0, 1], [0, 0]], "ab")
    counts = Counts.from_block(np.array([0, 1, 1]), np.array([1, 1, 0]), groups, (False, True))
    again = Counts.from_dict(json.loads(json.dumps(counts.to_dict())))
    np.testing.assert_array_equal(again.patterns, counts.patterns)
    assert again.patterns.dtype == bool


def test_classes_from_a_numpy_array_survive_json():
    groups = Groups.from_codes([0], "a")
    counts = Counts.from_block(np.array([0]), np.array([1]), groups, np.array([3, 4]))
    assert json.loads(json.dumps(counts.to_dict()))["classes"] == [3, 4]


# --------------------------------------------------------------------------- losses


def test_the_rate_of_losses_is_their_mean_by_group():
    counts = counted([("a", 0, 0, 3), ("a", 0, 1, 5), ("b", 1, 1, 2)], True)
    np.testing.assert_array_equal(counts.rates(find_rate("loss")), [[4.0, 2.0]])


def test_losses_that_were_not_counted_are_asked_for():
    with pytest.raises(ValueError, match="have no losses"):
        counted([("a", 0, 0, 3)]).rates(find_rate("loss"))


def test_resampled_losses_of_a_group_without_rows_are_undefined():
    groups = Groups.from_codes([0, 0], "ab")
    y = np.array([0, 1])
    counts = Counts.from_block(y, y, groups, (0, 1), np.array([1.0, 3.0]))
    drawn = counts.resample(find_rate("loss"), 50, np.random.default_rng(0))
    assert np.isnan(drawn[:, 0]).tolist() == [[False, True]] * 50


# -------------------------------------------------------------------------- bootstrap

DRAWS = 4000


def within_four_errors(found, expected):
    """Compare mean and spread of two samples of one distribution, column by column."""
    error = np.sqrt(found.var(axis=0) / len(found) + expected.var(axis=0) / len(expected))
    assert (abs(found.mean(axis=0) - expected.mean(axis=0)) <= 4 * error + 1e-12).all()
    for column, other in zip(found.T, expected.T, strict=True):
        squares = [(x - x.mean()) ** 2 for x in (column, other)]
        error = np.sqrt(sum(s.var() / len(s) for s in squares))
        assert abs(squares[0].mean() - squares[1].mean()) <= 4 * error + 1e-12


@pytest.mark.parametrize("name", ["selection", "true_positive", "accuracy", "loss"])
@pytest.mark.parametrize("how", ["disjoint", "overlapping"])
def test_resampled_tables_are_distributed_as_resampled_rows(name, how):
    rng = np.random.default_rng(7)
    n = 400
    label, prediction = rng.integers(0, 2, (2, n))
    loss = rng.exponential(size=n)
    member = rng.random((n, 2)) < 0.5
    if how == "disjoint":
        member[:, 1] = ~member[:, 0]
    groups = Groups.from_membership(member, "ab")
    rate = find_rate(name)
    counts = Counts.from_block(label, prediction, groups, (0, 1), loss)
    found = counts.resample(rate, DRAWS, rng)[:, 0]
    expected = np.empty((DRAWS, 2))
    for i in range(DRAWS):
        rows = rng.integers(0, n, n)
        y, p, m = label[rows], prediction[rows], member[rows]
        value, of = {
            "selection": (p, np.ones(n)),
            "true_positive": (p, y),
            "accuracy": (y == p, np.ones(n)),
            "loss": (loss[rows], np.ones(n)),
        }[name]
        expected[i] = ((value * of) @ m) / (of @ m)
    if name == "loss":  # the group's size is held, so only the mean and the order of spread agree
        assert found.std(axis=0) == pytest.approx(expected.std(axis=0), rel=0.1)
    else:
        within_four_errors(found, expected)


def test_the_gap_of_resampled_tables_is_distributed_as_that_of_resampled_rows():
    rng = np.random.default_rng(8)
    n = 150
    group, decision = rng.integers(0, 5, n), rng.integers(0, 2, n)
    counts = Counts.from_block(decision, decision, Groups.from_codes(group, "abcde"), (0, 1))
    found = gap("selection").value(counts.resample(RATES["selection"], DRAWS, rng))
    rows = rng.integers(0, n, (DRAWS, n))
    rates = np.stack(
        [((group[rows] == g) * decision[rows]).sum(1) / (group[rows] == g).sum(1) for g in range(5)]
    )
    within_four_errors(found[:, None], (rates.max(0) - rates.min(0))[:, None])


def test_a_resample_does_not_depend_on_how_many_are_drawn_at_once(monkeypatch):
    counts = counted([("a", 0, 1, 0), ("b", 1, 1, 0), ("b", 7, 0, 0)] * 20)
    rate = RATES["selection"]
    whole = counts.resample(rate, 50, np.random.default_rng(3))
    monkeypatch.setattr("equipoise.audit.weights._CELLS_AT_ONCE", 40)
    np.testing.assert_array_equal(whole, counts.resample(rate, 50, np.random.default_rng(3)))


def test_counts_of_text_and_of_numbers_are_not_merged():
    text = audit(["n", "y"], ["n", "y"], sensitive_features=["a", "b"]).counts
    numbers = audit([0, 1], [0, 1], sensitive_features=["a", "b"]).counts
    with pytest.raises(ValueError, match="write both in the same way"):
        text.merge(numbers)
