"""Null spaces of sparse equations: what is peeled off changes how they are solved, never what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import linalg, sparse

from equipoise.sampling import EmptyPolytopeError
from equipoise.sampling.null_space import solutions
from equipoise.sampling.peeling import peel


def thin(k: int, n: int, seed: int) -> sparse.csr_array:
    """Small whole numbers, one to four an equation."""
    rng = np.random.default_rng(seed)
    A = np.zeros((k, n))
    for row in A:
        at = rng.choice(n, rng.integers(1, min(4, n) + 1), replace=False)
        row[at] = rng.choice([-2.0, -1.0, 1.0, 3.0], len(at))
    return sparse.csr_array(A)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_the_basis_spans_all_solutions(k, n, seed):
    A = thin(k, n, seed)
    truth = np.random.default_rng(seed).standard_normal(n)
    found = solutions(A, A @ truth, truth + 1e-3)
    basis = found.basis.toarray() if sparse.issparse(found.basis) else found.basis
    assert basis.shape == (n, n - np.linalg.matrix_rank(A.toarray()))
    np.testing.assert_allclose(A @ basis, 0, atol=1e-9 * max(1, np.abs(basis).max(initial=0)))
    np.testing.assert_allclose(A @ found.point, A @ truth, atol=1e-9)
    if basis.shape[1]:
        assert np.linalg.matrix_rank(basis) == basis.shape[1]
        np.testing.assert_allclose(found.log_det, np.log(linalg.svdvals(basis)).sum(), atol=1e-8)


def test_the_solution_given_is_the_nearest():
    A = thin(6, 10, seed=3)
    truth, near = np.random.default_rng(1).standard_normal((2, 10))
    dense = A.toarray()
    nearest = near + np.linalg.pinv(dense) @ (dense @ (truth - near))
    np.testing.assert_allclose(solutions(A, A @ truth, near).point, nearest, atol=1e-8)


def test_a_chain_of_reactions_leaves_no_core():
    n = 500
    chain = sparse.csr_array(sparse.eye(n - 1, n) - sparse.eye(n - 1, n, k=1))
    assert len(peel(chain).rows) == 0
    found = solutions(chain, np.zeros(n - 1), np.ones(n))
    basis = np.asarray(found.basis.todense() if sparse.issparse(found.basis) else found.basis)
    np.testing.assert_allclose(basis / basis[0], 1)


def test_what_is_fixed_is_taken_out_of_all_equations():
    A = sparse.csr_array([[2.0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]])
    peeling = peel(A)
    assert set(peeling.fixed) == {0, 1}
    assert [row for row, _ in peeling.solved] == [2]
    assert len(peeling.variables) == 1


def test_a_coefficient_that_is_small_beside_others_is_not_solved_for():
    A = sparse.csr_array([[1e-6, 1.0, 1.0], [0, 1.0, -1.0]])
    assert 0 not in {variable for _, variable in peel(A).solved}


def test_equations_that_contradict_are_named():
    A = sparse.csr_array([[1.0, 1], [2, 2]])
    with pytest.raises(EmptyPolytopeError, match="contradict"):
        solutions(A, np.array([1.0, 3.0]), np.zeros(2))


def test_equations_said_twice_do_no_harm():
    A = sparse.csr_array([[1.0, 1, 0], [2, 2, 0], [1, 1, 0], [0, 1, 1]])
    found = solutions(A, np.array([1.0, 2, 1, 3]), np.zeros(3))
    np.testing.assert_allclose(A @ found.point, [1, 2, 1, 3], atol=1e-12)
    assert found.basis.shape == (3, 1)


def test_what_rounding_leaves_of_a_coefficient_fixes_no_variable():
    A = sparse.csr_array([[1.0, 0.0, 0.0], [1.0, 0.1 + 0.2 - 0.3, 0.0]])
    found = solutions(A, np.array([0.5, 0.5]), np.full(3, 0.4))
    assert found.basis.shape == (3, 2)
    np.testing.assert_allclose(found.point, [0.5, 0.4, 0.4])
