"""A model as files: the same predictions, the same bytes, nothing that runs."""

from __future__ import annotations

import json
import shutil

import narwhals as nw
import numpy as np
import pandas as pd
import polars as pl
import pytest
import safetensors.numpy
import torch

from equipoise.learn import Model, StackedMLP, TableEncoder

FILES = ["model.json", "weights.safetensors"]


def table(n=50, make=pd.DataFrame):
    rng = np.random.default_rng(0)
    return make(
        {
            "age": rng.normal(40, 12, n),
            "job": rng.choice(["clerk", "nurse", "señor"], n),
            "gap": np.where(rng.random(n) < 0.2, np.nan, rng.normal(size=n)),
        }
    )


def model(classes=("no", "yes"), hidden=(5,)):
    encoder = TableEncoder.fit(nw.from_native(table(), eager_only=True))
    network = StackedMLP(len(encoder.feature_names), hidden, len(classes), [3])
    return Model(encoder, network, classes, {"constraint": 'gap("selection") <= 0.05', "seed": 3})


@pytest.fixture
def saved(tmp_path):
    model().save(tmp_path / "kept")
    return tmp_path / "kept"


@pytest.mark.parametrize("hidden", [(), (5,), (7, 4)])
def test_a_loaded_model_predicts_the_same_bits(tmp_path, hidden):
    original = model(hidden=hidden)
    original.save(tmp_path)
    loaded = Model.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict_proba(table()), original.predict_proba(table()))
    np.testing.assert_array_equal(loaded.predict(table()), original.predict(table()))
    assert loaded.about == original.about


def test_probabilities_are_the_networks_softmax():
    original = model()
    x = torch.from_numpy(original.encoder.transform(nw.from_native(table()))).double()
    for weight, bias in zip(original.network.weights, original.network.biases, strict=True):
        last = x @ weight[0].double() + bias[0].double()
        x = last.clamp(min=0)
    expected = np.exp(last.detach().numpy())
    expected /= expected.sum(1, keepdims=True)
    np.testing.assert_allclose(original.predict_proba(table()), expected, rtol=1e-12)


def test_saving_twice_and_saving_what_was_loaded_give_the_same_bytes(tmp_path):
    model().save(tmp_path / "first")
    model().save(tmp_path / "second")
    Model.load(tmp_path / "first").save(tmp_path / "third")
    for name in FILES:
        contents = {(tmp_path / x / name).read_bytes() for x in ("first", "second", "third")}
        assert len(contents) == 1


def test_the_files_are_json_and_safetensors_and_nothing_else(saved):
    assert sorted(path.name for path in saved.iterdir()) == FILES
    json.loads((saved / FILES[0]).read_text(encoding="utf-8"))
    weights = safetensors.numpy.load_file(saved / FILES[1])
    assert set(weights) == {"weights.0", "biases.0", "weights.1", "biases.1"}


@pytest.mark.parametrize(
    "classes", [("no", "yes"), (0, 1), (False, True), (0.0, 1.0), (-1, 3, 7), ("ä", "b", "")]
)
def test_classes_keep_their_types(tmp_path, classes):
    original = model(classes)
    original.save(tmp_path)
    loaded = Model.load(tmp_path)
    assert [(type(c), c) for c in loaded.classes] == [(type(c), c) for c in classes]
    assert loaded.predict(table()).dtype == original.predict(table()).dtype


def test_a_model_predicts_on_tables_of_any_library():
    original = model()
    np.testing.assert_array_equal(
        original.predict(table(make=pl.DataFrame)), original.predict(table())
    )


def test_a_rows_probability_does_not_depend_on_its_neighbours():
    original = model()
    whole = original.predict_proba(table())
    single = np.concatenate([original.predict_proba(table().iloc[[i]]) for i in range(50)])
    np.testing.assert_allclose(single, whole, rtol=0, atol=1e-14)


def test_encoded_rows_may_be_read_only_and_run_backwards():
    original = model()
    rows = original.encoder.transform(nw.from_native(table()))
    backwards = rows[::-1]
    backwards.setflags(write=False)
    np.testing.assert_array_equal(
        original.probabilities(backwards)[::-1], original.probabilities(rows)
    )


def test_saving_makes_folders_and_replaces_an_older_model(tmp_path):
    folder = tmp_path / "a" / "b"
    model(hidden=(9,)).save(folder)
    model().save(folder)
    assert Model.load(folder).network.sizes == model().network.sizes


@pytest.mark.parametrize("name", FILES)
def test_a_folder_that_lacks_a_file_is_not_a_model(saved, name):
    (saved / name).unlink()
    with pytest.raises(FileNotFoundError, match="is not a saved model"):
        Model.load(saved)


def test_a_folder_that_is_not_there_is_not_a_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not a saved model"):
        Model.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_reported_with_its_folder(saved, name, share):
    whole = (saved / name).read_bytes()
    (saved / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=f"the model in .*{saved.name} cannot be read"):
        Model.load(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_something_else_is_reported(saved, name):
    (saved / name).write_bytes(b"\x80\x04\x95" + bytes(range(256)))
    with pytest.raises(ValueError, match="cannot be read"):
        Model.load(saved)


def swap(name, value):
    def change(described):
        described[name] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        swap("format", 2),
        swap("format", "1"),
        swap("sizes", []),
        swap("sizes", [3, 2]),
        swap("classes", ["no", "yes", "maybe"]),
        swap("columns", []),
        swap("columns", [{"name": "age"}]),
        swap("columns", [1]),
        swap("about", 3),
        *(
            lambda described, name=name: described.pop(name)
            for name in ("format", "sizes", "classes", "columns", "about")
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_reported(saved, change):
    described = json.loads((saved / "model.json").read_text(encoding="utf-8"))
    change(described)
    (saved / "model.json").write_text(json.dumps(described), encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be read"):
        Model.load(saved)


def test_weights_of_another_network_are_reported(saved, tmp_path):
    model(hidden=(6,)).save(tmp_path / "other")
    shutil.copy(tmp_path / "other" / FILES[1], saved)
    with pytest.raises(ValueError, match="cannot be read"):
        Model.load(saved)


def test_a_later_format_says_what_to_do(saved):
    text = (saved / "model.json").read_text(encoding="utf-8")
    (saved / "model.json").write_text(text.replace('"format": 1', '"format": 9'), encoding="utf-8")
    with pytest.raises(ValueError, match="update equipoise"):
        Model.load(saved)
