"""Audits of files whose groups are observed with errors, and how flips are written down."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import equipoise.audit.stream as stream
import equipoise.data.blocks as blocks
from equipoise import NoisyGroups, audit, gap
from equipoise.audit import audit_noisy_stream
from equipoise.audit.noise_specs import flips_of_specs
from equipoise.data import DataError
from equipoise.noise import groups_with_gold

SEX = {"sex": ("F", "M")}
H = np.array([[0.7, 0.3], [0.1, 0.9]])
WRITTEN = "F>M=0.3,M>F=0.1"
ASKED = {"label": "y", "prediction": "p", "sensitive": ["sex"]}


def rows(n=4000, seed=0):
    random = np.random.default_rng(seed)
    true = random.integers(0, 2, n)
    label = (random.random(n) < 0.4 + 0.1 * true).astype(int)
    decided = (random.random(n) < 0.2 + 0.3 * label + 0.2 * true).astype(int)
    observed = (random.random(n) < H[true, 1]).astype(int)
    names = np.array(["F", "M"])
    return pd.DataFrame(
        {
            "y": label,
            "p": decided,
            "score": decided * 0.6 + 0.2,
            "sex": names[observed],
            "race": random.choice(["u", "v"], n),
            "known": np.where(random.random(n) < 0.25, names[true], None),
            "w": random.integers(1, 4, n),
        }
    )


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "_ROWS", 100)
    monkeypatch.setattr(blocks, "_BYTES", 2000)
    monkeypatch.setattr(stream, "_HELD", 20)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_is_audited_as_its_rows_are(tmp_path, kind):
    table, path = rows(), tmp_path / f"rows.{kind}"
    table.to_parquet(path) if kind == "parquet" else table.to_csv(path, index=False)
    groups = NoisyGroups.of(table["sex"], p_flip=H)
    expected = audit(table["y"], table["p"], sensitive_features=groups).to_dict()
    assert audit_noisy_stream(path, noise=[WRITTEN], **ASKED).to_dict() == expected
    by_score = {**ASKED, "prediction": None, "score": "score"}
    assert audit_noisy_stream(path, noise={"sex": H}, **by_score).to_dict() == expected


@pytest.mark.usefixtures("small_blocks")
def test_rows_that_weigh_are_audited_so():
    table = rows()
    found = audit_noisy_stream(table, noise=WRITTEN, weight="w", **ASKED)
    groups = NoisyGroups.of(table["sex"], p_flip=H)
    expected = audit(table["y"], table["p"], sensitive_features=groups, sample_weight=table["w"])
    np.testing.assert_allclose(found.counts.by_group, expected.counts.by_group)
    np.testing.assert_allclose(found.counts.squares, expected.counts.squares)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_gold_rows_of_a_file_tell_the_flips_of_others(tmp_path, kind):
    table, path = rows(), tmp_path / f"rows.{kind}"
    table.to_parquet(path) if kind == "parquet" else table.to_csv(path, index=False)
    found = audit_noisy_stream(path, gold="known", **ASKED)
    groups = groups_with_gold(table["sex"], table["known"]).groups
    expected = audit(table["y"], table["p"], sensitive_features=groups)
    np.testing.assert_allclose(found.counts.by_group, expected.counts.by_group)
    np.testing.assert_allclose(found.counts.flips[0].covariance, groups.by_stratum[0].covariance)
    assert found.dependence.p_value > 0.001
    assert "By the gold rows: it is not shown that they do" in str(found)


def test_gold_rows_whose_flips_depend_on_labels_are_told_of():
    table = rows(8000)
    wrong = (table["y"] == 1) & (np.arange(8000) % 3 == 0)
    table.loc[wrong, "sex"] = "F"
    found = audit_noisy_stream(table, gold="known", **ASKED)
    assert found.dependence.p_value < 0.001
    assert "does not correct them rightly" in str(found)
    assert found.to_dict()["noise"]["dependence"]["p_value"] < 0.001


def test_columns_are_crossed_and_those_without_flips_are_as_they_are():
    asked = {**ASKED, "sensitive": ["sex", "race"]}
    found = audit_noisy_stream(rows(), noise=[f"sex: {WRITTEN}"], **asked)
    assert found.counts.groups == ("F, u", "F, v", "M, u", "M, v")
    np.testing.assert_allclose(found.counts.flips[0].p_flip, np.kron(H, np.eye(2)))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "and not both"),
        ({"noise": WRITTEN, "gold": "known"}, "and not both"),
        ({"gold": "unknown"}, "no column 'unknown'"),
        ({"gold": "known", "sensitive": ["sex", "race"]}, "one sensitive column"),
        ({"noise": WRITTEN, "sensitive": ["sex", "race"]}, "names none of the sensitive columns"),
    ],
)
def test_what_is_not_said_clearly_is_refused(asked, told):
    with pytest.raises(ValueError, match=told):
        audit_noisy_stream(rows(100), **{**ASKED, **asked})


@pytest.mark.parametrize(
    "written",
    [WRITTEN, "F->M=0.3 , M -> F = 0.1", "sex: F>M=.3,M>F=.1", "sex:F>M=3e-1,M>F=0.1,"],
)
def test_flips_are_read_as_they_are_written(written):
    np.testing.assert_allclose(flips_of_specs([written], SEX)["sex"].p_flip, H)


def test_names_with_commas_and_blanks_are_read():
    names = ("no, never", "yes of course")
    found = flips_of_specs(["no, never>yes of course=0.2"], {"told": names})
    np.testing.assert_allclose(found["told"].p_flip, [[0.8, 0.2], [0, 1]])


def test_a_survey_that_keeps_the_truth_so_often_is_read():
    np.testing.assert_allclose(
        flips_of_specs(["keep=0.75"], SEX)["sex"].p_flip, [[0.75, 0.25], [0.25, 0.75]]
    )


def test_files_of_probabilities_and_of_counts_are_read(tmp_path):
    (tmp_path / "p.csv").write_text("true,M,F\nF,0.3,0.7\nM,0.9,0.1\n")
    (tmp_path / "n.csv").write_text("true,F,M\nF,70,30\nM,10,90\n")
    (tmp_path / "p.json").write_text('{"F -> M": 0.3, "M -> F": 0.1}')
    for name, known in (("p.csv", True), ("n.csv", False), ("p.json", True)):
        found = flips_of_specs([f"sex: {tmp_path / name}"], SEX)["sex"]
        np.testing.assert_allclose(found.p_flip, H)
        assert found.known == known


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("F=0.3", "cannot read 'F=0.3'"),
        ("F>M=much", "'much' in"),
        ("F>M=0.1,F>M=0.2", "given twice"),
        ("", "names no flip"),
        ("F>X=0.1", "'X' of 'F->X' does not occur"),
        ("F>M=0.5,M>F=0.5", "condition"),
        ("keep=0.5", "keep must be above"),
        ("nowhere.csv", "no file nowhere.csv"),
        ("nowhere.json", "cannot read nowhere.json"),
    ],
)
def test_flips_that_cannot_be_read_are_refused(written, told):
    with pytest.raises(DataError, match=told):
        flips_of_specs([written], SEX)
    with pytest.raises(DataError, match="given twice"):
        flips_of_specs(["F>M=0.1", "sex: F>M=0.1"], SEX)


def test_the_gap_of_true_groups_is_found():
    table = rows(60_000)
    found = audit_noisy_stream(table, noise=WRITTEN, **ASKED).disparity(gap("selection"))
    assert found.low < 0.23 < found.high
    json.dumps(audit_noisy_stream(table, gold="known", **ASKED).to_dict(), allow_nan=False)
