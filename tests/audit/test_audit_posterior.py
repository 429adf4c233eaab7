"""Audits over draws of a classifier."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from equipoise import audit, gap, ratio
from equipoise.audit import audit_posterior, audit_posterior_table, draw_counts
from equipoise.audit.draw_counts import by_class, by_threshold
from equipoise.sampling.densities import GaussianPrior, sample_logistic


def people(n=300, n_draws=20, seed=0):
    random = np.random.default_rng(seed)
    group = random.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2])
    merit = random.normal(size=n)
    label = (merit + random.normal(size=n) > 0).astype(int)
    score = 1 / (1 + np.exp(-(merit + 0.3 * random.normal(size=(n_draws, 1)) * (group == "b"))))
    return label, score, group


def test_one_draw_is_the_plain_audit():
    label, score, group = people()
    decided = (score[0] >= 0.5).astype(int)
    plain = audit(label, decided, sensitive_features=group)
    for one in (
        audit_posterior(label, score[:1], sensitive_features=group, threshold=0.5),
        audit_posterior(label, decided[None], sensitive_features=group),
    ):
        assert one.audit.to_dict() == plain.to_dict()
        for disparity in (gap("selection"), ratio("selection"), gap("equalized_odds")):
            told, expected = one.disparity(disparity), plain.disparity(disparity)
            assert told.model == (expected.value, expected.value)
            assert told.both == pytest.approx((expected.low, expected.high))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 1000),
    k=st.integers(2, 3),
    how=st.sampled_from(["crossed", "each"]),
    weighted=st.booleans(),
)
def test_every_draw_is_counted_as_an_audit_counts_it(seed, k, how, weighted):
    random = np.random.default_rng(seed)
    n = 60
    label = np.concatenate([np.arange(k), random.integers(0, k, n - k)])
    draws = random.integers(0, k, (4, n))
    groups = {"x": random.choice(["p", "q"], n), "z": random.choice(["u", "v"], n)}
    weight = random.integers(1, 5, n).astype(float) if weighted else None
    settings = {"sensitive_features": groups, "how": how, "sample_weight": weight}
    found = audit_posterior(label, draws, **settings)
    for table, draw in zip(found.tables, draws, strict=True):
        np.testing.assert_allclose(table, audit(label, draw, **settings).counts.by_group)


def test_the_posterior_interval_lies_between_quantiles_of_the_draws_own_gaps():
    label, score, group = people()
    found = audit_posterior(label, score, sensitive_features=group, threshold=0.4, confidence=0.8)
    own = [
        audit(label, (s >= 0.4).astype(int), sensitive_features=group).disparity(gap("selection"))
        for s in score
    ]
    told = found.disparity(gap("selection"))
    values = [one.value for one in own]
    assert told.model == pytest.approx(tuple(np.quantile(values, [0.1, 0.9])))
    assert told.median == pytest.approx(np.median(values))
    np.testing.assert_allclose(found.draws(gap("selection")), values)
    rate = found.rates("true_positive")["true_positive"]["b"]
    draws = found.draws("true_positive")[:, 0, 1]
    assert rate.model == pytest.approx(tuple(np.quantile(draws, [0.1, 0.9])))


def test_intervals_hold_the_truth_as_often_as_they_say():
    # A shift of one group's scores is learnt from a few rows, with a normal prior: the posterior
    # is known. What a draw of it does to other rows, and to all people, is known too.
    random = np.random.default_rng(1)
    prior, learnt, n, repetitions = 0.5, 25, 200, 300
    group = np.repeat([0, 1], n)
    variance = 1 / (1 / prior**2 + learnt)
    on_rows, of_all = 0, 0
    for _ in range(repetitions):
        truth = random.normal(0, prior)
        mean = random.normal(truth, learnt**-0.5)
        shifts = random.normal(variance * learnt * mean, variance**0.5, 200)
        merit = random.normal(size=2 * n)
        label = np.arange(2 * n) % 2
        found = audit_posterior(
            label,
            merit + shifts[:, None] * group,
            sensitive_features=group,
            threshold=0,
            confidence=0.8,
            n_boot=100,
        ).rates("selection")["selection"]["1"]
        low, high = found.model
        on_rows += low <= (merit[n:] + truth >= 0).mean() <= high
        low, high = found.both
        of_all += low <= stats.norm.cdf(truth) <= high
    for held in (on_rows, of_all):
        assert stats.binomtest(held, repetitions, 0.8).pvalue > 1e-3


@pytest.mark.slow
def test_gaps_of_logistic_draws_hold_the_truth_as_often_as_they_say():
    random = np.random.default_rng(0)
    n, d, repetitions = 150, 3, 150
    group = random.integers(0, 2, 400)
    rows = random.normal(size=(400, d)) + 0.4 * group[:, None]
    label = np.arange(400) % 2
    held = 0
    for seed in range(repetitions):
        theta = random.normal(size=d)
        X = random.normal(size=(n, d))
        y = random.random(n) < 1 / (1 + np.exp(-X @ theta))
        if y.all() or not y.any():
            continue
        sampled = sample_logistic(X, y, prior=GaussianPrior(1.0), n_draws=150, seed=seed)
        found = audit_posterior(
            label,
            sampled.probability(rows),
            sensitive_features=group,
            threshold=0.5,
            confidence=0.8,
            n_boot=100,
        )
        chosen = rows @ theta >= 0
        truth = abs(chosen[group == 1].mean() - chosen[group == 0].mean())
        low, high = found.disparity(gap("selection")).model
        held += low <= truth <= high
    assert stats.binomtest(held, repetitions, 0.8).pvalue > 1e-3


def test_decisions_together_are_by_mean_score_or_by_votes():
    decide = by_threshold(0.3)
    own, together = decide(np.array([[0.3, 0.3, 0.3], [0.9, 0.1, 0.1], [0.9, 0.0, 0.0], [0, 0, 1]]))
    assert own.tolist()[0] == [True, True, True]
    assert together.tolist() == [1, 1, 1, 1]
    _, together = by_class(("x", "y", "z"))(np.array([["z", "x", "x"], ["y", "y", "z"]]))
    assert together.tolist() == [0, 1]
    assert by_class((0, 1))(np.array([[0, 1]]))[1].tolist() == [1]


@pytest.mark.parametrize("threshold", [0.7, np.float64(0.7)])
def test_scores_of_single_precision_meet_a_threshold_that_reads_alike(threshold):
    score = np.full((3, 4), 0.7, np.float32)
    found = audit_posterior(
        [0, 1, 0, 1], score, sensitive_features=list("aabb"), threshold=threshold
    )
    told = found.rates("selection")["selection"]["a"]
    assert told.value == told.median == 1


def test_what_few_draws_define_is_undefined():
    label, group = np.array([0, 1] * 4), np.repeat(["a", "b"], 4)
    nobody, everybody = np.zeros(8, int), np.ones(8, int)
    found = audit_posterior(label, np.stack([nobody, everybody]), sensitive_features=group)
    told = found.rates("predictive_value")["predictive_value"]["a"]
    assert np.isnan(told.model).all()
    assert np.isnan(told.both).all()
    assert told.to_dict()["model"] == [None, None]


@pytest.mark.parametrize(
    ("draws", "more", "message"),
    [
        (np.zeros((8, 3)), {"threshold": 0.5}, "transpose"),
        (np.zeros(8), {"threshold": 0.5}, r"shape \(draws, rows\)"),
        (np.full((2, 8), 0.4), {}, "threshold"),
        (np.full((2, 8), np.nan), {"threshold": 0.5}, "missing"),
        (np.full((2, 8), "x"), {"threshold": 0.5}, "numbers"),
        (np.full((2, 8), 7), {}, "none of the labels' classes"),
        (np.full((2, 8), "1"), {}, "hold '1', which is none of the labels' classes 0, 1"),
        (np.full((2, 8), 0.4), {"threshold": np.nan}, "NaN"),
    ],
)
def test_bad_draws_are_refused(draws, more, message):
    with pytest.raises(ValueError, match=message):
        audit_posterior(np.arange(8) % 2, draws, sensitive_features=list("aabbaabb"), **more)


@pytest.fixture
def table(tmp_path):
    label, score, group = people(n_draws=6)
    columns = {"y": np.where(label, "yes", "no"), "g": group, "w": np.arange(len(label)) % 3 + 1}
    frame = pd.DataFrame(columns | {f"p_{d}": s for d, s in enumerate(score)})
    frame.to_parquet(tmp_path / "t.parquet", index=False)
    frame.to_csv(tmp_path / "t.csv", index=False)
    np.save(tmp_path / "draws.npy", score)
    return tmp_path, frame, score


def test_files_tables_and_arrays_are_the_same(table, monkeypatch):
    folder, frame, score = table
    asked = {"label": "y", "sensitive": ["g"], "positive": "yes", "weight": "w"}
    expected = audit_posterior(
        frame["y"],
        score,
        sensitive_features={"g": frame["g"]},
        threshold=0.5,
        positive="yes",
        sample_weight=frame["w"],
    ).to_dict()
    monkeypatch.setattr(draw_counts, "NUMBERS", 100)  # blocks of sixteen rows
    for source, draws in (
        (folder / "t.parquet", "p_*"),
        (folder / "t.csv", "p_*"),
        (frame, "p_*"),
        (folder / "t.csv", folder / "draws.npy"),
    ):
        assert audit_posterior_table(source, draws=draws, **asked).to_dict() == expected


@pytest.mark.parametrize(
    ("draws", "message"),
    [("q_*", "no column matches"), ("*", "no draw"), ("none.npy", "cannot read")],
)
def test_draws_that_are_not_there_are_refused(table, draws, message):
    with pytest.raises(ValueError, match=message):
        audit_posterior_table(table[1], label="y", sensitive=["g"], draws=draws)


def test_a_file_of_draws_that_does_not_fit_is_refused(table):
    folder, frame, score = table
    for wrong, message in ((score.T, "transpose"), (score[:, :9], r"shape \(draws, 300\)")):
        np.save(folder / "wrong.npy", wrong)
        with pytest.raises(ValueError, match=message):
            audit_posterior_table(frame, label="y", sensitive=["g"], draws=folder / "wrong.npy")


def test_a_threshold_that_decides_everybody_alike_is_refused(table):
    for threshold in (-1.0, 2.0):
        with pytest.raises(ValueError, match="everybody alike"):
            audit_posterior_table(
                table[1], label="y", sensitive=["g"], draws="p_*", threshold=threshold
            )


def test_text_says_what_each_interval_is_of(table):
    told = str(audit_posterior_table(table[1], label="y", sensitive=["g"], draws="p_*"))
    for word in ("6 draws", "Rows:", "Model:", "Both:", 'gap("selection")'):
        assert word in told
    json.dumps(audit_posterior_table(table[1], label="y", sensitive=["g"], draws="p_*").to_dict())
