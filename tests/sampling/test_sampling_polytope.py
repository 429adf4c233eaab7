"""Polytopes as stated and as prepared: errors by name, maps that keep the set and its volume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from tests.sampling.bodies import birkhoff, cube, random_rows, rotated_box, simplex

from equipoise.sampling import (
    Body,
    EmptyPolytopeError,
    Polytope,
    SinglePointError,
    UnboundedPolytopeError,
)


def test_bounds_and_rows_become_inequalities():
    A, b = Polytope([[1, 2]], [3], bounds=[(0, None), (None, 4)]).inequalities()
    np.testing.assert_array_equal(A.toarray(), [[1, 2], [0, 1], [-1, 0]])
    np.testing.assert_array_equal(b, [3, 4, 0])


def test_sparse_and_dense_are_the_same():
    A = np.array([[1.0, 0, 2], [0, 3, 0]])
    dense, thin = Polytope(A, [1, 2]), Polytope(sparse.coo_matrix(A), [1, 2])
    np.testing.assert_array_equal(dense.A_ub.toarray(), thin.A_ub.toarray())


def test_an_infinite_right_side_is_no_constraint():
    assert len(Polytope([[1, 0], [0, 1]], [np.inf, 1]).b_ub) == 1


def test_variables_without_bounds_are_free():
    assert (Polytope([[1.0, 0]], [1]).lower == -np.inf).all()


@pytest.mark.parametrize(
    ("given_", "told"),
    [
        ({"A_ub": [[np.nan, 1]], "b_ub": [1]}, "A_ub has NaN"),
        ({"A_ub": [[1, 1]], "b_ub": [np.nan]}, "b_ub has NaN"),
        ({"A_ub": [[1, 1]], "b_ub": [1, 2]}, "b_ub has 1 entries"),
        ({"A_ub": [[1, 1]]}, "A_ub and b_ub together"),
        ({"A_ub": [[1, 1]], "b_ub": [1], "A_eq": [[1]], "b_eq": [1]}, "A_eq has 2 columns"),
        ({"A_ub": [1, 1], "b_ub": [1]}, "A_ub has shape"),
        ({"A_ub": [[1, 1]], "b_ub": [1], "bounds": [(0, 1)] * 3}, "bounds are one"),
        ({"bounds": [(0, np.nan)]}, "bounds have NaN"),
        ({"A_eq": [[1, 1]], "b_eq": [np.inf]}, "b_eq has infinite"),
        ({"bounds": (0, 1)}, "number is open"),
        ({"bounds": [(0, 1)], "names": ["a", "b"]}, "names are 1"),
    ],
)
def test_bad_input_is_named(given_, told):
    with pytest.raises(ValueError, match=told):
        Polytope(**given_)


@pytest.mark.parametrize(
    "polytope",
    [
        lambda: Polytope(bounds=[(1, 0)]),
        lambda: Polytope([[1.0]], [-np.inf]),
        lambda: Polytope([[1.0], [-1.0]], [1, -2]).prepare(),
        lambda: Polytope([[0.0, 0.0]], [-1], bounds=[(0, 1)] * 2).prepare(),
        lambda: Polytope(A_eq=[[1.0, 1], [1, 1]], b_eq=[1, 2], bounds=(0, 1)).prepare(),
        lambda: Polytope([[1.0, 1]], [-1], bounds=(0, 1)).prepare(),
    ],
)
def test_empty_polytopes_are_said_to_be(polytope):
    with pytest.raises(EmptyPolytopeError):
        polytope()


@pytest.mark.parametrize(
    "polytope",
    [
        Polytope(bounds=[(0, None)]),
        Polytope([[1.0, 0], [-1, 0]], [1, 1]),
        Polytope([[1.0, 1], [-1, -1]], [1, 1], bounds=[(None, None), (0, None)]),
        Polytope(A_eq=[[1.0, -1]], b_eq=[0], bounds=(0, None)),
        Polytope(A_eq=[[1.0, -1]], b_eq=[0]),
    ],
)
def test_unbounded_polytopes_are_said_to_be(polytope):
    with pytest.raises(UnboundedPolytopeError, match="give bounds"):
        polytope.prepare()


@pytest.mark.parametrize(
    "polytope",
    [
        Polytope(bounds=[(1, 1), (2, 2)]),
        Polytope([[1.0, 1]], [0], bounds=(0, 1)),
        Polytope(A_eq=np.eye(2), b_eq=[0.5, 0.5], bounds=(0, 1)),
    ],
)
def test_single_points_are_said_to_be(polytope):
    with pytest.raises(SinglePointError):
        polytope.prepare()


def test_fixed_variables_stay_where_they_are():
    body = Polytope(bounds=[(0, 1), (3, 3), (0, 2)]).prepare()
    assert body.dimension == 2
    points = body.to_x(np.random.default_rng(0).standard_normal((5, 2)))
    np.testing.assert_allclose(points[:, 1], 3, rtol=1e-12)


def test_implied_equalities_are_found():
    # x + y <= 1 and x + y >= 1 by way of three rows that touch along a segment.
    body = Polytope(
        [[1.0, 1, 0], [-2, -2, 0], [1, 1, 1]], [1, -2, 1], bounds=[(0, 1)] * 3
    ).prepare()
    assert body.dimension == 1
    x = body.to_x(body.centre)
    np.testing.assert_allclose([x[0] + x[1], x[2]], [1, 0], atol=1e-9)


def test_parallel_rows_are_merged_to_the_tightest():
    A = [[1.0, 0], [2, 0], [1, 0], [1, 1e-3]]
    body = Polytope(A, [1, 1.5, 2, 5], bounds=[(0, 5)] * 2).prepare(rounding="none")
    assert len(body.b) == 5
    assert body.slack(body.to_z([0.74, 1.0])).min() > 0
    assert body.slack(body.to_z([0.76, 1.0])).min() < 0


def test_redundant_rows_are_removed_when_asked():
    loose = Polytope(
        np.vstack([np.eye(3), np.ones((1, 3)), [[1.0, 1, 0]]]), [1, 1, 1, 3.5, 1.9], bounds=(-1, 1)
    )
    assert len(loose.prepare(remove_redundant=True).b) == 7
    assert len(loose.prepare().b) == 8


def test_the_centre_is_well_inside_and_the_rounded_body_holds_the_unit_ball():
    for polytope in (cube(5), simplex(6), random_rows(60, 5), birkhoff(4)):
        body = polytope.prepare()
        assert body.slack(body.centre).min() >= 1 - 1e-6
        assert polytope.violation(body.to_x(body.centre)) < 1e-9


@pytest.mark.parametrize("ratio", [1e2, 1e4, 1e6])
def test_any_skew_is_rounded_away(ratio):
    sides = np.geomspace(1, 1 / ratio, 12)
    polytope, _ = rotated_box(sides)
    body = polytope.prepare()
    assert np.linalg.cond(body.A) < 1.01
    np.testing.assert_allclose(body.b, np.sqrt(2), rtol=1e-3)
    # The volume of a box is known, and the map says what became of it.
    volume = 12 * np.log(2 * np.sqrt(2)) + body.log_det
    np.testing.assert_allclose(volume, np.log(2 * sides).sum(), atol=1e-3)


def test_log_det_of_a_simplex_is_that_of_its_plane():
    # {x >= 0, sum x = 1} has area sqrt(n) / (n - 1)!; in z it is the volume of the same rows.
    body = simplex(3).prepare()
    vertices = body.to_z(np.eye(3))
    edges = vertices[1:] - vertices[0]
    area = np.log(abs(np.linalg.det(edges)) / 2) + body.log_det
    np.testing.assert_allclose(area, np.log(np.sqrt(3) / 2), atol=1e-9)


def test_log_det_of_birkhoff_has_the_known_factor():
    # Its volume is n^(n - 1) times that of the projection dropping a row and a column.
    n = 5
    body = birkhoff(n).prepare()
    keep = [i * n + j for i in range(n - 1) for j in range(n - 1)]
    projected = np.linalg.slogdet(np.asarray(body.basis)[keep])[1]
    np.testing.assert_allclose(body.log_det - projected, (n - 1) * np.log(n), atol=1e-8)


def test_points_go_there_and_back():
    body = birkhoff(4).prepare()
    z = np.random.default_rng(1).standard_normal((2, 3, body.dimension))
    np.testing.assert_allclose(body.to_z(body.to_x(z)), z, atol=1e-9)


@pytest.mark.parametrize("rounding", ["none", "ellipsoid"])
def test_a_body_is_read_back_bit_for_bit(tmp_path, rounding):
    body = birkhoff(6).prepare(rounding=rounding)
    body.save(tmp_path / "body.npz")
    again = Body.load(tmp_path / "body.npz")
    assert again.fingerprint == body.fingerprint
    assert (again.log_det, again.names) == (body.log_det, body.names)
    np.testing.assert_array_equal(again.centre, body.centre)
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(ValueError, match="was not written by"):
        Body.load(tmp_path / "other.npz")


def test_sparse_equations_keep_columns_sparse():
    body = birkhoff(6).prepare(rounding="none")
    assert sparse.issparse(body.basis)
    assert (body.A != 0).mean() < 0.2


def test_violation_is_a_distance():
    polytope = Polytope([[3.0, 4]], [5], A_eq=[[0, 2.0]], b_eq=[1])
    np.testing.assert_allclose(polytope.violation([[0, 0.5], [0, 0.75], [3, 0.5]]), [0, 0.25, 1.2])


def test_names_are_kept():
    assert Polytope(bounds=[(0, 1)] * 2, names=["a", "b"]).prepare().names == ("a", "b")
    with pytest.raises(UnboundedPolytopeError, match="b"):
        Polytope(bounds=[(0, 1), (0, None)], names=["a", "b"]).prepare()


def test_a_repr_says_how_large_it_is():
    assert repr(cube(3)) == "Polytope(3 variables, 0 inequalities, 0 equations, 6 bounds)"


def test_an_unknown_rounding_is_refused():
    with pytest.raises(ValueError, match="rounding"):
        cube(2).prepare(rounding="john")  # type: ignore[arg-type]


@given(st.integers(1, 6), st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_inside_the_body_is_inside_the_polytope(n, seed):
    rng = np.random.default_rng(seed)
    A = np.vstack([rng.standard_normal((4, n)), np.eye(n), -np.eye(n)])
    b = A @ rng.standard_normal(n) + rng.uniform(0.01, 3, len(A))
    polytope = Polytope(A, b)
    for rounding in ("none", "ellipsoid"):
        body = polytope.prepare(rounding=rounding)
        z = body.centre + rng.standard_normal((20, n)) * body.radius()
        inside = body.slack(z).min(axis=1) > 1e-9
        over = polytope.violation(body.to_x(z))
        assert (over[inside] < 0).all()
        assert (over[~inside] > -1e-6).all()
