"""Coresets in files: the same bits back, whole files or none, and what is no coreset is refused."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equipoise.coresets import Coreset, Stratified, Uniform, load_coreset, save_coreset

KINDS = ("npz", "parquet", "arrow")


@pytest.fixture(scope="module")
def coreset():
    random = np.random.default_rng(0)
    whole = Coreset.from_block(
        random.normal(size=(500, 3)),
        random.random(500) + 1e-12,
        random.integers(0, 3, 500) * 10**12,
        power=1.0,
    )
    return whole.reduce(Uniform(100), 1).merge(Coreset.empty(3, 1.0)).reduce(Stratified(2, 60), 2)


def same(one, other):
    for part in ("points", "weights", "collections", "rows"):
        assert getattr(one, part).tobytes() == getattr(other, part).tobytes()
        assert getattr(one, part).dtype == getattr(other, part).dtype
    facts = ("power", "movement", "offset", "n_rows", "lineage")
    assert all(getattr(one, fact) == getattr(other, fact) for fact in facts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_coreset_comes_back_with_the_same_bits(coreset, kind, tmp_path):
    path = save_coreset(coreset, tmp_path / f"coreset.{kind}")
    same(load_coreset(path), coreset)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_movement_and_offset_come_back(kind, tmp_path):
    moved = Coreset(np.ones((1, 2)), np.ones(1), np.zeros(1, int), -np.ones(1, int), 2.0, 0.1, 0.3)
    same(load_coreset(save_coreset(moved, tmp_path / f"coreset.{kind}")), moved)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_coreset_comes_back(kind, tmp_path):
    empty = Coreset.empty(4)
    same(load_coreset(save_coreset(empty, tmp_path / f"coreset.{kind}")), empty)


@pytest.mark.parametrize("kind", ["npz", "arrow", "parquet"])
def test_the_same_coreset_makes_the_same_file(coreset, kind, tmp_path):
    one, other = (save_coreset(coreset, tmp_path / f"{name}.{kind}") for name in "ab")
    assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_half_a_file_is_refused(coreset, kind, share, tmp_path):
    path = save_coreset(coreset, tmp_path / f"coreset.{kind}")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"no coreset that can be read, or damaged .* save it"):
        load_coreset(path)


def test_a_foreign_table_is_refused(tmp_path):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"weights": [1.0]}), path)
    with pytest.raises(ValueError, match="not one that save_coreset wrote"):
        load_coreset(path)


def test_foreign_arrays_are_refused(tmp_path):
    np.savez(tmp_path / "arrays.npz", points=np.ones((2, 2)))
    with pytest.raises(ValueError, match="no coreset that can be read"):
        load_coreset(tmp_path / "arrays.npz")


def test_pickled_objects_are_never_loaded(tmp_path):
    path = tmp_path / "arrays.npz"
    np.savez(path, points=np.array([{}], object), facts=np.array("{}"))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_coreset(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 99}, "later version, 99"),
        ({"n_features": 2}, "damaged"),
        ({"power": None}, "damaged"),
        ({"lineage": 3}, "damaged"),
    ],
)
def test_facts_that_do_not_fit_are_refused(coreset, change, said, tmp_path):
    path = save_coreset(coreset, tmp_path / "coreset.parquet")
    table = pq.read_table(path)
    facts = json.loads(table.schema.metadata[b"equipoise.coreset"])
    changed = {"equipoise.coreset": json.dumps({**facts, **change})}
    pq.write_table(table.replace_schema_metadata(changed), path)
    with pytest.raises(ValueError, match=said):
        load_coreset(path)


def test_a_missing_file_and_another_suffix_are_named(coreset, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nothing\.npz"):
        load_coreset(tmp_path / "nothing.npz")
    with pytest.raises(ValueError, match=r"end in \.npz, \.parquet, \.arrow, not 'a\.csv'"):
        save_coreset(coreset, tmp_path / "a.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_what_was_there(coreset, kind, tmp_path, monkeypatch):
    path = save_coreset(Coreset.empty(3), tmp_path / f"coreset.{kind}")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        save_coreset(coreset, path)
    monkeypatch.undo()
    same(load_coreset(path), Coreset.empty(3))
    assert list(tmp_path.iterdir()) == [path]
