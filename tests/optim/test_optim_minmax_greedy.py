"""Second-order ascent, the greedy equilibrium, and the check of one."""

from __future__ import annotations

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from scipy.stats import chi, kstest, norm

from equipoise.optim.minmax import (
    Box,
    Counterfactual,
    GreedyAdversarial,
    SecondOrderAscent,
    check_greedy_equilibrium,
    games,
)
from equipoise.optim.minmax.geometry import Euclidean
from equipoise.optim.minmax.intervals import derivatives
from equipoise.optim.minmax.lanczos import largest
from equipoise.optim.minmax.player import Player
from equipoise.optim.minmax.smoothing import Draws, directions


def variable(*values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def maximizer(y, geometry=None):
    return Player("maximizer", torch.optim.SGD([y], lr=0.1), geometry or Euclidean())


# --- the answer ---------------------------------------------------------------------------------


def test_lanczos_finds_the_largest_eigenvalue_and_its_vector():
    torch.manual_seed(0)
    a = torch.randn(30, 30, dtype=torch.float64)
    a = (a + a.T) / 2
    found = largest(lambda v: [a @ v[0]], [torch.zeros(30, dtype=torch.float64)], n_steps=30)
    assert found.value == pytest.approx(torch.linalg.eigvalsh(a)[-1].item())
    assert found.residual < 1e-8
    assert torch.allclose(a @ found.vector[0], found.value * found.vector[0], atol=1e-7)
    few = largest(lambda v: [a @ v[0]], [torch.zeros(30, dtype=torch.float64)], n_steps=8)
    assert few.value < found.value
    off = (a @ few.vector[0] - few.value * few.vector[0]).norm().item()
    assert few.residual == pytest.approx(off)


def two_peaks(y):
    return -(y[0] ** 2) + y[1] ** 2 - y[1] ** 4 - y[2] ** 2 + 0.5 * y[0] * y[1]


def test_the_ascent_leaves_a_strict_saddle_for_a_second_order_maximum():
    y, eps = variable(0.0, 0.0, 0.0), 1e-3
    found = SecondOrderAscent(tolerance=eps).answer(maximizer(y), lambda: two_peaks(y))
    end = y.detach()
    assert found.reached
    assert abs(end[1].item()) > 0.5
    assert torch.autograd.functional.jacobian(two_peaks, end).norm() <= eps
    hessian = torch.autograd.functional.hessian(two_peaks, end)
    assert torch.linalg.eigvalsh(hessian)[-1] <= math.sqrt(eps)


def accepted_heights(value, y, **settings):
    heights = []
    for limit in range(1, 200):
        start = y.detach().clone()
        found = SecondOrderAscent(limit=limit, **settings).answer(maximizer(y), value)
        heights.append(value().item())
        if found.reached:
            return heights
        with torch.no_grad():
            y.copy_(start)
    raise AssertionError("no end")


def test_the_value_rises_from_segment_to_segment():
    x, y = variable(2.0), variable(-3.0)
    heights = accepted_heights(lambda: games.bell().value(x, y), y)
    assert len(heights) > 10
    assert all(b > a for a, b in itertools.pairwise(heights))


def greedy_max(f, y, eps, reach=12.0, h=1e-3):
    """The best end of a greedy path from y for a function of one number, by walking both ways."""
    best = f(y)
    for sign in (1, -1):
        z, here = y, f(y)
        while abs(z) < reach:
            after = f(z + sign * h)
            rise = (after - here) / h
            bend = (f(z + 2 * sign * h) - 2 * after + here) / h**2
            if rise < -1e-9 or not (rise > eps or bend > math.sqrt(eps)):
                break
            z, here = z + sign * h, after
        best = max(best, here)
    return best


@pytest.mark.parametrize("start", [-4.0, -1.0, 0.0, 0.7, 3.0])
@pytest.mark.parametrize("unimodal", [True, False])
def test_the_answer_is_between_the_start_and_the_greedy_max(start, unimodal):
    def f(y):
        if unimodal:
            return -((y - 1) ** 2) / 4
        return math.sin(2 * y) - y**2 / 20 if isinstance(y, float) else torch.sin(2 * y) - y**2 / 20

    y, eps = variable(start), 1e-2
    found = SecondOrderAscent(tolerance=eps, radius=0.02).answer(maximizer(y), lambda: f(y).sum())
    h, g = f(y.item()), greedy_max(f, start, eps)
    assert found.reached
    assert f(start) <= h <= g + 1e-3
    if unimodal:
        assert h == pytest.approx(g, abs=1e-3)


def test_the_ascent_ends_at_the_edge_of_a_set():
    y = variable(0.0)
    found = SecondOrderAscent().answer(maximizer(y, Box(-2, 3)), lambda: (y**2 + 0.5 * y).sum())
    assert found.reached
    assert y.item() == 3.0


def test_an_ascent_without_end_is_given_up():
    y = variable(0.0)
    assert not SecondOrderAscent(limit=30).answer(maximizer(y), lambda: y.sum()).reached


# --- the check ----------------------------------------------------------------------------------


def check(value, x, y, *, n_pairs=150, sigma=0.1, seed=0, **settings):
    torch.manual_seed(seed)
    return check_greedy_equilibrium(value, [x], [y], sigma=sigma, n_pairs=n_pairs, **settings)


def normal_mean(f, n=200_001):
    z = torch.linspace(-9, 9, n, dtype=torch.float64)
    return torch.trapezoid(f(z) * torch.exp(-(z**2) / 2), z).item() / math.sqrt(2 * math.pi)


GREEDY = {
    "kink": (lambda x: x.abs(), 0.3),
    "bowl": (lambda x: x**2, 0.5),
    "step": (lambda x: (x > 0).to(x), 0.05),
}


@pytest.mark.parametrize("name", GREEDY)
def test_derivatives_of_the_smoothing_are_those_of_the_integral(name):
    g, at = GREEDY[name]
    x, y, sigma = variable(at), variable(0.0), 0.1
    found = check(lambda: (g(x) - y**2).sum(), x, y, n_pairs=300, sigma=sigma)

    def truncated(z):
        here = torch.tensor(at, dtype=torch.float64)
        return (g(here + sigma * z) - g(here)).clamp_max(0)

    slope = normal_mean(lambda z: z * truncated(z)) / sigma
    bend = normal_mean(lambda z: (z**2 - 1) * truncated(z)) / sigma**2
    assert found.min_gradient.low <= slope <= found.min_gradient.high
    assert found.min_curvature.low <= bend <= found.min_curvature.high
    assert found.min_gradient.high - found.min_gradient.low < slope
    assert found.verdict == "no equilibrium"


def around_a_bowl(z):
    return (0.2 * z + 0.01 * z**2).clamp_max(0)


def rarely_lower(z):
    return -0.05 * (z > 1.5).to(z)


def lower_all_around(z):
    return -0.02 * z**2


@pytest.mark.parametrize("truncated", [around_a_bowl, rarely_lower, lower_all_around])
@pytest.mark.parametrize("n", [40, 400])
def test_intervals_cover_the_truth_as_often_as_they_say(truncated, n):
    sigma, n_runs, covered = 0.1, 60, torch.zeros(2)
    slope = abs(normal_mean(lambda z: z * truncated(z))) / sigma
    bend = normal_mean(lambda z: (z**2 - 1) * truncated(z)) / sigma**2
    torch.manual_seed(0)
    for _ in range(n_runs):
        z = directions([torch.zeros(1, dtype=torch.float64)], n)
        values = [truncated(sign * torch.cat([part for (part,) in z])).tolist() for sign in (1, -1)]
        found = derivatives(Draws(z, *values), sigma, 0.95)
        covered += torch.tensor(
            [a.low - 1e-9 <= b <= a.high + 1e-9 for a, b in zip(found, (slope, bend), strict=True)]
        )
    # Of 60 at 95%, 52 or fewer in two runs of a hundred.
    assert (covered > 52).all()


@pytest.mark.parametrize("d", [1, 3])
def test_directions_are_normal_and_one_of_each_shell(d):
    torch.manual_seed(0)
    z = torch.stack([torch.cat(z) for z in directions([torch.zeros(d, dtype=torch.float64)], 4000)])
    levels = chi.cdf(z.norm(dim=1).numpy(), d)
    assert (np.floor(levels * 4000) == np.arange(4000)).all()
    assert kstest(z[:, 0].numpy(), norm.cdf).pvalue > 1e-3
    assert (z.T @ z / 4000).numpy() == pytest.approx(np.eye(d), abs=0.06)


KNOWN = [
    (games.no_saddle(), 0.0, 0.0, None, "equilibrium"),
    (games.no_saddle(), 1.0, 2.0, None, "no equilibrium"),
    (games.convex_response(), 0.0, 10.0, 10.0, "no equilibrium"),
    (games.bell(), 0.0, 0.0, None, "equilibrium"),
    (games.bell(), -5.0, -2.79, None, "no equilibrium"),
    (games.wave(), 1.0, math.pi / 2 - 1, None, "equilibrium"),
    (games.bilinear(), 0.5, 5.0, 5.0, "no equilibrium"),
]


@pytest.mark.parametrize(("game", "a", "b", "box", "verdict"), KNOWN)
def test_the_check_knows_the_equilibria_of_known_games(game, a, b, box, verdict):
    x, y = variable(a), variable(b)
    geometry = None if box is None else Box(-box, box)
    found = check(lambda: game.value(x, y), x, y, n_pairs=50, max_geometry=geometry)
    assert found.verdict == verdict
    assert (x.item(), y.item()) == (a, b)


def test_a_minimum_in_y_is_refused_for_its_curvature_though_descent_ascent_ends_there():
    game, x, y = games.convex_response(), variable(0.0), variable(0.0)
    found = check(lambda: game.value(x, y), x, y, n_pairs=3, max_geometry=Box(-10, 10))
    assert found.max_gradient == 0
    assert found.max_curvature.low == pytest.approx(2)
    assert found.verdict == "no equilibrium"


def test_a_point_that_nothing_improves_has_a_bound_on_what_was_not_seen():
    x, y = variable(0.0), variable(0.0)
    found = check(lambda: (x.abs() - y**2).sum(), x, y, n_pairs=59)
    assert found.improving.value == 0
    assert found.improving.high == pytest.approx(1 - 0.05 ** (1 / 59))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sigma": 0.0}, "sigma"),
        ({"tolerance": -1.0}, "tolerance"),
        ({"n_pairs": 1}, "n_pairs"),
        ({"confidence": 1.0}, "confidence"),
    ],
)
def test_settings_out_of_range_are_refused(settings, words):
    x, y = variable(0.0), variable(0.0)
    with pytest.raises(ValueError, match=words):
        check(lambda: (x * y).sum(), x, y, **settings)


def test_a_game_too_large_or_without_answer_is_refused():
    x, y = variable(*[0.0] * 101), variable(1.0)
    with pytest.raises(ValueError, match="101 coordinates"):
        check(lambda: (x * y).sum(), x, y)
    x = variable(1.0)
    with pytest.raises(ValueError, match="no end"):
        check(lambda: (x * y).sum(), x, y, response=SecondOrderAscent(limit=5))


# --- the search ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "game", [games.no_saddle(), games.bell(), games.wave()], ids=lambda game: game.name
)
def test_the_search_ends_at_an_equilibrium(game):
    torch.manual_seed(0)
    x, y = (variable(*part) for part in game.start)
    method = GreedyAdversarial(
        torch.optim.SGD([x], lr=0.05),
        torch.optim.SGD([y], lr=0.1),
        sigma=0.3,
        delta=0.01,
        patience=25,
        n_descent=5,
        n_pairs=4,
    )
    for _ in range(300):
        method.step(lambda: game.value(x, y))
        if method.stopped:
            break
    assert method.stopped
    assert game.distance(x.detach(), y.detach()) < 0.25


class Sphere:
    """A bowl in 20 dimensions, where no single draw gains enough and a run of descent does."""

    def __init__(self, lr=0.1):
        self.x = torch.full((20,), 0.5, dtype=torch.float64, requires_grad=True)
        self.y = variable(0.3)
        self.method = GreedyAdversarial(
            torch.optim.SGD([self.x], lr=lr, momentum=0.5),
            torch.optim.SGD([self.y], lr=0.1),
            sigma=0.02,
            delta=0.6,
            patience=3,
            n_descent=8,
            n_pairs=20,
        )

    def run(self, n):
        for _ in range(n):
            self.method.step(lambda: (self.x**2).sum() - (self.y**2).sum())
        return self


def test_descent_on_the_smoothing_goes_on_where_hill_climbing_fails():
    torch.manual_seed(0)
    game = Sphere().run(4)
    assert game.method.n_descents == 1
    assert not game.method.stopped
    assert (game.x**2).sum().item() < 5 - 0.6


def test_a_descent_without_gain_is_rolled_back():
    torch.manual_seed(0)
    game = Sphere(lr=1e-9).run(3)
    x, y = game.x.detach().clone(), game.y.detach().clone()
    state = copy.deepcopy(game.method.minimizer.state_dict())
    game.run(1)
    assert game.method.stopped
    assert torch.equal(game.x, x)
    assert torch.equal(game.y, y)
    assert game.method.minimizer.state_dict() == state


def test_the_search_resumes_bit_for_bit():
    torch.manual_seed(0)
    whole = Sphere().run(2)
    x, y = whole.x.detach().clone(), whole.y.detach().clone()
    state, random = whole.method.state_dict(), torch.get_rng_state()
    whole.run(4)
    resumed = Sphere().run(1)
    with torch.no_grad():
        resumed.x.copy_(x)
        resumed.y.copy_(y)
    resumed.method.load_state_dict(state)
    torch.set_rng_state(random)
    resumed.run(4)
    assert torch.equal(resumed.x, whole.x)
    assert resumed.method.n_descents == whole.method.n_descents >= 1


def test_a_response_that_does_not_come_to_rest_is_refused():
    x, y = variable(0.0), variable(0.0)
    with pytest.raises(ValueError, match="does not bring y to rest"):
        GreedyAdversarial(
            torch.optim.SGD([x], lr=0.1),
            torch.optim.SGD([y], lr=0.1),
            sigma=0.1,
            delta=0.1,
            response=Counterfactual(3),
        )
