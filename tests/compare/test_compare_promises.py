"""Several promises at once: each is trained for, certified and shown, and all must be kept."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.audit import Certificate, Counts, Estimate
from equipoise.compare import Comparison, Settings
from equipoise.compare.answer import what_helps
from equipoise.compare.margin import choose_margin
from equipoise.compare.page import page
from equipoise.compare.prepare import prepare
from equipoise.compare.run import compare
from equipoise.compare.summary import MethodSummary, PromiseSummary, best, summarise
from equipoise.compare.trial import Trial, choose
from equipoise.constraints import gap, ratio, worst
from equipoise.data import Dataset, simulate_census
from equipoise.learn import Model, TrainingSettings

PARITY, ACCURACY = 'gap("selection") <= 0.1', 'worst("accuracy") >= 0.6'


def test_one_promise_in_a_sequence_is_that_promise(finished: Comparison):
    assert Settings([gap("selection") <= 0.1]) == Settings(gap("selection") <= 0.1)
    assert Settings('gap("selection") <= 0.1') == Settings(gap("selection") <= 0.1)


@pytest.mark.parametrize(
    ("promises", "words"),
    [
        ([], "name at least one promise"),
        ([PARITY, PARITY], "twice; leave one of them out"),
        (["demographic_parity_difference <= 0.1", PARITY], "twice; leave one of them out"),
        ([PARITY, ACCURACY, 'gap("selection") <= 0.05'], "keep the stricter of them alone"),
    ],
)
def test_promises_that_say_nothing_or_the_same_are_refused_with_the_cure(promises, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        compare("census-sim", constraint=promises, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_gap_and_a_ratio_of_one_rate_are_two_promises():
    settings = Settings([gap("selection") <= 0.1, ratio("selection") >= 0.8])
    assert Settings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings


def test_a_certificate_of_each_promise_is_issued_together_with_all_others(two: Comparison):
    for summary in two.summaries:
        assert [str(p.constraint) for p in summary.promises] == [PARITY, ACCURACY]
        assert {p.certificate.n_certificates for p in summary.promises} == {4}


def test_each_promise_has_a_margin_of_its_own(two: Comparison):
    asked = two.description["promises"]
    assert [one["constraint"] for one in asked] == [PARITY, ACCURACY]
    bounds = [float(one["asked_of_training"].split()[-1]) for one in asked]
    assert bounds == pytest.approx([0.1 - asked[0]["margin"], 0.6 + asked[1]["margin"]])
    model = Model.load(two.folder.model(two.trials[0]))
    for one in asked:
        assert one["constraint"] in model.about["constraint"]
        assert one["asked_of_training"] in model.about["asked_of_training"]


def test_a_margin_of_ones_own_applies_to_each_promise():
    dataset = Dataset.from_table(simulate_census(2_000).table, target="income", sensitive=["sex"])
    settings = Settings([gap("selection") <= 0.2, worst("accuracy") >= 0.6], margin=0.03)
    prepared = prepare(dataset, settings)
    targets = [choose_margin(prepared, settings, one).target for one in settings.constraints]
    assert list(map(str, targets)) == ['gap("selection") <= 0.17', 'worst("accuracy") >= 0.63']


def test_more_promises_to_certify_ask_for_a_larger_margin():
    dataset = Dataset.from_table(simulate_census(8_000).table, target="income", sensitive=["sex"])
    one = gap("selection") <= 0.2
    alone, among = (
        choose_margin(prepare(dataset, settings), settings, one).margin
        for settings in (Settings(one), Settings([one, worst("accuracy") >= 0.6]))
    )
    assert alone < among


def test_training_is_asked_for_all_promises(tmp_path: Path):
    found = compare(
        "census-sim",
        sensitive=["sex"],
        constraint=['gap("selection") <= 0.05', 'worst("true_positive") >= 0.8'],
        margin=0.0,
        rows=6_000,
        seeds=1,
        methods=["erm", "alm"],
        out=tmp_path / "run",
        training=TrainingSettings(steps=400, hidden=(8,)),
    )
    erm, alm = found.summaries
    (gap_before, share_before), (gap_after, share_after) = (
        [promise.disparity.value for promise in summary.promises] for summary in (erm, alm)
    )
    assert gap_after < gap_before / 2
    assert share_after > share_before + 0.1


def _table(draw) -> Counts:
    cells = draw(st.lists(st.integers(0, 9), min_size=8, max_size=8))
    return Counts(("a", "b"), (0, 1), np.eye(2, dtype=bool), np.array(cells).reshape(2, 2, 2))


tables = st.composite(_table)()


@given(
    st.lists(tables, min_size=1, max_size=5), st.lists(st.integers(0, 3), min_size=1, unique=True)
)
def test_the_choice_is_the_most_accurate_that_keeps_all_or_else_the_nearest(models, which):
    every = [
        gap("selection") <= 0.2,
        ratio("selection") >= 0.7,
        worst("accuracy") >= 0.4,
        gap("true_positive") <= 0.3,
    ]
    targets = [every[number] for number in which]
    excess = []
    for counts in models:
        beyond = []
        for target in targets:
            value = float(target.disparity.value(counts.rates(target.disparity.rate)))
            far = value - target.bound if target.sense == "<=" else target.bound - value
            beyond.append(np.inf if np.isnan(far) else far)
        excess.append(max(beyond))
    chosen = choose(models, targets)
    kept = [counts.accuracy for counts, far in zip(models, excess, strict=True) if far <= 0]
    if kept:
        assert excess[chosen] <= 0
        assert models[chosen].accuracy == max(kept)
    else:
        assert excess[chosen] == min(excess)


def _summary(verdicts) -> MethodSummary:
    nothing = Estimate(0.5, 0.4, 0.6)
    promises = tuple(
        PromiseSummary(nothing, Certificate(gap("selection") <= 0.1, 0.95, 1, 0, 0, 0, verdict))
        for verdict in verdicts
    )
    return MethodSummary(Trial("m", [0], 0, {}, None), nothing, nothing, promises, 0.5)


@given(st.lists(st.sampled_from(["kept", "not shown", "broken"]), min_size=1, max_size=4))
def test_a_method_keeps_what_is_promised_only_where_every_certificate_says_so(verdicts):
    found = _summary(verdicts)
    assert (found.verdict == "kept") == all(verdict == "kept" for verdict in verdicts)
    assert (found.verdict == "broken") == any(verdict == "broken" for verdict in verdicts)
    assert (best([found]) is found) == (found.verdict == "kept")


def test_certificates_are_held_to_more_the_more_promises_there_are(finished: Comparison):
    promises = (gap("selection") <= 0.1, worst("accuracy") >= 0.6)
    alone, among = (
        summarise(finished.trials, replace(finished.settings, constraints=some))
        for some in (promises[:1], promises)
    )
    for one, other in zip(alone, among, strict=True):
        assert other.promises[0].certificate.cautious > one.promises[0].certificate.cautious


def test_the_terminal_has_a_table_of_all_and_one_of_each_promise(two: Comparison):
    first, *each = two.tables()
    headings = [column.heading for column in first.columns]
    assert headings == ["method", "accuracy", "worst group", "all promises", "seconds"]
    assert [table.caption for table in each] == [PARITY, ACCURACY]
    assert [column.heading for column in each[1].columns] == [
        "method",
        'worst("accuracy")',
        "certificate",
    ]
    said = {row[0].text: row[3].text.split(" (")[0] for row in first.cells}
    assert said == {s.method: s.verdict for s in two.summaries}
    for number, table in enumerate(each):
        assert [row[2].text for row in table.cells] == [
            str(s.promises[number].certificate) for s in two.summaries
        ]


def test_the_report_shows_every_promise(two: Comparison):
    text = " ".join(page(two).render().split())
    frontiers, rates, training = 2, 2, 1  # accuracy is promised and shown anyway
    assert text.count("<svg") == frontiers + rates + training
    for disparity in ("gap(&#34;selection&#34;)", "worst(&#34;accuracy&#34;)"):
        assert f"{disparity} on the test rows" in text
        assert f"{disparity} on the validation rows" in text
    assert "under the promises gap(&#34;selection&#34;) &lt;= 0.1 and worst" in text
    assert "shared by 4 certificates" in text
    assert "keep more than each promise" in text


def test_the_answer_gives_what_is_shown_of_every_promise(two: Comparison):
    assert two.best is not None
    text = " ".join(page(two).render().split())
    for promise in two.best.promises:
        assert (
            f"{promise.constraint.disparity} {'≤' if promise.constraint.sense == '<=' else '≥'}"
            in (two.answer)
        )
        assert f"is {promise.certificate.estimate:.3f}, which shows it to be" in text


def test_where_one_promise_is_not_shown_there_is_no_best_and_it_is_the_one_that_is_named(two):
    constraints = (gap("selection") <= 0.0001, worst("accuracy") >= 0.6)
    strict = replace(two, settings=replace(two.settings, constraints=constraints))
    assert strict.best is None
    assert strict.answer.startswith("No model is shown to keep gap(")
    assert 'show gap("selection") <= 0.0001 of any model' in what_helps(strict)
    assert "accuracy" not in what_helps(strict)
    assert "No model is shown to keep" in page(strict).render()


def test_the_history_follows_every_promise_through_the_file(two: Comparison):
    again = Comparison.load(two.folder.path)
    for trial in again.trials:
        assert trial.history.disparity.shape == (len(trial.history.step), 2, 2)
        assert not np.allclose(trial.history.disparity[..., 0], trial.history.disparity[..., 1])


def test_results_have_a_row_for_each_promise(two: Comparison):
    rows = pq.read_table(two.folder.results).to_pylist()
    assert len(rows) == 2 * 2 * 4 * 2
    for trial in two.trials:
        for part, each in trial.counts.items():
            for seed, counts in zip(trial.seeds, each, strict=True):
                found = {
                    row["constrained"]: row["disparity"]
                    for row in rows
                    if (row["method"], row["part"], row["seed"]) == (trial.method, part, seed)
                }
                assert found == {
                    str(of): float(of.value(counts.rates(of.rate)))
                    for of in (gap("selection"), worst("accuracy"))
                }


def test_json_has_what_is_found_of_each_promise_in_one_shape(two: Comparison, finished: Comparison):
    for found in (two, finished):
        said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        for summary in found.summaries:
            method = said["methods"][summary.method]
            assert [one["constraint"] for one in method["promises"]] == said["constraints"]
            assert method["verdict"] == summary.verdict
            for one in method["promises"]:
                assert set(one) == {"constraint", "disparity", "certificate"}


def test_the_command_in_the_report_asks_for_every_promise(two: Comparison):
    words = shlex.split(two.description["request"])
    asked = [words[i + 1] for i, word in enumerate(words) if word == "--constraint"]
    assert asked == [PARITY, ACCURACY]


def test_the_report_of_two_promises_is_rebuilt_to_the_byte(two: Comparison):
    before = two.report.read_bytes()
    Comparison.load(two.folder.path).write()
    assert two.report.read_bytes() == before
