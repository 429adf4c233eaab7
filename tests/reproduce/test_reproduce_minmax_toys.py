"""The toy table: stacked seeds are the library's own, and what the table says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from equipoise.optim.minmax import (
    AcceptReject,
    Box,
    Counterfactual,
    Gaussian,
    Stationary,
    StopRule,
    games,
)
from equipoise.reproduce import Workplace
from equipoise.reproduce.minmax.rerun import rerun
from equipoise.reproduce.minmax.toys.games import METHODS, TOYS, can_play
from equipoise.reproduce.minmax.toys.part import Size, make_toys, play_accept_reject, play_method
from equipoise.reproduce.minmax.toys.stacked import Play, play_stacked

SEEDS = (0, 7)
CASES = {
    "F1": (games.no_saddle(), Play(n_proposals=40)),
    "F2 in a box": (games.convex_response(), Play(n_proposals=30)),
    "limit reached": (games.bilinear(5.0), Play(limit=60, n_proposals=25)),
    "counterfactual": (
        games.dirac_gan(),
        Play(0.3, 0.1, 0.0, None, 3, counterfactual=True, omega=None, n_proposals=30),
    ),
}


def one_by_one(game, play, seed):
    x, y = (torch.tensor(part, dtype=torch.float64, requires_grad=True) for part in game.start)
    within = None if game.box is None else Box(-game.box, game.box)
    response = (
        Counterfactual(play.limit)
        if play.counterfactual
        else Stationary(play.tolerance, play.limit)
    )
    torch.manual_seed(seed)
    method = AcceptReject(
        torch.optim.SGD([x], lr=1.0),
        torch.optim.SGD([y], lr=play.rate),
        response=response,
        proposal=Gaussian(play.scale),
        delta=play.delta,
        stop=None if play.omega is None else StopRule(play.omega),
        min_geometry=within,
        max_geometry=within,
    )
    n = 0
    while n < play.n_proposals and not method.stopped:
        method.step(lambda: game.value(x, y))
        n += 1
    return x.item(), y.item(), method.n_accepted, method.stopped


@pytest.mark.filterwarnings("ignore:the maximizer has not come to rest")
@pytest.mark.parametrize("name", CASES)
def test_stacked_seeds_do_what_the_library_does_one_by_one(name):
    game, play = CASES[name]
    found = play_stacked(game, play, SEEDS)
    for r, seed in enumerate(SEEDS):
        x, y, n_accepted, stopped = one_by_one(game, play, seed)
        assert found.x[-1, r].item() == pytest.approx(x, rel=1e-12)
        assert found.y[-1, r].item() == pytest.approx(y, rel=1e-12)
        assert found.accepted[r] == n_accepted
        assert bool(found.stopped[r]) is stopped


def test_a_seed_does_not_depend_on_what_it_is_stacked_with():
    game, play = CASES["F1"]
    alone, together = play_stacked(game, play, [7]), play_stacked(game, play, SEEDS)
    assert torch.equal(together.x[: len(alone.x), 1], alone.x[:, 0])


def test_where_no_answer_has_an_end_nothing_is_kept():
    found = play_accept_reject("xy", replace(TOYS["xy"].play, n_proposals=3), 2)
    assert found["accepted"] == [0, 0]
    assert found["unanswered"] == [3, 3]


def test_methods_end_on_known_games_as_is_known():
    outcomes = {
        method: play_method("F3", method, 300)["outcome"]
        for method in ("simultaneous", "extragradient", "follow-the-ridge")
    }
    assert outcomes == {
        "simultaneous": "cycles",
        "extragradient": "cycles",
        "follow-the-ridge": "solves",
    }


def test_unrolled_steps_are_not_asked_into_a_box():
    assert not can_play("unrolled", TOYS["box"])
    assert all(can_play(name, TOYS["F1"]) for name in METHODS)


def test_the_part_as_a_whole(tmp_path):
    outcome = rerun("quick", Workplace(out=tmp_path), [make_toys(Size(12, 2, 8))])
    assert all(len(table.rows) == len(METHODS) + 2 for table in outcome.tables)
    games = [column.heading for table in outcome.tables for column in table.columns[1:]]
    assert games == [toy.name for toy in TOYS.values()]
    assert outcome.page.render().count("<svg") == len(TOYS)
    claims = json.loads(json.dumps(outcome.to_dict(), allow_nan=False))["claims"]
    assert all(claim["low"] <= claim["ours"] <= claim["high"] for claim in claims)
    # Near the answer from the start, and two seeds are too few to tell.
    (near,) = (claim for claim in claims if claim["claim"].startswith("F3 from (0.1, 0.1)"))
    assert (near["ours"], near["verdict"]) == (1.0, "cannot be told")
