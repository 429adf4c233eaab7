"""The simulated census is drawn from the law whose truth it states."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import multivariate_normal

from equipoise.data import DataError, Dataset, simulate_census
from equipoise.data import census_model as model
from equipoise.data.census_model import CensusModel

SETTINGS = [
    {},
    {"selection_bias": 0.0, "label_bias": 0.0, "proxy_strength": 0.0},
    {"selection_bias": 0.5, "label_bias": 0.4, "proxy_strength": 1.0},
    {"base_rates": {("female", "A"): 0.7, ("male", "C"): 0.05}, "label_bias": 0.6},
]
N = 200_000


def columns(census):
    return {name: census.table[name].to_numpy() for name in census.table.columns}


def groups(census):
    table = columns(census)
    names = list(zip(table["sex"], table["race"], strict=True))
    return np.array([model.GROUPS.index(name) for name in names])


def bayes_selection(census, **settings):
    """Select by the posterior, computed row by row from densities: no threshold, no normal CDF."""
    settings = {"selection_bias": 0.2, "label_bias": 0.15, "proxy_strength": 0.8, **settings}
    strength = settings["proxy_strength"]
    rates = np.array(
        [
            settings.get("base_rates", {}).get(group, rate)
            for group, rate in zip(model.GROUPS, model.BASE_RATES, strict=True)
        ]
    )
    table = columns(census)
    x = np.stack([table[name] for name in model.NUMERIC], axis=1)
    density = np.stack(
        [multivariate_normal(mean, model.COVARIANCE).pdf(x) for mean in model.MEANS], axis=1
    )
    occupation = np.searchsorted(model.OCCUPATIONS, table["occupation"])
    density = density * model.OCCUPATION_GIVEN_MERIT[:, occupation].T
    home = np.searchsorted(model.NEIGHBOURHOODS, table["neighbourhood"])
    prior_home = ((1 - strength) / 6 + strength * model.HOME)[:, home].T
    struck = np.array([sex == "female" or race == "C" for sex, race in model.GROUPS])
    hidden = np.where(struck, settings["label_bias"], 0.0)
    kept = np.where(struck, 1 - settings["selection_bias"], 1.0)
    positive = prior_home @ (model.SHARES * rates * (1 - hidden) * kept) * density[:, 1]
    negative = (
        prior_home @ (model.SHARES * rates * hidden) * density[:, 1]
        + prior_home @ (model.SHARES * (1 - rates)) * density[:, 0]
    )
    return positive > negative


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_truth_agrees_with_a_large_sample_and_a_brute_force_posterior(settings):
    census = simulate_census(N, seed=5, **settings)
    truth = census.truth
    group = groups(census)
    label = columns(census)["income"] == ">50K"
    selected = bayes_selection(census, **settings)

    def check(event, among, expected):
        size = among.sum()
        error = 4 * np.sqrt(max(expected * (1 - expected), 1 / size) / size)
        assert event[among].mean() == pytest.approx(expected, abs=error)

    everyone = np.ones(N, dtype=bool)
    check(selected == label, everyone, truth.accuracy)
    for number in range(len(model.GROUPS)):
        inside = group == number
        check(inside, everyone, truth.shares[number])
        check(census.merit == 1, inside, truth.merit_rates[number])
        check(label, inside, truth.label_rates[number])
        check(selected, inside, truth.selection_rates[number])
        check(selected, inside & label, truth.true_positive_rates[number])


def test_the_default_census_is_the_one_described():
    truth = simulate_census(100).truth
    assert truth.groups == model.GROUPS
    assert truth.shares.sum() == pytest.approx(1)
    assert 0.07 < truth.shares.min() < 0.09
    assert 0.80 < truth.accuracy < 0.85
    assert 0.2 < truth.selection_gap < 0.3
    assert truth.merit_gap == pytest.approx(np.ptp(truth.merit_rates))
    assert truth.true_positive_gap == pytest.approx(np.ptp(truth.true_positive_rates))
    assert 0.27 < truth.shares @ truth.label_rates < 0.33


def test_no_other_rule_on_the_features_beats_the_bayes_classifier():
    census = simulate_census(N, seed=1)
    label = columns(census)["income"] == ">50K"
    selected = bayes_selection(census)
    table = columns(census)
    for rival in (
        np.zeros(N, dtype=bool),
        selected & (table["neighbourhood"] != "Harbour"),
        selected | ((table["occupation"] == "management") & (table["education_years"] > 13)),
    ):
        assert (rival == label).mean() < census.truth.accuracy - 0.001


def test_without_bias_labels_are_merits():
    census = simulate_census(5000, label_bias=0.0, selection_bias=0.0, seed=3)
    np.testing.assert_array_equal(columns(census)["income"] == ">50K", census.merit == 1)
    np.testing.assert_allclose(census.truth.label_rates, model.BASE_RATES)
    np.testing.assert_allclose(census.truth.shares, model.SHARES)


def test_label_bias_only_ever_hides_merit_of_the_disadvantaged():
    census = simulate_census(20_000, label_bias=0.5, seed=3)
    table = columns(census)
    label = table["income"] == ">50K"
    changed = label != (census.merit == 1)
    assert not label[changed].any()
    assert changed.any()
    assert ((table["sex"] == "female") | (table["race"] == "C"))[changed].all()


def test_each_bias_widens_the_gap_of_labels():
    gaps = [simulate_census(100, label_bias=bias).truth.label_gap for bias in (0.0, 0.2, 0.4)]
    assert gaps == sorted(gaps)
    gaps = [simulate_census(100, selection_bias=bias).truth.label_gap for bias in (0.0, 0.2, 0.4)]
    assert gaps == sorted(gaps)


def test_without_a_proxy_only_merit_tells_groups_apart():
    truth = simulate_census(100, proxy_strength=0.0).truth
    np.testing.assert_allclose(truth.true_positive_rates, truth.true_positive_rates[0])
    assert simulate_census(100, proxy_strength=1.0).truth.selection_gap > truth.selection_gap


def test_where_most_merit_is_hidden_nobody_is_selected():
    truth = simulate_census(100, label_bias=0.99, proxy_strength=0.0).truth
    assert truth.accuracy == pytest.approx(1 - truth.shares @ truth.label_rates, abs=0.02)
    struck = dict.fromkeys(model.GROUPS, 0.01)
    truth = simulate_census(100, base_rates=struck, label_bias=0.99).truth
    assert np.isfinite(truth.selection_rates).all()


@pytest.mark.parametrize("column", ["sex", "race"])
def test_the_truth_of_one_column_is_the_mean_over_the_other(column):
    whole = simulate_census(100).truth
    truth = whole.by(column)
    position = ("sex", "race").index(column)
    for number, (name,) in enumerate(truth.groups):
        inside = np.array([group[position] == name for group in whole.groups])
        shares = whole.shares[inside] / whole.shares[inside].sum()
        assert truth.shares[number] == pytest.approx(whole.shares[inside].sum())
        assert truth.merit_rates[number] == pytest.approx(shares @ whole.merit_rates[inside])
        assert truth.label_rates[number] == pytest.approx(shares @ whole.label_rates[inside])
        selected = shares @ whole.selection_rates[inside]
        assert truth.selection_rates[number] == pytest.approx(selected)
        positive = whole.shares[inside] * whole.label_rates[inside]
        caught = positive @ whole.true_positive_rates[inside] / positive.sum()
        assert truth.true_positive_rates[number] == pytest.approx(caught)
    assert truth.selection_gap == pytest.approx(np.ptp(truth.selection_rates))
    assert truth.accuracy == whole.accuracy


def test_the_truth_of_another_column_is_refused():
    truth = simulate_census(100).truth
    with pytest.raises(DataError, match="given 'age', wanted 'sex' or 'race'"):
        truth.by("age")
    with pytest.raises(DataError, match=r"^column: "):
        truth.by("sex").by("race")


def test_the_same_seed_gives_the_same_rows_and_another_seed_others():
    tables = [simulate_census(500, seed=seed).table.to_arrow() for seed in (7, 7, 8)]
    assert tables[0].equals(tables[1])
    assert not tables[0].equals(tables[2])


@pytest.mark.parametrize("n", [100, 1234])
def test_exactly_n_rows_come_back(n):
    census = simulate_census(n, selection_bias=0.9)
    assert len(census.table) == len(census.merit) == n
    assert isinstance(census.table.to_native(), pa.Table)


def test_merit_is_nowhere_in_the_table():
    census = simulate_census(1000)
    dataset = Dataset.from_table(census.table, target="income", sensitive=["sex", "race"])
    assert dataset.features.columns == [*model.NUMERIC, "occupation", "neighbourhood"]


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_neighbourhoods_are_laws(strength):
    laws = CensusModel(None, 0.0, 0.0, strength).neighbourhoods
    np.testing.assert_allclose(laws.sum(axis=1), 1)
    assert (laws > 0).all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n": 99}, "n: given 99"),
        ({"seed": -1}, "seed: given -1"),
        ({"base_rates": {("female", "A"): 1.0}}, r"within \(0, 1\)"),
        ({"base_rates": {("male", "A"): 0.0}}, r"within \(0, 1\)"),
        ({"base_rates": {("female", "Z"): 0.5}}, "no group"),
        ({"selection_bias": 1.0}, "selection_bias: given 1.0"),
        ({"label_bias": -0.1}, "label_bias: given -0.1"),
        ({"label_bias": float("nan")}, "label_bias: given nan"),
        ({"proxy_strength": 1.1}, "proxy_strength: given 1.1"),
    ],
)
def test_parameters_out_of_range_are_refused(arguments, says):
    with pytest.raises(DataError, match=says):
        simulate_census(**{"n": 100, **arguments})
