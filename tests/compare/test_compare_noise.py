"""Comparisons under groups that are observed with errors."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from equipoise.audit import Counts
from equipoise.compare import Comparison, Settings
from equipoise.compare.answer import what_helps
from equipoise.compare.corrected import corrected, flips_from_dict, flips_to_dict
from equipoise.compare.page import page
from equipoise.compare.rates import Tried
from equipoise.compare.run import compare
from equipoise.compare.summary import summarise
from equipoise.constraints import gap
from equipoise.learn import TrainingSettings
from equipoise.noise import FlipMatrix

FLIPS = "F>M=0.3,M>F=0.1"
INVERSE = np.linalg.inv(np.array([[0.7, 0.3], [0.1, 0.9]]))
QUICK = TrainingSettings(steps=60, batch_size=128, hidden=(8,))


def people(n: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows whose sex is observed with errors, and the true one."""
    random = np.random.default_rng(seed)
    true = random.integers(0, 2, n)
    x = random.standard_normal((n, 3))
    x[:, 0] += 0.9 * true
    label = (x[:, 0] + x[:, 1] + 0.5 * random.standard_normal(n) > 0.45).astype(int)
    wrong = random.random(n) < np.where(true == 0, 0.3, 0.1)
    sex = np.array(["F", "M"])[np.where(wrong, 1 - true, true)]
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "c": x[:, 2], "y": label, "sex": sex}), true


def ask(table: pd.DataFrame, out: Path, **more: Any) -> Comparison:
    asked: dict[str, Any] = {
        "target": "y",
        "sensitive": ["sex"],
        "constraint": 'gap("selection") <= 0.18',
        "methods": ["erm", "alm"],
        "seeds": 2,
        "noise": FLIPS,
        "training": QUICK,
    }
    return compare(table, out=out, **(asked | more))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return people(6_000, 0)[0]


@pytest.fixture(scope="module")
def noisy(table, tmp_path_factory) -> Comparison:
    return ask(table, tmp_path_factory.mktemp("noisy") / "run")


def true_gap(found: Comparison) -> float:
    fresh, true = people(100_000, 1)
    decided = np.asarray(found.model().predict(fresh.drop(columns="y")), float)
    return abs(decided[true == 1].mean() - decided[true == 0].mean())


def test_the_answer_keeps_the_promise_to_the_true_groups_where_ignoring_errors_breaks_it(tmp_path):
    many, _ = people(60_000, 0)
    training = TrainingSettings(steps=800, hidden=(), learning_rate=0.03)
    heedless, heeding = (
        ask(many, tmp_path / name, noise=noise, training=training)
        for name, noise in (("ignored", None), ("corrected", FLIPS))
    )
    assert heedless.best is not None
    assert heeding.best is not None
    assert true_gap(heedless) > 0.18
    assert true_gap(heeding) <= 0.18
    erm, _ = heeding.summaries
    assert erm.verdict == "broken"
    assert erm.promises[0].disparity.value == pytest.approx(true_gap(heedless), abs=0.04)


def test_flips_that_never_occur_give_the_run_without_noise(table, tmp_path):
    plain, same = (
        ask(table, tmp_path / name, noise=noise, methods=["erm"])
        for name, noise in (("plain", None), ("same", "F>M=0,M>F=0"))
    )
    for name in ("trials/erm.json", "results.parquet"):
        assert (plain.folder.path / name).read_bytes() == (same.folder.path / name).read_bytes()
    assert plain.description["settings"] == same.description["settings"]
    assert "noise" not in same.description


def test_the_figures_of_counts_do_not_change_where_nothing_flips(finished: Comparison):
    names = finished.trials[0].counts["test"][0].groups
    for one, other in zip(
        finished.summaries,
        summarise(finished.trials, finished.settings, FlipMatrix.none(names)),
        strict=True,
    ):
        before, after = one.promises[0], other.promises[0]
        assert after.certificate.estimate == pytest.approx(before.certificate.estimate, abs=1e-12)
        for end in ("value", "low", "high"):
            expected = getattr(before.disparity, end)
            assert getattr(after.disparity, end) == pytest.approx(expected, abs=1e-12)
        assert other.accuracy == one.accuracy


def test_what_is_stored_is_as_observed_and_what_is_said_is_corrected(noisy: Comparison):
    rows = pq.read_table(noisy.folder.results).to_pylist()
    for trial in noisy.trials:
        stored = json.loads((noisy.folder.path / "trials" / f"{trial.method}.json").read_text())
        for part, each in stored["counts"].items():
            for seed, one in zip(trial.seeds, each, strict=True):
                seen = np.array(one["table"])
                assert seen.dtype.kind == "i"
                order = np.argmax(one["patterns"], axis=1)
                true = np.einsum("jyd,jg->gyd", seen[np.argsort(order)], INVERSE)
                selected = true[:, :, 1].sum(axis=1) / true.sum(axis=(1, 2))
                (row,) = (
                    row
                    for row in rows
                    if (row["method"], row["part"], row["seed"]) == (trial.method, part, seed)
                )
                assert row["disparity"] == pytest.approx(np.ptp(selected))


def test_intervals_and_certificates_pay_the_price_of_the_errors(noisy: Comparison):
    ignoring = replace(noisy, description={**noisy.description})
    del ignoring.description["noise"]
    for one, other in zip(noisy.summaries, ignoring.summaries, strict=True):
        priced, plain = one.promises[0].certificate, other.promises[0].certificate
        assert priced.cautious - priced.estimate > 1.3 * (plain.cautious - plain.estimate)
        assert priced.estimate > plain.estimate
        assert one.accuracy == other.accuracy


def test_more_is_asked_of_training_where_less_is_known_of_the_groups(noisy, table, tmp_path):
    plain = ask(table, tmp_path / "run", noise=None, methods=["erm"])
    assert (
        noisy.description["promises"][0]["resolution"]
        > 1.3 * (plain.description["promises"][0]["resolution"])
    )


def test_the_run_depends_on_the_noise_and_says_which(noisy, table):
    assert noisy.description["noise"]["p_flip"] == [[0.7, 0.3], [0.1, 0.9]]
    for other in ("F>M=0.2,M>F=0.1", None):
        with pytest.raises(ValueError, match=r"another run: it differs in .*noise"):
            ask(table, noisy.folder.path, noise=other)
    words = shlex.split(noisy.description["request"])
    assert words[words.index("--noise") + 1] == FLIPS


def test_a_run_that_was_stopped_ends_with_the_same_bytes(noisy, table, tmp_path):
    again = ask(table, tmp_path / "run")
    files = ["trials/alm.json", "results.parquet", "report.html"]
    kept = {name: (again.folder.path / name).read_bytes() for name in files}
    for name in files:
        (again.folder.path / name).unlink()
    ask(table, tmp_path / "run")
    for name, content in kept.items():
        assert (again.folder.path / name).read_bytes() == content
        if name == "trials/alm.json":
            assert (noisy.folder.path / name).read_bytes() == content


def test_table_page_and_json_say_that_groups_are_corrected(noisy: Comparison):
    (shown,) = noisy.tables()
    assert "corrected for errors in the groups" in shown.caption
    text = " ".join(page(noisy).render().split())
    assert "What was corrected, and at what price" in text
    assert "F -&gt; M 0.3, M -&gt; F 0.1" in text
    assert "they lean on large samples" in text
    assert noisy.to_dict()["noise"] == noisy.description["noise"]


def test_a_run_of_known_groups_says_nothing_of_noise(finished: Comparison):
    assert "noise" not in finished.description
    assert "noise" not in finished.to_dict()
    assert finished.tables()[0].caption == ""
    assert "flips" not in finished.report.read_text()


def test_several_promises_are_each_corrected(table, tmp_path):
    promises = [
        'gap("selection") <= 0.3',
        'ratio("true_positive") >= 0.5',
        'worst("accuracy") >= 0.6',
    ]
    found = ask(table, tmp_path / "run", constraint=promises)
    for summary in found.summaries:
        assert [str(p.constraint) for p in summary.promises] == promises
        for promise in summary.promises:
            assert promise.certificate.reason == ""
            sign = 1 if promise.constraint.sense == "<=" else -1
            assert sign * promise.certificate.cautious > sign * promise.certificate.estimate
    assert len(found.tables()) == 4


def test_flips_counted_on_gold_rows_make_wider_intervals(noisy, table, tmp_path):
    path = tmp_path / "flips.csv"
    path.write_text("true,F,M\nF,70,30\nM,10,90\n")
    counted = ask(table, tmp_path / "run", noise=str(path), methods=["erm", "penalty"])
    assert not counted.flips.known
    # Of the same models: erm is asked for nothing, so that its margin makes no difference.
    estimated, known = (one.summaries[0].promises[0].certificate for one in (counted, noisy))
    assert estimated.estimate == known.estimate
    assert estimated.cautious > known.cautious
    again = Comparison.load(counted.folder.path)
    assert again.summaries[0].promises == counted.summaries[0].promises


def test_of_too_few_rows_nothing_is_shown_and_what_would_help_is_said(tmp_path):
    few, _ = people(700, 3)
    found = ask(few, tmp_path / "run", methods=["erm"], constraint='gap("selection") <= 0.9')
    assert found.best is None
    assert "it takes 50" in found.summaries[0].promises[0].certificate.reason
    assert "groups that are observed with fewer errors" in what_helps(found)
    assert "--min-group" not in what_helps(found)


def test_crossed_columns_of_which_one_errs(table, tmp_path):
    two = table.assign(old=np.where(np.random.default_rng(5).random(len(table)) < 0.5, "y", "n"))
    found = ask(two, tmp_path / "run", sensitive=["sex", "old"], noise=[f"sex: {FLIPS}"])
    assert found.flips.names == ("F, n", "F, y", "M, n", "M, y")
    again = flips_from_dict(json.loads(json.dumps(flips_to_dict(found.flips))))
    np.testing.assert_array_equal(again.inverse, found.flips.inverse)


def test_flips_in_memory_are_taken_too(noisy, table, tmp_path):
    flips = {("F", "M"): 0.3, ("M", "F"): 0.1}
    found = ask(table, tmp_path / "run", noise={"sex": flips}, methods=["erm"])
    assert found.description["noise"] == noisy.description["noise"]
    assert "--noise NOISE" in found.description["request"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"methods": ["erm", "group-dro"]}, r"'group-dro' looks at rows group by group"),
        ({"methods": ["adversarial"]}, r"'adversarial' .* take others such as 'alm'"),
        ({"methods": ["repair"]}, r"'repair' .* take others such as 'alm'"),
        ({"how": "each"}, r"take how='crossed'"),
        ({"min_group": 100}, r"min_group .* join them in the table"),
        ({"constraint": 'gap("loss") <= 0.1'}, r"promise something of decisions"),
        ({"keep_sensitive": True}, r"learns from 'sex' .* leave the column out"),
        ({"noise": "F>X=0.1"}, r"'X' of 'F->X' does not occur"),
        ({"noise": "F>M=0.5,M>F=0.5"}, r"hardly tells the true groups apart"),
    ],
)
def test_what_cannot_be_corrected_is_refused_before_any_training(table, tmp_path, more, words):
    with pytest.raises(ValueError, match=words):
        ask(table, tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()


def test_a_learning_rate_keeps_a_promise_only_if_it_does_for_the_true_groups():
    # Observed rates of 0.41 and 0.48 are true ones of 0.40 and 0.50 in groups of one size.
    seen = np.array([[0.5 * 0.7 + 0.5 * 0.1, 0.0], [0.5 * 0.3 + 0.5 * 0.9, 0.0]])
    share = np.array([(0.4 * 0.35 + 0.5 * 0.05) / 0.4, (0.4 * 0.15 + 0.5 * 0.45) / 0.6])
    tables = np.rint(10_000 * seen[:, :1, None] * np.stack([1 - share, share], -1)[:, None])
    table = np.concatenate([tables, np.zeros_like(tables)], axis=1).astype(np.int64)
    counts = Counts(
        ("F", "M"), (0, 1), np.eye(2, dtype=bool), table, np.ones((2, 2), dtype=np.float64)
    )
    flips = FlipMatrix([[0.7, 0.3], [0.1, 0.9]], ("F", "M"))
    rate = gap("selection").rate
    np.testing.assert_allclose(corrected(counts, flips).rates(rate), [[0.4, 0.5]], atol=1e-3)
    target = [gap("selection") <= 0.08]
    assert Tried.of(0.1, [counts], target).kept == 1
    assert Tried.of(0.1, [counts], target, flips).kept == 0


def test_settings_know_nothing_of_noise_so_that_other_runs_keep_their_names():
    assert "noise" not in Settings('gap("selection") <= 0.1').to_dict()
