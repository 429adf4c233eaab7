"""Expectations on the boundary, expectations that cannot be, and input that does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from small_domain import DOMAIN, EVERYTHING, prior_of, some_rows, wanted

from equipoise.maxent.discrete import Attribute, Domain, ExpectationError, Prior, fit


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_category_that_is_to_have_no_share_does_not_occur(share):
    codes, weights = some_rows()
    on_face = codes[:, 0] != 2
    mean = DOMAIN.mean(codes[on_face], weights[on_face] * (1 + codes[on_face, 4]))
    found = fit(prior_of(share), mean)
    law = np.exp(found.log_prob(EVERYTHING))
    assert law[EVERYTHING[:, 0] == 2].sum() == 0
    assert np.abs(found.expectation - mean).max() < 1e-9
    # It is what one comes to from inside.
    inside = fit(prior_of(share), (1 - 1e-7) * mean + 1e-7 * wanted())
    assert np.abs(law - np.exp(inside.log_prob(EVERYTHING))).max() < 1e-5
    assert found.divergence == pytest.approx(inside.divergence, abs=1e-4)


def test_a_mean_at_the_largest_number_leaves_that_number_alone():
    mean = wanted()
    mean[3] = 7.0
    found = fit(prior_of(0.5), mean)
    assert found.joint([1])[:3].sum() == 0
    assert found.expectation[3] == pytest.approx(7.0)


def test_a_mean_on_an_edge_of_several_numbers_keeps_the_levels_of_that_edge():
    corners = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.5, 0.5]]
    domain = Domain([Attribute.numbers(corners)])
    found = fit(Prior.product(domain), [1.0, 0.25])
    assert np.allclose(found.joint([0]), [0, 0.75, 0, 0.25, 0], atol=1e-10)


def test_rows_that_a_mean_on_an_edge_of_their_hull_excludes_get_no_weight():
    codes = np.array([[0, 0], [1, 0], [0, 1], [0, 0]])  # the hull is a triangle
    domain = Domain([Attribute.numbers([0.0, 1.0])] * 2)
    found = fit(Prior.of(domain, codes), [0.3, 0.7])
    law = np.exp(found.log_prob([[0, 0], [1, 0], [0, 1], [1, 1]]))
    assert np.allclose(law, [0, 0.3, 0.7, 0], atol=1e-9)


def test_a_mean_outside_the_hull_of_the_rows_is_refused():
    codes = np.array([[0, 0], [1, 0], [0, 1]])
    domain = Domain([Attribute.numbers([0.0, 1.0])] * 2)
    with pytest.raises(ExpectationError, match="outside their convex hull"):
        fit(Prior.of(domain, codes), [0.6, 0.6])
    assert fit(Prior.of(domain, codes, share=0.1), [0.6, 0.6]).residual < 1e-10


def test_a_face_without_any_row_needs_a_product_law():
    codes = np.array([[0, 0], [1, 1]])
    domain = Domain([Attribute.categories(2)] * 2)
    mean = [1.0, 0.0, 0.0, 1.0]
    with pytest.raises(ExpectationError, match="give the product law a share"):
        fit(Prior.of(domain, codes), mean)
    found = fit(Prior.of(domain, codes, share=0.2), mean)
    assert np.exp(found.log_prob([[0, 1]])) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({0: np.nan}, "finite"),
        ({0: 0.9}, "must sum to 1"),
        ({3: 8.0}, "outside the range"),
        ({0: -0.2, 1: 0.7, 2: 0.5}, "negative share"),
    ],
)
def test_an_expectation_that_cannot_be_is_refused(change, says):
    mean = wanted()
    for place, value in change.items():
        mean[place] = value
    with pytest.raises(ValueError, match=says):
        fit(prior_of(0.3), mean)


def test_a_level_that_the_prior_never_has_cannot_be_asked_for():
    domain = Domain([Attribute.categories(3)])
    with pytest.raises(ExpectationError, match="level 2 of attribute 0"):
        fit(Prior.of(domain, [[0], [1]]), [0.4, 0.4, 0.2])


def test_too_few_steps_are_no_answer():
    with pytest.raises(FloatingPointError, match="after 1 steps"):
        fit(prior_of(0.3), wanted(), max_steps=1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Domain([]), "attributes is empty"),
        (lambda: Attribute.joint(0, 2), "sizes must be positive"),
        (lambda: Attribute.categories(2.5), "positive whole numbers"),
        (lambda: Domain(["a"]), "must be of Attribute, but one is 'a'"),
        (lambda: Attribute.categories(10_000), "at most"),
        (lambda: Attribute.numbers([1.0, np.inf]), "finite"),
        (lambda: Attribute(np.eye(3), (2, 2)), "have 4 together"),
        (lambda: DOMAIN.pack([[0, 0]]), r"shape \(n, 5\)"),
        (lambda: DOMAIN.pack([[0, 9, 0, 0, 0]]), r"column 1 must lie in 0\.\.3"),
        (lambda: DOMAIN.pack([[0.5, 0, 0, 0, 0]]), "integers"),
        (lambda: Prior.of(DOMAIN, np.empty((0, 5), int)), "no rows"),
        (lambda: Prior.of(DOMAIN, EVERYTHING, share=1.5), "share must be"),
        (lambda: Prior.of(DOMAIN, EVERYTHING[:2], [1.0, -1.0]), "at least 0"),
        (lambda: Prior.of(DOMAIN, EVERYTHING[:2], [1.0]), r"shape \(2,\)"),
        (lambda: Prior.product(DOMAIN, "rows"), "marginals"),
        (lambda: Prior.product(DOMAIN, [[1.0]]), "one law for each attribute"),
        (lambda: Prior.product(Domain([Attribute.categories(2)]), [[0.7, 0.7]]), "law 0"),
        (lambda: fit(prior_of(0.3), [0.5]), r"shape \(10,\)"),
        (lambda: fit(prior_of(0.3), wanted(), solver="guess"), "solver"),
        (lambda: fit(prior_of(0.3), wanted()).joint([0, 0]), "different numbers"),
        (lambda: fit(prior_of(0.3), wanted()).sample(-1), "n must be"),
    ],
)
def test_input_that_does_not_fit_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
