"""Features of Waterbirds are read as they were written, or refused with the reason."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equipoise.data import DataError, read_waterbirds


def _arrays(n: int = 24, d: int = 3) -> dict[str, np.ndarray]:
    number = np.arange(n)
    return {
        "features": np.random.default_rng(0).normal(size=(n, d)),
        "y": number % 2,
        "place": number // 2 % 2,
        "split": number // 4 % 3,
    }


def test_an_npz_file_and_a_parquet_file_of_it_say_the_same(tmp_path):
    arrays = _arrays()
    np.savez(tmp_path / "features.npz", **arrays)
    columns = {f"x{j}": arrays["features"][:, j] for j in range(3)}
    columns |= {name: arrays[name] for name in ("y", "place", "split")}
    pq.write_table(pa.table(columns), tmp_path / "features.parquet")
    one = read_waterbirds(tmp_path / "features.npz")
    other = read_waterbirds(tmp_path / "features.parquet")
    for number, part in enumerate(("train", "validation", "test")):
        own = arrays["split"] == number
        np.testing.assert_allclose(one[part].features, arrays["features"][own], rtol=1e-6)
        np.testing.assert_array_equal(one[part].label, arrays["y"][own])
        np.testing.assert_array_equal(one[part].place, arrays["place"][own])
        np.testing.assert_array_equal(other[part].features, one[part].features)
        np.testing.assert_array_equal(other[part].place, one[part].place)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"y": np.arange(24)}, "^y: .* of the codes 0, 1$"),
        ({"split": np.zeros(3)}, "^split: .* wanted 24 of the codes"),
        ({"place": np.zeros(24)}, "rows by y and place"),
        ({"features": np.full((24, 3), np.nan)}, "NaN or infinity"),
        ({"features": np.zeros(24)}, r"wanted numbers of shape \(n, d\)"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, change, said):
    np.savez(tmp_path / "features.npz", **{**_arrays(), **change})
    with pytest.raises(DataError, match=said):
        read_waterbirds(tmp_path / "features.npz")


def test_a_missing_file_array_or_column_is_named(tmp_path):
    with pytest.raises(DataError, match="no file"):
        read_waterbirds(tmp_path / "features.npz")
    arrays = _arrays()
    del arrays["place"]
    np.savez(tmp_path / "features.npz", **arrays)
    with pytest.raises(DataError, match=r"lacks an array: .*place"):
        read_waterbirds(tmp_path / "features.npz")
    pq.write_table(pa.table({"x": [1.0], "y": [1]}), tmp_path / "features.parquet")
    with pytest.raises(DataError, match="lacks the columns place, split"):
        read_waterbirds(tmp_path / "features.parquet")


def test_a_file_that_is_something_else_is_named(tmp_path):
    path = tmp_path / "features.npz"
    path.write_bytes(b"not arrays")
    with pytest.raises(DataError, match="is no npz file"):
        read_waterbirds(path)
    np.savez(path, **{**_arrays(), "y": np.array([None] * 24)})
    with pytest.raises(DataError, match="is no npz file of arrays of numbers"):
        read_waterbirds(path)
