"""What is claimed of accept/reject, and of greedy values, on games small enough to know."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
from torch import nn

from equipoise.optim.minmax import (
    AcceptReject,
    Counterfactual,
    Gaussian,
    KeepResponse,
    OptimizerStep,
    Stationary,
    StopRule,
    check_greedy_equilibrium,
    games,
)

SGD = torch.optim.SGD
TO_THE_MIN_MAX = [(games.no_saddle(), 0.2), (games.bell(), 0.15)]


def variable(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def settled(game, seed):
    """Where the settings of the authors' program stop: 21 refusals in a row, one more than its."""
    torch.manual_seed(seed)
    x, y = (variable(*part) for part in game.start)
    method = AcceptReject(
        SGD([x], lr=0.05),
        SGD([y], lr=0.05),
        response=Stationary(1e-3),
        proposal=Gaussian(0.5),
        delta=0.03,
        stop=StopRule(omega=0.133, confidence=0.95),
    )
    while not method.stopped:
        method.step(lambda: game.value(x, y))
    return x.item()


@pytest.mark.parametrize(("game", "bound"), TO_THE_MIN_MAX, ids=lambda g: getattr(g, "name", g))
def test_it_stops_at_the_min_max(game, bound):
    assert max(abs(settled(game, seed)) for seed in range(2)) <= bound


@pytest.mark.slow
@pytest.mark.parametrize(("game", "bound"), TO_THE_MIN_MAX, ids=lambda g: getattr(g, "name", g))
def test_it_stops_at_the_min_max_from_every_seed(game, bound):
    far = [seed for seed in range(200) if abs(settled(game, seed)) > bound]
    assert far == []


# --- dimensions ---------------------------------------------------------------------------------


def moves_to_the_bottom(d, seed):
    """Steps along normalised noisy gradients until the bell's answer is near."""
    torch.manual_seed(seed)
    direction = nn.functional.normalize(torch.randn(d, dtype=torch.float64), dim=0)
    game = games.embedded_bell(direction)
    x, y = (variable(*part) for part in game.start)

    def along_a_noisy_gradient(player, closure):
        (g,) = player.gradient(closure)
        noise = torch.randn_like(x) / math.sqrt(d)
        with torch.no_grad():
            x.sub_(0.5 * torch.rand(()) * (g / g.norm() + 0.5 * noise))

    method = AcceptReject(
        SGD([x], lr=0.05),
        SGD([y], lr=0.05),
        response=Stationary(1e-2),
        proposal=along_a_noisy_gradient,
        delta=0.03,
    )
    while abs(direction @ x.detach()) > 0.3:
        assert method.n_steps < 200
        method.step(lambda: game.value(x, y))
    return method.n_steps


def test_two_thousand_dimensions_take_at_most_twice_the_steps_of_two():
    steps = [
        statistics.fmean(moves_to_the_bottom(d, seed) for seed in range(4))
        for d in (2, 20, 200, 2000)
    ]
    assert max(steps) <= 2 * min(steps)


@pytest.mark.slow
def test_the_saddle_of_fifty_dimensions_is_reached_up_to_what_delta_asks_for():
    # A step is refused once rate |grad|^2 < delta, and the modulus of convexity is 1 / 2 or more.
    torch.manual_seed(0)
    game = games.quadratic(50, seed=2)

    def make(x, y, gx, gy):
        return AcceptReject(
            SGD(x, lr=0.2),
            SGD(y, lr=0.2),
            response=Stationary(1e-3),
            proposal=OptimizerStep(noise=1e-4),
            delta=1e-4,
        )

    found = games.play(game, make, 80)
    assert game.distance(found.x[-1], found.y[-1]) < 10 * math.sqrt(1e-4)


# --- the rule -----------------------------------------------------------------------------------


@pytest.mark.parametrize("response", [Counterfactual(1), KeepResponse(0)])
def test_a_move_that_is_kept_for_f_is_refused_for_a_loss_that_is_minus_f(response):
    # The cross-entropy of a discriminator is minus the value of the game.
    kept = []
    for sign in (1, -1):
        x, y = variable(2.0), variable(0.0)

        def downhill(player, closure, x=x):
            with torch.no_grad():
                x.sub_(0.1)

        method = AcceptReject(
            SGD([x], lr=0.1), SGD([y], lr=0.1), response=response, proposal=downhill
        )
        method.step(lambda sign=sign, x=x, y=y: sign * (x**2 - y**2).sum())
        kept.append(method.report.accepted)
    assert kept == [True, False]


def test_without_a_response_it_is_a_random_search():
    torch.manual_seed(0)
    x, y = variable(3.0, -2.0), variable(0.7)
    method = AcceptReject(
        SGD([x], lr=0.1), SGD([y], lr=0.1), response=Counterfactual(0), proposal=Gaussian(0.3)
    )
    torch.manual_seed(1)
    best = x.detach().clone()
    draws = torch.Generator().manual_seed(1)
    for _ in range(40):
        method.step(lambda: (x**2).sum() - (y**2).sum())
        tried = best + 0.3 * torch.randn(2, generator=draws, dtype=torch.float64)
        if (tried**2).sum() < (best**2).sum():
            best = tried
        torch.testing.assert_close(x.detach(), best)
    assert y.item() == 0.7


# --- the greedy max function where it jumps -----------------------------------------------------


def two_peaks(x, y):
    # The valley between the peaks closes at a slope of 8 / (3 sqrt(3)) = 1.5396, that is at x = 0.
    return (-((y**2 - 1) ** 2) + (1.5396 + x) * y).sum()


def greedy_max(x, y, eps=1e-2, h=1e-3):
    """The height at the end of the greedy path upwards from y, by walking it."""
    f = lambda y: -((y**2 - 1) ** 2) + (1.5396 + x) * y  # noqa: E731
    while (f(y + h) - f(y)) / h > eps or (f(y + 2 * h) - 2 * f(y + h) + f(y)) / h**2 > eps**0.5:
        y += h
    return f(y)


def test_the_check_agrees_with_brute_force_where_the_greedy_max_jumps():
    sigma, at, left = 0.1, 0.05, -0.8
    z = torch.linspace(-5, 5, 201, dtype=torch.float64)
    heights = torch.tensor([greedy_max(at + sigma * part.item(), left) for part in z])
    height = greedy_max(at, left)
    assert height - heights.min() > 2.5  # the jump
    density = torch.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    slope = torch.trapezoid(z * (heights - height).clamp_max(0) * density, z).item() / sigma
    x, y = variable(at), variable(left)
    torch.manual_seed(0)
    found = check_greedy_equilibrium(lambda: two_peaks(x, y), [x], [y], sigma=sigma, n_pairs=40)
    assert found.min_gradient.low <= slope <= found.min_gradient.high
    assert math.isfinite(found.min_gradient.high)
    assert found.min_gradient.value == pytest.approx(slope, rel=0.1)
