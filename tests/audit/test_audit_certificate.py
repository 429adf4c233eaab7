"""A certificate says only what the counts can show, and is wrong no more often than it says."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from equipoise import Constraint, Counts, Groups, gap, ratio, worst
from equipoise.audit import certify
from equipoise.rates import find_rate


def selected(*shares):
    """Counts of groups of which ``x`` in ``n`` rows are selected."""
    table = np.zeros((len(shares), 2, 2), np.int64)
    for row, (x, n) in zip(table, shares, strict=True):
        row[0] = n - x, x
    names = tuple("abcdefgh"[: len(shares)])
    return Counts(names, (0, 1), np.eye(len(shares), dtype=bool), table)


def verdict(counts, constraint, **settings):
    return certify(counts, Constraint.parse(constraint), **settings).verdict


def share_of(verdict_, rates, sizes, constraint, confidence):
    """How often a verdict is given, exactly, over all samples of groups with these rates."""
    chance = 0.0
    for x in itertools.product(*(range(n + 1) for n in sizes)):
        weight = np.prod([stats.binom.pmf(*t) for t in zip(x, sizes, rates, strict=True)])
        if weight > 1e-6 and (
            verdict(selected(*zip(x, sizes, strict=True)), constraint, confidence=confidence)
            == verdict_
        ):
            chance += weight
    return chance


# ------------------------------------------------------------------------- verdicts

PROMISES = {
    "gap(selection) <= 0.1": ([(500, 1000), (510, 1000)], [(200, 1000), (500, 1000)]),
    "ratio(selection) >= 0.8": ([(500, 1000), (510, 1000)], [(200, 1000), (500, 1000)]),
    "worst(selection) >= 0.4": ([(500, 1000), (510, 1000)], [(200, 1000), (500, 1000)]),
    "worst(error) <= 0.3": ([(100, 1000), (110, 1000)], [(100, 1000), (400, 1000)]),
}


@pytest.mark.parametrize(("constraint", "cases"), PROMISES.items())
def test_a_promise_kept_by_far_is_shown_to_be_kept(constraint, cases):
    assert verdict(selected(*cases[0]), constraint) == "kept"


@pytest.mark.parametrize(("constraint", "cases"), PROMISES.items())
def test_a_promise_broken_by_far_is_shown_to_be_broken(constraint, cases):
    assert verdict(selected(*cases[1]), constraint) == "broken"


@pytest.mark.parametrize(("constraint", "cases"), PROMISES.items())
@pytest.mark.parametrize("case", [0, 1])
def test_a_dozen_rows_show_neither(constraint, cases, case):
    few = [(round(x / 100), 10) for x, _ in cases[case]]
    assert verdict(selected(*few), constraint) == "not shown"


@pytest.mark.parametrize(("constraint", "cases"), PROMISES.items())
@pytest.mark.parametrize("case", [0, 1])
def test_the_estimate_lies_between_the_optimistic_and_the_cautious_bound(constraint, cases, case):
    constraint = Constraint.parse(constraint)
    found = certify(selected(*cases[case]), constraint)
    bounds = [found.optimistic, found.estimate, found.cautious]
    assert bounds == sorted(bounds, reverse=constraint.sense == ">=")


def test_the_estimate_is_the_disparity_of_the_counts():
    found = certify(selected((1, 4), (3, 4), (1, 2)), gap("selection") <= 0.1)
    assert found.estimate == 0.5


def test_more_confidence_is_more_cautious():
    counts, constraint = selected((480, 1000), (500, 1000)), gap("selection") <= 0.1
    cautious = [certify(counts, constraint, c).cautious for c in (0.5, 0.9, 0.99, 0.9999)]
    assert cautious == sorted(cautious)


def test_ten_certificates_together_are_each_held_to_a_tenth_of_the_error():
    counts, constraint = selected((480, 1000), (500, 1000)), gap("selection") <= 0.1
    together, alone = certify(counts, constraint, 0.95, 10), certify(counts, constraint, 0.995)
    assert together.cautious == pytest.approx(alone.cautious, rel=1e-9)
    assert together.optimistic == pytest.approx(alone.optimistic, rel=1e-9)


def test_many_models_together_can_undo_a_verdict():
    counts = selected((460, 1000), (500, 1000))
    assert verdict(counts, "gap(selection) <= 0.1") == "kept"
    assert verdict(counts, "gap(selection) <= 0.1", n_certificates=1000) == "not shown"


def test_one_group_has_no_gap_to_show():
    assert verdict(selected((5, 10)), "gap(selection) <= 0") == "kept"
    assert verdict(selected((5, 10)), "ratio(selection) >= 1") == "kept"


def test_equalized_odds_are_kept_only_if_both_of_their_parts_are():
    table = np.array([[[800, 200], [300, 700]], [[800, 200], [300, 700]]]) * 10
    unequal = table.copy()
    unequal[1, 0] = 5000, 5000  # the false-positive rate alone differs
    promise = gap("equalized_odds") <= 0.1

    def found(t):
        return certify(Counts(("a", "b"), (0, 1), np.eye(2, dtype=bool), t), promise)

    assert (found(table).verdict, found(unequal).verdict) == ("kept", "broken")
    assert found(unequal).estimate == pytest.approx(0.3)


def test_every_class_is_held_to_a_promise_beyond_two_classes():
    table = np.zeros((2, 3, 3), np.int64)
    table[:, 0] = [[5000, 3000, 2000], [5000, 2000, 3000]]
    counts = Counts(("a", "b"), (0, 1, 2), np.eye(2, dtype=bool), table)
    assert verdict(counts, "gap(selection) <= 0.2") == "kept"
    assert verdict(counts, "gap(selection) <= 0.05") == "broken"


def test_a_rate_that_is_undefined_is_named_and_nothing_is_shown():
    counts = Counts(("a", "b"), (0, 1), np.eye(2, dtype=bool), np.array([[[9, 1], [0, 0]]] * 2))
    found = certify(counts, gap("true_positive") <= 0.5)
    assert found.verdict == "not shown"
    assert found.reason == "true_positive of 'a' is undefined: it has no such rows"
    assert np.isnan([found.estimate, found.optimistic, found.cautious]).all()


def test_a_promise_about_losses_is_never_shown():
    y = np.array([0, 1])
    groups = Groups.from_codes([0, 1], "ab")
    counts = Counts.from_block(y, y, groups, (0, 1), np.array([0.5, 0.75]))
    found = certify(counts, gap("loss") <= 10)
    assert (found.verdict, found.estimate) == ("not shown", 0.25)
    assert "no upper end" in found.reason


@pytest.mark.parametrize("constraint", ["gap(selection) <= 0.1", "ratio(selection) >= 0.8"])
def test_groups_that_share_rows_get_wider_bounds(constraint):
    apart = selected((500, 1000), (500, 1000))
    y = np.repeat([0, 1], 500)
    both = Groups.from_membership(np.ones((1000, 2), bool), "ab")
    shared = Counts.from_block(y, y, both, (0, 1))
    constraint = Constraint.parse(constraint)
    bounds = [
        abs(certify(c, constraint).cautious - certify(c, constraint).estimate)
        for c in (apart, shared)
    ]
    assert bounds[0] < bounds[1]


def test_groups_of_one_row_and_of_ten_million_show_nothing():
    sizes = [1, 2, 10, 10**6, 10**7]
    found = certify(selected(*((n // 2, n) for n in sizes)), gap("selection") <= 0.05)
    assert (found.verdict, found.optimistic) == ("not shown", 0.0)
    assert found.cautious > 0.95


@pytest.mark.parametrize("confidence", [0, 1, 95, float("nan")])
def test_a_confidence_that_is_no_probability_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence must lie between 0 and 1"):
        certify(selected((1, 2), (1, 2)), gap("selection") <= 0.1, confidence)


def test_no_models_are_refused():
    with pytest.raises(ValueError, match="n_certificates must be at least 1, not 0"):
        certify(selected((1, 2), (1, 2)), gap("selection") <= 0.1, n_certificates=0)


@pytest.mark.parametrize(
    ("confidence", "text"), [(0.95, "kept (95%)"), (0.999, "kept (99.9%)"), (0.57, "kept (57%)")]
)
def test_a_confidence_is_not_rounded_up_to_certainty(confidence, text):
    counts = selected((50_000, 100_000), (50_000, 100_000))
    assert str(certify(counts, gap("selection") <= 0.1, confidence)) == text


# ------------------------------------------------------------- how often it is wrong


@pytest.mark.parametrize(("p", "sizes"), [(0.05, (16, 16)), (0.25, (8, 30))])
def test_a_gap_just_above_the_bound_is_called_kept_no_more_often_than_said(p, sizes):
    truth = p, p + 0.5 + 1e-9
    assert share_of("kept", truth, sizes, "gap(selection) <= 0.5", 0.8) <= 0.2


@pytest.mark.parametrize(("p", "sizes"), [(0.05, (16, 16)), (0.25, (8, 30))])
def test_a_gap_just_below_the_bound_is_called_broken_no_more_often_than_said(p, sizes):
    truth = p, p + 0.25 - 1e-9
    assert share_of("broken", truth, sizes, "gap(selection) <= 0.25", 0.8) <= 0.2


@pytest.mark.parametrize("verdict_", ["kept", "broken"])
def test_a_ratio_at_the_bound_is_misjudged_no_more_often_than_said(verdict_):
    truth = 0.4 * (1 - 1e-9 if verdict_ == "kept" else 1 + 1e-9), 0.8
    assert share_of(verdict_, truth, (14, 14), "ratio(selection) >= 0.5", 0.8) <= 0.2


@pytest.mark.parametrize("verdict_", ["kept", "broken"])
def test_the_worst_rate_at_the_bound_is_misjudged_no_more_often_than_said(verdict_):
    off = -1e-9 if verdict_ == "kept" else 1e-9
    truth = 0.5 + off, 0.5 + abs(off)
    assert share_of(verdict_, truth, (14, 14), "worst(selection) >= 0.5", 0.8) <= 0.2


def monte_carlo(verdict_, rates, n, constraint, draws=120):
    rng = np.random.default_rng(11)
    wrong = sum(
        verdict(selected(*((x, n) for x in rng.binomial(n, rates))), constraint, confidence=0.8)
        == verdict_
        for _ in range(draws)
    )
    return wrong / draws, 4 * np.sqrt(0.2 * 0.8 / draws)


@pytest.mark.parametrize("rates", [(0.3, 0.4, 0.4, 0.4), (0.3, 0.35, 0.35, 0.4)])
def test_among_four_groups_a_gap_at_the_bound_is_called_kept_no_more_often_than_said(rates):
    wrong, error = monte_carlo("kept", rates, 400, "gap(selection) <= 0.0999999")
    assert wrong <= 0.2 + error


def test_six_equal_groups_are_called_unequal_no_more_often_than_said():
    """Of thirty pairs some always look apart: that one of them does must not be enough."""
    wrong, error = monte_carlo("broken", (0.3,) * 6, 400, "gap(selection) <= 1e-6", draws=60)
    assert wrong <= 0.2 + error


def test_eight_groups_at_the_bound_are_called_too_low_no_more_often_than_said():
    wrong, error = monte_carlo(
        "broken", (0.5000001,) * 8, 400, "worst(selection) >= 0.5", draws=200
    )
    assert wrong <= 0.2 + error


def test_a_gap_at_the_bound_is_not_judged_much_less_often_than_said():
    """A certificate that never spoke would be right; of two large groups it speaks."""
    wrong, error = monte_carlo("kept", (0.3, 0.4), 4000, "gap(selection) <= 0.1")
    assert wrong >= 0.2 - 0.04 - error


def test_overlapping_groups_at_the_bound_are_misjudged_no_more_often_than_said():
    rng = np.random.default_rng(5)
    constraint, wrong, draws = worst("selection") >= 0.5, 0, 200
    member = np.ones((60, 2), bool)
    member[:30, 1] = False
    groups = Groups.from_membership(member, "ab")
    label = np.zeros(60, int)
    for _ in range(draws):
        decision = rng.binomial(1, 0.4999, 60)
        counts = Counts.from_block(label, decision, groups, (0, 1))
        wrong += certify(counts, constraint, 0.8).verdict == "kept"
    assert wrong / draws <= 0.2 + 4 * np.sqrt(0.2 * 0.8 / draws)


def test_all_disparities_find_the_rates_they_name():
    counts = selected((2, 10), (4, 10))
    assert certify(counts, ratio("selection") >= 0.1).estimate == pytest.approx(0.5)
    assert certify(counts, worst(find_rate("selection")) >= 0.1).estimate == pytest.approx(0.2)
