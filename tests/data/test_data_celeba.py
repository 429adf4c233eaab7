"""CelebA is read in every form in which it goes around, or refused with the reason."""

from __future__ import annotations

import gzip
import io
import json
import warnings
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from equipoise.data import DataError, load_image_groups

NAMES = ["Blond_Hair", "Male", "Smiling", "Young"]
N = 60
HAS = np.random.default_rng(0).random((N, len(NAMES))) < 0.5
FILES = [f"{number:06d}.jpg" for number in range(1, N + 1)]
PART = np.arange(N) % 10
PART = np.where(PART < 8, 0, PART - 7)


def text(has=HAS, files=FILES, count=N, names=NAMES, end="\r\n"):
    """As the official file is: runs of spaces, a space after the names, the line ends of DOS."""
    head = [] if count is None else [str(count)]
    head.append(" ".join(names) + " ")
    rows = [
        file + "".join(f" {1 if one else -1:2d}" for one in row)
        for file, row in zip(files, has, strict=True)
    ]
    return end.join([*head, *rows, ""])


def partition(mark=" ", files=FILES):
    return "".join(f"{file}{mark}{part}\n" for file, part in zip(files, PART, strict=False))


def table(has=HAS, no=-1):
    rows = [",".join(["image_id", *NAMES])]
    rows += [
        ",".join([file, *(str(1 if one else no) for one in row)])
        for file, row in zip(FILES, has, strict=True)
    ]
    return "\n".join(rows) + "\n"


def official(root):
    for name in ("Anno", "Eval", "Img/img_celeba", "Img/img_align_celeba"):
        (root / name).mkdir(parents=True)
    (root / "Anno" / "list_attr_celeba.txt").write_text(text())
    (root / "Anno" / "identity_CelebA.txt").write_text("000001.jpg 2880\n")
    (root / "Eval" / "list_eval_partition.txt").write_text(partition())


def torchvision(root):
    (root / "celeba" / "img_align_celeba").mkdir(parents=True)
    (root / "celeba" / "list_attr_celeba.txt").write_text(text(end="\n"))
    (root / "celeba" / "list_eval_partition.txt").write_text(partition())


def kaggle(root):
    (root / "img_align_celeba" / "img_align_celeba").mkdir(parents=True)
    (root / "list_attr_celeba.csv").write_text(table())
    (root / "list_eval_partition.csv").write_text("image_id,partition\n" + partition(","))


def packed(root):
    root.mkdir(exist_ok=True)
    with zipfile.ZipFile(root / "list_attr_celeba.txt.zip", "w") as archive:
        archive.writestr("list_attr_celeba.txt", text(count=None))
        archive.writestr("__MACOSX/._list_attr_celeba.txt", "x")
    (root / "list_eval_partition.csv.gz").write_bytes(
        gzip.compress(("image_id,partition\n" + partition(",")).encode())
    )


def with_zeros(root):
    kaggle(root)
    (root / "list_attr_celeba.csv").write_text(table(no=0))


def shuffled_partition(root):
    torchvision(root)
    lines = partition().splitlines()
    order = np.random.default_rng(1).permutation(N)
    (root / "celeba" / "list_eval_partition.txt").write_text("\n".join(lines[at] for at in order))


@pytest.mark.parametrize(
    "layout", [official, torchvision, kaggle, packed, with_zeros, shuffled_partition]
)
def test_every_layout_of_text_says_the_same(tmp_path, layout):
    layout(tmp_path / "deep" / "er") if layout is not packed else layout(tmp_path)
    found = load_image_groups("celeba", tmp_path, target="Smiling", sensitive=["Male", "Young"])
    np.testing.assert_array_equal(found.files, FILES)
    np.testing.assert_array_equal(found.target, HAS[:, 2])
    assert found.classes == ("not Smiling", "Smiling")
    np.testing.assert_array_equal(found.sensitive["Male"], HAS[:, 1])
    np.testing.assert_array_equal(found.sensitive["Young"], HAS[:, 3])
    assert found.levels["Male"] == ("not Male", "Male")
    for code, part in enumerate(("train", "validation", "test")):
        np.testing.assert_array_equal(found.parts[part], np.flatnonzero(code == PART))
    assert not found.dropped


def _image(colour=0):
    stream = io.BytesIO()
    Image.new("RGB", (20, 24), (colour, 0, 0)).save(stream, "png")
    return stream.getvalue()


def _parquet(folder, columns, metadata=None):
    """One file a part, in the order that the splits have there."""
    for code, part in enumerate(("train", "valid", "test")):
        own = np.flatnonzero(code == PART)
        images = [{"bytes": _image(int(row)), "path": None} for row in own]
        cells = {
            name: column.take(pa.array(own))
            if isinstance(column, pa.Array)
            else pa.array(column[own].tolist())
            for name, column in columns.items()
        }
        data = pa.table({"image": images, **cells})
        if metadata:
            data = data.replace_schema_metadata({"huggingface": json.dumps(metadata)})
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(data, folder / f"{part}-00000-of-00001.parquet", row_group_size=7)


SPELLINGS = {
    "minus one": {name: np.where(HAS[:, at], 1, -1) for at, name in enumerate(NAMES)},
    "zero": {name: HAS[:, at].astype(int) for at, name in enumerate(NAMES)},
    "booleans": {name: HAS[:, at] for at, name in enumerate(NAMES)},
    "a structure of text": {
        "attributes": pa.array(
            [
                {name: str(1 if one else -1) for name, one in zip(NAMES, row, strict=True)}
                for row in HAS
            ]
        )
    },
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_parquet_files_of_hugging_face_are_read_however_they_spell_yes(tmp_path, spelling):
    _parquet(tmp_path / "data", SPELLINGS[spelling])
    found = load_image_groups("celeba", tmp_path, target="Smiling", sensitive=["Male"])
    order = np.argsort(PART, kind="stable")
    np.testing.assert_array_equal(found.target, HAS[order, 2])
    np.testing.assert_array_equal(found.sensitive["Male"], HAS[order, 1])
    sizes = {part: len(rows) for part, rows in found.parts.items()}
    assert sizes == {"train": 48, "validation": 6, "test": 6}
    rows = np.array([55, 3, 20, 3])
    reds = found.pixels(rows, side=4)[:, 0, 0, 0]
    np.testing.assert_array_equal(reds, order[rows])


def test_class_labels_of_hugging_face_mean_what_the_file_says(tmp_path):
    features = {name: {"names": ["1", "-1"], "_type": "ClassLabel"} for name in NAMES}
    columns = {name: (~HAS[:, at]).astype(int) for at, name in enumerate(NAMES)}
    _parquet(tmp_path, columns, {"info": {"features": features}})
    found = load_image_groups("celeba", tmp_path)
    np.testing.assert_array_equal(found.target, HAS[np.argsort(PART, kind="stable"), 2])


def test_one_list_an_image_is_in_the_order_of_the_official_file(tmp_path):
    lists = np.random.default_rng(2).choice([-1, 1], size=(N, 40))
    _parquet(tmp_path, {"attributes": pa.array(lists.tolist())})
    found = load_image_groups("celeba", tmp_path, target="Young", sensitive=["5_o_Clock_Shadow"])
    order = np.argsort(PART, kind="stable")
    np.testing.assert_array_equal(found.target, lists[order, 39] == 1)
    np.testing.assert_array_equal(found.sensitive["5_o_Clock_Shadow"], lists[order, 0] == 1)


def test_parquet_files_of_one_part_are_split_by_the_seed_with_a_warning(tmp_path):
    _parquet(tmp_path, SPELLINGS["booleans"])
    for part in ("valid", "test"):
        (tmp_path / f"{part}-00000-of-00001.parquet").unlink()
    (tmp_path / "train").mkdir()
    (tmp_path / "train-00000-of-00001.parquet").rename(tmp_path / "train" / "0000.parquet")
    with pytest.warns(UserWarning, match="does not say its parts"):
        found = load_image_groups("celeba", tmp_path)
    sizes = {part: len(rows) for part, rows in found.parts.items()}
    assert sum(sizes.values()) == 48
    assert min(sizes.values()) > 0


def test_parquet_files_that_cannot_be_used_are_named(tmp_path):
    _parquet(tmp_path, SPELLINGS["booleans"])
    test, valid = (tmp_path / f"{part}-00000-of-00001.parquet" for part in ("test", "valid"))
    with pytest.raises(DataError, match=r"images: .* are in its Parquet files"):
        load_image_groups("celeba", tmp_path, images=tmp_path)

    whole = test.read_bytes()
    nothing = pa.table({"image": [{"bytes": b"", "path": "1.jpg"}], "Male": [True]})
    pq.write_table(nothing, test)
    with pytest.raises(DataError, match=r"train-.* has other columns than .*test-"):
        load_image_groups("celeba", tmp_path)
    test.write_bytes(whole[:-50])
    with pytest.raises(DataError, match=r"test-.* is no whole Parquet file"):
        load_image_groups("celeba", tmp_path)

    cut = pq.ParquetFile(valid).read()
    empty = [{"bytes": None, "path": None}] * cut.num_rows
    test.write_bytes(whole)
    pq.write_table(cut.set_column(0, "image", pa.array(empty, cut["image"].type)), valid)
    found = load_image_groups("celeba", tmp_path)
    assert len(found.pixels(found.parts["test"][:1])) == 1
    with pytest.raises(DataError, match=r"valid-.* has no image in row 0"):
        found.pixels(found.parts["validation"][:1])

    test.rename(tmp_path / "rest.parquet")
    with pytest.raises(DataError, match=r"rest\.parquet does not say its part"):
        load_image_groups("celeba", tmp_path)


def test_an_attribute_that_parquet_files_do_not_have_is_named(tmp_path):
    _parquet(tmp_path, {"colour": np.arange(N)})
    with pytest.raises(DataError, match="none of CelebA's attributes, but colour"):
        load_image_groups("celeba", tmp_path)


def test_several_targets_are_labels_side_by_side(tmp_path):
    torchvision(tmp_path)
    found = load_image_groups("celeba", tmp_path, target=["Young", "Blond_Hair"])
    np.testing.assert_array_equal(found.target, HAS[:, [3, 0]])
    assert found.target_names == ("Young", "Blond_Hair")
    cells = found.cells()
    male = HAS[:, 1]
    assert cells.groups == ("Male", "not Male")
    np.testing.assert_array_equal(cells.sizes, [male.sum(), (~male).sum()])
    np.testing.assert_array_equal(
        cells.base_rates, [HAS[male][:, [3, 0]].mean(0), HAS[~male][:, [3, 0]].mean(0)]
    )


def test_without_a_partition_rows_are_split_by_the_seed_with_a_warning(tmp_path):
    torchvision(tmp_path)
    (tmp_path / "celeba" / "list_eval_partition.txt").unlink()
    with pytest.warns(UserWarning, match="split at random, 80 : 10 : 10, seed 3"):
        one = load_image_groups("celeba", tmp_path, seed=3)
    with pytest.warns(UserWarning, match="does not say its parts") as caught:
        same = load_image_groups("celeba", tmp_path, seed=3)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="seed 4"):
        other = load_image_groups("celeba", tmp_path, seed=4)
    for part, rows in one.parts.items():
        np.testing.assert_array_equal(rows, same.parts[part])
    assert not np.array_equal(one.parts["train"], other.parts["train"])
    together = np.concatenate(list(one.parts.values()))
    np.testing.assert_array_equal(np.sort(together), np.arange(N))


def test_images_of_the_partition_without_attributes_are_counted(tmp_path):
    torchvision(tmp_path)
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text(text(HAS[:50], FILES[:50], count=50))
    assert load_image_groups("celeba", tmp_path).dropped == {"in the partition alone": 10}


def test_no_checksum_is_asked_for_and_other_lists_need_not_be_there(tmp_path):
    torchvision(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(load_image_groups("celeba", tmp_path)) == N


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text()[:-40], "Row #61: Expected 5 columns, got 1"),
        (text(count=61), "has 60 rows and says 61"),
        (text().replace("000007.jpg  1", "000007.jpg  x", 1).replace(
            "000007.jpg -1", "000007.jpg  x", 1), "Row #9"),
        (text().replace("000007.jpg", "000006.jpg"), "an image more than once"),
        ("60\n" + " ".join(NAMES), "no rows below its head"),
        (text(names=["Male", "Male", "Smiling", "Young"]), "a name twice in line 2"),
        ("", "is empty"),
    ],
)  # fmt: skip
def test_damage_is_named_with_its_line(tmp_path, content, said):
    torchvision(tmp_path)
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text(content)
    with pytest.raises(DataError, match=said):
        load_image_groups("celeba", tmp_path)


def test_a_value_that_is_neither_yes_nor_no_is_named_with_its_line(tmp_path):
    kaggle(tmp_path)
    path = tmp_path / "list_attr_celeba.csv"
    lines = table().splitlines()
    lines[4] = "000004.jpg,1,2,1,1"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"Male: 2 in line 5 of"):
        load_image_groups("celeba", tmp_path)
    lines[4] = "000004.jpg,1,0,1,1"
    path.write_text("\n".join(lines))
    with pytest.raises(
        DataError, match=r"Male: both -1 \(first in line .* and 0 \(first in line 5"
    ):
        load_image_groups("celeba", tmp_path)


def test_a_partition_that_does_not_fit_is_named(tmp_path):
    torchvision(tmp_path)
    path = tmp_path / "celeba" / "list_eval_partition.txt"
    path.write_text(partition().replace("000005.jpg 0", "000005.jpg 7"))
    with pytest.raises(DataError, match="partition: 7 in line 5 of"):
        load_image_groups("celeba", tmp_path)
    path.write_text(partition().replace("000005.jpg", "900005.jpg"))
    with pytest.raises(DataError, match=r"does not have 000005\.jpg"):
        load_image_groups("celeba", tmp_path)


def test_a_zip_that_is_damaged_or_holds_more_is_named(tmp_path):
    packed(tmp_path)
    path = tmp_path / "list_attr_celeba.txt.zip"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="no whole zip file"):
        load_image_groups("celeba", tmp_path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "")
        archive.writestr("b.txt", "")
    with pytest.raises(DataError, match="holds 2 files, wanted one"):
        load_image_groups("celeba", tmp_path)


def test_an_unpacked_file_is_taken_before_the_packed_one_beside_it(tmp_path):
    packed(tmp_path)
    (tmp_path / "list_attr_celeba.txt").write_text(text(~HAS))
    found = load_image_groups("celeba", tmp_path)
    np.testing.assert_array_equal(found.target, ~HAS[:, 2])


def test_what_is_not_there_is_named_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        load_image_groups("celeba", tmp_path / "none")
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(
        DataError,
        match=r"list_attr_celeba\.txt or .* files there: notes\.txt.*nothing is downloaded",
    ):
        load_image_groups("celeba", tmp_path)
    torchvision(tmp_path)
    with pytest.raises(DataError, match=r"target: celeba has no 'Smilng' here. Did you mean 'Smi"):
        load_image_groups("celeba", tmp_path, target="Smilng")
    with pytest.raises(
        DataError, match=r"sensitive: celeba has no 'male' here. Did you mean 'Male'"
    ):
        load_image_groups("celeba", tmp_path, sensitive=["male"])


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sensitive": "Male"}, "wanted a list"),
        ({"sensitive": []}, "one or more columns"),
        ({"sensitive": ["Male", "Male"]}, "each once"),
        ({"target": "Male"}, "given as sensitive too"),
        ({"target": []}, "wanted a label"),
        ({"seed": -1}, "wanted an integer >= 0"),
        ({"year": 2014}, "only COCO has it"),
        ({"words": {}}, "only COCO has it"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(tmp_path, asked, said):
    torchvision(tmp_path)
    with pytest.raises(DataError, match=said):
        load_image_groups("celeba", tmp_path, **asked)


def test_an_unknown_set_gets_a_hint(tmp_path):
    with pytest.raises(DataError, match="Did you mean 'celeba'"):
        load_image_groups("celebA-HQ", tmp_path)


def test_the_real_labels_have_the_published_counts(real_data):
    found = load_image_groups("celeba", real_data / "celeba", target="Blond_Hair")
    cells = found.cells("train")
    # Sagawa et al. 2020, table 1.
    assert cells.groups == ("Male", "not Male")
    np.testing.assert_array_equal(cells.counts, [[66_874, 1_387], [71_629, 22_880]])
    sizes = {part: len(rows) for part, rows in found.parts.items()}
    assert sizes == {"train": 162_770, "validation": 19_867, "test": 19_962}
    assert found.files[[0, -1]].tolist() == ["000001.jpg", "202599.jpg"]


def test_pixels_in_parquet_files_are_kept_and_a_damaged_one_is_named(tmp_path):
    _parquet(tmp_path / "data", SPELLINGS["booleans"])
    found = load_image_groups("celeba", tmp_path)
    kept = found.cached_pixels(tmp_path / "cache", side=2)
    np.testing.assert_array_equal(kept[:, 0, 0, 0], np.argsort(PART, kind="stable"))
    valid = tmp_path / "data" / "valid-00000-of-00001.parquet"
    table = pq.ParquetFile(valid).read()
    images = table["image"].to_pylist()
    images[4]["bytes"] = b"no image"
    pq.write_table(table.set_column(0, "image", pa.array(images, table["image"].type)), valid)
    with pytest.raises(DataError, match=r"valid-00000-of-00001\.parquet, row 4 is damaged"):
        load_image_groups("celeba", tmp_path).cached_pixels(tmp_path / "cache", side=2)


def test_class_labels_with_one_meaning_are_refused(tmp_path):
    features = {name: {"names": ["no", "maybe"], "_type": "ClassLabel"} for name in NAMES}
    columns = {name: HAS[:, at].astype(int) for at, name in enumerate(NAMES)}
    _parquet(tmp_path, columns, {"info": {"features": features}})
    with pytest.raises(DataError, match=r"Male: 'maybe' in .*, row \d+, wanted 1 or -1"):
        load_image_groups("celeba", tmp_path)


@pytest.mark.parametrize("mark", ["\t", ",", "   "])
def test_a_partition_may_have_any_mark_between_its_columns(tmp_path, mark):
    torchvision(tmp_path)
    (tmp_path / "celeba" / "list_eval_partition.txt").write_text(partition(mark))
    found = load_image_groups("celeba", tmp_path)
    np.testing.assert_array_equal(found.parts["test"], np.flatnonzero(PART == 2))


def test_columns_that_are_lacking_are_named(tmp_path):
    kaggle(tmp_path)
    (tmp_path / "list_eval_partition.csv").write_text("image_id,split\n000001.jpg,0\n")
    with pytest.raises(DataError, match="lacks the columns partition"):
        load_image_groups("celeba", tmp_path)
    (tmp_path / "list_attr_celeba.csv").write_text("Male,Smiling\n1,1\n")
    with pytest.raises(DataError, match="no column image_id"):
        load_image_groups("celeba", tmp_path)
