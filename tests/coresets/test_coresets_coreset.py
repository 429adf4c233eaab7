"""Weighted points that merge and reduce: a commutative monoid, whose rows and movement compose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.coresets import Coreset, merge_all

PARTS = ("points", "weights", "collections", "rows")


def block(n, seed, first_row=0, power=2.0, n_features=2):
    random = np.random.default_rng(seed)
    return Coreset.from_block(
        random.normal(size=(n, n_features)),
        random.random(n) + 0.1,
        random.integers(0, 3, n),
        power=power,
        first_row=first_row,
    )


def same(one, other):
    assert all(np.array_equal(getattr(one, p), getattr(other, p)) for p in PARTS)
    assert one.power == other.power
    assert one.n_rows == other.n_rows
    assert one.lineage == other.lineage
    assert one.movement == pytest.approx(other.movement)
    assert one.offset == pytest.approx(other.offset)


@dataclass(frozen=True)
class FirstPoint:
    """All points of a coreset moved to its first one: a builder simple enough to check."""

    size: int = 1

    def __call__(self, larger, random):
        distances = np.linalg.norm(larger.points - larger.points[0], axis=1)
        return Coreset(
            larger.points[:1],
            larger.weights.sum(keepdims=True),
            larger.collections[:1],
            np.zeros(1, np.int64),
            larger.power,
            movement=float(larger.weights @ distances**larger.power),
            offset=1.0,
        )


@given(st.lists(st.integers(0, 5), min_size=3, max_size=3), st.booleans())
def test_merging_is_commutative_and_associative_and_empty_is_its_unit(sizes, numbered):
    starts = np.cumsum([0, *sizes]) if numbered else [0, 0, 0]  # rows numbered alike as well
    a, b, c = (
        block(n, seed, int(start)) for n, seed, start in zip(sizes, (1, 2, 3), starts, strict=False)
    )
    same(a.merge(b), b.merge(a))
    same(a.merge(b).merge(c), a.merge(b.merge(c)))
    same(merge_all([a, b, c]), c.merge(a, b))
    same(a.merge(Coreset.empty(2)), Coreset.empty(2).merge(a))
    same(Coreset.empty(2).merge(a), a.merge())


def test_points_that_are_no_rows_merge_in_any_order_to_the_same():
    a, b = block(4, 1), block(5, 2)
    moved = [Coreset(p.points, p.weights, p.collections, np.full(len(p), -1), 2.0) for p in (a, b)]
    same(moved[0].merge(moved[1]), moved[1].merge(moved[0]))


def test_merged_coresets_stand_for_all_rows():
    a, b = block(4, 1), block(5, 2, first_row=4)
    both = a.merge(b)
    assert both.rows.tolist() == list(range(9))
    assert both.n_rows == 9
    assert both.mass == pytest.approx(a.mass + b.mass)
    centres = np.zeros((1, 2))
    assert both.cost(centres) == pytest.approx(a.cost(centres) + b.cost(centres))


def test_a_sample_among_those_merged_leaves_no_movement():
    a, b = block(3, 1), block(3, 2)
    sample = Coreset(b.points, b.weights, b.collections, b.rows, 2.0, movement=None)
    assert a.merge(sample).movement is None
    assert a.merge(b).movement == 0


@pytest.mark.parametrize("power", [1.0, 2.0, 3.0])
def test_movement_offset_and_rows_of_two_reductions_compose(power):
    whole = block(6, 1, first_row=10, power=power)
    halves = [
        Coreset(*(getattr(whole, p)[part] for p in PARTS), power, n_rows=3)
        for part in (slice(0, 3), slice(3, 6))
    ]
    once = halves[0].reduce(FirstPoint(), 1).merge(halves[1].reduce(FirstPoint(), 2))
    twice = once.reduce(FirstPoint(), 3)
    moved = whole.weights @ np.linalg.norm(whole.points - twice.points[0], axis=1) ** power
    assert twice.rows.tolist() == [10]
    assert twice.n_rows == 6
    assert twice.offset == 3
    # The triangle inequality in L_z: rows have moved no farther than both steps together.
    assert moved <= twice.movement * (1 + 1e-12)
    assert twice.movement <= (
        once.movement ** (1 / power) + FirstPoint()(once, None).movement ** (1 / power)
    ) ** power * (1 + 1e-12)
    assert len(twice.lineage) == 3


def test_points_that_are_no_rows_stay_none_when_reduced():
    whole = block(3, 1)
    moved = Coreset(whole.points, whole.weights, whole.collections, np.full(3, -1), 2.0)
    assert moved.reduce(FirstPoint()).rows.tolist() == [-1]


def test_a_coreset_that_is_small_enough_is_left_as_it_is():
    whole = block(3, 1)
    assert whole.reduce(FirstPoint(size=3)) is whole
    nothing = Coreset.empty(2)
    assert nothing.reduce(FirstPoint()) is nothing


def test_the_cost_is_that_of_the_nearest_centres_and_the_offset():
    coreset = Coreset(
        np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([2.0, 5.0]), np.zeros(2, int), np.arange(2),
        1.0, offset=0.5,
    )  # fmt: skip
    assert coreset.cost([[0.0, 0.0]]) == 25.5
    assert coreset.cost([[0.0, 0.0], [3.0, 3.0]]) == 5.5


def test_rows_of_no_weight_are_left_out_and_counted():
    coreset = Coreset.from_block([[1.0], [2.0], [3.0]], [1, 0, 2], first_row=7)
    assert coreset.rows.tolist() == [7, 9]
    assert coreset.n_rows == 3
    assert coreset.masses == {0: 3.0}


def test_points_are_not_copied_if_they_need_not_be():
    points = np.ones((3, 2))
    assert Coreset.from_block(points).points is points


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"points": [[np.nan], [1.0]]}, "points has NaN or infinite values in 1 rows"),
        ({"points": [[np.inf], [1.0]]}, "points has NaN or infinite"),
        ({"points": [1.0, 2.0]}, r"points must have shape \(n, d\)"),
        ({"points": np.empty((2, 0))}, r"points must have shape \(n, d\)"),
        ({"points": [["a"], ["b"]]}, "points must be numbers"),
        ({"weights": [1.0]}, r"weights must have shape \(2,\)"),
        ({"weights": [1.0, -1.0]}, "not negative"),
        ({"weights": [1.0, np.nan]}, "finite"),
        ({"weights": ["a", "b"]}, "weights must be numbers"),
        ({"collections": [0]}, "collections must have shape"),
        ({"collections": [0.5, 1.0]}, "collections must be integers"),
        ({"collections": ["x", "y"]}, "collections must be integers"),
        ({"power": 0.5}, "power must be a number of at least 1"),
        ({"power": np.nan}, "power must be a number of at least 1"),
        ({"power": "two"}, "power must be a number of at least 1"),
    ],
)
def test_what_is_no_block_is_refused(given_, said):
    with pytest.raises(ValueError, match=said):
        Coreset.from_block(**{"points": [[1.0], [2.0]], **given_})


def test_coresets_that_do_not_fit_are_not_merged():
    with pytest.raises(ValueError, match="2 and 3 features"):
        block(3, 1).merge(block(3, 1, n_features=3))
    with pytest.raises(ValueError, match="z = 2 and z = 1"):
        block(3, 1).merge(block(3, 1, power=1.0))


@pytest.mark.parametrize("centres", [[[1.0]], np.empty((0, 2)), [[np.nan, 0.0]], [["a", "b"]]])
def test_centres_have_to_fit(centres):
    with pytest.raises(ValueError, match="centres"):
        block(3, 1).cost(centres)


def test_a_coreset_says_what_it_is():
    assert "k-median" in repr(block(3, 1, power=1.0))
    assert "k-means" in repr(block(3, 1))
    assert "k-z" in repr(block(3, 1, power=3.0))
