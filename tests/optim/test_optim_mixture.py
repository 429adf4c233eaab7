"""The best random choice among points, against all vertices tried one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from equipoise.optim.constrained.mixture import shrink


def vertices(constraints, upper):
    """All mixtures of k points at which k - 1 of the constraints are at their upper value."""
    T, m = constraints.shape
    for k in range(1, min(T, m + 1) + 1):
        for support in combinations(range(T), k):
            for tight in combinations(range(m), k - 1):
                A = np.vstack([np.ones(k), constraints[np.ix_(support, tight)].T])
                if abs(np.linalg.det(A)) < 1e-9:
                    continue
                p = np.zeros(T)
                p[list(support)] = np.linalg.solve(A, np.append(1.0, upper[list(tight)]))
                if p.min() > -1e-9 and (p @ constraints <= upper + 1e-9).all():
                    yield p


def best_by_trial(objective, constraints, upper):
    return min((p @ objective for p in vertices(constraints, upper)), default=None)


def least_violation_by_trial(constraints):
    """min over p of max_j (p^T c)_j: the value of a matrix game, at a square sub-game."""
    T, m = constraints.shape
    found = np.inf
    for k in range(1, min(T, m) + 1):
        for support in combinations(range(T), k):
            for tight in combinations(range(m), k):
                # Unknown: k weights and the common value t of the k tight constraints.
                A = np.zeros((k + 1, k + 1))
                A[0, :k] = 1
                A[1:, :k] = constraints[np.ix_(support, tight)].T
                A[1:, k] = -1
                if abs(np.linalg.det(A)) < 1e-9:
                    continue
                solved = np.linalg.solve(A, np.append(1.0, np.zeros(k)))
                p = np.zeros(T)
                p[list(support)] = solved[:k]
                if p.min() > -1e-9:
                    found = min(found, (p @ constraints).max())
    return found


def halves(*shape):
    return hnp.arrays(float, shape, elements=st.integers(-6, 6).map(lambda k: k / 2))


problems = st.tuples(st.integers(1, 5), st.integers(0, 3)).flatmap(
    lambda shape: st.tuples(halves(shape[0]), halves(*shape))
)


@settings(deadline=None, max_examples=50)
@given(problems)
def test_no_vertex_is_better(problem):
    objective, constraints = problem
    mixture = shrink(objective, constraints)
    best = best_by_trial(objective, constraints, np.zeros(constraints.shape[1]))
    assert mixture.feasible == (best is not None)
    if best is not None:
        assert mixture.objective == pytest.approx(best, abs=1e-6)
        assert mixture.constraints.max(initial=0.0) <= 1e-6


@settings(deadline=None, max_examples=50)
@given(problems)
def test_what_cannot_be_met_is_violated_as_little_as_possible_and_then_as_cheaply(problem):
    objective, constraints = problem
    constraints = np.abs(constraints) + 0.5
    mixture = shrink(objective, constraints)
    if not constraints.shape[1]:
        assert mixture.objective == objective.min()
        return
    least = least_violation_by_trial(constraints)
    assert not mixture.feasible
    assert mixture.constraints.max() == pytest.approx(least, abs=1e-6)
    cheapest = best_by_trial(objective, constraints, np.full(constraints.shape[1], least))
    assert mixture.objective == pytest.approx(cheapest, abs=1e-5)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(0, 6), st.integers(0, 2**32 - 1))
def test_it_mixes_one_point_more_than_there_are_constraints_at_most(T, m, seed):
    random = np.random.default_rng(seed)
    objective = random.normal(size=T)
    constraints = random.normal(size=(T, m)) + random.uniform(-1, 2)
    mixture = shrink(objective, constraints)
    assert (mixture.weights > 0).sum() <= m + 1
    assert mixture.weights.min() >= 0
    assert mixture.weights.sum() == pytest.approx(1)
    assert mixture.objective == pytest.approx(mixture.weights @ objective)
    np.testing.assert_allclose(mixture.constraints, mixture.weights @ constraints)


def test_two_points_on_either_side_are_mixed_to_lie_on_the_boundary():
    # One costs 0 and violates by 1, the other costs 3 and has 2 to spare: 2/3 and 1/3.
    mixture = shrink([0.0, 3.0, 2.0], [[1.0], [-2.0], [0.0]])
    np.testing.assert_allclose(mixture.weights, [2 / 3, 1 / 3, 0])
    assert mixture.objective == pytest.approx(1)
    assert mixture.constraints == pytest.approx([0], abs=1e-9)
    assert mixture.feasible


def test_a_mixture_can_keep_what_no_single_point_keeps():
    mixture = shrink([1.0, 1.0], [[1.0, -1.0], [-1.0, 1.0]])
    np.testing.assert_allclose(mixture.weights, [0.5, 0.5])
    assert mixture.feasible


def test_of_points_that_all_violate_it_says_so():
    mixture = shrink([0.0, 5.0, 4.0], [[2.0], [1.0], [1.0]])
    np.testing.assert_allclose(mixture.weights, [0, 0, 1])
    assert not mixture.feasible
    assert mixture.constraints == pytest.approx([1])


def test_an_equation_is_two_inequalities():
    c = np.array([-1.0, 3.0, 1.0])
    mixture = shrink([0.0, 0.0, 1.0], np.stack([c, -c], 1))
    np.testing.assert_allclose(mixture.weights, [0.75, 0.25, 0], atol=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_units_do_not_matter(scale):
    random = np.random.default_rng(0)
    objective, constraints = random.normal(size=30), random.normal(size=(30, 3)) + 0.5
    units = np.array([1.0, scale, 1 / scale])
    expected = shrink(objective, constraints)
    found = shrink(1e3 + objective * scale, constraints * units)
    assert expected.feasible
    np.testing.assert_allclose(found.weights, expected.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("objective", "constraints", "match"),
    [
        ([], np.zeros((0, 1)), "objective"),
        ([[1.0]], [[1.0]], "objective"),
        ([1.0, 2.0], [[1.0]], r"\(2, m\)"),
        ([1.0, 2.0], [1.0, 2.0], r"\(2, m\)"),
        ([1.0, np.nan], [[1.0], [2.0]], r"finite.*\[1\]"),
        ([1.0, 2.0], [[np.inf], [2.0]], r"finite.*\[0\]"),
    ],
)
def test_bad_input_is_named(objective, constraints, match):
    with pytest.raises(ValueError, match=match):
        shrink(objective, constraints)
