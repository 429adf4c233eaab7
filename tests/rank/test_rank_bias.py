"""Implicit bias, and what bounds restore."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from equipoise import Groups, ImplicitBias
from equipoise.rank import audit_latent, bounds_of, calibrate, rank_items


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 1), st.floats(0.01, 1))
@settings(max_examples=60)
def test_bounds_from_the_latent_best_restore_it_whatever_the_bias(seed, beta_b, beta_c):
    random = np.random.default_rng(seed)
    m = int(random.integers(4, 60))
    n = int(random.integers(1, m + 1))
    groups = Groups.from_codes(random.integers(0, 3, m), ["a", "b", "c"])
    latent = random.gamma(2, size=m)
    observed = ImplicitBias({"b": beta_b, "c": beta_c}).observe(latent, groups)
    best = rank_items(latent, n=n)
    restored = rank_items(observed, groups, bounds_of(best.order, groups), n=n)
    judged = audit_latent(restored, latent)
    assert list(restored.order) == list(best.order)
    assert judged.kept == 1
    assert judged.kept_unconstrained <= 1


def test_intersections_are_seen_by_the_product():
    groups = Groups.of({"sex": list("ffmm"), "race": list("bwbw")}, how="each")
    bias = ImplicitBias({"sex: f": 0.5, "race: b": 0.2})
    assert list(bias.observe([10.0, 10.0, 10.0, 10.0], groups)) == pytest.approx([1, 5, 2, 10])


def test_negative_utilities_are_refused_or_counted_from_the_smallest():
    bias = ImplicitBias({"f": 0.5})
    with pytest.raises(ValueError, match="would be a favour"):
        bias.observe([-2.0, 4.0], ["f", "f"])
    assert list(bias.observe([-2.0, 4.0], ["f", "f"], shift=True)) == [-2, 1]
    assert list(bias.observe([2.0, 4.0], ["f", "f"], shift=True)) == [1, 2]


@pytest.mark.parametrize("beta", [0, 1.5, -1, np.nan, "half"])
def test_bias_makes_nobody_larger(beta):
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        ImplicitBias({"f": beta})


def test_bias_of_a_group_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="no group 'g'"):
        ImplicitBias({"g": 0.5}).observe([1.0], ["f"])
    with pytest.raises(ValueError, match="2 rows and utility 1"):
        ImplicitBias({"f": 0.5}).observe([1.0], ["f", "f"])


def test_groups_of_one_law_are_expected_in_proportion():
    law = stats.lognorm(1.6)
    found = calibrate({"a": law, "b": law}, {"a": 300, "b": 100}, 40)
    k = np.arange(1, 41)
    assert found.counts == pytest.approx(np.stack([0.75 * k, 0.25 * k], axis=1))
    assert [str(bound) for bound in found.share_bounds()] == ["a >= 0.75", "b >= 0.25"]
    assert len(found.bounds("b")[0].places(40, 100, 300)) == 10


def test_distributions_and_samples_of_them_agree():
    laws = {"a": stats.norm(1), "b": stats.norm(0, 2)}
    sizes = {"a": 500, "b": 200}
    exact = calibrate(laws, sizes, 100)
    quantiles = (np.arange(100_000) + 0.5) / 100_000
    sampled = calibrate({name: law.ppf(quantiles) for name, law in laws.items()}, sizes, 100)
    assert sampled.counts == pytest.approx(exact.counts, abs=0.02)
    assert exact.counts.sum(axis=1) == pytest.approx(np.arange(1, 101))


def test_samples_that_tie_across_groups_share_the_tie():
    found = calibrate({"a": [1.0, 0.0], "b": [1.0, 1.0]}, {"a": 2, "b": 2}, 3)
    assert found.counts == pytest.approx(np.array([[1, 2], [2, 4], [3, 6]]) / 3)


def test_everybody_may_be_ranked():
    found = calibrate({"a": stats.norm(), "b": stats.norm(3)}, {"a": 7, "b": 5}, 12)
    assert found.counts[-1] == pytest.approx([7, 5])


@pytest.mark.parametrize(
    ("laws", "sizes", "n", "said"),
    [
        ({"a": [1.0]}, {"b": 1}, 1, "give both of each group"),
        ({"a": [1.0]}, {"a": 0}, 1, "at least 1"),
        ({"a": [1.0]}, {"a": 3}, 4, "from 1 to 3"),
        ({"a": [1.0], "b": stats.norm()}, {"a": 3, "b": 3}, 4, "samples for others"),
        ({"a": [np.nan]}, {"a": 3}, 3, "not finite"),
        ({"a": [1.0]}, {"a": np.nan}, 1, "at least 1"),
        ({"a": [1.0]}, {"a": 3}, 1.5, "whole number"),
        ({"a": stats.randint(0, 5), "b": stats.norm()}, {"a": 3, "b": 3}, 3, "'a' is discrete"),
    ],
)
def test_laws_that_say_nothing_are_refused(laws, sizes, n, said):
    with pytest.raises(ValueError, match=said):
        calibrate(laws, sizes, n)


def test_bounds_of_a_group_without_a_law_are_refused():
    with pytest.raises(ValueError, match="no group 'c'"):
        calibrate({"a": [1.0]}, {"a": 3}, 3).bounds("c")


def test_latent_utilities_are_of_all_rows():
    ranking = rank_items([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="one for each row"):
        audit_latent(ranking, [1.0, 2.0])


def test_of_nothing_no_share_is_kept():
    found = audit_latent(rank_items([1.0, 2.0]), [0.0, 0.0])
    assert np.isnan([found.kept, found.kept_unconstrained]).all()


@pytest.mark.parametrize("order", [[0, 0], [2], [-1], [0.5], []])
def test_bounds_are_of_a_ranking(order):
    with pytest.raises(ValueError, match="order"):
        bounds_of(order, ["a", "b"])
