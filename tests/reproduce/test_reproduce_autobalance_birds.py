"""Waterbirds: simulated features, baselines and blends."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from equipoise import Groups
from equipoise.learn import Rows
from equipoise.learn.autobalance import solve
from equipoise.learn.imbalance import CellLosses, group_logit_adjusted
from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.birds import BirdsTask, find_features, simulate
from equipoise.reproduce.autobalance.birds_baselines import group_dro
from equipoise.reproduce.autobalance.birds_methods import (
    FAMILIES,
    Blended,
    birds_methods,
    blend_name,
    frontier_methods,
)
from equipoise.reproduce.autobalance.birds_thresholds import balanced_threshold
from equipoise.reproduce.autobalance.cell import Job, run_cell
from equipoise.reproduce.autobalance.material import Material
from equipoise.reproduce.autobalance.models import codes_of, cross_entropy, logits_of

CELLS = [[120, 24], [20, 60]]


def material(seed: int = 0, d: int = 4, push: float = 0.6) -> Material:
    random = np.random.default_rng(seed)

    def draw(sizes) -> Rows:
        label, place = (c.repeat(np.ravel(sizes)) for c in np.indices((2, 2)).reshape(2, -1))
        x = random.normal(size=(len(label), d))
        x[:, 0] += push * (2 * label - 1)
        x[:, 1] += 1.2 * (2 * place - 1)
        return Rows.of(x, label, Groups.from_codes(place, ["land", "water"]))

    return Material.of(draw(CELLS), draw(np.full((2, 2), 200)), 2, 0.5, seed)


TASK = BirdsTask("tiny", outer_steps=3, descent_steps=40)


def test_the_simulated_table_has_the_published_rows_of_every_cell():
    train, test = simulate(0)
    counts = [np.bincount(2 * one.label + one.place).reshape(2, 2) for one in (train, test)]
    np.testing.assert_array_equal(counts[0], published.CELLS)
    assert len(np.unique(counts[1])) == 1
    assert train.features.shape == (4795, 512)


def test_what_tells_the_bird_is_as_clear_as_is_said_and_the_place_is_clearer():
    # Along the difference of the cells' means the error of the best rule is known.
    _, test = simulate(1)
    for code, other, shift in ((test.label, test.place, 0.42), (test.place, test.label, 0.75)):
        signs = 2.0 * code - 1
        direction = (signs[:, None] * test.features).mean(0)
        assert np.linalg.norm(direction) == pytest.approx(shift * np.sqrt(8), rel=0.05)
        # Half of the rows choose the direction, the others are judged by it.
        half = np.arange(len(code)) % 2 == 0
        learnt = (signs[half, None] * test.features[half]).mean(0)
        wrong = (test.features[~half] @ learnt > 0) != (code[~half] == 1)
        assert wrong.mean() == pytest.approx(norm.sf(shift * np.sqrt(8)), abs=0.03)
        assert abs(np.corrcoef(code, other)[0, 1]) < 1e-12


def test_half_of_every_cell_is_held_out():
    found = material()
    np.testing.assert_array_equal(found.counts, CELLS)
    np.testing.assert_array_equal(found.counts_of(found.validation), np.array(CELLS) / 2)
    assert len(found.training) + len(found.validation) == len(found.rows)


def test_the_fingerprint_is_of_the_rows_and_of_who_is_held_out():
    assert material(0).fingerprint == material(0).fingerprint
    assert material(0).fingerprint != material(1).fingerprint


@pytest.mark.parametrize("name", [method.name for method in birds_methods()])
def test_every_method_decides_on_every_test_row(name):
    job = Job(TASK, 0)
    method = next(one for one in job.methods if one.name == name)
    record = run_cell(job, method, material(), {})
    assert not record.failed
    np.testing.assert_array_equal(record.table.sum(2), np.full((2, 2), 200))
    assert record.figures["balanced"] < 50
    assert (record.trajectory is not None) == (method.kind == "searched")


def test_losses_that_know_of_places_have_less_difference_of_odds_than_cross_entropy():
    job = Job(TASK, 0)
    found = material()
    deo = {one.name: run_cell(job, one, found, {}).figures["deo"] for one in job.methods}
    for name in ("Group-LA", "CE_deo", "group DRO", "DFR", "AutoBalance"):
        assert deo[name] < deo["CE"], name


def test_group_dro_makes_the_worst_cells_loss_smaller_than_cross_entropys():
    found = material(push=0.3)
    rows = found.rows

    def errors(decision) -> float:
        wrong = decision != found.test.label.numpy()
        cell = (2 * found.test.label + codes_of(found.test)).numpy()
        return max(wrong[cell == c].mean() for c in range(4))

    plain = logits_of(solve(cross_entropy(), rows, 2, TASK.weight_decay), found.test)
    robust = group_dro(found, BirdsTask("tiny", descent_steps=400), 0)
    assert errors(robust.decision) < errors(plain.argmax(1).numpy())
    assert robust.note.startswith("weight decay")


@given(
    st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=25).filter(
        lambda rows: len({positive for _, positive in rows}) == 2
    )
)
def test_no_threshold_has_a_smaller_balanced_error(rows):
    score = np.array([value for value, _ in rows]) / 20
    label = np.array([positive for _, positive in rows], np.int64)

    def error(threshold: float) -> float:
        above = score > threshold
        return (above[label == 0].mean() + (~above[label == 1]).mean()) / 2

    # What a threshold at 0 or 1 leaves below or above is decided alike by all on either side.
    tried = np.linspace(0.0125, 0.9875, 40)
    assert error(balanced_threshold(score, label)) <= min(map(error, tried)) + 1e-12


def test_a_blend_is_the_weighted_mean_of_both_losses():
    rows = material().rows
    logits = torch.randn(len(rows), 2, generator=torch.Generator().manual_seed(0))
    loss = group_logit_adjusted(CELLS)
    group = codes_of(rows)
    both = Blended(loss, 0.25)(logits, rows.label, group)
    plain = CellLosses.of(logits, rows.label).mean()
    torch.testing.assert_close(both, 0.25 * plain + 0.75 * loss(logits, rows.label, group))


def test_blends_that_the_table_has_are_not_run_twice():
    weights = (0.0, 0.1, 0.5)
    table = [method.name for method in birds_methods()]
    blends = [method.name for method in frontier_methods(weights)]
    assert len(set(table) | set(blends)) == len(table) + len(blends)
    every = {blend_name(family, weight) for family in FAMILIES for weight in weights}
    assert every <= set(table) | set(blends)
    assert blend_name("CE_deo", 0.1) == "blend"


def test_features_of_ones_own_are_found_and_standardised(tmp_path):
    assert find_features(tmp_path) == ""
    (tmp_path / "waterbirds").mkdir()
    path = tmp_path / "waterbirds" / "features.npz"
    number = np.arange(96)
    np.savez(
        path,
        features=5 + 2 * np.random.default_rng(0).normal(size=(96, 3)),
        y=number % 2,
        place=number // 2 % 2,
        split=number // 32,
    )
    assert find_features(tmp_path) == str(path)
    found = BirdsTask("own", str(path)).prepare(0)
    features = found.rows.features.numpy()
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(features.std(0), 1, rtol=1e-5)
    assert len(found.rows) == len(found.test) == 32
