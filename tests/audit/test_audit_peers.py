"""Edge cases that other libraries get wrong without a word, each under the fault it prevents."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Counts, Groups, audit, gap, ratio
from equipoise.audit import basic_interval
from equipoise.rates import find_rate

# Nine rows: group b has no positives.
GROUP = list("aaabbbccc")
LABEL = [1, 1, 0, 0, 0, 0, 1, 0, 1]
PREDICTION = [1, 0, 0, 0, 1, 0, 1, 1, 1]


def block(group, decision):
    """A streamed block that knows only the groups it has seen."""
    decision = np.array(decision)
    return Counts.from_block(decision, decision, Groups.of(group), (0, 1))


def test_a_group_without_positives_has_an_undefined_true_positive_rate_and_not_0():
    found = audit(LABEL, PREDICTION, sensitive_features=GROUP).rates("true_positive")
    np.testing.assert_array_equal(found.values[0], [0.5, np.nan, 1.0])


def test_an_undefined_rate_makes_the_gap_undefined_and_is_not_skipped():
    result = audit(LABEL, PREDICTION, sensitive_features=GROUP)
    assert np.isnan(result.disparity(gap("true_positive")).value)
    assert any("'b'" in line for line in result.undefined)


def test_the_support_of_every_rate_is_shown():
    found = audit(LABEL, PREDICTION, sensitive_features=GROUP).rates("true_positive")
    assert found.support[0].tolist() == [2, 0, 2]


def test_a_ratio_of_rates_that_are_all_0_is_undefined_and_not_fair():
    result = audit([0, 1, 0, 1], [0, 0, 0, 0], sensitive_features=list("aabb"))
    assert np.isnan(result.disparity(ratio("selection")).value)


def test_text_labels_are_compared_as_text_and_do_not_give_0():
    words = np.array(["no", "yes"])
    result = audit(words[LABEL], words[PREDICTION], sensitive_features=GROUP)
    assert result.disparity(gap("selection")).value == pytest.approx(2 / 3)


def test_of_several_classes_each_is_looked_at_and_none_is_taken_for_the_positive_one():
    label = [0, 1, 2, 0, 1, 2]
    result = audit(label, [0, 1, 1, 0, 2, 2], sensitive_features=list("aaabbb"))
    assert result.rates("selection").components == [f"selection of {c}" for c in label[:3]]
    assert result.disparity(gap("selection")).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("where", ["label", "prediction", "sensitive_features"])
def test_missing_values_are_refused_wherever_they_are(where):
    columns = {"label": [0.0, 1], "prediction": [0.0, 1], "sensitive_features": [0.0, 1]}
    columns[where] = [0, np.nan]
    with pytest.raises(ValueError, match=f"{where} has 1 missing"):
        audit(**columns)


def test_a_streamed_block_that_lacks_a_group_does_not_relabel_the_others():
    merged = block([0, 0], [0, 1]).merge(block([1, 2, 1, 2, 2], [1, 0, 0, 0, 1]))
    assert merged.groups == ("0", "1", "2")
    found = merged.rates(find_rate("selection"))[0]
    assert found.tolist() == pytest.approx([1 / 2, 1 / 2, 1 / 3])


def test_a_group_code_beyond_the_names_is_refused():
    with pytest.raises(ValueError, match=r"codes must lie in 0\.\.1"):
        Groups.from_codes([0, 1, 2], ["a", "b"])


def test_gaps_of_opposite_signs_do_not_cancel():
    """The mean of signed differences of two rates would be 0 here."""
    label = [1] * 4 + [0] * 4 + [1] * 4 + [0] * 4
    prediction = [1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0]
    result = audit(label, prediction, sensitive_features=["a"] * 8 + ["b"] * 8)
    assert result.disparity(gap("equalized_odds")).value == 0.25


def test_the_gap_is_the_largest_of_all_pairs_and_not_their_mean():
    group = np.repeat(list("abc"), 4)
    chosen = [0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1]
    assert audit(chosen, chosen, sensitive_features=group).disparity(gap("selection")).value == 1


def test_empty_intersections_are_no_groups():
    table = {"sex": ["f", "f", "m"], "race": ["x", "y", "x"]}
    result = audit([0, 1, 1], [0, 1, 0], sensitive_features=table)
    assert result.counts.groups == ("f, x", "f, y", "m, x")


def test_a_perfectly_fair_model_is_not_said_to_be_unfair_because_there_are_seven_groups():
    """A percentile interval of this gap would begin above 0 although every rate is the same."""
    counts = Counts(
        tuple("abcdefg"),
        (0, 1),
        np.eye(7, dtype=bool),
        np.array([[[200 - x, x], [0, 0]] for x in (100, 95, 105, 98, 110, 92, 101)]),
    )
    rate = find_rate("selection")
    draws = gap(rate).value(counts.resample(rate, 1000, np.random.default_rng(0)))
    estimate = float(gap(rate).value(counts.rates(rate)))
    assert np.quantile(draws, 0.025) > 0.03
    assert basic_interval(estimate, draws, 0.95, (0, 1))[0] == 0
