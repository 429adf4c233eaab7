import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from equipoise.compare.study import (
    CONTESTANTS,
    Schedule,
    digits,
    image_features,
    images,
    own_features,
    run_entry,
    table,
)
from equipoise.data import load


def test_digits_have_an_exact_share_of_the_rare_style_and_one_test_set_in_both():
    data, make_network = digits(0.03, 3)
    assert data.train_counts.tolist() == [[970, 30]] * 3
    assert data.same_test_rows
    told = data.describe()
    assert told["Training rows"] == "1,000 (usual style 970, rare style 30)"
    assert told["Validation rows"].startswith("200 (usual style 194, rare style 6)")
    assert told["Test rows"] == "1,194 (usual style 597, rare style 597)"
    test = data.test[0]
    assert data.group[test].mean() == 0.5
    usual, rare = np.split(data.label[test], 2)
    assert np.array_equal(usual, rare)
    assert make_network([0, 1])(data.features[:4]).shape == (2, 4, 2)


@pytest.mark.parametrize("make", [digits, own_features])
def test_without_a_seed_or_a_share_nothing_is_made(make):
    with pytest.raises(ValueError, match=r"n_seeds must be at least 1, not 0"):
        make(0.1, 0)
    with pytest.raises(ValueError, match=r"share, of the rare group, must lie between 0 and 1"):
        make(1.5, 2)


def test_more_images_than_there_are_cannot_be_learnt_from():
    with pytest.raises(ValueError, match=r"1,100 and 200 images are more than the 1,200"):
        digits(0.1, 2, n_train=1100)


def test_no_row_is_learnt_from_and_judged_on_in_either_style():
    data, _ = digits(0.3, 2)
    n = len(data.label) // 2
    for seat in (0, 1):
        learnt, chosen, judged = (
            set((rows[seat] % n).tolist()) for rows in (data.train, data.validation, data.test)
        )
        assert not learnt & chosen
        assert not (learnt | chosen) & judged


def test_seeds_differ_in_rows_and_a_seed_is_the_same_whatever_others_there_are():
    two, three = digits(0.1, 2)[0], digits(0.1, 3)[0]
    assert np.array_equal(two.train, three.train[:2])
    assert not np.array_equal(two.train[0], two.train[1])


def test_a_rotation_leaves_rows_parts_and_labels_as_they_are():
    sizes = {"n_train": 400, "n_validation": 200, "n_test": 100}
    plain, _ = own_features(0.05, 2, **sizes)
    turned, _ = own_features(0.05, 2, rotated=True, **sizes)
    for name in ("train", "validation", "test", "label", "group"):
        assert np.array_equal(getattr(plain, name), getattr(turned, name))
    assert plain.train_counts.tolist() == [[380, 20]] * 2
    assert np.bincount(plain.group[plain.test[0]]).tolist() == [50, 50]
    assert not set(plain.train[1]) & set(plain.test[1])
    inner = [one.features @ one.features[0] for one in (plain, turned)]
    n = len(plain.features) // 2
    assert torch.allclose(inner[0][:n], inner[1][:n], atol=1e-3)


def people(n=600):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": draw.integers(18, 80, n),
            "job": draw.choice(["clerk", "cook", "nurse"], n),
            "race": draw.choice(["Black", "White"], n, p=[0.3, 0.7]),
            "sex": draw.choice(["Female", "Male"], n),
        }
    )
    frame["income"] = np.where(frame["age"] + 20 * (frame["sex"] == "Male") > 55, "high", "low")
    return load(frame, target="income", sensitive=["race", "sex"], keep_sensitive=True)


def test_a_cell_of_a_table_is_made_rare():
    dataset = people()
    rare = {"race": "Black", "sex": "Female"}
    data, make_network = table(dataset, rare, 0.05, 3, n_train=200, n_validation=100, hidden=(4,))
    assert data.train_counts.tolist() == [[190, 10]] * 3
    is_rare = (dataset.sensitive["race"].to_numpy() == "Black") & (
        dataset.sensitive["sex"].to_numpy() == "Female"
    )
    assert np.array_equal(data.group, is_rare.astype(int))
    assert data.groups == ("all others", "Black, Female")
    assert not set(data.train.ravel()) & set(data.test[0])
    made = run_entry(data, make_network, CONTESTANTS["Adam"], Schedule(20, (2,)))
    assert made.table.shape[-3:] == (2, 2, 2)


@pytest.mark.parametrize(
    ("rare", "said"),
    [
        ({"religion": "none"}, "no column 'religion'"),
        ({}, "wanted levels"),
        ({"sex": "female"}, "'sex' has no level 'female'; there are Female, Male"),
    ],
)
def test_a_cell_that_is_not_there_is_refused(rare, said):
    with pytest.raises(ValueError, match=said):
        table(people(), rare, 0.05, 2, n_train=100, n_validation=50)


def test_too_few_rows_of_a_cell_are_said():
    with pytest.raises(ValueError, match="rare rows, and there are"):
        table(people(), {"sex": "Female"}, 0.9, 2, n_train=400, n_validation=50)


def faces(*, several=False):
    """What a study asks of an index of images."""
    draw = np.random.default_rng(1)
    n = 300
    target = draw.integers(0, 2, (n, 3)) > 0 if several else draw.integers(0, 2, n)
    rows = {"train": np.arange(200), "validation": np.arange(200, 250), "test": np.arange(250, n)}
    sex = draw.integers(0, 2, n)
    from equipoise.data import ImageGroups

    return ImageGroups(
        "faces",
        np.array([f"{i}.jpg" for i in range(n)]),
        target,
        () if several else ("no", "yes"),
        ("a", "b", "c") if several else ("smiling",),
        {"sex": sex},
        {"sex": ("man", "woman")},
        rows,
        {},
        SimpleNamespace(),
    )


@pytest.mark.parametrize("several", [False, True])
def test_features_of_images_get_a_linear_layer(several):
    found = faces(several=several)
    features = np.random.default_rng(2).normal(5, 3, (300, 7)).astype(np.float32)
    sizes = {"n_train": 80, "n_validation": 20}
    data, make_network = image_features(
        found, features, 2, rare={"sex": "woman"}, share=0.1, **sizes
    )
    assert data.train_counts.tolist() == [[72, 8]] * 2
    assert data.multilabel == several
    assert data.features[:200].mean(0).numpy() == pytest.approx(np.zeros(7), abs=1e-4)
    made = run_entry(data, make_network, CONTESTANTS["SGD"], Schedule(20, (1,)))
    assert made.table.shape[2:] == ((2, 3, 2, 2, 2) if several else (2, 2, 2, 2))
    drawn, _ = image_features(found, features, 2, **sizes)
    assert drawn.groups == ("man", "woman")
    assert set(drawn.train.ravel()) <= set(range(200))
    with pytest.raises(ValueError, match=r"n_train must lie between 1 and the 200 images"):
        image_features(found, features, 2, n_train=201, n_validation=20)


def test_features_of_other_images_are_refused():
    with pytest.raises(ValueError, match="features must be of 300 images"):
        image_features(faces(), np.zeros((4, 3)), 2)


@pytest.mark.skipif(not os.environ.get("EQUIPOISE_DATA"), reason="needs the real images")
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_well_known_images_have_all_classes_in_both_styles(name):
    folder = Path(os.environ["EQUIPOISE_DATA"])
    data, make_network = images(name, folder, 0.1, 2, n_train=200, n_validation=100, n_test=50)
    assert data.train_counts.tolist() == [[180, 20]] * 2
    assert len(data.classes) == 10
    assert make_network([0])(data.features[:3]).shape == (1, 3, 10)
