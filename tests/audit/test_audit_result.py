"""An audit's figures are those of the rows, its intervals repeat, and what is not known is said."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

import equipoise
from equipoise import Audit, Counts, Groups, audit, gap, ratio, worst
from equipoise.audit import share_interval

RNG = np.random.default_rng(3)
LABEL = RNG.integers(0, 2, 300)
PREDICTION = np.where(RNG.random(300) < 0.7, LABEL, 1 - LABEL)
SEX = np.where(RNG.random(300) < 0.6, "f", "m")
AGE = np.where(RNG.random(300) < 0.5, "old", "young")
IS = {s: np.equal(SEX, s) for s in "fm"} | {a: np.equal(AGE, a) for a in ("old", "young")}


def audited(**settings):
    return equipoise.audit(LABEL, PREDICTION, sensitive_features=SEX, **settings)


def mean(values, *masks):
    return values[np.logical_and.reduce(masks)].mean()


# -------------------------------------------------------------------------- figures


@pytest.mark.parametrize(
    ("rate", "values", "condition"),
    [
        ("selection", PREDICTION == 1, LABEL >= 0),
        ("true_positive", PREDICTION == 1, LABEL == 1),
        ("false_positive", PREDICTION == 1, LABEL == 0),
        ("predictive_value", LABEL == 1, PREDICTION == 1),
        ("accuracy", LABEL == PREDICTION, LABEL >= 0),
    ],
)
def test_rates_by_group_are_those_of_its_rows(rate, values, condition):
    found = audited().rates(rate)
    assert found.values[0].tolist() == [mean(values, condition, IS[s]) for s in "fm"]
    assert found.support[0].tolist() == [(condition & IS[s]).sum() for s in "fm"]


def test_disparities_are_those_of_the_rates():
    f, m = (mean(PREDICTION, IS[s]) for s in "fm")
    result = audited()
    assert result.disparity(gap("selection")).value == abs(f - m)
    assert result.disparity(ratio("selection")).value == min(f, m) / max(f, m)
    assert result.disparity(worst("selection")).value == min(f, m)


def test_equalized_odds_are_the_larger_of_two_gaps():
    gaps = [
        abs(
            mean(PREDICTION, np.equal(LABEL, y), IS["f"])
            - mean(PREDICTION, np.equal(LABEL, y), IS["m"])
        )
        for y in (0, 1)
    ]
    assert audited().disparity(gap("equalized_odds")).value == max(gaps)


def test_naming_the_other_class_positive_looks_at_the_other_class():
    found = audited(positive=0).rates("selection").values[0]
    assert found.tolist() == [mean(PREDICTION == 0, IS[s]) for s in "fm"]


def test_crossed_columns_are_audited_by_intersection():
    result = equipoise.audit(LABEL, PREDICTION, sensitive_features={"sex": SEX, "age": AGE})
    expected = {f"{s}, {a}": mean(PREDICTION, IS[s], IS[a]) for s in "fm" for a in ("old", "young")}
    found = result.rates("selection").values[0]
    assert dict(zip(result.counts.groups, found.tolist(), strict=True)) == expected


def test_columns_side_by_side_are_audited_one_by_one():
    table = pl.DataFrame({"sex": SEX, "age": AGE})
    result = equipoise.audit(LABEL, PREDICTION, sensitive_features=table, how="each")
    expected = [mean(PREDICTION, IS[s]) for s in "fm"] + [
        mean(PREDICTION, IS[a]) for a in ("old", "young")
    ]
    assert result.rates("selection").values[0].tolist() == expected
    assert result.counts.n_rows == 300


def test_groups_made_before_are_audited_as_they_are():
    groups = Groups.from_membership(np.stack([IS["f"], IS["old"]], axis=1), ["f", "old"])
    found = equipoise.audit(LABEL, PREDICTION, sensitive_features=groups).rates("accuracy")
    right = LABEL == PREDICTION
    assert found.values[0].tolist() == [mean(right, IS["f"]), mean(right, IS["old"])]


def test_pandas_columns_with_different_indices_pair_by_position():
    label, prediction = pd.Series(LABEL), pd.Series(PREDICTION, index=np.arange(300)[::-1])
    sex = pd.Series(SEX, index=np.arange(300) + 1000)
    found = equipoise.audit(label, prediction, sensitive_features=sex)
    np.testing.assert_array_equal(found.counts.table, audited().counts.table)


def test_a_single_group_has_no_gap():
    result = equipoise.audit(LABEL, PREDICTION, sensitive_features=["all"] * 300)
    assert tuple(result.disparity(gap("selection"))) == (0, 0, 0)


def test_groups_of_one_row_are_audited():
    result = equipoise.audit([0, 1, 1], [0, 1, 0], sensitive_features=list("abc"))
    assert result.rates("selection").values.tolist() == [[0.0, 1.0, 0.0]]


def test_the_example_of_the_documentation_holds():
    result = equipoise.audit([0, 1, 1, 0, 1, 0], [0, 1, 0, 0, 1, 1], sensitive_features=[*"aaabbb"])
    assert result.disparity(gap("selection")).value == pytest.approx(1 / 3)


# ------------------------------------------------------------------------- intervals


def test_intervals_of_rates_are_share_intervals_at_the_confidence_asked():
    found = audited(confidence=0.8).rates("selection")
    chosen = [PREDICTION[IS[s]].sum() for s in "fm"]
    low, high = share_interval(chosen, [IS[s].sum() for s in "fm"], 0.8, "wilson")
    np.testing.assert_array_equal((found.low[0], found.high[0]), (low, high))


def test_the_interval_of_a_disparity_contains_it():
    for disparity in (gap("selection"), ratio("selection"), worst("accuracy")):
        value, low, high = audited().disparity(disparity)
        assert 0 <= low <= value <= high <= 1
        assert low < high


def test_the_same_seed_gives_the_same_intervals():
    assert audited(random_state=5).disparity(gap("accuracy")) == audited(random_state=5).disparity(
        gap("accuracy")
    )


def test_another_seed_gives_another_interval():
    one, two = (audited(random_state=s).parity(gap("accuracy")) for s in (5, 6))
    assert one != two


def test_a_tiny_group_may_be_the_worst_for_all_that_is_known():
    label = np.ones(1010, int)
    decision = np.concatenate([np.arange(1000) % 10 < 6, np.ones(10)]).astype(int)
    label[0] = 0
    group = np.repeat(["many", "few"], [1000, 10])
    found = audit(label, decision, sensitive_features=group)
    worst_rate, rates = found.disparity(worst("true_positive")), found.rates("true_positive")
    few, many = (found.counts.groups.index(name) for name in ("few", "many"))
    assert worst_rate.value == rates.values[0, many]
    assert worst_rate.high < rates.low[0, few]
    label[5:400], decision[5:400] = 1, 1
    better = audit(label, decision, sensitive_features=group)
    low = better.rates("true_positive").low[0]
    assert better.disparity(worst("true_positive")).low == low[few] < low[many]


def test_the_interval_of_the_worst_rate_holds_it_at_least_as_often_as_it_says():
    random = np.random.default_rng(0)
    truth, runs = np.array([0.55, 0.6, 0.6, 0.75]), 300
    group = np.repeat(np.arange(4), [300, 60, 300, 30])
    held = 0
    for _ in range(runs):
        right = random.random(len(group)) < truth[group]
        label = random.integers(0, 2, len(group))
        found = audit(label, np.where(right, label, 1 - label), sensitive_features=group)
        _, low, high = found.disparity(worst("accuracy"))
        held += low <= truth.min() <= high
    assert held / runs >= 0.93


def test_more_rows_give_a_narrower_interval():
    widths = []
    for times in (1, 25):
        counts = Counts(("f", "m"), (0, 1), np.eye(2, dtype=bool), audited().counts.table * times)
        _, low, high = Audit(counts).disparity(worst("accuracy"))
        widths.append(high - low)
    assert widths[1] == pytest.approx(widths[0] / 5, rel=0.2)


def test_mean_losses_have_normal_intervals():
    loss = np.random.default_rng(0).exponential(size=300)
    counts = Counts.from_block(LABEL, PREDICTION, Groups.of(SEX), (0, 1), loss)
    found = Audit(counts, n_boot=20_000).rates("loss")
    own = loss[IS["f"]]
    half = 1.96 * own.std() / np.sqrt(len(own))
    assert found.values[0, 0] == pytest.approx(own.mean())
    assert found.high[0, 0] - own.mean() == pytest.approx(half, rel=0.03)


# --------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"confidence": 95}, "confidence must lie between 0 and 1, not 95"),
        ({"n_boot": 10}, "n_boot must be at least 100, not 10"),
        ({"positive": "maybe"}, "positive is 'maybe'"),
        ({"how": "both"}, "how must be one of crossed, each, lattice"),
    ],
)
def test_settings_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        audited(**changes)


def test_scores_are_refused():
    with pytest.raises(ValueError, match="looks like a score"):
        equipoise.audit(LABEL, PREDICTION * 0.9, sensitive_features=SEX)


def test_groups_of_another_number_of_rows_are_refused():
    with pytest.raises(ValueError, match="have 300, 300 and 299"):
        equipoise.audit(LABEL, PREDICTION, sensitive_features=SEX[1:])


# ------------------------------------------------------------------------- reporting

UNDEFINED = {"label": [0, 0, 0, 1, 1], "prediction": [0, 1, 0, 1, 0], "group": list("aaabb")}


def undefined():
    return equipoise.audit(
        UNDEFINED["label"], UNDEFINED["prediction"], sensitive_features=UNDEFINED["group"]
    )


def test_what_is_undefined_is_named_with_its_group_and_its_rows():
    assert undefined().undefined == [
        "true_positive of 'a' is undefined: none of its 3 rows meets the condition",
        "false_positive of 'b' is undefined: none of its 2 rows meets the condition",
    ]


def test_an_undefined_disparity_has_no_interval():
    assert np.isnan(undefined().disparity(gap("true_positive"))).all()


def test_figures_travel_as_json_with_null_for_what_is_undefined():
    figures = json.loads(json.dumps(undefined().to_dict(), allow_nan=False))
    cell = figures["groups"]["a"]["true_positive"]
    assert cell == {"value": None, "low": None, "high": None, "support": 0}
    assert figures["disparities"]['gap("true_positive")']["value"] is None


def test_json_holds_the_figures_of_the_audit():
    result = audited()
    figures = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    value, low, high = result.disparity(gap("selection"))
    assert figures["disparities"]['gap("selection")'] == {"value": value, "low": low, "high": high}
    assert figures["rows"] == 300
    assert figures["groups"]["m"]["rows"] == (IS["m"]).sum()
    assert figures["accuracy"] == (LABEL == PREDICTION).mean()
    assert figures["groups"]["m"]["selection"]["value"] == mean(PREDICTION, IS["m"])


def test_text_shows_the_figures():
    text = str(audited())
    assert (
        f"300 rows, 2 groups, accuracy {(LABEL == PREDICTION).mean():.1%}".replace("%", " %")
        in text
    )
    assert f"{mean(PREDICTION, SEX == 'f'):.3f} [" in text
    assert 'gap("equalized_odds")' in text


def test_text_names_what_is_undefined():
    assert "true_positive of 'a' is undefined" in str(undefined())


def test_text_shows_names_that_look_like_markup():
    result = equipoise.audit([0, 1], [0, 1], sensitive_features=["[red]", "[/b]"])
    assert "[red]" in str(result)
    assert "[/b]" in str(result)


def test_text_of_many_classes_shows_every_figure_whole():
    label = np.arange(60) % 10
    result = equipoise.audit(label, np.roll(label, 1), sensitive_features=list("ab" * 30))
    assert "…" not in str(result)
    assert "selection of 9" in str(result)


def test_text_does_not_round_the_confidence_up_to_certainty():
    assert "with 99.9% intervals" in str(audited(confidence=0.999))


def test_a_disparity_is_asked_for_as_it_prints_or_by_its_name_in_the_field():
    found = equipoise.audit([0, 1, 1, 0], [0, 1, 0, 1], sensitive_features=list("aabb"))
    expected = found.disparity(gap("selection"))
    for text in ('gap("selection")', "demographic_parity_difference"):
        assert found.disparity(text) == expected
    with pytest.raises(ValueError, match="cannot read the disparity"):
        found.disparity("gap of selection!")


def test_simultaneous_intervals_hold_all_at_once_as_often_as_they_say():
    random = np.random.default_rng(0)
    groups = Groups.from_codes(np.repeat(np.arange(12), 200), [f"g{j}" for j in range(12)])
    label = random.integers(0, 2, 2400)
    held = alone = 0
    for _ in range(300):
        counts = Counts.from_block(label, random.integers(0, 2, 2400), groups, (0, 1))
        for simultaneous in (False, True):
            found = Audit(counts).rates("selection", simultaneous=simultaneous)
            all_hold = bool(((found.low <= 0.5) & (found.high >= 0.5)).all())
            held += all_hold and simultaneous
            alone += all_hold and not simultaneous
    assert 0.92 < held / 300 < 0.98
    assert alone / 300 < 0.7
