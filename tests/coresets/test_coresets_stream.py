"""Streams: one pass, bounded memory, the same bits whatever the sizes in which rows come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.coresets import (
    Coreset,
    CoresetStream,
    Stratified,
    Uniform,
    load_stream,
    save_stream,
)

BUILDER = Stratified(3, 60)


def rows(n=2500, seed=0):
    random = np.random.default_rng(seed)
    points = random.normal(size=(n, 2)) + 6 * random.integers(0, 4, (n, 1))
    return points, random.random(n) + 0.5, random.integers(0, 3, n)


def streamed(cuts, n=2500, **options):
    points, weights, collections = rows(n)
    stream = CoresetStream(BUILDER, 2, block_rows=300, seed=5, **options)
    edges = [0, *sorted(cuts), n]
    for begin, end in pairwise(edges):
        stream.add(points[begin:end], weights[begin:end], collections[begin:end])
    return stream


def same(one, other):
    assert one.points.tobytes() == other.points.tobytes()
    assert one.weights.tobytes() == other.weights.tobytes()
    assert one.rows.tobytes() == other.rows.tobytes()
    assert one.n_rows == other.n_rows
    assert one.lineage == other.lineage


@settings(max_examples=15)
@given(st.lists(st.integers(0, 2500), max_size=12))
def test_the_sizes_of_blocks_make_no_difference(cuts):
    same(streamed(cuts).coreset, streamed([]).coreset)


def test_masses_of_collections_are_those_of_the_rows():
    points, weights, collections = rows()
    coreset = streamed([7, 900]).coreset
    assert len(coreset) == BUILDER.size
    assert coreset.n_rows == 2500
    for code, mass in coreset.masses.items():
        assert mass == pytest.approx(weights[collections == code].sum(), rel=1e-12)
    np.testing.assert_array_equal(coreset.points, points[coreset.rows])


def test_looking_on_the_way_changes_nothing():
    watched = streamed([])
    points, weights, collections = rows()
    stream = CoresetStream(BUILDER, 2, block_rows=300, seed=5)
    for part in np.array_split(np.arange(2500), 9):
        stream.add(points[part], weights[part], collections[part])
        assert len(stream.coreset) <= BUILDER.size
        same(stream.coreset, stream.coreset)
    same(stream.coreset, watched.coreset)


def test_what_is_added_may_be_written_over_by_its_owner():
    points, weights, collections = rows(500)
    stream = CoresetStream(BUILDER, 2, block_rows=300, seed=5)
    buffers = points.copy(), weights.copy(), collections.copy()
    stream.add(*buffers)
    for buffer in buffers:
        buffer[:] = 0
    same(stream.coreset, streamed([], n=500).coreset)


def test_memory_holds_a_block_and_a_coreset_a_level():
    stream = CoresetStream(Uniform(20), 2, block_rows=50)
    most = 0
    for _ in range(130):
        stream.add(np.random.default_rng(0).normal(size=(37, 2)))
        kept = sum(len(level) for level in stream.levels if level is not None)
        most = max(most, kept + sum(len(part) for part in stream.waiting))
    assert most <= 50 + 4 * 20 * (np.log2(130 * 37 / 50) + 1)


def test_fewer_rows_than_a_block_are_summarised_in_one_shot():
    points, weights, collections = rows(250)
    stream = CoresetStream(BUILDER, 2, block_rows=300).add(points, weights, collections)
    whole = Coreset.from_block(points, weights, collections)
    once = whole.reduce(BUILDER, np.random.SeedSequence(0, spawn_key=(64, 250)))
    same(stream.coreset, once)


def test_an_empty_stream_is_an_empty_coreset():
    stream = CoresetStream(BUILDER, 2)
    assert len(stream.coreset) == 0
    stream.add(np.empty((0, 2)))
    stream.add(np.ones((2, 2)), weights=[0, 0])
    assert len(stream.coreset) == 0
    assert stream.coreset.n_rows == 2


def test_nothing_of_a_bad_block_is_taken():
    stream = CoresetStream(BUILDER, 2).add(np.ones((3, 2)))
    with pytest.raises(ValueError, match="points has 3 features; the stream has 2"):
        stream.add(np.ones((3, 3)))
    with pytest.raises(ValueError, match="NaN"):
        stream.add([[np.nan, 1.0]])
    assert stream.n_rows == 3
    assert stream.coreset.mass == 3


def test_a_block_with_too_many_collections_leaves_the_stream_as_it_was():
    stream = CoresetStream(Uniform(20), 2, block_rows=50)
    stream.add(np.random.default_rng(0).normal(size=(70, 2)))
    kept = stream.coreset
    with pytest.raises(ValueError, match="less than the number of collections, 30"):
        stream.add(np.ones((90, 2)), collections=np.arange(90) % 30)
    assert stream.n_rows == 70
    same(stream.coreset, kept)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_features": 0}, "n_features must be a whole number"),
        ({"n_features": 2, "power": 0.0}, "power must be"),
        ({"n_features": 2, "block_rows": 0}, "block_rows must be a whole number"),
        ({"n_features": 2, "seed": -1}, "seed must be"),
        ({"n_features": 2, "seed": "x"}, "seed must be"),
    ],
)
def test_settings_of_a_stream_are_checked(options, said):
    with pytest.raises(ValueError, match=said):
        CoresetStream(BUILDER, **options)


@pytest.mark.parametrize("cut", [0, 100, 300, 1234, 2500])
def test_a_stream_that_was_interrupted_goes_on_to_the_same_bits(cut, tmp_path):
    points, weights, collections = rows()
    stream = CoresetStream(BUILDER, 2, block_rows=300, seed=5)
    stream.add(points[:cut], weights[:cut], collections[:cut])
    save_stream(stream, tmp_path / "state.npz")
    del stream
    resumed = load_stream(tmp_path / "state.npz", BUILDER)
    begin = resumed.n_rows
    assert begin == cut
    resumed.add(points[begin:], weights[begin:], collections[begin:])
    same(resumed.coreset, streamed([]).coreset)


def test_a_stream_goes_on_with_the_builder_it_had(tmp_path):
    path = save_stream(streamed([]), tmp_path / "state.npz")
    with pytest.raises(ValueError, match=r"begun with Stratified.* not Uniform"):
        load_stream(path, Uniform(60))


def test_a_damaged_state_is_refused(tmp_path):
    path = save_stream(streamed([]), tmp_path / "state.npz")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match="no stream that can be read"):
        load_stream(path, BUILDER)
    with pytest.raises(FileNotFoundError, match="no file"):
        load_stream(tmp_path / "other.npz", BUILDER)
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        save_stream(streamed([]), tmp_path / "state.parquet")


@pytest.mark.slow
def test_a_stream_is_nearly_as_good_as_one_shot():
    random = np.random.default_rng(1)
    points = (
        random.normal(size=(60_000, 5))
        + 8 * random.normal(size=(10, 5))[random.integers(0, 10, 60_000)]
    )
    centres = [points[random.integers(0, len(points), 10)] for _ in range(30)]
    whole = Coreset.from_block(points)
    truth = np.array([whole.cost(c) for c in centres])

    def error(coreset):
        return np.abs(np.array([coreset.cost(c) for c in centres]) / truth - 1).max()

    builder = Stratified(10, 500)
    once = [error(whole.reduce(builder, seed)) for seed in range(12)]
    stream = [
        error(CoresetStream(builder, 5, block_rows=4000, seed=seed).add(points).coreset)
        for seed in range(12)
    ]
    assert np.mean(stream) <= 1.3 * np.mean(once)
