"""COCO's objects and the gender of people are read from every form, or refused with the reason."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest
from PIL import Image

from equipoise.data import GENDER_WORDS, DataError, load_image_groups
from equipoise.data.image_groups.captions import named_groups

# With gaps in the numbers, and in another order than theirs.
CATEGORIES = {"toothbrush": 90, "person": 1, "car": 3, "stop sign": 13}
OBJECTS = ("car", "stop sign", "toothbrush")
CAPTIONS = [
    ("A man on a horse.", "Two men ride."),  # man
    ("A WOMAN's hat", "someone in the rain"),  # woman
    ("a man and a woman", "people"),  # several
    ("a dog with its ball", "the humane mandate of a snowman"),  # none: "man" is within words
    ("a boy", "a child"),  # man
    ("a girl brushing", "a kid"),  # woman
]


def _documents(word, n, first):
    """n images whose captions take turns, the i-th with object i % 3 and a person."""
    number = np.arange(first, first + n)
    stem = {"2014": f"COCO_{word}2014_", "2017": ""}
    instances = {
        "info": {"year": 2014},
        "images": [
            {"id": int(at), "file_name": f"{stem['2014']}{at:012d}.jpg", "height": 9, "width": 9}
            for at in number[::-1]
        ],
        "annotations": [
            {
                "segmentation": [[1.5, 2.25, 3.0]],
                "area": 2.5,
                "iscrowd": int(row == 3),
                "image_id": int(at),
                "bbox": [0.0, 1.0, 2.0, 3.5],
                "category_id": category,
                "id": 10 * row,
            }
            for row, at in enumerate(number)
            for category in (1, CATEGORIES[OBJECTS[row % 3]], CATEGORIES[OBJECTS[row % 3]])
        ],
        "categories": [{"id": at, "name": name} for name, at in CATEGORIES.items()],
    }
    captions = {
        "images": [],
        "annotations": [
            {"image_id": int(at), "id": 1, "caption": caption}
            for row, at in enumerate(number)
            for caption in CAPTIONS[row % len(CAPTIONS)]
        ],
    }
    return instances, captions


def _write(root, year=2014, n=60):
    folder = root / "annotations"
    folder.mkdir(exist_ok=True)
    for word, size, first in (("train", n, 100), ("val", n // 2, 1000)):
        instances, captions = _documents(word, size, first)
        (folder / f"instances_{word}{year}.json").write_text(json.dumps(instances))
        (folder / f"captions_{word}{year}.json").write_text(json.dumps(captions))


@pytest.mark.parametrize("year", [2014, 2017])
def test_labels_are_numbered_anew_and_gender_is_read_from_captions(tmp_path, year):
    _write(tmp_path, year)
    found = load_image_groups("coco", tmp_path)
    assert found.target_names == OBJECTS  # by their numbers, without people
    # Of six captions in turn, the third and the fourth do not tell.
    assert found.dropped == {"gender: no group": 15, "gender: several groups": 15}
    kept = np.array([row for row in range(60) if row % 6 not in (2, 3)])
    own = np.sort(np.concatenate([found.parts["train"], found.parts["validation"]]))
    np.testing.assert_array_equal(own, np.arange(40))
    np.testing.assert_array_equal(found.target[own], kept[:, None] % 3 == np.arange(3))
    np.testing.assert_array_equal(found.sensitive["gender"][own], kept % 6 % 4 % 3 == 1)
    assert found.levels["gender"] == ("man", "woman")
    assert found.files[own][0] == "COCO_train2014_000000000100.jpg"
    assert len(found.parts["test"]) == 20
    assert len(found.parts["validation"]) == 4


def test_one_object_is_a_label_of_its_own(tmp_path):
    _write(tmp_path)
    every = load_image_groups("coco", tmp_path)
    one = load_image_groups("coco", tmp_path, target="stop sign")
    np.testing.assert_array_equal(one.target, every.target[:, 1])
    assert one.classes == ("not stop sign", "stop sign")
    two = load_image_groups("coco", tmp_path, target=["toothbrush", "car"])
    np.testing.assert_array_equal(two.target, every.target[:, [2, 0]])
    with pytest.raises(DataError, match="target: coco has no 'person' here"):
        load_image_groups("coco", tmp_path, target="person")


def test_the_words_of_captions_can_be_given(tmp_path):
    _write(tmp_path)
    found = load_image_groups("coco", tmp_path, words={"young": ["boy", "girl"], "old": ["men"]})
    assert found.levels["gender"] == ("young", "old")
    assert found.dropped == {"gender: no group": 45, "gender: several groups": 0}
    with pytest.raises(
        DataError, match=r"no image of .* has one group each of gender \(gender: no"
    ):
        load_image_groups("coco", tmp_path, words={"queen": ["queen"], "king": ["king"]})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"man": ["man"]}, "two groups or more"),
        ({"man": "man", "woman": ["woman"]}, "wanted a list of words"),
        ({"man": ["he"], "woman": ["she", "he"]}, "'he' is a word of 'man' and of 'woman'"),
        ({"man": ["young man"], "woman": ["woman"]}, "no single word in small letters"),
        ({"man": ["Man"], "woman": ["woman"]}, "no single word in small letters"),
    ],
)
def test_words_that_tell_no_groups_apart_are_refused(tmp_path, words, said):
    _write(tmp_path)
    with pytest.raises(DataError, match=said):
        load_image_groups("coco", tmp_path, words=words)


def test_the_words_that_come_with_the_package_share_none():
    assert not set(GENDER_WORDS["man"]) & set(GENDER_WORDS["woman"])


def test_only_whole_words_name_a_group():
    images = np.arange(5)
    captions = ["a woman", "man's best friend", "men, women", "mankind; boyish girls", "Girl_1 guy"]
    found = named_groups(enumerate([*captions, "a man of no image"]), images, GENDER_WORDS)
    assert found.tolist() == [1, 0, -2, 1, -2]


def test_annotations_by_eye_are_another_way_to_groups(tmp_path):
    _write(tmp_path)
    gender, skin = ["Male", "Female", "Both", "Unsure"], ["Light", "Dark"]
    rows = ["id,bb_gender,bb_skin,split"]
    rows += [f"{1000 + at},{gender[at % 4]},{skin[at % 2]},val" for at in range(20)]
    (tmp_path / "images_val2014.csv").write_text("\n".join([*rows, "99999,Male,Dark,val"]))
    found = load_image_groups("coco", tmp_path, sensitive=["bb_gender", "bb_skin"])
    assert list(found.parts) == ["test"]  # they are of val2014 alone
    assert found.dropped == {
        "bb_gender: no group": 60 + 10 + 5,
        "bb_gender: several groups": 5,
        "bb_skin: no group": 0,
        "bb_skin: several groups": 0,
    }
    assert found.groups().names == ("Female, Dark", "Male, Light")
    assert found.cells().sizes.tolist() == [5, 5]
    with pytest.raises(DataError, match="sensitive: COCO has no 'bb_age'"):
        load_image_groups("coco", tmp_path, sensitive=["bb_age"])


def test_both_years_share_images_and_have_to_be_told_apart(tmp_path):
    _write(tmp_path, 2014)
    _write(tmp_path, 2017, n=30)
    with pytest.raises(DataError, match="splits of 2014 and 2017, which share"):
        load_image_groups("coco", tmp_path)
    assert len(load_image_groups("coco", tmp_path, year=2017)) == 30
    with pytest.raises(DataError, match=r"no instances_\*2015\.json .* those of 2014, 2017"):
        load_image_groups("coco", tmp_path, year=2015)


def test_images_of_either_part_are_found_in_their_folders(tmp_path):
    _write(tmp_path)
    found = load_image_groups("coco", tmp_path)
    for folder, part, grey in (("train2014", "train", 10), ("val2014", "test", 200)):
        (tmp_path / "images" / folder).mkdir(parents=True)
        for row in {*found.parts[part].tolist(), *([0, 20, 39] if part == "train" else [])}:
            name = str(found.files[row])
            Image.new("RGB", (40, 20), (grey,) * 3).save(tmp_path / "images" / folder / name)
    rows = [found.parts["test"][3], found.parts["train"][0]]
    greys = found.pixels(rows, side=8)[:, 4, 4, 1].astype(int)
    assert np.abs(greys - [200, 10]).max() <= 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("instances_val2014.json", '{"images": [', r"no whole JSON file \(line 1, column 13"),
        ("instances_val2014.json", '{"images": []}', "lacks annotations, categories"),
        ("instances_val2014.json", "[]", "lacks images, annotations, categories"),
        (
            "instances_val2014.json",
            '{"images": [], "annotations": [], "categories": []}',
            "lists no images",
        ),
        (
            "instances_val2014.json",
            json.dumps({
                "images": [{"id": 1, "file_name": "1.jpg"}],
                "categories": [{"id": 1, "name": "person"}],
                "annotations": [{"image_id": 2, "category_id": 1}],
            }),
            "of image 2, which it does not list",
        ),
        ("captions_val2014.json", '{"annotations": [{"caption": 3}]}', "no annotation of COCO"),
        ("captions_val2014.json", "\n", "is empty"),
    ],
)  # fmt: skip
def test_a_damaged_annotation_is_named(tmp_path, name, content, said):
    _write(tmp_path)
    (tmp_path / "annotations" / name).write_text(content)
    with pytest.raises(DataError, match=said):
        load_image_groups("coco", tmp_path)


def test_missing_captions_are_named(tmp_path):
    _write(tmp_path)
    (tmp_path / "annotations" / "captions_val2014.json").unlink()
    with pytest.raises(DataError, match=r"looked for captions_val2014\.json, from which gender"):
        load_image_groups("coco", tmp_path)


def _lines(root, words=("train", "val", "test"), objects=3):
    for number, word in enumerate(words):
        rows = [
            {
                "file_name": f"COCO_{word}_{row}.jpg",
                "image_id": row,
                "gender": [row % 2, 1 - row % 2],
                "objects": [int(row % objects == at) for at in range(objects)],
            }
            for row in range(4 + number)
        ]
        text = "\n".join(map(json.dumps, rows)) + "\n"
        (root / f"coco_objects_{word}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    names = {"id2object": {"0": "car", "2": "teddy_bear", "1": "tie"}}
    (root / "coco_objects_id_map.json").write_text(json.dumps(names))


def test_lines_of_json_are_read_with_their_parts(tmp_path):
    _lines(tmp_path)
    found = load_image_groups("coco", tmp_path)
    assert {part: len(rows) for part, rows in found.parts.items()} == {
        "train": 4,
        "validation": 5,
        "test": 6,
    }
    assert found.target_names == ("car", "tie", "teddy bear")
    row = found.parts["test"][4]
    assert found.files[row] == "COCO_test_4.jpg"
    assert found.target[row].tolist() == [False, True, False]
    assert found.levels["gender"][found.sensitive["gender"][row]] == "woman"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", r"line 2 of .*wants file_name, gender and objects \(JSONDecodeError"),
        ('{"file_name": "a", "gender": [1, 0]}', r"\(KeyError: 'objects'\)"),
        (
            '{"file_name": "a", "gender": [1, 1], "objects": [0, 0, 1]}',
            r"gender: \[1, 1\] in line 2",
        ),
        ('{"file_name": "a", "gender": [1, 0], "objects": [0, 1]}', "objects: 2 values in line 2"),
        ('{"file_name": "a", "gender": [1, 0], "objects": [0, 1, 2]}', "wanted 3 of 0 and 1"),
    ],
)
def test_a_damaged_line_is_named_by_its_number(tmp_path, line, said):
    _lines(tmp_path, words=("val",))
    good = json.dumps({"file_name": "a", "gender": [1, 0], "objects": [0, 0, 1]})
    (tmp_path / "coco_objects_test.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(DataError, match=said):
        load_image_groups("coco", tmp_path)


def test_lines_of_json_have_their_groups_given(tmp_path):
    _lines(tmp_path)
    with pytest.raises(DataError, match="sensitive: this copy has no 'bb_skin'"):
        load_image_groups("coco", tmp_path, sensitive=["bb_skin"])
    with pytest.raises(DataError, match="year and words: not for this copy"):
        load_image_groups("coco", tmp_path, year=2014)
    (tmp_path / "coco_objects_id_map.json").unlink()
    with pytest.raises(DataError, match=r"looked for coco_objects_id_map\.json, which names"):
        load_image_groups("coco", tmp_path)


def test_nothing_to_read_is_named(tmp_path):
    with pytest.raises(DataError, match=r"looked for instances_train2014\.json or"):
        load_image_groups("coco", tmp_path)


def test_the_real_lines_are_read(real_data):
    found = load_image_groups("coco", real_data / "coco_imsitu_gender")
    assert found.target.shape == (10_840, 79)
    assert {part: len(rows) for part, rows in found.parts.items()} == {
        "validation": 5_367,
        "test": 5_473,
    }
    cells = found.cells("test")
    assert cells.groups == ("man", "woman")
    tie = cells.labels.index("tie")
    assert cells.base_rates[0, tie] > 2 * cells.base_rates[1, tie]
    assert "person" not in cells.labels


def _changed(root, name, change):
    path = root / "annotations" / name
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_annotations_that_contradict_themselves_or_each_other_are_named(tmp_path):
    _write(tmp_path)
    _changed(tmp_path, "instances_val2014.json", lambda d: d["categories"].pop(0))
    with pytest.raises(DataError, match="of category 90, which it does not list"):
        load_image_groups("coco", tmp_path)
    _write(tmp_path)
    _changed(
        tmp_path, "instances_val2014.json", lambda d: d["categories"].append({"id": 2, "name": "x"})
    )
    with pytest.raises(DataError, match=r"val2014\.json and .*train2014\.json differ in their cat"):
        load_image_groups("coco", tmp_path)
    _write(tmp_path)
    _changed(tmp_path, "instances_val2014.json", lambda d: d["images"].append(d["images"][0]))
    with pytest.raises(DataError, match="lists an image twice"):
        load_image_groups("coco", tmp_path)
    _write(tmp_path)
    _changed(tmp_path, "instances_val2014.json", lambda d: d["images"][0].pop("file_name"))
    with pytest.raises(DataError, match=r"no annotation of COCO \(KeyError: 'file_name'\)"):
        load_image_groups("coco", tmp_path)


def test_annotations_by_eye_that_cannot_be_read_are_named(tmp_path):
    _write(tmp_path)
    with pytest.raises(DataError, match=r"images_val2014\.csv \(Zhao et al\. 2021\), which has bb"):
        load_image_groups("coco", tmp_path, sensitive=["bb_skin"])
    path = tmp_path / "images_val2014.csv"
    path.write_text("id,bb_gender\n1000,Male\n")
    with pytest.raises(DataError, match="lacks the columns bb_skin"):
        load_image_groups("coco", tmp_path, sensitive=["bb_skin"])
    path.write_text("id,bb_skin\nx,Light\n")
    with pytest.raises(DataError, match="an id that is no whole number"):
        load_image_groups("coco", tmp_path, sensitive=["bb_skin"])
    with pytest.raises(DataError, match="words: they are for sensitive 'gender'"):
        load_image_groups("coco", tmp_path, sensitive=["bb_skin"], words=GENDER_WORDS)
