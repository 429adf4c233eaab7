"""Weights by groups that are observed with errors: what they do to the true ones."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Constraint, Groups
from equipoise.noise import NoisyGroups
from equipoise.repair import MaxEntropyRepair, reweight

PARITY = [Constraint.parse('gap("selection") <= 0')]
BOUND = [Constraint.parse('ratio("selection") >= 0.8')]
FLIPS = np.array([[0.8, 0.15, 0.05], [0.1, 0.9, 0.0], [0.05, 0.1, 0.85]])
RATES = np.array([0.2, 0.4, 0.5])


def exact_rows():
    """A row for each true group, label and observed group, whose weight is its probability."""
    z, y, seen = np.indices((3, 2, 3)).reshape(3, -1)
    chance = np.array([0.5, 0.3, 0.2])[z] * np.where(y == 1, RATES[z], 1 - RATES[z])
    return z, y, seen, chance * FLIPS[z, seen]


def noisy(seen, flips=FLIPS):
    return NoisyGroups.of(Groups.from_codes(seen, list("abc")), p_flip=flips)


@pytest.mark.parametrize("promises", [PARITY, BOUND])
@pytest.mark.parametrize("representation", [None, 0.6])
def test_true_groups_keep_the_promise_exactly_in_the_population(promises, representation):
    z, y, seen, chance = exact_rows()
    weights = reweight(y, noisy(seen), 2, promises, weights=chance, representation=representation)
    table = Groups.from_codes(z, list("abc")).tabulate(y, 2, weights)
    known = reweight(
        y, Groups.from_codes(z, list("abc")), 2, promises, weights=chance,
        representation=representation,
    )  # fmt: skip
    wanted = Groups.from_codes(z, list("abc")).tabulate(y, 2, known)
    assert np.allclose(table / table.sum(), wanted / wanted.sum(), atol=1e-12)
    naive = reweight(y, Groups.from_codes(seen, list("abc")), 2, promises, weights=chance)
    blind = Groups.from_codes(z, list("abc")).tabulate(y, 2, naive)
    rates = blind[:, 1] / blind.sum(1)
    assert not all(promise.kept_by(rates[None]) for promise in promises)


def test_of_a_sample_true_rates_meet_up_to_chance():
    random = np.random.default_rng(0)
    z = random.choice(3, 200_000, p=[0.5, 0.3, 0.2])
    y = (random.random(len(z)) < RATES[z]).astype(int)
    seen = (random.random((len(z), 1)) > FLIPS.cumsum(1)[z]).sum(1)
    weights = reweight(y, noisy(seen), 2, PARITY)
    table = Groups.from_codes(z, list("abc")).tabulate(y, 2, weights)
    assert np.ptp(table[:, 1] / table.sum(1)) < 0.02
    assert weights.mean() == pytest.approx(1)


def test_without_errors_the_weights_are_those_of_known_groups():
    random = np.random.default_rng(1)
    z, y = random.integers(0, 3, 500), random.integers(0, 2, 500)
    found = reweight(y, noisy(z, np.eye(3)), 2, PARITY)
    assert np.allclose(found, reweight(y, Groups.from_codes(z, list("abc")), 2, PARITY), atol=1e-12)


def test_rows_of_one_observed_group_and_label_weigh_alike():
    _, y, seen, chance = exact_rows()
    weights = reweight(y, noisy(seen), 2, PARITY, weights=chance) / chance.clip(1e-300)
    for cell in np.unique(2 * seen[chance > 0] + y[chance > 0]):
        assert np.ptp(weights[(2 * seen + y == cell) & (chance > 0)]) < 1e-9


def test_flips_that_depend_on_a_stratum_are_undone_in_each():
    z, y, seen, stratum = np.indices((2, 2, 2, 2)).reshape(4, -1)
    flips = {"x": np.array([[0.9, 0.1], [0.2, 0.8]]), "y": np.array([[0.7, 0.3], [0.0, 1.0]])}
    by = np.stack([flips["x"], flips["y"]])
    rate = np.array([0.2, 0.5])[z]
    chance = np.array([0.4, 0.6])[z] * np.where(y == 1, rate, 1 - rate)
    chance = chance * np.array([0.3, 0.7])[stratum] * by[stratum, z, seen]
    groups = NoisyGroups.of(
        Groups.from_codes(seen, ["a", "b"]), p_flip=flips, strata=np.array(["x", "y"])[stratum]
    )
    weights = reweight(y, groups, 2, PARITY, weights=chance)
    table = Groups.from_codes(z, ["a", "b"]).tabulate(y, 2, weights)
    assert np.ptp(table[:, 1] / table.sum(1)) < 1e-12


def test_estimates_that_are_negative_are_refused_with_the_cure():
    seen, y = np.array([0] * 50 + [1] * 50 + [2] * 50), np.array(([1] * 2 + [0] * 48) * 3)
    y[:50] = 1
    with pytest.raises(ValueError, match=r"'a' and label 0.*Check p_flip"):
        reweight(y, noisy(seen), 2, PARITY)


def test_weights_that_would_be_negative_are_refused_with_the_cure():
    _, y, seen, chance = exact_rows()
    with pytest.raises(ValueError, match=r"negative weight.*looser bound"):
        reweight(
            y, noisy(seen), 2, PARITY, weights=chance, representation={"a": 9, "b": 0.1, "c": 9}
        )


def people(n=30_000, seed=0):
    random = np.random.default_rng(seed)
    z = random.choice(3, n, p=[0.5, 0.3, 0.2])
    y = (random.random(n) < RATES[z]).astype(int)
    seen = (random.random((n, 1)) > FLIPS.cumsum(1)[z]).sum(1)
    return random.integers(0, 4, (n, 3)), y, z, seen


@pytest.mark.parametrize("share", [0.0, 0.3])
@pytest.mark.parametrize("expectation", ["weighted", "data"])
def test_a_law_repairs_the_true_groups(share, expectation):
    X, y, z, seen = people()
    repair = MaxEntropyRepair(
        'ratio("selection") >= 0.9', share=share, expectation=expectation, random_state=0
    ).fit(X, y, sensitive_features=noisy(seen))
    rates = repair.moved_.rates_after
    assert rates.min() / rates.max() == pytest.approx(0.9, abs=1e-9)
    assert np.allclose(repair.moved_.before.sum(1), [0.5, 0.3, 0.2], atol=0.02)
    table = Groups.from_codes(z, list("abc")).tabulate(y, 2, repair.sample_weight_)
    true = table[:, 1] / table.sum(1)
    assert true.min() / true.max() == pytest.approx(0.9, abs=0.04)
    drawn = repair.sample(50_000)
    joint = noisy(np.searchsorted(list("abc"), drawn.group)).tabulate(drawn.y, 2)
    assert np.allclose(drawn.y.mean(), y.mean(), atol=0.02)
    assert joint.min() > 0


def test_a_law_of_groups_without_errors_is_that_of_known_groups():
    X, y, z, _ = people(2000)
    known = MaxEntropyRepair().fit(X, y, sensitive_features=Groups.from_codes(z, list("abc")))
    found = MaxEntropyRepair().fit(X, y, sensitive_features=noisy(z, np.eye(3)))
    assert np.allclose(found.sample_weight_, known.sample_weight_, atol=1e-9)
    assert np.allclose(found.moved_.after, known.moved_.after, atol=1e-12)


def test_balanced_shares_of_noisy_groups_are_refused():
    X, y, _, seen = people(2000)
    repair = MaxEntropyRepair(expectation="balanced", exact=False)
    with pytest.raises(ValueError, match="take 'weighted' or 'data'"):
        repair.fit(X, y, sensitive_features=noisy(seen))
