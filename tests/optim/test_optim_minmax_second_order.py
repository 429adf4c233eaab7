"""Methods that use second derivatives: their formulas, and what they do on known games."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from equipoise.optim.minmax import (
    Competitive,
    Consensus,
    FollowTheRidge,
    Symplectic,
    Unrolled,
    games,
)
from equipoise.optim.minmax.second_derivatives import solve

METHODS = {
    "consensus": (Consensus, {"gamma": 0.5}),
    "symplectic": (Symplectic, {"strength": 0.5}),
    "ridge": (FollowTheRidge, {}),
    "competitive": (Competitive, {}),
    "unrolled": (Unrolled, {"n_ahead": 3, "rate": 0.3}),
}
GAMES = [
    (games.bilinear(), 0.2, 300, "solves solves diverges solves solves"),
    (games.no_saddle(), 0.05, 200, "solves diverges solves diverges solves"),
    # The origin, where the response is a minimum, is a point without gradient.
    (games.convex_response(), 0.05, 300, "elsewhere elsewhere cycles elsewhere -"),
    (games.bell(), 0.05, 300, "solves cycles solves cycles solves"),
    (games.wave(), 0.1, 300, "solves solves solves diverges solves"),
    (games.dirac_gan(), 0.5, 300, "solves solves diverges solves solves"),
    (games.quadratic(5), 0.1, 150, "solves solves solves solves solves"),
]
CASES = [
    pytest.param(game, rate, steps, name, outcome, id=f"{game.name}-{name}")
    for game, rate, steps, outcomes in GAMES
    for name, outcome in zip(METHODS, outcomes.split(), strict=True)
    if outcome != "-"
]


@pytest.mark.parametrize(("game", "rate", "steps", "name", "outcome"), CASES)
def test_a_method_does_on_a_game_what_is_known_of_it(game, rate, steps, name, outcome):
    method, settings = METHODS[name]
    if name == "consensus" and game.name in {"no saddle", "convex response", "bell"}:
        settings = {"gamma": 0.1}  # the curvature is an order of magnitude larger

    def make(x, y, gx, gy):
        sets = (
            {"min_geometry": gx} if method is Unrolled else {"min_geometry": gx, "max_geometry": gy}
        )
        return method(torch.optim.SGD(x, lr=rate), torch.optim.SGD(y, lr=rate), **sets, **settings)

    assert games.play(game, make, steps).outcome.removeprefix("settles ") == outcome


class Quartic:
    """A game in 3 + 2 dimensions without symmetries, and its derivatives by torch."""

    def __init__(self):
        torch.manual_seed(3)
        self.x = torch.randn(3, dtype=torch.float64, requires_grad=True)
        self.y = torch.randn(2, dtype=torch.float64, requires_grad=True)
        self.a = torch.randn(3, 2, dtype=torch.float64)

    def __call__(self, x=None, y=None):
        x, y = self.x if x is None else x, self.y if y is None else y
        return (x**3).sum() / 3 + torch.sin(x @ self.a @ y) - (y**4).sum() / 4 - (y**2).sum()

    def derivatives(self):
        x, y = self.x.detach().clone(), self.y.detach().clone()
        z = torch.cat([x, y])
        f = lambda z: self(z[:3], z[3:])  # noqa: E731
        g = torch.autograd.functional.jacobian(f, z)
        h = torch.autograd.functional.hessian(f, z)
        return x, y, g[:3], g[3:], h

    def moves(self, method, rates=(0.1, 0.2), **settings):
        r, s = rates
        sgd = torch.optim.SGD
        method(sgd([self.x], lr=r), sgd([self.y], lr=s), **settings).step(lambda: self())
        return self.x.detach(), self.y.detach()


def test_consensus_adds_the_gradient_of_half_the_squared_norm():
    game = Quartic()
    x, y, gx, gy, h = game.derivatives()
    n = h @ torch.cat([gx, gy])
    nx, ny = game.moves(Consensus, gamma=0.3)
    assert torch.allclose(nx, x - 0.1 * (gx + 0.3 * n[:3]))
    assert torch.allclose(ny, y + 0.2 * (gy - 0.3 * n[3:]))


def test_symplectic_adjustment_is_that_of_the_jacobian_of_the_field():
    game = Quartic()
    x, y, gx, gy, h = game.derivatives()
    sign = torch.tensor([1.0, 1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    field, jacobian = sign * torch.cat([gx, gy]), sign[:, None] * h
    turned = (jacobian - jacobian.T).T @ field / 2
    slope = jacobian.T @ field
    aligned = torch.sign((field @ slope) * (turned @ slope) / 5 + 0.1)
    d = field + aligned * 0.7 * turned
    nx, ny = game.moves(Symplectic, strength=0.7)
    assert torch.allclose(nx, x - 0.1 * d[:3])
    assert torch.allclose(ny, y - 0.2 * d[3:])


def test_the_symplectic_sign_turns_at_an_unstable_point():
    # Both players are pushed outwards, and the adjustment is not to pull them back.
    x, y = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (40.0, 20.0))
    optimizer = Symplectic(torch.optim.SGD([x], lr=0.1), torch.optim.SGD([y], lr=0.1))
    optimizer.step(lambda: (-(x**2) + y**2 + 3 * x * y).sum())
    # xi = (-20, -160), A^T xi = (480, -60), and the sign is negative.
    assert x.item() == pytest.approx(40 - 0.1 * (-20 - 480))
    assert y.item() == pytest.approx(20 - 0.1 * (-160 + 60))


def test_the_ridge_carries_y_by_the_slope_of_its_best_answer():
    game = Quartic()
    x, y, gx, gy, h = game.derivatives()
    dx = -0.1 * gx
    carried = -torch.linalg.solve(h[3:, 3:], h[3:, :3] @ dx)
    nx, ny = game.moves(FollowTheRidge)
    assert torch.allclose(nx, x + dx)
    assert torch.allclose(ny, y + 0.2 * gy + carried, atol=1e-6)


def test_competitive_moves_are_the_equilibrium_of_the_bilinear_game():
    game = Quartic()
    x, y, gx, gy, h = game.derivatives()
    c = h[:3, 3:]
    nx, ny = game.moves(Competitive)
    dx, dy = nx - x, ny - y
    # Each is the best answer to the other, at a price of |d|^2 / (2 rate).
    assert torch.allclose(dx, -0.1 * (gx + c @ dy), atol=1e-6)
    assert torch.allclose(dy, 0.2 * (gy + c.T @ dx), atol=1e-6)


def test_unrolled_gradient_is_that_of_finite_differences():
    game = Quartic()
    x, y, _, gy, _ = game.derivatives()

    def ahead(x):
        z = y.clone()
        for _ in range(4):
            z = z.requires_grad_()
            z = (z + 0.15 * torch.autograd.grad(game(x, z), z)[0]).detach()
        return game(x, z).item()

    h = 1e-6 * torch.eye(3, dtype=torch.float64)
    slope = torch.tensor([(ahead(x + e) - ahead(x - e)) / 2e-6 for e in h], dtype=torch.float64)
    nx, ny = game.moves(Unrolled, n_ahead=4, rate=0.15)
    assert torch.allclose(nx, x - 0.1 * slope, atol=1e-8)
    assert torch.allclose(ny, y + 0.2 * gy)


def test_conjugate_gradients_solve_a_definite_system():
    torch.manual_seed(0)
    root = torch.randn(6, 6, dtype=torch.float64)
    a, b = root @ root.T + torch.eye(6, dtype=torch.float64), torch.randn(6, dtype=torch.float64)
    (z,) = solve(lambda v: [a @ v[0]], [b], 20, 1e-12)
    assert torch.allclose(z, torch.linalg.solve(a, b))


class Networks:
    def __init__(self, method, settings):
        torch.manual_seed(0)
        self.g = nn.Sequential(
            nn.Linear(2, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Dropout(0.2), nn.Linear(5, 2)
        )
        self.d = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1))
        self.optimizer = method(
            torch.optim.Adam(self.g.parameters(), lr=0.01),
            torch.optim.Adam(self.d.parameters(), lr=0.01),
            **settings,
        )

    def run(self, steps):
        for _ in range(steps):
            data, noise = torch.randn(8, 2) + 1, torch.randn(8, 2)
            self.optimizer.step(
                lambda data=data, noise=noise: (
                    nn.functional.logsigmoid(self.d(data)).mean()
                    + nn.functional.logsigmoid(-self.d(self.g(noise))).mean()
                )
            )
        return self

    def everything(self):
        return copy.deepcopy([*self.g.state_dict().values(), *self.d.state_dict().values()])


@pytest.mark.parametrize("name", METHODS)
def test_a_run_of_networks_resumes_bit_for_bit(name):
    whole = Networks(*METHODS[name]).run(2)
    g, d = copy.deepcopy((whole.g.state_dict(), whole.d.state_dict()))
    state, random = whole.optimizer.state_dict(), torch.get_rng_state()
    wanted = whole.run(2).everything()
    resumed = Networks(*METHODS[name]).run(1)
    resumed.g.load_state_dict(g)
    resumed.d.load_state_dict(d)
    resumed.optimizer.load_state_dict(state)
    torch.set_rng_state(random)
    found = resumed.run(2).everything()
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert all(a.isfinite().all() for a in found)


def test_what_is_ahead_leaves_running_means_alone():
    networks = Networks(*METHODS["unrolled"]).run(3)
    assert networks.g[1].num_batches_tracked == 3


def test_competitive_refuses_several_rates():
    x, y, z = (torch.ones(1, requires_grad=True) for _ in range(3))
    base = torch.optim.SGD([{"params": [x]}, {"params": [z], "lr": 0.5}], lr=0.1)
    optimizer = Competitive(base, torch.optim.SGD([y], lr=0.1))
    with pytest.raises(ValueError, match="several learning rates"):
        optimizer.step(lambda: (x * y * z).sum())


@pytest.mark.parametrize(
    ("method", "settings", "word"),
    [
        (Consensus, {"gamma": 0.0}, "gamma"),
        (Symplectic, {"strength": -1.0}, "strength"),
        (FollowTheRidge, {"n_solver_steps": 0}, "n_solver_steps"),
        (Competitive, {"n_solver_steps": 0}, "n_solver_steps"),
        (Unrolled, {"n_ahead": 0, "rate": 0.1}, "n_ahead"),
        (Unrolled, {"n_ahead": 1, "rate": 0.0}, "rate"),
    ],
)
def test_settings_out_of_range_are_refused(method, settings, word):
    x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match=word):
        method(torch.optim.SGD([x], lr=0.1), torch.optim.SGD([y], lr=0.1), **settings)
