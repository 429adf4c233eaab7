"""A promise prints as it reads, parses as it prints, and holds exactly when its figures say so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equipoise import Constraint, Rate, gap, ratio, worst
from equipoise.rates import RATES, find_rate

a_few = settings(deadline=None, max_examples=60, derandomize=True)

KINDS = {"gap": gap, "ratio": ratio, "worst": worst}
DISPARITIES = [
    KINDS[kind](name)
    for kind in KINDS
    for name in RATES
    if (kind, name) not in {("worst", "equalized_odds"), ("ratio", "loss")}
]
shares = st.floats(0, 1)


def bounded(disparity, bound):
    return Constraint(disparity, disparity.sense, bound)


@st.composite
def promises(draw):
    """A constraint that is not about losses, with rates it speaks of, shape (c, g)."""
    disparity = draw(st.sampled_from([d for d in DISPARITIES if not d.rate.of_loss]))
    c, g = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    cells = draw(st.lists(shares, min_size=c * g, max_size=c * g))
    return bounded(disparity, draw(shares)), np.array(cells).reshape(c, g)


def value_by_hand(constraint, rates):
    kind = constraint.disparity.kind
    rows = rates.tolist()
    if kind == "gap":
        return max(abs(a - b) for row in rows for a in row for b in row)
    if kind == "ratio":
        return min(min(row) / max(row) for row in rows)
    ends = [v for row in rows for v in row]
    return max(ends) if constraint.disparity.rate.better == "low" else min(ends)


# ---------------------------------------------------------------------------- words


@pytest.mark.parametrize("disparity", DISPARITIES, ids=str)
@settings(a_few, max_examples=15)
@given(shares)
def test_a_constraint_parses_as_it_prints(disparity, bound):
    constraint = bounded(disparity, bound)
    assert Constraint.parse(str(constraint)) == constraint


@a_few
@given(st.floats(0, 1e308))
def test_a_promise_about_losses_parses_as_it_prints_whatever_the_bound(bound):
    constraint = gap("loss") <= bound
    assert Constraint.parse(str(constraint)) == constraint


def test_a_constraint_prints_as_it_is_written():
    assert str(gap("selection") <= 0.05) == 'gap("selection") <= 0.05'
    assert str(ratio("selection") >= 1) == 'ratio("selection") >= 1'


@pytest.mark.parametrize(
    "text",
    [
        'gap("selection") <= 0.05',
        "gap('selection') <= 0.05",
        "gap(selection)<=.05",
        '  gap ( "demographic parity" ) <= 5e-2 ',
        "demographic_parity_difference <= 0.05",
        "Demographic parity difference <= 0.05",
        "statistical_parity <= 0.05",
        "selection <= 0.05",
    ],
)
def test_one_promise_may_be_written_in_many_ways(text):
    assert Constraint.parse(text) == (gap("selection") <= 0.05)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("demographic_parity_ratio >= 0.8", ratio("selection") >= 0.8),
        ("disparate_impact >= 0.8", ratio("selection") >= 0.8),
        ("equalized_odds_difference <= 0.1", gap("equalized_odds") <= 0.1),
        ("equalized_odds_ratio >= 0.9", ratio("equalized_odds") >= 0.9),
        ("equal_opportunity_difference <= 0.1", gap("true_positive") <= 0.1),
        ("true_positive_rate_difference <= 0.1", gap("true_positive") <= 0.1),
        ("false_positive_rate_ratio >= 0.5", ratio("false_positive") >= 0.5),
        ("predictive_parity <= 0.1", gap("predictive_value") <= 0.1),
        ("error_rate_difference <= 0.1", gap("error") <= 0.1),
    ],
)
def test_names_of_the_field_mean_what_fairlearn_means(text, meaning):
    assert Constraint.parse(text) == meaning


def test_a_constraint_parses_to_itself():
    constraint = gap("selection") <= 0.05
    assert Constraint.parse(constraint) is constraint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gap",
        'gap("selection")',
        'gap("selection") < 0.05',
        'gap("selection") == 0.05',
        'gap("selection") <= five',
        'gap("selection") <= 0.05 and more',
        "gap(\"selection') <= 0.05",
        "gap() <= 0.05",
        'gap("selection") <= 5%',
        'gap("selection") <= nan',
        'gap("selection") <= inf',
        "0.05 >= selection",
    ],
)
def test_what_is_no_constraint_is_answered_with_examples(text):
    with pytest.raises(ValueError, match=r"cannot read the constraint .*write it like.*gap\("):
        Constraint.parse(text)


@a_few
@given(st.text())
def test_any_text_is_read_or_refused_in_words(text):
    try:
        Constraint.parse(text)
    except ValueError as refusal:
        assume(str(refusal))


@pytest.mark.parametrize("wrong", [0.05, None, gap("selection")])
def test_what_is_not_text_is_answered_with_an_example(wrong):
    with pytest.raises(ValueError, match="text or a Constraint"):
        Constraint.parse(wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('gap("selektion") <= 0.05', "Did you mean 'selection'"),
        ("parity <= 0.05", "unknown disparity 'parity'"),
        ('gap("selection") >= 0.05', "bounded from above .*would ask for unfairness"),
        ('ratio("selection") <= 0.8', "bounded from below .*would ask for unfairness"),
        ('worst("accuracy") <= 0.8', "bounded from below"),
        ('worst("error") >= 0.2', "bounded from above"),
        ('gap("selection") <= 5', "must be between 0 and 1"),
        ('gap("selection") <= -0.05', "must be between 0 and 1"),
        ('ratio("loss") >= 0.8', "ratio of losses"),
        ('gap("loss") <= -1', "at least 0"),
        ('worst("equalized_odds") >= 0.8', r'use worst\("true_positive"\) or worst\("false'),
    ],
)
def test_a_promise_that_means_nothing_is_refused_and_the_reason_given(text, message):
    with pytest.raises(ValueError, match=message):
        Constraint.parse(text)


@pytest.mark.parametrize("bound", [float("nan"), True, "0.05", None])
def test_a_bound_that_is_no_number_is_refused(bound):
    with pytest.raises(ValueError, match="bound"):
        gap("selection") <= bound  # noqa: B015


def test_a_bound_may_be_a_numpy_number():
    assert (gap("selection") <= np.float32(0.5)) == (gap("selection") <= 0.5)


def test_equal_constraints_are_equal_keys():
    assert len({gap("selection") <= 0.1, gap("selection") <= 0.1, gap("selection") <= 0.2}) == 2


# -------------------------------------------------------------------------- figures


@a_few
@given(promises())
def test_the_figure_is_that_of_comparing_every_two_groups(case):
    constraint, rates = case
    assume(constraint.disparity.kind != "ratio" or (rates.max(axis=1) > 1e-300).all())
    found = constraint.disparity.value(rates)
    assert found == pytest.approx(value_by_hand(constraint, rates), rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("disparity", DISPARITIES, ids=str)
def test_a_rate_that_is_undefined_makes_the_figure_undefined(disparity):
    assert np.isnan(disparity.value(np.array([[0.1, 0.2], [0.3, np.nan]])))


@pytest.mark.parametrize("disparity", DISPARITIES, ids=str)
def test_an_undefined_figure_keeps_no_promise(disparity):
    assert not bounded(disparity, 0.5).kept_by(np.array([[np.nan, 0.5]]))


def test_the_ratio_of_rates_that_are_all_zero_is_undefined():
    assert np.isnan(ratio("selection").value(np.array([[0.0, 0.0]])))


@pytest.mark.parametrize("disparity", DISPARITIES, ids=str)
def test_replicates_are_leading_axes(disparity):
    rates = np.random.default_rng(0).random((5, 7, 2, 3))
    found = disparity.value(rates)
    assert found.shape == (5, 7)
    assert found[3, 4] == disparity.value(rates[3, 4])


def test_the_worst_rate_without_a_good_end_is_the_smallest():
    assert worst("selection").value(np.array([[0.2, 0.6]])) == 0.2


def test_the_worst_error_is_the_largest():
    assert worst("error").value(np.array([[0.2, 0.6]])) == 0.6


# --------------------------------------------------------------------- inequalities


@a_few
@given(promises())
def test_no_inequality_is_violated_exactly_when_the_promise_is_kept(case):
    constraint, rates = case
    excess = constraint.violations(torch.from_numpy(rates)).max().item()
    if constraint.disparity.kind == "ratio":
        slack = min(min(row) - constraint.bound * max(row) for row in rates.tolist())
    else:
        value = value_by_hand(constraint, rates)
        slack = constraint.bound - value if constraint.sense == "<=" else value - constraint.bound
    assume(abs(slack) > 1e-12)
    assert (excess <= 0) == (slack > 0)


@pytest.mark.parametrize(
    "constraint",
    [
        gap("selection") <= 0.4,
        ratio("selection") >= 0.5,
        worst("error") <= 0.7,
        worst("accuracy") >= 0.3,
    ],
    ids=str,
)
def test_inequalities_and_figures_agree_on_a_thousand_sets_of_rates(constraint):
    rates = np.random.default_rng(0).random((1000, 1, 3))
    kept = np.array([value_by_hand(constraint, r) for r in rates]) - constraint.bound
    kept = kept <= 0 if constraint.sense == "<=" else kept >= 0
    assert 100 < kept.sum() < 900
    excess = constraint.violations(torch.from_numpy(rates)).amax(-1)
    np.testing.assert_array_equal(excess.numpy() <= 0, kept)
    np.testing.assert_array_equal(constraint.kept_by(rates), kept)


@a_few
@given(promises(), st.integers(2, 4))
def test_there_are_as_many_inequalities_as_announced(case, k):
    constraint, rates = case
    n = constraint.disparity.rate.n_components(k)
    rates = torch.zeros(5, n, rates.shape[1]).uniform_(0.1, 0.9)
    found = constraint.violations(rates)
    assert found.shape == (5, constraint.n_violations(k, rates.shape[2]))


@pytest.mark.parametrize(
    "constraint",
    [
        gap("selection") <= 0.1,
        ratio("equalized_odds") >= 0.8,
        worst("error") <= 0.2,
        worst("accuracy") >= 0.7,
        gap("loss") <= 2,
    ],
    ids=str,
)
def test_inequalities_are_differentiable_in_the_rates(constraint):
    start = torch.tensor([[0.15, 0.4, 0.75]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(constraint.violations, start)


def test_the_inequalities_of_a_gap_are_as_deep_as_half_its_excess():
    rates = torch.tensor([[0.1, 0.3, 0.5]], dtype=torch.float64)
    excess = (gap("selection") <= 0.1).violations(rates).max().item()
    assert excess == pytest.approx((0.4 - 0.1) / 2)


# ---------------------------------------------------------------------- tightening


@a_few
@given(promises(), shares)
def test_a_tightened_promise_implies_the_promise(case, margin):
    constraint, rates = case
    if constraint.tightened(margin).kept_by(rates):
        assert constraint.kept_by(rates)


@pytest.mark.parametrize(
    ("constraint", "margin", "tightened"),
    [
        (gap("selection") <= 0.25, 0.125, gap("selection") <= 0.125),
        (gap("selection") <= 0.05, 0.5, gap("selection") <= 0),
        (ratio("selection") >= 0.75, 0.125, ratio("selection") >= 0.875),
        (ratio("selection") >= 0.75, 0.5, ratio("selection") >= 1),
        (worst("error") <= 0.25, 0.125, worst("error") <= 0.125),
        (worst("loss") <= 3, 1, worst("loss") <= 2),
    ],
    ids=str,
)
def test_tightening_moves_the_bound_by_the_margin_as_far_as_its_range(
    constraint, margin, tightened
):
    assert constraint.tightened(margin) == tightened


def test_a_promise_is_not_loosened():
    with pytest.raises(ValueError, match=r"margin must be at least 0, not -0\.1"):
        (gap("selection") <= 0.1).tightened(-0.1)


def test_a_rate_of_ones_own_makes_a_promise():
    mine = Rate("mine", event=lambda y, p, c: p == y)
    assert str(gap(mine) <= 0.1) == 'gap("mine") <= 0.1'


def test_synonyms_print_under_one_name():
    assert str(gap("demographic_parity")) == 'gap("selection")'
    assert gap("recall").rate is find_rate("true_positive")
