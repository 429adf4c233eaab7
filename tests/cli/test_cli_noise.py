"""``equipoise audit`` of groups that are observed with errors."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from equipoise.audit import audit_noisy_stream


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(0)
    true, label = random.integers(0, 2, (2, 2000))
    decided = (random.random(2000) < 0.3 + 0.3 * true).astype(int)
    observed = np.where(random.random(2000) < 0.2, 1 - true, true)
    names = np.array(["F", "M"])
    known = np.where(random.random(2000) < 0.3, names[true], None)
    path = tmp_path_factory.mktemp("noisy") / "people.csv"
    pd.DataFrame(
        {"y": label, "p": decided, "s": 0.5, "sex": names[observed], "known": known}
    ).to_csv(path, index=False)
    return path


def words(path: Path, *more: str) -> tuple[object, ...]:
    return ("audit", path, "--label", "y", "--prediction", "p", "--sensitive", "sex", *more)


def test_audit_corrects_for_flips_that_are_known(run, people, tmp_path):
    out = tmp_path / "audit.html"
    noise = "--noise", "F>M=0.2,M>F=0.2"
    said = run(*words(people, *noise, "--html", str(out)))
    assert said.code == 0, said.err
    assert "F -> M 0.2, M -> F 0.2" in said.out
    assert "price" in said.out
    assert "What was corrected, and at what price" in out.read_text()
    found = json.loads(run(*words(people, *noise, "--json")).out)
    expected = audit_noisy_stream(
        people, label="y", prediction="p", sensitive=["sex"], noise=noise[1]
    )
    assert found == json.loads(json.dumps(expected.to_dict()))


def test_audit_counts_flips_on_gold_rows(run, people):
    found = json.loads(run(*words(people, "--gold", "known", "--json")).out)
    gap = found["disparities"]['gap("selection")']
    assert gap["low"] < 0.3 < gap["high"]
    assert found["noise"]["flips"]["observed"]["estimated"]
    assert found["noise"]["as_observed"]['gap("selection")'] < gap["value"]


@pytest.mark.parametrize(
    "more",
    [
        ("--subgroups", "accuracy"),
        ("--fail-if", 'gap("selection") > 0.1'),
        ("--how", "each"),
        ("--score", "s"),
    ],
)
def test_audit_refuses_what_it_cannot_correct(run, people, more):
    said = run(*words(people, "--gold", "known", *more))
    assert said.code != 0
    assert f"{more[0]} cannot be corrected" in " ".join(said.err.split())


def test_audit_says_what_is_wrong_with_flips(run, people):
    said = run(*words(people, "--noise", "F>X=0.2"))
    assert said.code != 0
    assert "'X' of 'F->X' does not occur" in " ".join(said.err.split())


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    random = np.random.default_rng(1)
    true = random.integers(0, 2, 3000)
    x = random.standard_normal(3000) + 0.5 * true
    observed = np.where(random.random(3000) < 0.2, 1 - true, true)
    path = tmp_path_factory.mktemp("table") / "people.csv"
    columns = {"x": x, "y": (x > 0).astype(int), "sex": np.array(["F", "M"])[observed]}
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def comparing(table: Path, *more: object) -> tuple[object, ...]:
    return (
        *("compare", table, "--target", "y", "--sensitive", "sex", "--methods", "erm"),
        *("--constraint", 'gap("selection") <= 0.3', "--seeds", "1", "--steps", "40"),
        *("--hidden", "", "--noise", "F>M=0.2,M>F=0.2", *more),
    )


def test_compare_corrects_for_flips_and_says_so(run, table, tmp_path):
    said = run(*comparing(table, "--out", tmp_path / "run"))
    assert said.code == 0, said.err
    assert "corrected for errors in the groups" in " ".join(said.out.split())
    report = (tmp_path / "run" / "report.html").read_text()
    assert "--noise &#39;F&gt;M=0.2,M&gt;F=0.2&#39;" in report
    assert "What was corrected, and at what price" in report


def test_compare_refuses_what_it_cannot_correct(run, table, tmp_path):
    said = run(*comparing(table, "--keep-sensitive", "--out", tmp_path / "run"))
    assert said.code != 0
    assert "--keep-sensitive" in said.err
