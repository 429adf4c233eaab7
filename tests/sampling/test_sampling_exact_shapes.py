"""Shapes drawn from without a chain: ordered simplices, and products of what is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse, stats
from tests.sampling.bodies import birkhoff

from equipoise.sampling import (
    EmptyPolytopeError,
    Polytope,
    SinglePointError,
    UnboundedPolytopeError,
    sample,
)


def ordered(order: list[int], low: float, high: float, scale: float = 1.0) -> Polytope:
    """{low <= x_a <= x_b <= ... <= high}, only the ends stated."""
    n = len(order)
    rows = np.zeros((n - 1, n))
    rows[np.arange(n - 1), order[:-1]] = scale
    rows[np.arange(n - 1), order[1:]] = -scale
    bounds: list[tuple[float | None, float | None]] = [(None, None)] * n
    bounds[order[0]] = (low, bounds[order[0]][1])
    bounds[order[-1]] = (bounds[order[-1]][0], high)
    return Polytope(rows, np.zeros(n - 1), bounds=bounds)


def product(*factors: Polytope) -> Polytope:
    """Side by side, variables shuffled."""
    order = np.random.default_rng(0).permutation(sum(factor.n for factor in factors))
    lower, upper = (
        np.concatenate([getattr(factor, side) for factor in factors])[order]
        for side in ("lower", "upper")
    )
    return Polytope(
        sparse.block_diag([factor.A_ub for factor in factors], format="csc")[:, order],
        np.concatenate([factor.b_ub for factor in factors]),
        sparse.block_diag([factor.A_eq for factor in factors], format="csc")[:, order],
        np.concatenate([factor.b_eq for factor in factors]),
        np.column_stack([lower, upper]),
    )


def shuffled_back(x: np.ndarray) -> np.ndarray:
    order = np.random.default_rng(0).permutation(x.shape[-1])
    return x[..., np.argsort(order)]


SIMPLEX = Polytope(A_eq=np.ones((1, 3)), b_eq=[1.0], bounds=[(0, 1)] * 3)
CORNER = Polytope([[1.0, 2]], [2.0], bounds=[(0, 2)] * 2)
BOX = Polytope(bounds=[(-1, 3), (2, 2), (0, 1)])


def test_sorted_numbers_have_the_laws_of_order_statistics():
    drawn = sample(ordered([2, 0, 3, 1], -1.0, 3.0, scale=2.5), 4000, seed=1)
    assert drawn.method == "exact (ordered simplex)"
    x = drawn.draws.array.reshape(-1, 4)[:, [2, 0, 3, 1]]
    assert (np.diff(x, axis=1) >= 0).all()
    for k in range(4):
        law = stats.beta(k + 1, 4 - k, loc=-1, scale=4)
        assert stats.kstest(x[:, k], law.cdf).pvalue > 1e-3


def test_ten_thousand_ordered_numbers_take_no_linear_algebra():
    n = 10_000
    rows = sparse.eye(n - 1, n) - sparse.eye(n - 1, n, k=1)
    drawn = sample(Polytope(rows, np.zeros(n - 1), bounds=(0, 1)), 8)
    assert (np.diff(drawn.draws.array, axis=2) >= 0).all()


@pytest.mark.parametrize(
    ("rows", "right"),
    [
        ([[1.0, -1, 0], [1, 0, -1]], [0, 0]),  # one below two others
        ([[1.0, -1, 0], [0, 1, -1]], [0, 0.5]),  # a gap
        ([[1.0, -2, 0], [0, 1, -1]], [0, 0]),  # another slope
        ([[1.0, -1, 0], [-1, 1, 0]], [0, 0]),  # a circle
    ],
)
def test_other_orders_are_not_taken_for_sorted_numbers(rows, right):
    drawn = sample(Polytope(rows, right, bounds=(0, 1)), 400, seed=2)
    assert "ordered" not in drawn.method
    assert Polytope(rows, right, bounds=(0, 1)).violation(drawn.draws.array).max() < 1e-9


def test_a_bound_in_the_middle_is_not_lost():
    polytope = Polytope([[1.0, -1, 0], [0, 1, -1]], [0, 0], bounds=[(0, 1), (0, 0.5), (0, 1)])
    drawn = sample(polytope, 400)
    assert drawn.method != "exact (ordered simplex)"
    assert polytope.violation(drawn.draws.array).max() < 1e-9


def test_a_box_beside_simplices_is_drawn_part_by_part():
    polytope = product(SIMPLEX, BOX, CORNER, SIMPLEX)
    drawn = sample(polytope, 6000, seed=3)
    assert drawn.method == "exact (box x simplex^3)"
    assert polytope.violation(drawn.draws.array).max() < 1e-12
    x = shuffled_back(drawn.draws.array.reshape(-1, polytope.n))
    laws = [
        *[stats.beta(1, 2)] * 3,
        stats.uniform(-1, 4),
        None,
        stats.uniform(0, 1),
        stats.beta(1, 2, scale=2),
        stats.beta(1, 2),
        *[stats.beta(1, 2)] * 3,
    ]
    assert (x[:, 4] == 2).all()
    for column, law in zip(x.T, laws, strict=True):
        if law is not None:
            assert stats.kstest(column, law.cdf).pvalue > 1e-4
    # Parts are independent, and within a simplex coordinates are not.
    correlation = np.corrcoef(np.delete(x, 4, axis=1).T)
    assert np.abs(correlation[:3, 3:]).max() < 5 / np.sqrt(6000)
    np.testing.assert_allclose(correlation[0, 1], -1 / 2, atol=0.05)


def test_a_row_stochastic_matrix_is_a_product_of_simplices():
    rows, columns = 300, 5
    A = sparse.kron(sparse.eye(rows), np.ones((1, columns)))
    drawn = sample(Polytope(A_eq=A, b_eq=np.ones(rows), bounds=[(0, None)] * rows * columns), 40)
    assert drawn.method == "exact (simplex^300)"
    sums = drawn.draws.array.reshape(-1, rows, columns).sum(axis=2)
    np.testing.assert_allclose(sums, 1, atol=1e-12)


def test_parts_in_any_position_are_recognised():
    # A triangle in general position beside an interval that two rows state.
    triangle = np.array([[1.0, 1], [-1, 1], [0, -1]])
    polytope = Polytope(
        sparse.block_diag([triangle, [[2.0], [-1]]]),
        [1, 1, 0, 4, 1],
    )
    drawn = sample(polytope, 4000, seed=5)
    assert drawn.method == "exact (simplex^2)"
    x = drawn.draws.array.reshape(-1, 3)
    error = x.std(axis=0) / np.sqrt(len(x))
    assert (np.abs(x.mean(axis=0) - [0, 1 / 3, 0.5]) < 4 * error).all()


def test_a_part_that_is_one_point_stays_there():
    fixed = Polytope(A_eq=[[1.0, 1], [1, -1]], b_eq=[3, 1], bounds=(0, 9))
    drawn = sample(product(fixed, CORNER), 100)
    assert drawn.method == "exact (point x simplex)"
    x = shuffled_back(drawn.draws.array)
    np.testing.assert_allclose(x[..., :2], np.broadcast_to([2, 1], x[..., :2].shape))


def test_an_unknown_part_leaves_all_to_a_walk():
    polytope = product(birkhoff(3), CORNER)
    drawn = sample(polytope, 300)
    assert drawn.kernel is not None
    with pytest.raises(ValueError, match="not seen to be"):
        sample(polytope, 100, method="exact")


@pytest.mark.parametrize(
    ("polytope", "error"),
    [
        (Polytope(A_eq=[[1.0, 0], [0, 1]], b_eq=[1, 2], bounds=(0, 9)), SinglePointError),
        (Polytope([[1.0, 0], [0, 1]], [1, -2], bounds=(0, 9)), EmptyPolytopeError),
        (Polytope([[1.0, 0], [0, 1]], [1, 2], bounds=[(0, 9), (None, 9)]), UnboundedPolytopeError),
        (Polytope([[0.0, 0], [1, 0]], [-1, 1], bounds=(0, 9)), EmptyPolytopeError),
        (Polytope(bounds=[(0, 1), (0, None)]), UnboundedPolytopeError),
    ],
)
def test_a_part_that_cannot_be_sampled_is_named(polytope, error):
    with pytest.raises(error):
        sample(polytope, 10)
