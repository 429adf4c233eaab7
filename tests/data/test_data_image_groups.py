"""An index of images counts, thins and decodes the rows asked for, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from equipoise.data import DataError, load_image_groups
from equipoise.data.image_groups.parts import known_part
from equipoise.data.image_groups.share import rows_with_share

N = 100
MALE = np.arange(N) % 5 < 2
SMILING = np.arange(N) % 3 == 0


@pytest.fixture
def folder(tmp_path):
    """A CelebA of 100 rows, 80 of them for training, with images 30 wide and 40 high."""
    rows = [
        f"{row:03d}.png,{1 if MALE[row] else -1},{1 if SMILING[row] else -1}" for row in range(N)
    ]
    (tmp_path / "list_attr_celeba.csv").write_text("\n".join(["image_id,Male,Smiling", *rows]))
    parts = [f"{row:03d}.png,{0 if row < 80 else 1 if row < 90 else 2}" for row in range(N)]
    (tmp_path / "list_eval_partition.csv").write_text("\n".join(["image_id,partition", *parts]))
    images = tmp_path / "img_align_celeba"
    images.mkdir()
    for row in range(N):
        picture = np.full((40, 30, 3), 255, np.uint8)
        picture[5:35] = (row, 2 * row, 7)  # the square in the middle
        Image.fromarray(picture).save(images / f"{row:03d}.png")
    return tmp_path


def test_cells_are_counts_of_groups_by_classes(folder):
    cells = load_image_groups("celeba", folder).cells("test")
    own = slice(90, 100)
    assert cells.labels == ("not Smiling", "Smiling")
    expected = [
        [np.sum(group[own] & ~SMILING[own]), np.sum(group[own] & SMILING[own])]
        for group in (MALE, ~MALE)
    ]
    np.testing.assert_array_equal(cells.counts, expected)
    np.testing.assert_allclose(cells.base_rates.sum(axis=1), 1)


def test_overlapping_groups_are_counted_in_each(folder):
    found = load_image_groups("celeba", folder, target="Smiling", sensitive=["Male"])
    cells = found.cells("train", how="each")
    np.testing.assert_array_equal(cells.sizes.sum(), 80)
    assert set(cells.groups) == {"Male"} | {"not Male"}


@pytest.mark.parametrize("share", [0.42, 0.2, 0.1, 0.05, 0.02])
def test_a_share_is_met_to_the_row_and_only_in_train(folder, share):
    found = load_image_groups("celeba", folder)
    thin = found.subsample("Male", "Male", share, seed=1)
    train = thin.parts["train"]
    members = MALE[train].sum()
    if share < MALE[:80].mean():
        assert (~MALE[train]).sum() == 48  # the others are all kept
        assert members == round(48 * share / (1 - share))
    else:
        assert members == 32
        assert len(train) - members == round(32 * (1 - share) / share)
    assert np.isin(train, found.parts["train"]).all()
    for part in ("validation", "test"):
        np.testing.assert_array_equal(thin.parts[part], found.parts[part])
    assert len(found.parts["train"]) == 80


def test_a_size_is_kept_while_the_share_changes_and_draws_are_nested(folder):
    found = load_image_groups("celeba", folder)
    members = {}
    for share in (0.4, 0.2, 0.1):
        train = found.subsample("Male", "Male", share, size=50, seed=2).parts["train"]
        assert len(train) == 50
        members[share] = set(train[MALE[train]])
        assert len(members[share]) == round(50 * share)
    assert members[0.1] < members[0.2] < members[0.4]
    same, other = (
        found.subsample("Male", "Male", 0.2, size=50, seed=seed).parts["train"] for seed in (2, 3)
    )
    assert set(same[MALE[same]]) == members[0.2]
    assert set(other[MALE[other]]) != members[0.2]


@given(
    st.lists(st.booleans(), min_size=2, max_size=60),
    st.floats(0.001, 0.999),
    st.integers(0, 5),
)
def test_a_share_is_met_as_nearly_as_whole_rows_allow(member, share, seed):
    member = np.array(member)
    try:
        rows = rows_with_share(member, share, None, seed)
    except DataError:
        return
    assert len(np.unique(rows)) == len(rows)
    inside, outside = member[rows].sum(), (~member[rows]).sum()
    assert inside == member.sum() or outside == (~member).sum()
    # With the kept side fixed, one row more or less of the other is no nearer.
    assert (
        abs(inside - share / (1 - share) * outside) <= 0.5 + 1e-9
        or abs(outside - (1 - share) / share * inside) <= 0.5 + 1e-9
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("male", "Male", 0.1), "column: 'male' is no sensitive column here. Did you mean 'Male'"),
        (("Male", "male", 0.1), "level: Male has no 'male'. Did you mean 'Male'"),
        (("Male", "Male", 0.0), "share: given 0.0, wanted a number between"),
        (("Male", "Male", 0.005), "leaves 0 rows of the group and 48"),
    ],
)
def test_a_share_that_cannot_be_is_refused(folder, asked, said):
    with pytest.raises(DataError, match=said):
        load_image_groups("celeba", folder).subsample(*asked)


def test_a_size_or_seed_that_cannot_be_is_refused(folder):
    found = load_image_groups("celeba", folder)
    with pytest.raises(DataError, match=r"take 40 of the group and 40 of the others.*at most 64"):
        found.subsample("Male", "Male", 0.5, size=80)
    with pytest.raises(DataError, match="wanted an integer >= 0"):
        found.subsample("Male", "Male", 0.1, seed=-1)


def test_a_face_is_cut_to_the_square_in_its_middle(folder):
    found = load_image_groups("celeba", folder)
    pixels = found.pixels(np.array([7, 3, 7]), side=10)
    assert pixels.shape == (3, 10, 10, 3)
    assert pixels.dtype == np.uint8
    for image, row in zip(pixels, (7, 3, 7), strict=True):
        assert (image == np.array([row, 2 * row, 7])).all()
    assert found.pixels([], side=10).shape == (0, 10, 10, 3)
    assert found.pixels([0]).shape == (1, 64, 64, 3)


def test_a_large_jpeg_looks_as_if_it_were_decoded_in_full(folder):
    across, down = np.meshgrid(np.linspace(0, 9, 700), np.linspace(0, 7, 500))
    waves = 127 + 60 * np.stack([np.sin(across), np.cos(down), np.sin(across + down)], axis=-1)
    path = folder / "img_align_celeba" / "009.png"
    Image.fromarray(waves.astype(np.uint8)).save(path, "jpeg", quality=95)
    with Image.open(path) as image:
        square = image.convert("RGB").crop((100, 0, 600, 500))
    full = np.asarray(square.resize((32, 32), Image.Resampling.BILINEAR)).astype(int)
    found = load_image_groups("celeba", folder).pixels([9], side=32)[0]
    assert np.abs(full - found).max() <= 4
    assert np.abs(full - found).mean() < 1


def test_all_pixels_are_kept_and_read_again_without_decoding(folder, tmp_path):
    found = load_image_groups("celeba", folder)
    told = []
    kept = found.cached_pixels(tmp_path / "cache", side=8, progress=lambda *at: told.append(at))
    np.testing.assert_array_equal(kept, found.pixels(np.arange(N), side=8))
    assert told == [(N, N)]
    assert not kept.flags.writeable
    assert len(list((tmp_path / "cache").iterdir())) == 1
    again = load_image_groups("celeba", folder).cached_pixels(
        tmp_path / "cache", side=8, progress=lambda *at: told.append(at)
    )
    np.testing.assert_array_equal(again, kept)
    assert len(told) == 1
    # Another image is another array, and so is another side.
    Image.fromarray(np.zeros((40, 31, 3), np.uint8)).save(folder / "img_align_celeba" / "005.png")
    other = load_image_groups("celeba", folder).cached_pixels(tmp_path / "cache", side=8)
    assert not np.array_equal(other, kept)
    found.cached_pixels(tmp_path / "cache", side=4)
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_a_damaged_image_is_named_and_leaves_no_half_array(folder, tmp_path):
    path = folder / "img_align_celeba" / "042.png"
    path.write_bytes(path.read_bytes()[:60])
    found = load_image_groups("celeba", folder)
    with pytest.raises(DataError, match=r"the image 042\.png is damaged"):
        found.pixels([42])
    path.write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"the image 042\.png is damaged"):
        found.cached_pixels(tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())
    assert len(found.pixels([41])) == 1


def test_an_array_that_was_changed_is_refused(folder, tmp_path):
    found = load_image_groups("celeba", folder)
    found.cached_pixels(tmp_path / "cache", side=4)
    (path,) = (tmp_path / "cache").iterdir()
    np.save(path, np.zeros(3))
    with pytest.raises(DataError, match=r"float64 of shape \(3,\); delete it"):
        found.cached_pixels(tmp_path / "cache", side=4)
    path.write_bytes(b"x")
    with pytest.raises(DataError, match="no array any more"):
        found.cached_pixels(tmp_path / "cache", side=4)


def test_a_missing_image_is_named_when_it_is_asked_for(folder):
    (folder / "img_align_celeba" / "000.png").unlink()
    found = load_image_groups("celeba", folder)
    assert len(found.pixels([1])) == 1
    with pytest.raises(DataError, match=r"cannot read the image .*000\.png"):
        found.pixels([0])


def test_aligned_faces_are_taken_before_the_uncut_ones(folder):
    uncut = folder / "img_celeba"
    uncut.mkdir()
    for row in (0, 50, 99):
        Image.new("RGB", (40, 40), (250, 250, 250)).save(uncut / f"{row:03d}.png")
    assert load_image_groups("celeba", folder).pixels([50], side=2)[0, 0, 0, 0] == 50
    other = load_image_groups("celeba", folder, images=uncut)
    assert other.pixels([50], side=2)[0, 0, 0, 0] == 250


def test_images_may_be_png_where_the_labels_say_jpg(folder):
    for name in ("list_attr_celeba.csv", "list_eval_partition.csv"):
        path = folder / name
        path.write_text(path.read_text().replace(".png", ".jpg"))
    found = load_image_groups("celeba", folder)
    assert found.files[50] == "050.jpg"
    assert found.pixels([50], side=2)[0, 0, 0, 0] == 50


@pytest.mark.parametrize(
    ("rows", "side", "said"),
    [
        ([0, 100], 8, "run from 0 to 100, wanted within 0 to 99"),
        ([-1], 8, "run from -1"),
        ([[0]], 8, "wanted a vector of row numbers"),
        ([0.0], 8, "wanted a vector of row numbers"),
        ([0], 0, "side: given 0"),
    ],
)
def test_rows_and_sides_that_cannot_be_are_refused(folder, rows, side, said):
    with pytest.raises(DataError, match=said):
        load_image_groups("celeba", folder).pixels(rows, side)


def test_a_part_that_is_not_there_is_named(folder):
    with pytest.raises(DataError, match="no 'dev'; wanted one of 'train', 'validation', 'test'"):
        load_image_groups("celeba", folder).rows("dev")


def test_links_that_lead_round_in_a_circle_do_not_matter(folder):
    (folder / "deeper").mkdir()
    (folder / "deeper" / "up").symlink_to(folder, target_is_directory=True)
    assert len(load_image_groups("celeba", folder)) == N


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train-00000-of-00003.parquet", "train"),
        ("Validation", "validation"),
        ("valid.parquet", "validation"),
        ("val-0.parquet", "validation"),
        ("test", "test"),
        ("training_data", None),
        ("tests", None),
        ("0000.parquet", None),
    ],
)
def test_a_name_says_its_part_only_as_a_whole_word(name, part):
    assert known_part(name) == part
