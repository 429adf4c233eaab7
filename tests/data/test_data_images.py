"""Images are read from the files in which they are published."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest
from PIL import Image

from equipoise.data import DataError, load_images, read_idx


def _idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    return head + array.astype(np.uint8).tobytes()


def _mnist(folder, n=5, side=28):
    random = np.random.default_rng(0)
    folder.mkdir()
    kept = {}
    for part, stem in (("train", "train"), ("test", "t10k")):
        images = random.integers(256, size=(n, side, side))
        labels = random.integers(10, size=n)
        (folder / f"{stem}-images-idx3-ubyte.gz").write_bytes(gzip.compress(_idx(images)))
        (folder / f"{stem}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(_idx(labels)))
        kept[part] = (images, labels)
    return kept


@pytest.mark.parametrize(
    ("name", "folder"), [("mnist", "mnist"), ("fashion-mnist", "fashion_mnist")]
)
def test_idx_images_are_those_that_were_written(tmp_path, name, folder):
    kept = _mnist(tmp_path / folder)
    found = load_images(name, tmp_path)
    for part, (images, labels) in kept.items():
        np.testing.assert_array_equal(found.labels[part], labels)
        rows = np.array([3, 0])
        np.testing.assert_array_equal(found.pixels(part, rows), images[rows])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no idx file"),
        (b"\x00\x00\x0d\x01" + bytes(8), "is no idx file"),
        (_idx(np.zeros((2, 3)))[:-1], r"has 5 bytes of values and says \[2, 3\]"),
        (_idx(np.zeros((2, 3)))[:7], "ends within its head"),
    ],
)
def test_a_file_that_is_no_idx_file_is_named(tmp_path, content, said):
    path = tmp_path / "images"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_idx(path)


def test_a_gz_file_that_is_cut_short_is_named(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(_idx(np.arange(200)))[:-9])
    with pytest.raises(DataError, match="no whole gz file"):
        read_idx(path)


def test_images_and_labels_that_do_not_fit_are_refused(tmp_path):
    _mnist(tmp_path / "mnist", side=20)
    with pytest.raises(DataError, match="wanted labels"):
        load_images("mnist", tmp_path)


def test_an_unknown_name_and_a_missing_file_are_named(tmp_path):
    with pytest.raises(DataError, match="Did you mean 'mnist'"):
        load_images("mnits", tmp_path)
    with pytest.raises(DataError, match=r"no file .*cifar10_jpeg\.npz"):
        load_images("cifar10", tmp_path)


def test_the_binary_version_of_cifar_is_read_by_colour(tmp_path):
    folder = tmp_path / "cifar10"
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = {
        name: random.integers(10, size=(2, 3073)).astype(np.uint8)
        for name in [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]
    }
    for name, row in rows.items():
        (folder / name).write_bytes(row.tobytes())
    found = load_images("cifar10", tmp_path)
    assert len(found.labels["train"]) == 10
    second = found.pixels("train", np.array([2]))[0]
    own = rows["data_batch_2.bin"][0]
    assert found.labels["train"][2] == own[0]
    assert second[4, 7, 1] == own[1 + 1024 + 4 * 32 + 7]
    (folder / "test_batch.bin").write_bytes(b"1")
    with pytest.raises(DataError, match="wanted a multiple of 3073"):
        load_images("cifar10", tmp_path)


def _compressed(path, **changed):
    random = np.random.default_rng(0)
    images = random.integers(256, size=(3, 32, 32, 3)).astype(np.uint8)
    parts = []
    for image in images:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "png")  # without loss, to compare
        parts.append(stream.getvalue())
    arrays = {
        "data": np.frombuffer(b"".join(parts), np.uint8),
        "offset": np.cumsum([0, *map(len, parts)]),
        "label": np.array([4, 5, 6], np.uint8),
        "is_test": np.array([0, 1, 0], np.uint8),
    }
    path.parent.mkdir(exist_ok=True)
    np.savez(path, **{**arrays, **changed})
    return images


def test_compressed_images_are_decoded_by_part(tmp_path):
    images = _compressed(tmp_path / "cifar10" / "cifar10_jpeg.npz")
    found = load_images("cifar10", tmp_path)
    assert found.labels["train"].tolist() == [4, 6]
    np.testing.assert_array_equal(found.pixels("train", np.array([1])), images[[2]])
    np.testing.assert_array_equal(found.pixels("test", np.array([0])), images[[1]])


def test_arrays_that_do_not_fit_together_are_refused(tmp_path):
    path = tmp_path / "cifar10" / "cifar10_jpeg.npz"
    _compressed(path, label=np.zeros(2, np.uint8))
    with pytest.raises(DataError, match="do not fit together"):
        load_images("cifar10", tmp_path)
    np.savez(path, data=np.zeros(3))
    with pytest.raises(DataError, match="is no npz file with data, offset"):
        load_images("cifar10", tmp_path)
