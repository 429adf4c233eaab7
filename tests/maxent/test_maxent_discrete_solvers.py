"""The dual against finite differences, its solvers against each other, and the certificate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.special import rel_entr
from small_domain import DOMAIN, EVERYTHING, SHARES, prior_of, wanted, written_out

from equipoise.maxent.discrete import Attribute, Domain, Prior, fit, solve
from equipoise.maxent.discrete import dual as dual_module
from equipoise.maxent.discrete.coordinates import plain, whitened
from equipoise.maxent.discrete.dual import Dual
from equipoise.maxent.discrete.rows import Rows
from equipoise.maxent.discrete.solve import certify, newton

H = 1e-6


def dual_at(share, coordinates=whitened, seed=0):
    prior = prior_of(share)
    dual = Dual(prior, coordinates(prior, wanted()))
    return dual, np.random.default_rng(seed).normal(scale=0.3, size=dual.size)


@pytest.mark.parametrize("coordinates", [whitened, plain])
@pytest.mark.parametrize("share", SHARES)
def test_the_gradient_is_that_of_finite_differences(share, coordinates):
    dual, at = dual_at(share, coordinates)
    slopes = [
        (dual.at(at + H * e).value - dual.at(at - H * e).value) / (2 * H) for e in np.eye(dual.size)
    ]
    assert np.allclose(dual.at(at).gradient, slopes, atol=1e-8)


@pytest.mark.parametrize("share", SHARES)
def test_the_hessian_is_that_of_finite_differences(share):
    dual, at = dual_at(share)
    columns = [
        (dual.at(at + H * e).gradient - dual.at(at - H * e).gradient) / (2 * H)
        for e in np.eye(dual.size)
    ]
    assert np.allclose(dual.hessian(dual.at(at)), np.stack(columns, axis=1), atol=1e-7)


@pytest.mark.parametrize("constant", [False, True])
def test_the_hessian_of_bits_and_numbers_is_that_of_finite_differences(constant):
    random = np.random.default_rng(0)
    one = [Attribute.categories(1)] * constant
    domain = Domain([Attribute.numbers([0, 1]), *one, Attribute.numbers([0, 1, 5])])
    codes = random.integers(0, [2, *[1] * constant, 3], (50, 2 + constant))
    prior = Prior.of(domain, codes, random.random(50))
    dual, at = Dual(prior, whitened(prior, domain.mean(codes))), np.array([0.3, -0.2])
    columns = [
        (dual.at(at + H * e).gradient - dual.at(at - H * e).gradient) / (2 * H) for e in np.eye(2)
    ]
    assert np.allclose(dual.hessian(dual.at(at)), np.stack(columns, axis=1), atol=1e-8)


@pytest.mark.parametrize("share", SHARES)
def test_the_hessian_times_a_vector_needs_no_hessian(share):
    dual, at = dual_at(share)
    state = dual.at(at)
    vector = np.random.default_rng(1).normal(size=dual.size)
    assert np.allclose(dual.hessian_vector(state, vector), dual.hessian(state) @ vector, atol=1e-12)


@pytest.mark.parametrize("share", SHARES)
def test_the_prior_has_unit_variances_in_its_own_coordinates(share):
    prior = prior_of(share)
    mean = DOMAIN.mean_of_levels(prior.level_shares)
    dual = Dual(prior, whitened(prior, mean))
    hessian = dual.hessian(dual.at(np.zeros(dual.size)))
    ends = dual.coordinates.offsets
    for a, b in itertools.pairwise(ends):
        assert np.allclose(hessian[a:b, a:b], np.eye(b - a), atol=1e-12)


@pytest.mark.parametrize("share", SHARES[:2])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_gap_bounds_how_far_an_early_end_is_from_the_closest(share, steps):
    prior = prior_of(share)
    dual = Dual(prior, whitened(prior, wanted()))
    early = newton(dual, 0.0, steps).state
    gap, left = certify(dual, early)
    q = written_out(prior)
    tilted = q * np.exp(
        DOMAIN.statistics(EVERYTHING) @ dual.coordinates.multipliers(early.multipliers)
    )
    closest = np.exp(fit(prior, wanted()).log_prob(EVERYTHING))
    away = rel_entr(closest, tilted / tilted.sum()).sum()
    assert away <= gap + 1e-14
    assert gap <= 5 * away + 1e-14
    assert left < 1e-10


def test_far_from_the_answer_there_is_no_certificate():
    domain = Domain([Attribute.numbers([0.0, 1.0, 2.0])])
    dual = Dual(prior := Prior.product(domain), whitened(prior, np.array([1.9])))
    assert certify(dual, dual.at(np.zeros(1))).gap == np.inf


@pytest.mark.parametrize("share", SHARES)
def test_conjugate_gradients_come_to_the_same_law(share, monkeypatch):
    dense = fit(prior_of(share), wanted())
    monkeypatch.setattr(solve, "_DENSE", 0)
    free = fit(prior_of(share), wanted())
    difference = np.exp(dense.log_prob(EVERYTHING)) - np.exp(free.log_prob(EVERYTHING))
    assert np.abs(difference).max() < 1e-10
    assert free.gap < 1e-18


def test_products_in_single_precision_come_to_the_same_law(monkeypatch):
    exact = fit(prior_of(0.3), wanted())
    monkeypatch.setattr(dual_module, "_MANY", 0)
    rough = fit(prior_of(0.3), wanted())
    assert rough.residual < 1e-10
    difference = exact.log_prob(EVERYTHING) - rough.log_prob(EVERYTHING)
    assert np.abs(difference).max() < 1e-9


def test_second_moments_in_blocks_are_those_of_all_rows(monkeypatch):
    dual, at = dual_at(0.3)
    state = dual.at(at)
    whole = dual.hessian(state)
    monkeypatch.setattr(dual_module, "_BLOCK", 7)
    assert np.allclose(dual.hessian(state), whole, atol=1e-13)


def test_the_published_solver_comes_to_the_same_law_in_many_more_steps():
    ours = fit(prior_of(0.3), wanted())
    theirs = fit(prior_of(0.3), wanted(), solver="box", tolerance=1e-9)
    difference = np.exp(ours.log_prob(EVERYTHING)) - np.exp(theirs.log_prob(EVERYTHING))
    assert np.abs(difference).max() < 1e-8
    assert len(theirs.residuals) > 5 * len(ours.residuals)


def test_the_published_solver_contracts_by_the_factor_that_theory_gives():
    found = fit(prior_of(0.3), wanted(), solver="box", tolerance=1e-9)
    last = np.array(found.residuals[-10:])
    assert np.allclose(last[1:] / last[:-1], 1 - np.exp(-1), atol=0.02)


def test_columns_that_determine_each_other_are_no_obstacle():
    random = np.random.default_rng(0)
    x = random.integers(0, 2, 60)
    codes = np.stack([x, 1 - x, random.integers(0, 2, 60)], axis=1)
    domain = Domain([Attribute.categories(2)] * 3)
    found = fit(Prior.of(domain, codes), domain.mean(codes, 1 + x + codes[:, 2]))
    assert found.residual < 1e-10


def test_rows_with_one_hash_are_told_apart(monkeypatch):
    from equipoise.maxent.discrete import loops

    monkeypatch.setattr(loops, "hashes", lambda levels: np.zeros(len(levels), np.uint64))
    levels = np.array([[0, 1], [1, 0], [0, 1], [1, 1]], np.uint8)
    rows = Rows.of(levels, np.array([0.1, 0.2, 0.3, 0.4]))
    assert len(rows) == 3
    assert (rows.levels[rows.place] == levels).all()
    assert rows.weights[rows.place[0]] == pytest.approx(0.4)
    found = rows.find(np.array([[1, 1], [0, 0], [1, 0]], np.uint8))
    assert found[1] == -1
    assert (rows.levels[found[[0, 2]]] == [[1, 1], [1, 0]]).all()
