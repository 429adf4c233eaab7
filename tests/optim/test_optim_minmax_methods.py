"""First-order min-max methods: their steps, their sign, their sets, how they go on."""

from __future__ import annotations

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from equipoise.optim.minmax import (
    Alternating,
    Box,
    ExponentiatedGradient,
    Extragradient,
    Optimistic,
    Proximal,
    Simplex,
    Simultaneous,
)

METHODS = {
    "simultaneous": (Simultaneous, {}),
    "alternating": (Alternating, {"k": 3}),
    "optimistic": (Optimistic, {}),
    "extragradient": (Extragradient, {}),
    "past": (Extragradient, {"extrapolation": "past"}),
}
OPTIMIZERS = {
    "SGD": lambda p, **s: torch.optim.SGD(p, lr=0.1, momentum=0.5, weight_decay=0.01, **s),
    "Adam": lambda p, **s: torch.optim.Adam(p, lr=0.05, **s),
}


def variables(*values):
    return [torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in values]


def game(x, y):
    return (0.3 * x**2 + x * y - 0.2 * y**2 + torch.sin(x * y)).sum()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("base", OPTIMIZERS)
def test_a_maximizer_goes_up_whether_or_not_its_optimizer_says_so(name, base):
    method, settings = METHODS[name]
    ends = []
    for maximize in (False, True):
        x, y = variables(0.7, -0.4)
        optimizer = method(
            OPTIMIZERS[base]([x]), OPTIMIZERS[base]([y], maximize=maximize), **settings
        )
        for _ in range(5):
            optimizer.step(lambda x=x, y=y: game(x, y))
        ends.append((x.item(), y.item()))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("name", ["simultaneous", "optimistic", "extragradient", "past"])
def test_the_negative_of_the_value_has_the_players_change_places(name):
    method, settings = METHODS[name]
    (x, y), (u, v) = variables(0.7, -0.4), variables(0.7, -0.4)
    one = method(torch.optim.Adam([x]), torch.optim.Adam([y]), **settings)
    other = method(torch.optim.Adam([v]), torch.optim.Adam([u]), **settings)
    for _ in range(5):
        one.step(lambda: game(x, y))
        other.step(lambda: -game(u, v))
    assert (x.item(), y.item()) == (u.item(), v.item())


def slopes(x, y):
    a, b = torch.tensor(x, requires_grad=True), torch.tensor(y, requires_grad=True)
    return torch.autograd.grad(game(a, b), (a, b))


def test_first_steps_are_those_of_the_formulas():
    rate, start = 0.1, (0.7, -0.4)
    gx, gy = slopes(*start)
    ahead = (start[0] - rate * gx.item(), start[1] + rate * gy.item())
    ax, ay = slopes(*ahead)
    _, up = slopes(ahead[0], start[1])
    wanted = {
        "simultaneous": ahead,
        "alternating": (ahead[0], start[1] + rate * up.item()),
        "extragradient": (start[0] - rate * ax.item(), start[1] + rate * ay.item()),
    }
    for name, (a, b) in wanted.items():
        x, y = variables(*start)
        METHODS[name][0](torch.optim.SGD([x], lr=rate), torch.optim.SGD([y], lr=rate)).step(
            lambda x=x, y=y: game(x, y)
        )
        assert x.item() == pytest.approx(a, abs=1e-6)
        assert y.item() == pytest.approx(b, abs=1e-6)


def test_optimistic_sgd_steps_by_twice_the_gradient_less_the_last_one():
    x, y = variables(0.7, -0.4)
    optimizer = Optimistic(torch.optim.SGD([x], lr=0.1), torch.optim.SGD([y], lr=0.1))
    before = [torch.autograd.grad(game(x, y), (x, y))]
    optimizer.step(lambda: game(x, y))
    start = x.item(), y.item()
    before.append(torch.autograd.grad(game(x, y), (x, y)))
    optimizer.step(lambda: game(x, y))
    (ox, oy), (gx, gy) = before
    assert x.item() == pytest.approx(start[0] - 0.1 * (2 * gx - ox).item())
    assert y.item() == pytest.approx(start[1] + 0.1 * (2 * gy - oy).item())


def test_past_extragradient_evaluates_once_a_step_after_the_first():
    x, y = variables(0.7, -0.4)
    optimizer = Extragradient(
        torch.optim.SGD([x], lr=0.1), torch.optim.SGD([y], lr=0.1), extrapolation="past"
    )
    calls = []
    for _ in range(4):
        optimizer.step(lambda: calls.append(0) or game(x, y))
    assert len(calls) == 5


class Networks:
    def __init__(self, method, settings):
        torch.manual_seed(0)
        self.g = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 2))
        self.d = nn.Sequential(nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 1))
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

    def values(self):
        both = (*self.g.parameters(), *self.d.parameters())
        return torch.cat([p.detach().flatten() for p in both])


@pytest.mark.parametrize("name", METHODS)
def test_a_run_resumes_bit_for_bit(name):
    whole = Networks(*METHODS[name]).run(3)
    kept = copy.deepcopy((whole.g.state_dict(), whole.d.state_dict(), torch.get_rng_state()))
    state = whole.optimizer.state_dict()
    wanted = whole.run(3).values()
    resumed = Networks(*METHODS[name]).run(1)
    resumed.g.load_state_dict(kept[0])
    resumed.d.load_state_dict(kept[1])
    resumed.optimizer.load_state_dict(state)
    torch.set_rng_state(kept[2])
    assert torch.equal(resumed.run(3).values(), wanted)
    assert resumed.optimizer.n_steps == 6


def test_parameters_stay_in_their_sets():
    x = torch.tensor([0.0, 0.0], requires_grad=True)
    y = torch.tensor([0.25, 0.75], requires_grad=True)
    losses = torch.tensor([1.0, 4.0])
    optimizer = Alternating(
        torch.optim.SGD([x], lr=1.0),
        torch.optim.SGD([y], lr=1.0),
        min_geometry=Box(-1, 1),
        max_geometry=Simplex(),
    )
    for _ in range(10):
        optimizer.step(lambda: y @ (losses * (x - 3) ** 2))
    assert x.tolist() == [1.0, 1.0]
    assert y.tolist() == [0.0, 1.0]


def test_exponentiated_gradient_is_the_multiplicative_update():
    y = torch.tensor([0.25, 0.75], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    losses = torch.tensor([1.0, 4.0], dtype=torch.float64)
    optimizer = Simultaneous(torch.optim.SGD([x], lr=0.1), ExponentiatedGradient([y], lr=0.5))
    optimizer.step(lambda: (y * losses).sum() + (x**2).sum())
    weights = torch.tensor([0.25, 0.75], dtype=torch.float64) * torch.exp(0.5 * losses)
    assert torch.allclose(y, weights / weights.sum())


def test_projection_on_the_simplex_is_the_closest_point():
    torch.manual_seed(0)
    x = torch.randn(50, 5, dtype=torch.float64)
    (found,) = Simplex().project([x])
    assert torch.allclose(found.sum(-1), torch.ones(50, dtype=torch.float64))
    assert (found >= 0).all()
    # Closest: x - P(x) makes no acute angle with any direction into the set.
    others = torch.distributions.Dirichlet(torch.ones(5, dtype=torch.float64)).sample((50, 50))
    assert (((x - found)[:, None] * (others - found[:, None])).sum(-1) < 1e-12).all()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=8))
def test_projection_on_the_simplex_keeps_the_order_and_what_is_in_it(values):
    (once,) = Simplex().project([torch.tensor(values, dtype=torch.float64)])
    (twice,) = Simplex().project([once])
    assert once.sum().item() == pytest.approx(1)
    assert torch.allclose(once, twice, atol=1e-9)
    order = torch.tensor(values).argsort()
    assert (once[order].diff() >= -1e-9).all()


def test_the_gradient_mapping_is_zero_at_an_edge_that_the_gradient_points_out_of():
    edge, inside = [torch.tensor([1.0, 0.0])], [torch.tensor([0.5, 0.5])]
    uphill = [torch.tensor([3.0, 1.0])]
    assert Simplex().stationarity(edge, uphill) == 0
    assert Simplex().stationarity(inside, uphill) > 0
    ball = Proximal(lambda x: x / x.norm().clamp_min(1.0))
    assert ball.stationarity(edge, [torch.tensor([3.0, 0.0])]) == pytest.approx(0)


def adam(p):
    return torch.optim.Adam([p])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda x, y: Simultaneous(adam(x), "Adam"), TypeError, "maximizer must be a torch"),
        (
            lambda x, y: Simultaneous(torch.optim.Adam([x], maximize=True), adam(y)),
            ValueError,
            "minimizer maximises",
        ),
        (lambda x, y: Simultaneous(adam(x), adam(x)), ValueError, "share a parameter"),
        (lambda x, y: Alternating(adam(x), adam(y), k=0), ValueError, "k must be"),
        (
            lambda x, y: Simultaneous(adam(x), adam(y), max_geometry=Box(2, 3)),
            ValueError,
            "start outside its Box",
        ),
        (
            lambda x, y: Simultaneous(adam(x), adam(y), max_geometry="box"),
            TypeError,
            "geometry of the maximizer",
        ),
        (lambda x, y: Optimistic(adam(x), adam(y), strength=0), ValueError, "strength"),
        (lambda x, y: Box(1, 1), ValueError, "low must be below high"),
        (lambda x, y: ExponentiatedGradient([y]), ValueError, "sum to 1"),
    ],
)
def test_what_makes_no_game_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make(*variables(0.0, 0.5))


NO_VALUES = [
    (lambda x, y: x, ValueError, "must be a scalar"),
    (lambda x, y: 1.0, TypeError, "must return a tensor"),
    (lambda x, y: (x * y).sum() * float("nan"), FloatingPointError, "value of the game is nan"),
    (lambda x, y: (x**2).sum(), ValueError, "does not depend on the maximizer"),
]


@pytest.mark.parametrize(
    ("name", "case"),
    # Alternating has moved the minimizer before it asks of the maximizer.
    [(n, c) for n in METHODS for c in NO_VALUES if n != "alternating" or c is not NO_VALUES[-1]],
)
def test_a_step_that_fails_moves_nobody(name, case):
    closure, error, words = case
    x, y = torch.tensor([0.5, 0.5], requires_grad=True), torch.tensor([1.0], requires_grad=True)
    method, settings = METHODS[name]
    optimizer = method(torch.optim.Adam([x]), torch.optim.Adam([y]), **settings)
    with pytest.raises(error, match=words):
        optimizer.step(lambda: closure(x, y))
    assert x.tolist() == [0.5, 0.5]
    assert y.tolist() == [1.0]


@pytest.mark.parametrize("name", METHODS)
def test_a_step_under_autocast_sees_what_its_own_moves_change(name):
    method, settings = METHODS[name]
    cast = {"device_type": "cpu", "dtype": torch.bfloat16}
    ends = []
    for around in (False, True):
        torch.manual_seed(0)
        x, y = nn.Linear(3, 2), nn.Linear(2, 1)
        rows = torch.randn(8, 3)
        step = method(
            torch.optim.SGD(x.parameters(), lr=0.5),
            torch.optim.SGD(y.parameters(), lr=0.5),
            **settings,
        ).step

        def value(x=x, y=y, rows=rows):
            with torch.autocast(**cast):
                return y(x(rows)).mean() - (y.weight**2).sum()

        for _ in range(3):
            if around:
                with torch.autocast(**cast):
                    step(value)
            else:
                step(value)
        ends.append(torch.cat([p.detach().flatten() for p in (*x.parameters(), *y.parameters())]))
    torch.testing.assert_close(*ends)
