"""Laws on small domains against their enumeration, closed forms and invariances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit, rel_entr
from scipy.stats import chisquare
from small_domain import DOMAIN, EVERYTHING, SHARES, prior_of, some_rows, wanted, written_out

from equipoise.maxent.discrete import Attribute, Domain, Prior, fit
from equipoise.maxent.discrete.loops import outcomes

STATISTICS = DOMAIN.statistics(EVERYTHING)


@pytest.mark.parametrize("share", SHARES)
def test_the_answer_is_the_prior_tilted_by_its_multipliers(share):
    prior = prior_of(share)
    found = fit(prior, wanted())
    tilted = written_out(prior) * np.exp(STATISTICS @ found.multipliers)
    law = np.exp(found.log_prob(EVERYTHING))
    assert np.allclose(law, tilted / tilted.sum(), rtol=1e-9, atol=1e-15)
    assert law.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("share", SHARES)
def test_the_answer_has_the_expectation_after_a_few_steps(share):
    found = fit(prior_of(share), wanted())
    law = np.exp(found.log_prob(EVERYTHING))
    assert np.abs(law @ STATISTICS - wanted()).max() < 1e-9
    assert np.abs(found.expectation - wanted()).max() < 1e-9
    assert len(found.residuals) <= 8
    assert found.gap < 1e-18


@pytest.mark.parametrize("share", SHARES)
def test_divergences_of_a_feasible_law_split_at_the_closest(share):
    prior = prior_of(share)
    q = written_out(prior)
    found = fit(prior, wanted())
    closest = np.exp(found.log_prob(EVERYTHING))
    assert found.divergence == pytest.approx(rel_entr(closest, q).sum(), abs=1e-10)
    # Another law with the expectation: the closest to another prior on the same support.
    other = np.where(q > 0, q ** np.linspace(0.7, 1.3, len(q)), 0)
    other = Prior.of(DOMAIN, EVERYTHING, other)
    feasible = np.exp(fit(other, wanted()).log_prob(EVERYTHING))
    through = rel_entr(feasible, closest).sum() + rel_entr(closest, q).sum()
    assert rel_entr(feasible, q).sum() == pytest.approx(through, rel=1e-8)


@given(st.lists(st.floats(0.01, 0.99), min_size=1, max_size=6))
def test_multipliers_of_a_uniform_law_on_bits_are_log_odds(shares):
    domain = Domain([Attribute.numbers([0, 1])] * len(shares))
    found = fit(Prior.product(domain), shares)
    assert np.allclose(found.multipliers, logit(shares), atol=1e-8)


def test_rows_that_have_the_expectation_already_stay_as_they_are():
    codes, weights = some_rows()
    found = fit(Prior.of(DOMAIN, codes, weights), DOMAIN.mean(codes, weights))
    assert np.abs(found.multipliers).max() < 1e-12
    assert np.allclose(found.row_law, found.prior.rows.weights, atol=1e-14)
    assert found.divergence < 1e-14


@given(st.integers(0, 2**32 - 1), st.sampled_from(SHARES[:2]))
@settings(max_examples=15, deadline=None)
def test_the_order_of_rows_and_copies_with_part_of_the_weight_change_nothing(seed, share):
    random = np.random.default_rng(seed)
    codes, weights = some_rows()
    order = random.permutation(len(codes))
    part = random.random(len(codes))
    twice = np.concatenate([codes, codes])[np.concatenate([order, order + len(codes)])]
    halves = np.concatenate([weights * part, weights * (1 - part)])
    halves = halves[np.concatenate([order, order + len(codes)])]
    one = fit(Prior.of(DOMAIN, codes, weights, share=share), wanted())
    other = fit(Prior.of(DOMAIN, twice, halves, share=share), wanted())
    difference = np.exp(one.log_prob(EVERYTHING)) - np.exp(other.log_prob(EVERYTHING))
    assert np.abs(difference).max() < 1e-10


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_renaming_levels_and_leaving_a_category_out_change_nothing(share):
    codes, weights = some_rows()
    renamed = codes.copy()
    renamed[:, 0] = (codes[:, 0] + 1) % 3
    dropped = Attribute.numbers(np.eye(3)[:, :2])
    domain = Domain([dropped, *DOMAIN.attributes[1:]])
    one = fit(Prior.of(DOMAIN, codes, weights, share=share), wanted())
    mean = wanted()
    # Category 0 is called 1 now, and so on; of the three the last is no statistic.
    mean = np.concatenate([[mean[2], mean[0]], mean[3:]])
    other = fit(Prior.of(domain, renamed, weights, share=share), mean)
    everywhere = EVERYTHING.copy()
    everywhere[:, 0] = (EVERYTHING[:, 0] + 1) % 3
    difference = np.exp(one.log_prob(EVERYTHING)) - np.exp(other.log_prob(everywhere))
    assert np.abs(difference).max() < 1e-10


def test_numbers_in_other_units_change_nothing():
    codes, weights = some_rows()
    values = DOMAIN.attributes[1].values * 1e6 - 3e5
    domain = Domain([DOMAIN.attributes[0], Attribute.numbers(values), *DOMAIN.attributes[2:]])
    mean = wanted()
    mean[3] = mean[3] * 1e6 - 3e5
    one = fit(prior_of(0.3), wanted())
    other = fit(Prior.of(domain, codes, weights, share=0.3, marginals="rows"), mean)
    difference = one.log_prob(EVERYTHING) - other.log_prob(EVERYTHING)
    assert np.abs(difference).max() < 1e-8


def test_of_columns_taken_jointly_the_joint_law_is_exact():
    found = fit(prior_of(0.5, marginals="uniform"), wanted())
    assert np.allclose(found.joint([2]), wanted()[DOMAIN.slices[2]], atol=1e-10)


@pytest.mark.parametrize("attributes", [[0], [3, 1], [2, 0, 3]])
def test_joint_laws_are_those_of_the_enumeration(attributes):
    found = fit(prior_of(0.3), wanted())
    law = np.exp(found.log_prob(EVERYTHING))
    levels = DOMAIN.pack(EVERYTHING).astype(int)
    expected = np.zeros([len(DOMAIN.attributes[j]) for j in attributes])
    np.add.at(expected, tuple(levels[:, j] for j in attributes), law)
    assert np.allclose(found.joint(attributes), expected, atol=1e-13)


@pytest.mark.parametrize("share", SHARES)
def test_draws_follow_the_law(share):
    found = fit(prior_of(share), wanted())
    drawn = found.sample(200_000, seed=1)
    at = np.ravel_multi_index(tuple(drawn.T.astype(int)), (3, 4, 2, 2, 2))
    seen = np.bincount(at, minlength=len(EVERYTHING))
    law = np.exp(found.log_prob(EVERYTHING))
    assert seen[law == 0].sum() == 0
    some = law > 0
    assert chisquare(seen[some], law[some] / law.sum() * seen.sum()).pvalue > 1e-4


@given(
    st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=30),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=20),
)
@settings(deadline=None)
def test_outcomes_are_those_of_a_bisection(law, uniform):
    ends, uniform = np.cumsum(law), np.array(uniform)
    expected = np.minimum(np.searchsorted(ends, uniform * ends[-1], side="right"), len(law) - 1)
    assert (outcomes(ends, uniform) == expected).all()


def test_draws_come_from_the_two_parts_as_often_as_they_should():
    found = fit(prior_of(0.3), wanted())
    drawn = found.draw_parts(100_000, np.random.default_rng(0))
    share = (drawn.row < 0).mean()
    error = np.sqrt(found.product_mass * (1 - found.product_mass) / 100_000)
    assert abs(share - found.product_mass) < 4 * error
    rows = found.prior.rows.levels[drawn.row[drawn.row >= 0]]
    assert (rows == drawn.levels[drawn.row >= 0]).all()


def test_one_seed_gives_the_same_draws():
    found = fit(prior_of(0.3), wanted())
    assert (found.sample(50, seed=3) == found.sample(50, seed=3)).all()
    assert (found.sample(50, seed=3) != found.sample(50, seed=4)).any()


def test_the_probabilities_of_rows_count_both_parts():
    found = fit(prior_of(0.3), wanted())
    again = found.log_prob(DOMAIN.unpack(found.prior.rows.levels))
    assert np.allclose(np.exp(again), found.row_probabilities, rtol=1e-12)


def test_a_domain_far_larger_than_memory_is_no_harder():
    random = np.random.default_rng(0)
    codes = random.integers(0, 9, (500, 120))
    domain = Domain([Attribute.categories(9)] * 120)  # 9 ** 120 points
    prior = Prior.of(domain, codes, share=0.5)
    found = fit(prior, 0.7 * domain.mean(codes) + 0.3 / 9)
    assert found.residual < 1e-10
    drawn = found.sample(1000)
    assert np.isfinite(found.log_prob(drawn)).all()
    joint = found.joint([0, 119])
    assert np.allclose(joint.sum(1), found.expectation[:9], atol=1e-12)
