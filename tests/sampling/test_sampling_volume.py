"""Volumes against closed forms, hulls, and their own error bars."""

from __future__ import annotations

from math import lgamma, log

import numpy as np
import pytest
from scipy.spatial import ConvexHull, HalfspaceIntersection
from tests.sampling.bodies import birkhoff, cube, random_rows, simplex
from tests.sampling.known_volumes import (
    birkhoff_log_volume,
    cross_polytope,
    known,
    projected_birkhoff,
    projected_birkhoff_log_volume,
    skewed,
)

from equipoise.sampling import (
    EmptyPolytopeError,
    Polytope,
    SinglePointError,
    TooFewDrawsWarning,
    UnboundedPolytopeError,
)
from equipoise.sampling.volume import log_volume
from equipoise.sampling.volume.cooling import next_variance
from equipoise.sampling.volume.inside import Inside, narrow_variance


@pytest.mark.parametrize(
    ("polytope", "exact", "dimension"),
    [
        (Polytope(bounds=[(0, 2), (-1, 3), (5, 5)]), log(8), 2),
        (Polytope([[1, 2]], [4], bounds=[(0, None)] * 2), log(4), 2),
        (Polytope(A_eq=[[1, 2]], b_eq=[4], bounds=[(0, None)] * 2), log(20) / 2, 1),
        (simplex(5), log(5) / 2 - lgamma(5), 4),
        (Polytope([[2.0], [-1.0]], [6.0, 1.0]), log(4), 1),
        (Polytope([[2.0], [1.0], [-1.0]], [6.0, 9.0, 1.0]), log(4), 1),
        (Polytope(A_eq=[[1, -1]], b_eq=[0], bounds=[(0, 1)] * 2), log(2) / 2, 1),
        (Polytope([[1, 1], [-1, -1]], [1, -1], bounds=[(0, None)] * 2), log(2) / 2, 1),
    ],
)
def test_boxes_and_simplices_are_exact(polytope, exact, dimension):
    found = log_volume(polytope)
    assert found.log_volume == pytest.approx(exact, abs=1e-12)
    assert (found.se, found.dimension, found.stages) == (0.0, dimension, ())
    assert found.low == found.high == found.log_volume
    assert found.method.startswith("exact (")


def test_a_simplex_in_any_position_is_exact():
    image, log_det = skewed(Polytope(np.ones((1, 6)), [1.0], bounds=[(0, None)] * 6))
    assert log_volume(image).log_volume == pytest.approx(log_det - lgamma(7), abs=1e-8)


def test_what_has_no_volume_is_named():
    with pytest.raises(SinglePointError):
        log_volume(Polytope(bounds=[(1, 1)] * 2))
    with pytest.raises(EmptyPolytopeError):
        log_volume(Polytope([[1, 1]], [-1], bounds=[(0, 1)] * 2))
    with pytest.raises(UnboundedPolytopeError):
        log_volume(Polytope([[1, 1]], [1], bounds=[(0, None), (None, None)]))


@pytest.mark.parametrize(("m", "d", "seed"), [(5, 2, 0), (12, 3, 1), (9, 4, 2), (30, 5, 3)])
def test_random_polytopes_have_the_volumes_of_their_hulls(m, d, seed):
    rows = random_rows(m, d, seed)
    A = np.vstack([rows.A_ub.toarray(), np.eye(d), -np.eye(d)])
    b = np.concatenate([rows.b_ub, np.full(2 * d, 3.0)])
    corners = HalfspaceIntersection(np.column_stack([A, -b]), np.zeros(d)).intersections
    exact = log(ConvexHull(corners).volume)
    found = log_volume(Polytope(A, b), se=0.05, method="cooling", seed=seed)
    assert found.se <= 0.05
    assert abs(found.log_volume - exact) < 4 * found.se


@pytest.mark.parametrize(
    "name", ["cube 20", "cube 100", "simplex 20", "cross 6", "birkhoff 5", "birkhoff 8", "box 8"]
)
def test_walked_volumes_lie_within_their_errors(name):
    polytope, exact = known(name)
    found = log_volume(polytope, se=0.15, method="cooling", seed=7)
    assert 0 < found.se <= 0.15
    assert abs(found.log_volume - exact) < 4 * found.se


def test_leaving_out_what_equations_determine_changes_the_volume():
    whole = log_volume(birkhoff(4), se=0.05)
    part = log_volume(projected_birkhoff(4), se=0.05)
    assert whole.dimension == part.dimension == 9
    assert birkhoff_log_volume(4) - projected_birkhoff_log_volume(4) == pytest.approx(3 * log(4))
    assert abs(whole.log_volume - birkhoff_log_volume(4)) < 0.2
    assert abs(part.log_volume - projected_birkhoff_log_volume(4)) < 0.2


def test_a_body_has_the_volume_of_the_polytope_whatever_its_rounding():
    polytope, exact = known("cross 4")
    for rounding in ("none", "ellipsoid"):
        found = log_volume(polytope.prepare(rounding=rounding), se=0.05)
        assert abs(found.log_volume - exact) < 0.2


def test_walked_where_it_is_cheap_and_rounded_where_it_is_not():
    assert "sparse" in log_volume(cube(10), se=0.5, method="cooling").method
    assert "dense" in log_volume(known("skewed cube 6")[0], se=0.5, method="cooling").method


def test_the_result_depends_on_the_seed_alone():
    polytope = cross_polytope(4)
    one, two, three = (
        log_volume(polytope, seed=seed, workers=workers)
        for seed, workers in ((1, 1), (1, 3), (2, 1))
    )
    assert one == two
    assert one.log_volume != three.log_volume


def test_a_smaller_error_is_reached_by_more_draws():
    rough, fine = (log_volume(cross_polytope(5), se=se, seed=3) for se in (0.2, 0.01))
    assert fine.se <= 0.01 < rough.se <= 0.2
    assert fine.steps > 4 * rough.steps
    assert fine.high - fine.low == pytest.approx(2 * 1.959964 * fine.se)


def test_stages_add_up_and_are_printed():
    found = log_volume(cube(6), method="cooling", seed=1)
    assert found.se == pytest.approx(np.sqrt(sum(stage.se**2 for stage in found.stages)))
    variances = [stage.variance for stage in found.stages]
    assert variances[0] == variances[1]
    assert (np.diff(variances[1:]) > 0).all()
    lines = str(found).splitlines()
    assert len(lines) == 2 + len(found.stages)
    assert lines[1].split() == ["variance", "log", "ratio", "se", "ess", "draws"]


def test_progress_is_told_and_can_end_the_estimate():
    told = []
    found = log_volume(cube(30), method="cooling", progress=told.append)
    assert [now.steps for now in told] == sorted(now.steps for now in told)
    assert told[-1].scheduled
    assert told[-1].steps == found.steps
    assert not told[0].scheduled

    def stop(now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        log_volume(cube(30), method="cooling", progress=stop)


def test_too_few_steps_are_said_so():
    whole = log_volume(cube(12), se=0.03, method="cooling")
    with pytest.warns(TooFewDrawsWarning, match="raise max_steps"):
        short = log_volume(cube(12), se=0.03, method="cooling", max_steps=whole.steps // 2)
    assert short.se > 0.03
    assert abs(short.log_volume - 12 * log(2)) < 4 * short.se
    with pytest.raises(RuntimeError, match="max_steps"):
        log_volume(cube(12), method="cooling", max_steps=100)


def test_a_narrow_gaussian_is_mostly_inside():
    body = random_rows(40, 7).prepare()
    inside = Inside(body, narrow_variance(body), seed=0)
    inside.extend(2000)
    assert np.exp(inside.stage().log_ratio) > 0.5
    assert (body.slack(inside.points) > 0).all()


def test_points_inside_are_kept_when_the_last_block_has_none(monkeypatch):
    body = random_rows(40, 7).prepare()
    inside = Inside(body, narrow_variance(body), seed=0)
    monkeypatch.setattr("equipoise.sampling.volume.inside._AT_ONCE", 40)  # blocks of one draw
    for _ in range(40):
        inside.extend(5)
        assert len(inside.points) > 0
    assert (body.slack(inside.points) > 0).all()


def test_the_next_variance_is_that_of_a_gaussian_where_no_wall_is_near():
    rng = np.random.default_rng(0)
    d, variance = 6, 0.01
    log_density = -(rng.standard_normal((4, 50_000, d)) ** 2).sum(axis=2) / 2
    grown = next_variance(log_density, variance) / variance
    # Of the weights' variance: (step^2 / (2 step - 1))^(d / 2), step = 2 - 1 / grown inverted.
    step = 1 - 1 / grown
    spread = ((1 - step) ** 2 / (1 - 2 * step)) ** (d / 2) - 1
    assert spread == pytest.approx(0.7, rel=0.15)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"se": 0.0}, "se is positive"),
        ({"se": np.nan}, "se is positive"),
        ({"method": "guess"}, "method is"),
        ({"method": "exact"}, "not seen to be"),
        ({"n_chains": 1}, "n_chains is 2 or more"),
        ({"workers": 0}, "workers is 1 or more"),
        ({"max_steps": 0}, "max_steps is 1 or more"),
    ],
)
def test_wrong_arguments_are_named(wrong, named):
    with pytest.raises(ValueError, match=named):
        log_volume(cross_polytope(3), **wrong)


def test_a_wrong_confidence_is_named():
    with pytest.raises(ValueError, match="confidence"):
        log_volume(cube(2)).interval(1.0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("name", "se", "seeds"),
    [
        ("cube 20", 0.1, 100),
        ("cube 100", 0.1, 60),
        ("simplex 20", 0.1, 100),
        ("cross 8", 0.1, 100),
        ("birkhoff 5", 0.1, 100),
        ("birkhoff 8", 0.1, 50),
        ("skewed cube 20", 0.1, 60),
        ("skewed projected 5", 0.1, 60),
        ("box 12", 0.1, 60),
    ],
)
def test_claimed_errors_are_the_errors_made(name, se, seeds):
    polytope, exact = known(name)
    body = polytope.prepare(rounding="none")
    found = [log_volume(body, se=se, method="cooling", seed=seed) for seed in range(seeds)]
    z = np.array([(volume.log_volume - exact) / volume.se for volume in found])
    assert np.abs(z).max() < 4.5
    assert 0.7 < np.sqrt((z**2).mean()) < 1.3


def test_the_volume_of_a_product_is_the_product_of_volumes():
    n = 7
    rows = np.zeros((3, n))
    rows[0, :3] = 1.0  # a simplex, then 0 <= x_3 <= x_4 <= x_5 <= 2, then a segment
    rows[1, 3:5], rows[2, 4:6] = (1, -1), (1, -1)
    bounds = [(0, None)] * 3 + [(0, 2)] * 3 + [(-1, 2)]
    found = log_volume(Polytope(rows, [1, 0, 0], bounds=bounds))
    assert found.method == "exact (box x ordered simplex x simplex)"
    assert found.dimension == n
    assert found.se == 0
    assert found.log_volume == pytest.approx(np.log(1 / 6 * 8 / 6 * 3))


def test_only_polytopes_and_bodies_have_volumes():
    with pytest.raises(TypeError, match="Polytope or a Body, not ndarray"):
        log_volume(np.eye(3))
