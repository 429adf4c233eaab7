"""Seeds that train together are trained as the library would train each of them alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from equipoise.learn.network import StackedMLP
from equipoise.optim.minmax import (
    AcceptReject,
    Alternating,
    Counterfactual,
    KeepResponse,
    MinMaxOptimizer,
    Optimistic,
    ResponseLimitWarning,
    Stationary,
    Unrolled,
)
from equipoise.reproduce.minmax.gaussians.mixture import WEIGHTED_RING
from equipoise.reproduce.minmax.gaussians.networks import orthogonal_mlp
from equipoise.reproduce.minmax.stack.accept_reject import StackedAcceptReject
from equipoise.reproduce.minmax.stack.coin import CoinMoves
from equipoise.reproduce.minmax.stack.game import Batch, Draws, Game
from equipoise.reproduce.minmax.stack.players import Players
from equipoise.reproduce.minmax.stack.wrapped import optimistic, unrolled

SEEDS = (3, 4, 5)
SIZE, NOISE = 16, 3
RATES = (0.02, 0.01)
STEPS = 15


def _game(seeds=SEEDS) -> Game:
    generator = orthogonal_mlp((NOISE, 8, 2), seeds, torch.float64)
    discriminator = orthogonal_mlp((2, 8, 1), [seed + 100 for seed in seeds], torch.float64)
    return Game(generator, discriminator)


def _draws(seeds=SEEDS) -> Draws:
    return Draws(WEIGHTED_RING.draw, SIZE, NOISE, seeds, dtype=torch.float64)


def _weights(game: Game) -> list[Tensor]:
    return [
        p.detach().clone()
        for module in (game.generator, game.discriminator)
        for p in module.parameters()
    ]


def _fresh_batch(stream: torch.Generator) -> Batch:
    real = WEIGHTED_RING.draw(SIZE, stream).double()
    noise = torch.randn((SIZE, NOISE), generator=stream, dtype=torch.float64)
    return Batch(real[None], noise[None])


Make = Callable[[torch.optim.Optimizer, torch.optim.Optimizer, int], MinMaxOptimizer]


def _alone(seed: int, make: Make, *, one_batch: bool = False) -> tuple[list[Tensor], list[bool]]:
    # The library's driver on one seed: its closure draws from torch's global stream, or is given
    # one batch a step from a stream of its own.
    game = _game([seed])
    driver = make(
        *(
            torch.optim.Adam(module.parameters(), lr=rate, betas=(0.5, 0.999))
            for module, rate in zip((game.generator, game.discriminator), RATES, strict=True)
        ),
        seed,
    )
    accepted = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for _ in range(STEPS):
            batch = _fresh_batch(torch.default_generator) if one_batch else None
            driver.step(
                lambda batch=batch: game.value(batch or _fresh_batch(torch.default_generator)).sum()
            )
            if isinstance(driver, AcceptReject):
                accepted.append(driver.report.accepted)
    return _weights(game), accepted


def _assert_same(game: Game, alone: list[list[Tensor]]) -> None:
    for number, weights in enumerate(alone):
        for ours, theirs in zip(_weights(game), weights, strict=True):
            torch.testing.assert_close(ours[number : number + 1], theirs, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(
    ("response", "one_batch"),
    [
        (Counterfactual(2), False),
        (KeepResponse(2), False),
        (Stationary(0.15, 30), True),
        (Stationary(0.1, 15), True),
    ],
)
@pytest.mark.filterwarnings(f"ignore::{ResponseLimitWarning.__module__}.ResponseLimitWarning")
def test_decisions_and_weights_of_a_stack_are_those_of_the_driver_alone(response, one_batch):
    game = _game()
    method = StackedAcceptReject(Players(game, *RATES), _draws(), response, 0.25, SEEDS)
    stays = torch.stack([method.step() for _ in range(STEPS)])

    def make(minimizer, maximizer, seed) -> AcceptReject:
        return AcceptReject(minimizer, maximizer, response=response, free_pass=0.25, seed=seed)

    alone = [_alone(seed, make, one_batch=one_batch) for seed in SEEDS]
    assert stays.T.tolist() == [accepted for _, accepted in alone]
    assert stays.any()
    assert not stays.all()
    assert (stays != stays[:, :1]).any()
    _assert_same(game, [weights for weights, _ in alone])


def test_moves_without_a_judge_are_alternating_descent_ascent():
    game = _game()
    method = CoinMoves(Players(game, *RATES), _draws(), 3, [1.0] * len(SEEDS), True, SEEDS)
    for _ in range(STEPS):
        method.step()
    alone = [_alone(seed, lambda x, y, _: Alternating(x, y, k=3))[0] for seed in SEEDS]
    _assert_same(game, alone)


@pytest.mark.parametrize("name", ["optimistic", "unrolled"])
def test_drivers_that_decide_nothing_play_a_stack_as_each_of_it_alone(name: str):
    game = _game()
    if name == "optimistic":
        method = optimistic(game, _draws(), *RATES)
    else:
        method = unrolled(game, _draws(), *RATES, 2, 0.1)
    for _ in range(STEPS):
        method.step()

    def make(x, y, _) -> MinMaxOptimizer:
        return Optimistic(x, y) if name == "optimistic" else Unrolled(x, y, n_ahead=2, rate=0.1)

    _assert_same(game, [_alone(seed, make, one_batch=True)[0] for seed in SEEDS])


def test_a_coin_that_rolls_both_back_is_descent_ascent_with_fewer_steps():
    rates = [0.3, 0.6, 1.0]
    game, draws = _game(), _draws()
    method = CoinMoves(Players(game, *RATES), draws, 2, rates, False, SEEDS)
    moved = torch.stack([method.step() for _ in range(STEPS)])
    for number, seed in enumerate(SEEDS):
        alone, again = _game([seed]), _draws([seed])
        plain = CoinMoves(Players(alone, *RATES), again, 2, [1.0], True, [seed])
        for goes in moved[:, number].tolist():
            if goes:
                plain.step()
            else:  # the batches that were drawn and not used
                for _ in range(3):
                    again()
        _assert_same(
            Game(game.generator.replicate(number), game.discriminator.replicate(number)),
            [_weights(alone)],
        )
    assert method.players.gradients.tolist() == (3 * moved.sum(0)).tolist()


def test_a_skipped_move_leaves_the_discriminator_its_steps():
    game = _game()
    before = _weights(game)
    method = CoinMoves(Players(game, *RATES), _draws(), 2, [0.0, 0.0, 1.0], True, SEEDS)
    method.step()
    n = len(list(game.generator.parameters()))
    for ours, then in zip(_weights(game)[:n], before[:n], strict=True):
        assert torch.equal(ours[:2], then[:2])
    assert all(not torch.equal(a, b) for a, b in zip(_weights(game)[n:], before[n:], strict=True))
    assert method.players.gradients.tolist() == [2, 2, 3]
    assert method.players.moves.tolist() == [0, 0, 1]


def test_steeper_generators_follow_another_loss_and_are_judged_by_the_same_value():
    game = _game()
    steep = Game(game.generator, game.discriminator, saturating=False)
    batch = _draws()()
    assert torch.equal(game.value(batch), steep.value(batch))
    made = game.discriminator(game.make(batch.noise)).flatten(1)
    torch.testing.assert_close(
        steep.loss(batch), torch.nn.functional.softplus(-made).mean(1), rtol=1e-12, atol=0
    )
    gradient = torch.autograd.grad(game.value(batch).sum(), list(game.generator.parameters()))
    for ours, theirs in zip(game.descend(batch), gradient, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-15)


def test_networks_begin_orthogonal_and_do_not_depend_on_the_stack():
    together = orthogonal_mlp((6, 4, 1), [1, 2], torch.float64)
    alone = orthogonal_mlp((6, 4, 1), [2], torch.float64)
    assert isinstance(together, StackedMLP)
    for ours, theirs in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(ours[1:], theirs)
    first = together.weights[0][0]
    torch.testing.assert_close(first.T @ first, 0.64 * torch.eye(4, dtype=torch.float64))
