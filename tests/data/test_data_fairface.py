"""FairFace is read in every form in which it goes around, or refused with the reason."""

from __future__ import annotations

import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from equipoise.data import DataError, load_image_groups

AGES = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
GENDERS = ("Male", "Female")
RACES = (
    *("East Asian", "Indian", "Black", "White", "Middle Eastern", "Latino_Hispanic"),
    "Southeast Asian",
)
RANDOM = np.random.default_rng(0)
SIZES = {"train": 210, "val": 70}
CODES = {
    word: {
        "age": RANDOM.integers(9, size=n),
        "gender": RANDOM.integers(2, size=n),
        "race": RANDOM.permutation(n) % 7,
        "service_test": RANDOM.integers(2, size=n),
    }
    for word, n in SIZES.items()
}


def csv(word, ages=AGES, flags=("False", "True")):
    own = CODES[word]
    rows = ["file,age,gender,race,service_test"]
    rows += [
        f"{word}/{row + 1}.jpg,{ages[own['age'][row]]},{GENDERS[own['gender'][row]]},"
        f"{RACES[own['race'][row]]},{flags[own['service_test'][row]]}"
        for row in range(SIZES[word])
    ]
    return "\n".join(rows) + "\n"


def as_published(root):
    root.mkdir(exist_ok=True)
    for word in SIZES:
        (root / f"fairface_label_{word}.csv").write_text(csv(word))


def mangled_by_a_spreadsheet(root):
    ages = ["0-2", "9-Mar", "19-Oct", *AGES[3:]]
    for word in SIZES:
        (root / f"fairface_label_{word}.csv").write_text(csv(word, ages, ("FALSE", "TRUE")))


def short_names(root):
    (root / "labels").mkdir()
    for word in SIZES:
        (root / "labels" / f"label_{word}.csv").write_text(csv(word))


def one_packed_and_one_renamed(root):
    (root / "fairface_label_train.csv.gz").write_bytes(gzip.compress(csv("train").encode()))
    (root / "fairface_labeled_val.csv").write_text(csv("val"))


def check(found):
    assert list(found.parts) == ["train", "validation", "test"]
    own = np.sort(np.concatenate([found.parts["train"], found.parts["validation"]]))
    for column in ("age", "race"):
        codes = found.sensitive[column]
        np.testing.assert_array_equal(codes[own], CODES["train"][column])
        np.testing.assert_array_equal(codes[found.parts["test"]], CODES["val"][column])
    assert (found.levels["age"], found.levels["race"]) == (AGES, RACES)
    np.testing.assert_array_equal(found.target[own], CODES["train"]["gender"])
    assert found.classes == GENDERS


@pytest.mark.parametrize(
    "layout", [as_published, mangled_by_a_spreadsheet, short_names, one_packed_and_one_renamed]
)
def test_every_layout_of_text_says_the_same(tmp_path, layout):
    layout(tmp_path)
    check(load_image_groups("fairface", tmp_path, sensitive=["age", "race"]))


def _parquet(folder, numbers, described):
    stream = io.BytesIO()
    Image.new("RGB", (8, 8)).save(stream, "png")
    names = {"age": AGES, "gender": GENDERS, "race": RACES}
    for word, part in (("train", "train"), ("val", "validation")):
        own = CODES[word]
        cells = {
            name: own[name] if numbers else [levels[code] for code in own[name]]
            for name, levels in names.items()
        }
        data = pa.table(
            {
                "image": [{"bytes": stream.getvalue(), "path": "1.jpg"}] * SIZES[word],
                **cells,
                "service_test": own["service_test"] == 1,
            }
        )
        if described:
            features = {
                name: {"names": list(levels), "_type": "ClassLabel"}
                for name, levels in names.items()
            }
            about = json.dumps({"info": {"features": features}})
            data = data.replace_schema_metadata({"huggingface": about})
        folder.mkdir(exist_ok=True)
        pq.write_table(data, folder / f"{part}-00000-of-00001-ab12.parquet")


@pytest.mark.parametrize(("numbers", "described"), [(True, True), (True, False), (False, False)])
def test_parquet_files_hold_numbers_or_text(tmp_path, numbers, described):
    _parquet(tmp_path / "0.25", numbers, described)
    found = load_image_groups("fairface", tmp_path, sensitive=["age", "race"])
    check(found)
    assert found.pixels([0, 279], side=2).shape == (2, 2, 2, 3)


def test_two_margins_in_parquet_files_have_to_be_told_apart(tmp_path):
    _parquet(tmp_path / "0.25", True, True)
    _parquet(tmp_path / "1.25", True, True)
    with pytest.raises(DataError, match=r"0\.25 and .*1\.25 \(one for each margin"):
        load_image_groups("fairface", tmp_path)
    check(load_image_groups("fairface", tmp_path / "1.25", sensitive=["age", "race"]))


def test_two_margins_of_images_have_to_be_told_apart(tmp_path):
    as_published(tmp_path)
    for margin, grey in (("025", 20), ("125", 90)):
        root = tmp_path / f"fairface-img-margin{margin}-trainval"
        for word, n in SIZES.items():
            (root / word).mkdir(parents=True)
            for row in (1, n // 2 + 1, n):
                Image.new("RGB", (8, 8), (grey,) * 3).save(root / word / f"{row}.jpg")
    found = load_image_groups("fairface", tmp_path)
    with pytest.raises(DataError, match=r"images: .*margin025.* and .*margin125.*name the one"):
        found.pixels([0])
    images = tmp_path / "fairface-img-margin125-trainval"
    found = load_image_groups("fairface", tmp_path, images=images)
    assert abs(int(found.pixels([279], side=4)[0, 0, 0, 0]) - 90) <= 2


def test_validation_is_a_tenth_of_train_in_every_cell_and_follows_the_seed(tmp_path):
    as_published(tmp_path)
    one = load_image_groups("fairface", tmp_path)
    same, other = (load_image_groups("fairface", tmp_path, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(one.parts["validation"], same.parts["validation"])
    assert not np.array_equal(one.parts["validation"], other.parts["validation"])
    np.testing.assert_array_equal(one.parts["test"], other.parts["test"])
    cells = one.cells("validation").counts
    of_all = np.zeros((7, 2))
    np.add.at(of_all, (CODES["train"]["race"], CODES["train"]["gender"]), 1)
    of_all = of_all[np.argsort(RACES)]
    assert np.abs(cells - of_all / 10).max() < 1


def test_a_file_of_one_part_alone_gives_that_part(tmp_path):
    as_published(tmp_path)
    (tmp_path / "fairface_label_train.csv").unlink()
    assert list(load_image_groups("fairface", tmp_path).parts) == ["test"]
    with pytest.raises(DataError, match="has no 'train'; wanted one of 'test'"):
        load_image_groups("fairface", tmp_path).groups("train")


def test_an_unknown_level_is_named_with_its_line(tmp_path):
    as_published(tmp_path)
    path = tmp_path / "fairface_label_val.csv"
    lines = csv("val").splitlines()
    lines[3] = "val/3.jpg,80-89,Male,Black,True"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"age: '80-89' in line 4 of .*val\.csv, wanted one of 0-2"):
        load_image_groups("fairface", tmp_path, target="age")
    lines[3] = "val/3.jpg,80-89,Male,Black"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match="Row #4: Expected 5 columns, got 4"):
        load_image_groups("fairface", tmp_path)
    path.write_text("file,age,gender\n")
    with pytest.raises(DataError, match="lacks the columns race"):
        load_image_groups("fairface", tmp_path)


def test_of_several_targets_each_is_yes_or_no(tmp_path):
    as_published(tmp_path)
    with pytest.raises(DataError, match="'age' has the classes 0-2, 3-9"):
        load_image_groups("fairface", tmp_path, target=["gender", "age"])
    found = load_image_groups("fairface", tmp_path, target="age")
    assert found.classes == AGES


def test_nothing_to_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"looked for fairface_label_train\.csv or .*there: none"):
        load_image_groups("fairface", tmp_path)


def test_the_real_labels_are_mangled_and_have_the_published_counts(real_data):
    found = load_image_groups("fairface", real_data / "fairface", sensitive=["race", "age"])
    test = found.groups("test", how="each")
    sizes = dict(zip(test.names, test.membership.sum(0).tolist(), strict=True))
    assert (sizes["age: 3-9"], sizes["age: 10-19"]) == (1_356, 1_181)
    assert (sizes["race: White"], sizes["race: Middle Eastern"]) == (2_085, 1_209)
    parts = {part: len(rows) for part, rows in found.parts.items()}
    assert parts["train"] + parts["validation"] == 86_744
    assert parts["test"] == 10_954
    thin = load_image_groups("fairface", real_data / "fairface").subsample(
        "race", "Middle Eastern", 0.009
    )
    cells = thin.cells("train")
    rare = cells.sizes[cells.groups.index("Middle Eastern")]
    assert abs(rare / cells.sizes.sum() - 0.009) < 1 / cells.sizes.sum()
    assert rare == cells.sizes.min()


def test_parquet_files_that_are_no_fairface_are_named(tmp_path):
    _parquet(tmp_path, numbers=True, described=False)
    path = tmp_path / "train-00000-of-00001-ab12.parquet"
    table = pq.ParquetFile(path).read()
    races = pa.array(np.where(np.arange(SIZES["train"]) == 5, 7, 0))
    pq.write_table(table.set_column(3, "race", races), path)
    with pytest.raises(DataError, match=r"race: .* have numbers from 0 to 7, wanted 0 to 6"):
        load_image_groups("fairface", tmp_path)
    path.unlink()
    (tmp_path / "validation-00000-of-00001-ab12.parquet").unlink()
    pq.write_table(table.drop_columns(["age"]), tmp_path / "train.parquet")
    with pytest.raises(DataError, match="lacks the columns age"):
        load_image_groups("fairface", tmp_path)


def test_service_test_is_a_column_like_any_other(tmp_path):
    as_published(tmp_path)
    found = load_image_groups("fairface", tmp_path, sensitive=["service_test"])
    assert found.levels["service_test"] == ("not service_test", "service_test")
    own = found.sensitive["service_test"][found.parts["test"]]
    np.testing.assert_array_equal(own, CODES["val"]["service_test"])
