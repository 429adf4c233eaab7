"""A rate is P(event | condition, group): every named one agrees with counting rows one by one."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise import Groups, Rate
from equipoise.rates import RATES, SYNONYMS, divide, find_rate

a_few = settings(deadline=None, max_examples=40, derandomize=True)

# The definitions once more, in terms of one row: (event, condition, whether of one class).
DEFINITIONS = {
    "selection": (lambda y, p, c: p == c, lambda y, p, c: True, True),
    "true_positive": (lambda y, p, c: p == c, lambda y, p, c: y == c, True),
    "false_positive": (lambda y, p, c: p == c, lambda y, p, c: y != c, True),
    "true_negative": (lambda y, p, c: p != c, lambda y, p, c: y != c, True),
    "false_negative": (lambda y, p, c: p != c, lambda y, p, c: y == c, True),
    "predictive_value": (lambda y, p, c: y == c, lambda y, p, c: p == c, True),
    "false_discovery": (lambda y, p, c: y != c, lambda y, p, c: p == c, True),
    "false_omission": (lambda y, p, c: y == c, lambda y, p, c: p != c, True),
    "treatment": (lambda y, p, c: y == c, lambda y, p, c: y != p and c in (y, p), True),
    "accuracy": (lambda y, p, c: y == p, lambda y, p, c: True, False),
    "error": (lambda y, p, c: y != p, lambda y, p, c: True, False),
}


def by_hand(name, rows, k, g):
    """The rate of each component and group, from (group, label, prediction) of each row."""
    if name == "equalized_odds":
        parts = ("true_positive", "false_positive")
        return np.concatenate([by_hand(part, rows, k, g) for part in parts])
    event, condition, per_class = DEFINITIONS[name]
    classes = range(k) if per_class and k > 2 else [1]
    found = np.full((len(classes), g), np.nan)
    for i, c in enumerate(classes):
        for j in range(g):
            meant = [(y, p) for group, y, p in rows if group == j and condition(y, p, c)]
            if meant:
                found[i, j] = sum(event(y, p, c) for y, p in meant) / len(meant)
    return found


def table_of(rows, k, g):
    table = np.zeros((g, k, k), np.int64)
    for group, y, p in rows:
        table[group, y, p] += 1
    return table


@st.composite
def predictions(draw):
    """Rows of (group, label, prediction), the number of classes and that of groups."""
    k, g = draw(st.integers(2, 5)), draw(st.integers(1, 4))
    code = st.integers(0, k - 1)
    return draw(st.lists(st.tuples(st.integers(0, g - 1), code, code), max_size=40)), k, g


def test_every_named_rate_that_counts_is_checked_here():
    assert {*DEFINITIONS, "equalized_odds", "loss"} == {*RATES}


@pytest.mark.parametrize("name", [*DEFINITIONS, "equalized_odds"])
@a_few
@given(predictions())
def test_values_are_the_shares_of_rows_and_nan_where_no_row_meets_the_condition(name, data):
    rows, k, g = data
    found = find_rate(name).values(table_of(rows, k, g))
    np.testing.assert_array_equal(found, by_hand(name, rows, k, g))


@a_few
@given(predictions())
def test_replicates_are_leading_axes(data):
    rows, k, g = data
    tables = np.stack([table_of(rows[:i], k, g) for i in range(0, len(rows) + 1, 10)])
    rate = find_rate("equalized_odds")
    np.testing.assert_array_equal(rate.values(tables), np.stack([rate.values(t) for t in tables]))


@pytest.mark.parametrize("name", [*DEFINITIONS, "equalized_odds"])
@pytest.mark.parametrize("k", [2, 3, 5])
def test_components_are_as_many_as_announced_and_as_named(name, k):
    rate = find_rate(name)
    names = rate.component_names([f"c{i}" for i in range(k)])
    cells = rate.cells(k)
    assert len(names) == rate.n_components(k) == len(cells.numerator) == len(cells.denominator)


def test_components_are_named_by_class_beyond_two():
    assert find_rate("selection").component_names(["a", "b", "c"]) == [
        "selection of a",
        "selection of b",
        "selection of c",
    ]


def test_a_binary_rate_speaks_of_the_last_class_alone():
    assert find_rate("equalized_odds").component_names(["no", "yes"]) == [
        "true_positive",
        "false_positive",
    ]


@pytest.mark.parametrize(
    ("rate", "complement"),
    [
        ("true_positive", "false_negative"),
        ("false_positive", "true_negative"),
        ("predictive_value", "false_discovery"),
        ("accuracy", "error"),
    ],
)
def test_complements_sum_to_one(rate, complement):
    table = np.random.default_rng(0).integers(1, 50, (3, 4, 4))
    total = find_rate(rate).values(table) + find_rate(complement).values(table)
    np.testing.assert_allclose(total, 1, rtol=1e-14)


def test_an_event_is_counted_only_within_its_condition():
    everything = Rate("odd", event=lambda y, p, c: True, condition=lambda y, p, c: y == c)
    np.testing.assert_array_equal(everything.values(np.array([[[3, 1], [2, 4]]])), [[1.0]])


@a_few
@given(predictions())
def test_a_rate_of_ones_own_counts_like_a_named_one(data):
    rows, k, g = data
    close = Rate("close", event=lambda y, p, c: abs(y - p) <= 1, condition=lambda y, p, c: p > 0)
    expected = np.full((1, g), np.nan)
    for j in range(g):
        meant = [(y, p) for group, y, p in rows if group == j and p > 0]
        if meant:
            expected[0, j] = sum(abs(y - p) <= 1 for y, p in meant) / len(meant)
    found = close.values(table_of(rows, k, g))
    np.testing.assert_array_equal(found, np.repeat(expected, close.n_components(k), axis=0))


def test_expected_decisions_give_the_expected_share_selected():
    rng = np.random.default_rng(1)
    label, score = rng.integers(0, 2, 200), rng.random(200)
    groups = Groups.from_codes(rng.integers(0, 3, 200), "abc")
    tables = [groups.tabulate(label * 2 + d, 4, w) for d, w in ((0, 1 - score), (1, score))]
    soft = sum(tables).reshape(3, 2, 2)
    by_group = [score[groups.codes == j] for j in range(3)]
    np.testing.assert_allclose(
        find_rate("selection").values(soft)[0], [s.mean() for s in by_group], rtol=1e-12
    )


def test_expected_decisions_give_the_expected_true_positive_rate():
    rng = np.random.default_rng(1)
    label, score = rng.integers(0, 2, 200), rng.random(200)
    soft = np.zeros((1, 2, 2))
    for y, s in zip(label, score, strict=True):
        soft[0, y] += 1 - s, s
    expected = score[label == 1].mean()
    np.testing.assert_allclose(find_rate("true_positive").values(soft), [[expected]], rtol=1e-12)


@pytest.mark.parametrize("name", [*DEFINITIONS, "equalized_odds"])
def test_numerators_and_denominators_are_linear_in_the_table(name):
    one, two = np.random.default_rng(2).integers(0, 9, (2, 3, 4, 4)).astype(float)
    rate = find_rate(name)
    for mixed, a, b in zip(
        rate.fractions(0.25 * one + 0.75 * two),
        rate.fractions(one),
        rate.fractions(two),
        strict=True,
    ):
        np.testing.assert_allclose(mixed, 0.25 * a + 0.75 * b, rtol=1e-12)


def test_counts_of_ten_thousand_million_rows_are_exact():
    table = np.array([[[10**10, 1], [3, 10**10 - 1]]])
    numerator, denominator = find_rate("false_positive").fractions(table)
    assert (numerator.item(), denominator.item()) == (1, 10**10 + 1)


def test_a_mean_loss_is_not_read_off_a_table():
    with pytest.raises(ValueError, match="'loss' is a mean loss"):
        find_rate("loss").cells(2)


@pytest.mark.parametrize(("synonym", "name"), SYNONYMS.items())
def test_names_of_the_field_are_accepted(synonym, name):
    assert find_rate(synonym) is RATES[name]


@pytest.mark.parametrize("text", ["True Positive", " true-positive ", "RECALL", "true_positive"])
def test_names_may_be_written_with_spaces_hyphens_and_capitals(text):
    assert find_rate(text) is RATES["true_positive"]


def test_a_rate_is_found_as_itself():
    rate = Rate("mine")
    assert find_rate(rate) is rate


def test_an_unknown_rate_is_answered_with_the_nearest_and_all_names():
    with pytest.raises(ValueError, match=r"Did you mean 'selection'\? The rates are .*accuracy"):
        find_rate("selektion")


@pytest.mark.parametrize("nothing", [None, 3, 0.5])
def test_what_is_no_name_is_refused_in_words(nothing):
    with pytest.raises(ValueError, match="rate must be a name or a Rate"):
        find_rate(nothing)


@pytest.mark.parametrize("name", RATES)
def test_named_rates_survive_a_pickle_to_another_process(name):
    assert pickle.loads(pickle.dumps(RATES[name])) == RATES[name]


def test_nothing_over_nothing_is_undefined_and_not_zero():
    np.testing.assert_array_equal(divide(np.array([0, 0]), np.array([0, 4])), [np.nan, 0.0])
