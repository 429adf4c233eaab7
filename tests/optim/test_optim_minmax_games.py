"""What the first-order methods do on games with known answers, their failures among it."""

from __future__ import annotations

import pytest
import torch

from equipoise.optim.minmax import Alternating, Extragradient, Optimistic, Simultaneous, games


def gda(method, rate, **settings):
    return lambda x, y, gx, gy: method(
        torch.optim.SGD(x, lr=rate),
        torch.optim.SGD(y, lr=rate),
        min_geometry=gx,
        max_geometry=gy,
        **settings,
    )


METHODS = {
    "simultaneous": (Simultaneous, {}),
    "alternating": (Alternating, {}),
    "optimistic": (Optimistic, {}),
    "extragradient": (Extragradient, {}),
    "past": (Extragradient, {"extrapolation": "past"}),
}
# Game, rate, steps, and what each method does there.
EXPECTED = [
    (games.bilinear(), 0.2, 300, "diverges cycles solves solves solves"),
    (games.bilinear(5.0), 0.2, 300, "cycles cycles solves solves solves"),
    (games.no_saddle(), 0.05, 300, "diverges diverges diverges diverges diverges"),
    (games.convex_response(), 0.05, 300, "settles elsewhere " * 5),
    (games.bell(), 0.05, 600, "cycles cycles cycles cycles cycles"),
    (games.wave(), 0.1, 600, "diverges diverges diverges diverges diverges"),
    (games.dirac_gan(), 0.5, 600, "cycles cycles solves solves solves"),
    (games.quadratic(10), 0.1, 300, "solves solves solves solves solves"),
]
CASES = [
    pytest.param(game, rate, steps, name, outcome, id=f"{game.name}-{name}")
    for game, rate, steps, outcomes in EXPECTED
    for name, outcome in zip(
        METHODS, outcomes.replace("settles elsewhere", "elsewhere").split(), strict=True
    )
]


@pytest.mark.parametrize(("game", "rate", "steps", "name", "outcome"), CASES)
def test_a_method_does_on_a_game_what_is_known_of_it(game, rate, steps, name, outcome):
    method, settings = METHODS[name]
    found = games.play(game, gda(method, rate, **settings), steps)
    assert found.outcome.removeprefix("settles ") == outcome


def test_descent_ascent_is_drawn_to_the_origin_of_a_response_that_is_convex():
    found = games.play(games.convex_response(), gda(Simultaneous, 0.05), 300)
    assert found.x[-1].norm() + found.y[-1].norm() < 1e-6


@pytest.mark.parametrize("d", [2, 10, 50])
def test_the_quadratic_saddle_is_a_point_without_gradient(d):
    game = games.quadratic(d, seed=1)
    found = games.play(game, gda(Extragradient, 0.1), 400)
    x, y = found.x[-1].requires_grad_(), found.y[-1].requires_grad_()
    slopes = torch.autograd.grad(game.value(x, y), (x, y))
    assert found.outcome == "solves"
    assert max(g.abs().max() for g in slopes) < 1e-3


def test_the_embedded_bell_is_the_bell_along_its_direction():
    direction = torch.nn.functional.normalize(torch.randn(7, dtype=torch.float64), dim=0)
    x, y = torch.tensor([1.3], dtype=torch.float64), torch.tensor([0.4], dtype=torch.float64)
    plain, embedded = games.bell().value(x, y), games.embedded_bell(direction)
    assert embedded.value(1.3 * direction, y).item() == pytest.approx(plain.item())
