"""Coresets whose points were moved: masses, certificates, and what the theory promises."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.coresets.transport import constrained_cost, costs_of_all_sizes

from equipoise.coresets import (
    Builder,
    Coreset,
    CoresetStream,
    Lines,
    LinesAsCoded,
    Snap,
    Uniform,
    bounds,
    build_coreset,
    lines,
    with_size,
)
from equipoise.coresets.allocation import SmallCoresetWarning

pytestmark = pytest.mark.filterwarnings("ignore::equipoise.coresets.SmallCoresetWarning")

BUILDERS = [Lines(2, 0.7), LinesAsCoded(2, 0.5), Snap(7)]
by_name = pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: type(builder).__name__)


def _random(seed: int, n: int, d: int, power: float, n_collections: int = 2) -> Coreset:
    random = np.random.default_rng(seed)
    # Some points are equal, and weights go over several orders of magnitude.
    points = random.normal(size=(n, d)) + 3 * random.integers(0, 2, (n, 1))
    points = points[random.integers(0, n, n)] if seed % 2 else points
    weights = np.exp(random.normal(size=n) * (seed % 3))
    return Coreset.from_block(
        points, weights, random.integers(0, n_collections, n) * 5, power=power
    )


def _builders(power: float) -> list[Builder]:
    return BUILDERS if power in (1, 2) else [Snap(7)]


@settings(max_examples=40)
@given(
    st.integers(0, 10**6),
    st.integers(1, 14),
    st.integers(1, 3),
    st.sampled_from([1, 2, 3]),
    st.integers(2, 3),
)
def test_cost_under_constraints_is_within_the_bounds(seed, n, d, power, k) -> None:
    whole = _random(seed, n, d, power)
    random = np.random.default_rng(seed)
    centres = random.normal(size=(k, d)) * random.choice([1, 10])
    masses = {code: random.dirichlet(np.full(k, 0.5)) * mass for code, mass in whole.masses.items()}
    exact = constrained_cost(whole.points, whole.weights, whole.collections, masses, centres, power)
    for builder in _builders(power):
        once = whole.reduce(builder, seed)
        halves = (
            Coreset.from_block(
                whole.points[part], whole.weights[part], whole.collections[part], power=power
            )
            for part in (slice(None, n // 2), slice(n // 2, None))
        )
        first, second = (half.reduce(builder, seed) for half in halves)
        for made in (once, first.merge(second), once.reduce(Snap(4), 1)):
            found = made.offset + constrained_cost(
                made.points, made.weights, made.collections, masses, centres, power
            )
            low, high = bounds(made, found)
            assert low <= exact * (1 + 1e-7) + 1e-9
            assert high >= exact * (1 - 1e-7) - 1e-9


@given(st.integers(0, 10**6), st.integers(1, 60), st.sampled_from([1, 2]))
def test_each_collection_keeps_its_mass(seed: int, n: int, power: int) -> None:
    whole = _random(seed, n, 2, power, n_collections=4)
    for builder in BUILDERS:
        made = whole.reduce(builder, seed)
        assert made.masses.keys() == whole.masses.keys()
        for code, mass in whole.masses.items():
            assert made.masses[code] == pytest.approx(mass, rel=1e-12)
        assert (made.weights > 0).all()


@given(st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_cost_of_means_and_offset_is_no_less_than_that_of_the_rows(seed: int, k: int) -> None:
    whole = _random(seed, 40, 2, 2)
    made = whole.reduce(Snap(6), seed).merge(_random(seed + 1, 5, 2, 2))
    rows = whole.merge(_random(seed + 1, 5, 2, 2))
    centres = np.random.default_rng(seed).normal(size=(k, 2)) * 3
    assert made.cost(centres) >= rows.cost(centres) * (1 - 1e-12)
    assert bounds(made, made.cost(centres)).high == pytest.approx(made.cost(centres))


def _largest_error(whole: Coreset, made: Coreset, candidates: np.ndarray) -> float:
    """Over all pairs of candidates and all sizes of clusters, of one collection."""
    sizes = np.linspace(0, whole.mass, 301)
    worst = 0.0
    for pair in itertools.product(candidates, repeat=2):
        exact, found = (
            costs_of_all_sizes(set_.points, set_.weights, np.array(pair), whole.power, sizes)
            for set_ in (whole, made)
        )
        worst = max(worst, float(np.abs(found / exact - 1).max()))
    return worst


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("eps", [0.2, 0.9])
def test_theory_keeps_its_promise_on_a_line(power: int, eps: float) -> None:
    for seed in range(3):
        random = np.random.default_rng(seed)
        x = np.sort(random.standard_t(2, 600) + 8 * random.integers(0, 2, 600))
        whole = Coreset.from_block(x[:, None], power=power)
        made = whole.reduce(Lines(2, eps), seed)
        assert len(made) < len(whole)
        candidates = np.concatenate([x[::75], made.points[::9, 0], [-1e4, 1e3]])[:, None]
        assert _largest_error(whole, made, candidates) <= eps


@pytest.mark.parametrize("power", [1, 2])
def test_theory_keeps_its_promise_in_the_plane(power: int) -> None:
    eps = 0.9
    for seed in range(3):
        random = np.random.default_rng(seed)
        X = random.normal(size=(2500, 2)) + 4 * random.integers(0, 2, (2500, 1))
        whole = Coreset.from_block(X, power=power)
        made = whole.reduce(Lines(2, eps), seed)
        assert len(made) < len(whole) / 2
        candidates = np.concatenate([X[::300], made.points[::200], [[0, 0], [4, 4], [90, -50]]])
        assert _largest_error(whole, made, candidates) <= eps


@pytest.mark.parametrize(("power", "d"), [(1, 1), (2, 1), (1, 2)])
def test_theory_keeps_its_promise_for_three_clusters_and_two_collections(power, d) -> None:
    random = np.random.default_rng(d)
    X = random.normal(size=(400, d)) + 5 * random.integers(0, 3, (400, 1))
    whole = Coreset.from_block(X, None, random.integers(0, 2, 400), power=power)
    made = whole.reduce(Lines(3, 0.9), 0)
    assert len(made) < len(whole)
    for _ in range(12):
        centres = random.choice(X, 3) + random.normal(size=(3, d))
        masses = {c: random.dirichlet(np.ones(3)) * mass for c, mass in whole.masses.items()}
        found, exact = (
            constrained_cost(of.points, of.weights, of.collections, masses, centres, power)
            for of in (made, whole)
        )
        assert found == pytest.approx(exact, rel=0.05)  # eps is the worst case


@pytest.mark.parametrize("power", [1, 2])
def test_union_over_collections_keeps_the_promise_for_each(power: int) -> None:
    random = np.random.default_rng(0)
    X = random.standard_t(3, (900, 1)) + 6 * random.integers(0, 2, (900, 1))
    codes = random.choice(3, 900, p=[0.7, 0.25, 0.05])
    whole = Coreset.from_block(X, None, codes, power=power)
    made = whole.reduce(Lines(2, 0.5), 0)
    for code in range(3):
        of, made_of = codes == code, made.collections == code
        assert (
            _largest_error(
                Coreset.from_block(X[of], power=power),
                Coreset.from_block(made.points[made_of], made.weights[made_of], power=power),
                X[:: 900 // 8],
            )
            <= 0.5
        )


@pytest.mark.parametrize("builder", [Lines(2, 1e-4), Snap(4)], ids=["Lines", "Snap"])
@pytest.mark.parametrize("power", [1, 2])
def test_equal_points_are_merged_without_error(builder: Builder, power: int) -> None:
    distinct = np.array([[0.0, 1], [2, 3], [5, 4], [0.1, 0.3]])
    of = np.random.default_rng(3).integers(0, 4, 50)
    whole = Coreset.from_block(distinct[of], power=power)
    made = whole.reduce(builder, 0)
    assert len(made) == 4
    assert made.movement == 0
    assert made.cost([[1.0, 1], [7, 7]]) == pytest.approx(whole.cost([[1.0, 1], [7, 7]]))
    assert (distinct[of][made.rows] == made.points).all()


@by_name
@pytest.mark.parametrize("power", [1, 2])
def test_of_points_that_are_all_equal_one_is_left(builder: Builder, power: int) -> None:
    made = Coreset.from_block(np.full((30, 3), 2.5), power=power).reduce(builder, 0)
    assert len(made) == 1
    assert made.points.tolist() == [[2.5, 2.5, 2.5]]
    assert made.weights.tolist() == [30]
    assert made.movement == 0


@by_name
@pytest.mark.parametrize("power", [1, 2])
def test_scaled_points_have_scaled_coresets_to_the_last_bit(builder, power) -> None:
    whole = _random(4, 200, 2, power)
    scaled = Coreset.from_block(whole.points * 8, whole.weights, whole.collections, power=power)
    here, there = whole.reduce(builder, 3), scaled.reduce(builder, 3)
    assert (here.points * 8).tobytes() == there.points.tobytes()
    assert here.weights.tobytes() == there.weights.tobytes()
    assert there.movement == pytest.approx(8**power * here.movement)


@by_name
@pytest.mark.parametrize("power", [1, 2])
def test_shifted_points_have_shifted_coresets(builder: Builder, power: int) -> None:
    whole = _random(4, 200, 2, power)
    shifted = Coreset.from_block(whole.points + 1e4, whole.weights, whole.collections, power=power)
    here, there = whole.reduce(builder, 3), shifted.reduce(builder, 3)
    np.testing.assert_allclose(here.points + 1e4, there.points, rtol=1e-9)
    np.testing.assert_allclose(here.weights, there.weights)
    assert there.movement == pytest.approx(here.movement, rel=1e-5)


@by_name
def test_same_seed_same_bytes_however_the_rows_lie_in_memory(builder: Builder) -> None:
    whole = _random(8, 300, 3, 2)
    other = Coreset.from_block(
        np.asfortranarray(whole.points), whole.weights.copy(), whole.collections, power=2
    )
    once, twice = whole.reduce(builder, 5), other.reduce(builder, 5)
    for name in ("points", "weights", "collections", "rows"):
        assert getattr(once, name).tobytes() == getattr(twice, name).tobytes()
    assert once.movement == twice.movement


@pytest.mark.parametrize("power", [1, 2, 3])
def test_movement_of_snapping_is_what_rows_are_moved(power: int) -> None:
    whole = _random(2, 100, 2, power)
    made = whole.reduce(Snap(20), 0)
    # No row can be moved to any point of its collection for less.
    least = 0.0
    for code in made.masses:
        of, to = whole.collections == code, made.points[made.collections == code]
        away = np.linalg.norm(whole.points[of][:, None] - to[None], axis=2).min(1)
        least += whole.weights[of] @ away**power
    assert least * (1 - 1e-12) <= made.movement <= 2 * least
    assert made.offset == (made.movement if power == 2 else 0)
    assert len(made) <= 20


def test_snapping_shares_points_by_mass_and_cost() -> None:
    random = np.random.default_rng(0)
    points = np.concatenate([0.01 * random.normal(size=(500, 2)), random.normal(size=(500, 2))])
    whole = Coreset.from_block(points, None, np.repeat([0, 1], 500))
    found = np.bincount(whole.reduce(Snap(100), 0).collections)
    assert found[1] > 2 * found[0] > 20


def test_more_points_move_rows_less() -> None:
    whole = _random(6, 400, 2, 1)
    movements = [whole.reduce(Snap(size), 0).movement for size in (4, 16, 64, 256)]
    assert movements == sorted(movements, reverse=True)


def test_smaller_eps_is_nearer_and_larger() -> None:
    whole = _random(6, 2000, 2, 1)
    for kind in (Lines, LinesAsCoded):
        fine, rough = (whole.reduce(kind(2, eps), 0) for eps in (0.2, 1.5))
        assert len(fine) > len(rough)
        assert fine.movement < rough.movement


def test_projection_as_coded_costs_no_more_than_eps_allows() -> None:
    whole = _random(0, 1500, 3, 1, 1)
    made = whole.reduce(LinesAsCoded(2, 0.3), 0)
    # Movement is what projection and batches move; batches as coded may move as much again.
    assert 0 < made.movement < 2 * 0.3 * whole.cost(whole.points[:2])


@pytest.mark.parametrize("d", [2, 3, 5])
def test_each_direction_is_as_near_to_its_line_of_the_net_as_was_promised(d: int) -> None:
    away = np.random.default_rng(d).standard_cauchy((4000, d))
    away[0] = 0
    cells = lines._cells_on_an_edge(0.9, 1, d)
    of, directions = lines._net_lines(away, cells)
    assert np.linalg.norm(directions, axis=1) == pytest.approx(1)
    along = (away * directions).sum(1, keepdims=True) * directions
    assert (
        np.linalg.norm(away - along, axis=1) <= 0.9 / 4 * np.linalg.norm(away, axis=1) + 1e-12
    ).all()
    assert of.max() < d * cells ** (d - 1)
    distinct = np.unique(directions, axis=0)
    assert len(distinct) == len(np.unique(of)) == len(np.unique(np.c_[of, directions], axis=0))
    opposite = lines._net_lines(-away, cells)
    # A line has two directions; on the border of two cells either will do.
    assert np.mean(opposite[0] == of) > 0.999


def test_net_too_large_is_refused_with_its_size_and_what_to_use() -> None:
    whole = _random(0, 50, 6, 1)
    with pytest.raises(ValueError, match=r"net of 1e\+09 directions in 6 dimensions.*Stratified"):
        whole.reduce(Lines(2, 0.2), 0)


def test_batches_as_coded_take_the_point_past_the_threshold_in() -> None:
    whole = Coreset.from_block(np.arange(6.0)[:, None], power=1)
    assert whole.reduce(LinesAsCoded(1, 1e-9), 0).weights.tolist() == [2, 2, 2]
    assert whole.reduce(Lines(1, 1e-9), 0).weights.tolist() == [1] * 6


@pytest.mark.parametrize("builder", BUILDERS[:2], ids=["Lines", "LinesAsCoded"])
def test_other_powers_are_refused_by_lines(builder: Builder) -> None:
    with pytest.raises(ValueError, match=r"z = 1 and z = 2, not for z = 3"):
        _random(0, 9, 2, 3).reduce(builder, 0)


@pytest.mark.parametrize("kind", [Lines, LinesAsCoded])
def test_settings_out_of_range_are_refused(kind: type) -> None:
    for eps in (0, -1, np.nan, np.inf, "0.3", True, None):
        with pytest.raises(ValueError, match="eps must be a positive number"):
            kind(3, eps)
    for k in (0, 2.5, True, "3"):
        with pytest.raises(ValueError, match="n_clusters must be a whole number"):
            kind(k, 0.1)


def test_snapping_wants_a_point_for_each_collection() -> None:
    with pytest.raises(ValueError, match="size = 1 is less than the number of collections, 2"):
        _random(0, 20, 2, 2).reduce(Snap(1), 0)
    with pytest.warns(SmallCoresetWarning):
        _random(0, 20, 2, 2).reduce(Snap(3), 0)
    with pytest.raises(ValueError, match="size must be a whole number"):
        Snap(0)


@by_name
def test_no_points_are_left_as_they_are(builder: Builder) -> None:
    assert len(Coreset.empty(3, 1).reduce(builder, 0)) == 0


@by_name
def test_fewer_points_than_clusters_are_no_error(builder: Builder) -> None:
    whole = Coreset.from_block([[1.0, 2], [3, 4]], power=1)
    made = whole.reduce(builder if isinstance(builder, Snap) else type(builder)(9, 0.3), 0)
    assert made.mass == 2
    assert made.movement == pytest.approx(0)


@by_name
@pytest.mark.parametrize("power", [1, 2])
def test_points_beyond_floating_point_are_refused(builder: Builder, power: int) -> None:
    whole = Coreset.from_block(np.array([[0.0], [1], [2], [1e200]] * 5), power=power)
    with pytest.raises(ValueError, match="so far apart"):
        whole.reduce(builder, 0)


@pytest.mark.parametrize("power", [1, 2])
def test_on_scaled_census_rows_cells_are_nearer_than_lines(real_data: Path, power: int) -> None:
    table = pd.read_csv(real_data / "adult" / "adult.data.gz", header=None, skipinitialspace=True)
    X = table[[0, 2, 4, 10, 11, 12]].to_numpy(float)
    codes = table.groupby([9, 5]).ngroup().to_numpy()
    whole = Coreset.from_block(X / X.max(0), None, codes, power=power)
    random = np.random.default_rng(0)
    queries = [
        (whole.points[random.integers(len(X), size=2)], random.random(len(whole.masses)))
        for _ in range(12)
    ]

    def costs(made: Coreset) -> np.ndarray:
        found = np.full(len(queries), made.offset)
        for i, (pair, shares) in enumerate(queries):
            for (code, mass), share in zip(whole.masses.items(), shares, strict=True):
                of = made.collections == code
                sizes = np.array([share * mass])
                found[i] += costs_of_all_sizes(
                    made.points[of], made.weights[of], pair, power, sizes
                )[0]
        return found

    on_lines = whole.reduce(with_size(LinesAsCoded(3, 0.3), whole, 900))
    cells = whole.reduce(Snap(900))
    assert len(on_lines) == pytest.approx(len(cells), rel=0.1)
    lines_off, cells_off = (np.abs(costs(of) / costs(whole) - 1).max() for of in (on_lines, cells))
    assert cells_off < 0.6 * lines_off


def test_samples_have_no_bounds() -> None:
    whole = _random(0, 200, 2, 2)
    sample = whole.reduce(Uniform(50), 0)
    with pytest.raises(ValueError, match=r"is a sample.*Snap or Lines"):
        bounds(sample, 3.0)
    with pytest.raises(ValueError, match="is a sample"):
        bounds(sample.reduce(Snap(10), 0), 3.0)


@pytest.mark.parametrize("cost", [np.nan, -1.0, 0.0, "much", None])
def test_cost_that_is_none_is_refused(cost: object) -> None:
    made = _random(0, 200, 2, 2).reduce(Snap(10), 0)
    with pytest.raises(ValueError, match="cost must be a number"):
        bounds(made, cost)


def test_rows_themselves_are_bounded_by_their_cost() -> None:
    whole = _random(0, 20, 2, 3)
    assert bounds(whole, 7.0) == pytest.approx((7, 7))
    assert bounds(whole, np.inf) == (np.inf, np.inf)


def _means(larger: Coreset, cell: np.ndarray) -> Coreset:
    masses = np.bincount(cell, larger.weights)
    sums = [np.bincount(cell, larger.weights * column) for column in larger.points.T]
    points = np.transpose(sums) / masses[:, None]
    moved = float(larger.weights @ ((larger.points - points[cell]) ** 2).sum(1))
    none = np.full(len(points), -1)
    made = Coreset(points, masses, none * 0, none, 2.0, movement=moved, offset=moved)
    return made.after(larger, "means")


def test_movement_of_means_of_means_is_what_rows_are_moved() -> None:
    whole = _random(2, 400, 2, 2, 1)
    first, then = np.arange(400) % 60, np.arange(60) % 7
    once = _means(whole, first)
    twice = _means(once, then)
    moved = whole.weights @ ((whole.points - twice.points[then[first]]) ** 2).sum(1)
    assert twice.movement == pytest.approx(moved, rel=1e-12)
    assert twice.offset == pytest.approx(moved, rel=1e-12)
    assert twice.has_means
    assert whole.reduce(Snap(60), 0).reduce(Snap(15), 1).has_means


@pytest.mark.parametrize("power", [1, 2, 3])
def test_bounds_hold_at_the_end_of_a_stream(power: int) -> None:
    random = np.random.default_rng(power)
    X, codes = random.standard_t(3, (3000, 2)), random.integers(0, 3, 3000)
    stream = CoresetStream(Snap(150), 2, power, block_rows=400)
    for start in range(0, 3000, 250):
        stream.add(X[start : start + 250], None, codes[start : start + 250])
    whole = Coreset.from_block(X, None, codes, power=power)
    made = stream.coreset
    assert made.masses == pytest.approx(whole.masses, rel=1e-12)
    for _ in range(20):
        centres = random.normal(size=(3, 2)) * random.choice([1, 5])
        low, high = bounds(made, made.cost(centres))
        assert low <= whole.cost(centres) <= high
        assert high <= made.cost(centres) * (1 + 1e-9) or power != 2


def test_offset_of_steps_on_steps_is_no_bound_by_itself() -> None:
    whole = _random(2, 400, 2, 2)
    snapped = whole.reduce(Snap(100), 0)
    projected = snapped.reduce(Lines(2, 0.9), 0)
    assert snapped.has_means
    assert not projected.has_means
    assert not snapped.merge(_random(3, 50, 2, 2).reduce(Lines(2, 0.9), 0)).has_means
    found = projected.cost([[0.0, 0]])
    assert bounds(projected, found).high > found


def test_one_call_makes_lines_of_an_eps_or_of_a_size() -> None:
    X = np.random.default_rng(0).normal(size=(2000, 2))
    rough, fine = (build_coreset(X, 3, method="lines", eps=eps, power=1) for eps in (2, 0.5))
    assert len(rough) < len(fine)
    assert fine.lineage == ("Lines(n_clusters=3, eps=0.5), seed 0",)
    assert build_coreset(X, 3, method="lines", power=1).lineage == fine.lineage
    sized = build_coreset(X, 3, 300, method="lines_as_coded")
    assert len(sized) == pytest.approx(300, rel=0.15)
    assert len(build_coreset(X, 3, 2000, method="lines_as_coded")) == 2000
    with pytest.raises(ValueError, match="size must be"):
        build_coreset(X, 3, 0, method="lines")
