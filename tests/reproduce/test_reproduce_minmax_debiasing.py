"""Adversarial debiasing in the re-run: its game, its figures, and what is said without data."""

from __future__ import annotations

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn.problem import Rows
from equipoise.optim.minmax import Euclidean, Player, ProjectedStep
from equipoise.reproduce import Claim, Workplace
from equipoise.reproduce.minmax.debiasing.game import DebiasingGame
from equipoise.reproduce.minmax.debiasing.part import (
    SIMULATED,
    Plan,
    count_decisions,
    debiasing_part,
    make_debiasing,
    train_and_count,
)
from equipoise.reproduce.minmax.debiasing.shown import collapsed, show_debiasing, spread_ratio
from equipoise.reproduce.minmax.debiasing.ways import CONTROLS, COUNTERFACTUAL, GDA, KEPT
from equipoise.reproduce.minmax.rerun import rerun

PROMISE = Constraint.parse('gap("selection") <= 0.05')
SMALL = replace(SIMULATED, rows=1200)
PLAN = Plan(8, hidden=(4,), batch_size=32)


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    group = random.integers(0, 2, 80)
    features = random.normal(size=(80, 3)) + group[:, None]
    label = (features.sum(1) + random.normal(size=80) > 1.5).astype(np.int64)
    groups = Groups.from_codes(group, ["a", "b"])
    return Rows.of(features, label, groups, dtype=torch.float64)


@pytest.fixture
def game(rows):
    return DebiasingGame(rows, PROMISE, (4,), 2.0, (0, 1))


BATCH = torch.arange(40).reshape(2, 20)


def test_the_predictors_direction_is_that_of_the_library(game):
    theirs = copy.deepcopy(game)
    player = Player("minimizer", torch.optim.SGD(theirs.generator.parameters(), 1.0), Euclidean())
    start = [p.detach().clone() for p in player.parameters]
    step = ProjectedStep(lambda: theirs.losses(BATCH), torch.tensor([2.0, 2.0]).double())
    step(player, lambda: theirs.value(BATCH).sum())
    for before, after, ours in zip(start, player.parameters, game.descend(BATCH), strict=True):
        assert torch.allclose(before - after.detach(), ours)


def test_adversaries_go_up_the_value(game):
    direction = game.climb(BATCH)
    before = game.value(BATCH).detach()
    with torch.no_grad():
        for p, g in zip(game.discriminator.parameters(), direction, strict=True):
            p.sub_(g, alpha=1e-3)
    assert (game.value(BATCH) > before).all()


def test_the_value_is_the_two_losses_in_one(game):
    own, opposing = game.losses(BATCH)
    assert torch.equal(game.value(BATCH), own - 2 * opposing)
    assert own.shape == (2,)


def test_decisions_are_counted_by_group_and_label():
    groups = Groups.from_codes(np.array([0, 0, 0, 0, 1, 1, 1, 1]), ["a", "b"])
    label = np.array([1, 1, 0, 0, 1, 1, 0, 0])
    rows = Rows.of(np.zeros((8, 1)), label, groups)
    decision = torch.tensor([[1, 1, 1, 0, 1, 0, 0, 0], [0] * 8]).bool()
    found = count_decisions(decision, rows)
    assert found["accuracy"] == [6 / 8, 4 / 8]
    assert found["selection"] == [2 / 4, 0]
    assert found["odds"] == [1 / 2, 0]
    assert found["positive"] == [4 / 8, 0]


def test_a_run_that_says_one_class_has_collapsed():
    assert collapsed(np.array([0.0, 0.005, 0.02, 0.5, 0.995])).tolist() == [
        True, True, False, False, True,
    ]  # fmt: skip


def test_the_ratio_of_spreads_is_that_of_deviations():
    theirs = np.random.default_rng(1).normal(size=40)
    found = spread_ratio(0.25 * theirs, theirs)
    assert found.value == pytest.approx(0.25)
    assert found.low == pytest.approx(0.25)
    apart = spread_ratio(np.random.default_rng(2).normal(size=40), theirs)
    assert apart.low < 1 < apart.high
    assert np.isnan(spread_ratio(theirs, np.ones(40)).value)


def test_what_a_coin_does_too_holds_with_a_condition():
    random = np.random.default_rng(3)
    wide, narrow = random.normal(size=60), 0.2 * random.normal(size=60)

    def first(coin: np.ndarray) -> Claim:
        way = {COUNTERFACTUAL: narrow, GDA: wide, CONTROLS[COUNTERFACTUAL]: coin}
        way |= {KEPT: narrow, CONTROLS[KEPT]: coin}
        names = ("accuracy", "selection", "odds", "positive", "moves")
        found = {
            one: {name: (0.5 + values).tolist() for name in names} for one, values in way.items()
        }
        return show_debiasing("a table", 60, [found]).claims[0]

    assert first(wide).verdict == "holds"
    assert first(random.permutation(narrow)).verdict == "holds with a condition"
    assert "not shown against a coin" in first(random.permutation(narrow)).claim


def test_a_way_is_found_again_bit_for_bit_and_its_coin_moves_at_its_rate():
    found = [train_and_count(SMALL, None, PLAN, COUNTERFACTUAL, 3) for _ in range(2)]
    assert found[0] == found[1]
    assert list(found[0]) == [COUNTERFACTUAL, CONTROLS[COUNTERFACTUAL]]
    assert all(0 <= share <= 1 for share in found[0][COUNTERFACTUAL]["moves"])


def test_descent_ascent_makes_every_move():
    assert train_and_count(SMALL, None, PLAN, GDA, 2)[GDA]["moves"] == [1.0, 1.0]


@pytest.mark.parametrize("name", ["adult.data", "adult.data.gz"])
def test_without_adult_it_is_said_that_the_table_is_simulated(tmp_path, name):
    for folder in (None, tmp_path):
        assert any("simulated census" in note for note in debiasing_part("quick", folder).notes)
    (tmp_path / "adult").mkdir()
    (tmp_path / "adult" / name).touch()
    part = debiasing_part("full", tmp_path)
    assert not any("simulated" in note for note in part.notes)
    assert part.cells[0].title.startswith("Adult")


def test_the_part_as_a_whole(tmp_path):
    part = make_debiasing(SMALL, None, PLAN, 3)
    outcome = rerun("quick", Workplace(out=tmp_path), [part])
    (table,) = outcome.tables
    assert next(row[0] for row in table.rows) == GDA
    assert len(table.rows) == 5
    assert len(outcome.claims) == 2 * 6
    assert outcome.page.render().count("<svg") == 3
    json.dumps(outcome.to_dict(), allow_nan=False)
