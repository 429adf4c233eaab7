"""Accept/reject: what it finds, what it refuses, what its refusals are evidence of."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from scipy.stats import binom, norm
from torch import nn

from equipoise.optim.minmax import (
    AcceptReject,
    Annealed,
    Counterfactual,
    Gaussian,
    KeepResponse,
    Langevin,
    OptimizerStep,
    RepeatedProposalWarning,
    Response,
    ResponseLimitWarning,
    Stationary,
    StopRule,
    games,
)
from equipoise.optim.minmax.response import Answer
from equipoise.optim.minmax.stopping import upper_bound


def accept_reject(response, rate=0.05, **settings):
    return lambda x, y, gx, gy: AcceptReject(
        torch.optim.SGD(x, lr=rate),
        torch.optim.SGD(y, lr=rate),
        response=response,
        min_geometry=gx,
        max_geometry=gy,
        **settings,
    )


# --- games with known answers -------------------------------------------------------------------


def test_it_is_not_drawn_to_a_point_where_the_response_is_convex():
    torch.manual_seed(0)
    make = accept_reject(Stationary(1e-3), proposal=Gaussian(0.5), delta=0.03)
    found = games.play(games.convex_response(), make, 100)
    # The greedy maximizer is trapped at an end y of the box, and stays there while f rises towards
    # it, which for |x| < 5 it does: the value 3 x^2 + 100 - 40 |x| falls up to there.
    x, y = found.x[-1].item(), found.y[-1].item()
    assert abs(y) == 10
    assert 4 < abs(x) < 6


def test_bounded_bilinear_game_ends_at_zero():
    torch.manual_seed(0)
    make = accept_reject(Stationary(0.05), rate=1.0, proposal=Gaussian(0.5), delta=0.03)
    found = games.play(games.bilinear(5.0), make, 100)
    assert found.x[-1].abs().item() < 0.15


def test_a_crest_is_left_alone():
    make = accept_reject(Stationary(1e-3), rate=0.5, proposal=Gaussian(0.5), delta=0.03)
    found = games.play(games.wave(), make, 40)
    assert (found.x == 0).all()
    assert torch.sin(found.x[-1] + found.y[-1]).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("d", [2, 10])
def test_it_reaches_a_convex_concave_saddle_up_to_what_delta_asks_for(d):
    # A step is refused once rate |grad|^2 < delta, and the modulus of convexity is 1 / 2 or more.
    torch.manual_seed(0)
    make = accept_reject(Stationary(1e-3), rate=0.2, delta=1e-4, proposal=OptimizerStep(noise=1e-3))
    found = games.play(games.quadratic(d, seed=2), make, 60)
    error = games.quadratic(d, seed=2).distance(found.x[-1], found.y[-1])
    assert error < 10 * math.sqrt(1e-4)


def acceptance(proposal, d, n=100):
    torch.manual_seed(0)
    direction = nn.functional.normalize(torch.randn(d, dtype=torch.float64), dim=0)
    game = games.embedded_bell(direction)
    x = (2 * direction).requires_grad_()
    y = torch.tensor([5.1], dtype=torch.float64, requires_grad=True)
    method = accept_reject(Stationary(1e-2), proposal=proposal, delta=1.0)([x], [y], None, None)
    return method.certify(itertools.repeat(lambda: game.value(x, y), n)).n_improving / n


def test_gaussian_moves_of_a_fixed_length_improve_less_often_in_more_dimensions():
    shares = [acceptance(Gaussian(2.0 / math.sqrt(d)), d) for d in (2, 50)]
    assert shares[0] > 0.1
    assert shares[1] < shares[0] / 2


# --- the truncated response ---------------------------------------------------------------------


class Naive(Response):
    """k steps, compared with f before them, and all of it taken back."""

    def answer(self, maximizer, closure):
        for _ in range(5):
            maximizer.move(maximizer.gradient(closure))
        return Answer(5, None, True)


def test_a_truncated_response_compared_with_f_before_it_refuses_everything():
    torch.manual_seed(0)
    make = accept_reject(Naive(), rate=0.1, proposal=OptimizerStep(noise=0.02))
    found = games.play(games.dirac_gan(), make, 300)
    assert (found.x == 1).all()
    assert (found.y == 1).all()


@pytest.mark.parametrize(("response", "steps"), [(Counterfactual(5), 600), (KeepResponse(5), 1500)])
def test_the_honest_policies_solve_the_same_game(response, steps):
    torch.manual_seed(0)
    make = accept_reject(response, rate=0.1, proposal=OptimizerStep(noise=0.02))
    found = games.play(games.dirac_gan(), make, steps)
    assert found.x[-1].abs().item() < 0.05


# --- accounts -----------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [0.0, 0.05])
def test_without_free_passes_the_value_falls_by_delta_at_every_move(delta):
    torch.manual_seed(0)
    x, y = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (3.0, 3.0))
    method = accept_reject(Stationary(1e-2), proposal=Gaussian(0.5), delta=delta)(
        [x], [y], None, None
    )
    game, n_moves = games.bell(), 0
    for _ in range(40):
        here = x.item()
        method.step(lambda: game.value(x, y))
        report = method.report
        assert report.accepted == (report.before - report.after >= max(delta, 1e-300))
        assert report.accepted == (x.item() != here)
        n_moves += report.accepted
    assert 0 < n_moves < 40
    assert method.n_accepted == n_moves
    assert method.n_accepted + method.n_free + method.n_rejected == method.n_steps == 40


def flat(free_pass, n, seed=0):
    x, y = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    method = accept_reject(
        Counterfactual(0), proposal=Gaussian(1.0), free_pass=free_pass, seed=seed
    )([x], [y], None, None)
    for _ in range(n):
        method.step(lambda: 0 * (x * y).sum())
    return method


def test_on_a_plateau_free_passes_come_as_often_as_they_should():
    method = flat(0.25, 1000)
    assert method.n_accepted == 0
    assert binom.cdf(method.n_free, 1000, 0.25) == pytest.approx(0.5, abs=0.495)


def test_annealed_free_passes_fade():
    schedule = Annealed(100.0)
    assert [schedule(0), schedule(100), schedule(10**9)] == [1.0, pytest.approx(math.exp(-1)), 0.0]
    expected = sum(schedule(i) for i in range(500))
    assert flat(schedule, 500).n_free == pytest.approx(expected, abs=3 * math.sqrt(expected))
    assert flat(Annealed(math.inf), 20).n_free == 20


def test_a_response_takes_no_more_steps_than_the_bound():
    # |f| <= b = 1 and f is 1-smooth in y: 4 b / (rate eps^2).
    rate, eps = 0.5, 0.1
    x, y = torch.zeros(1, requires_grad=True), torch.full((1,), -1.57, requires_grad=True)
    method = accept_reject(Stationary(eps), rate=rate, proposal=Gaussian(3.0))([x], [y], None, None)
    for _ in range(50):
        method.step(lambda: torch.sin(x + y).sum())
        assert method.report.n_ascent_steps <= 4 / (rate * eps**2)
        assert method.report.stationarity <= eps


def test_a_response_without_end_is_refused_with_a_warning():
    x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    method = accept_reject(Stationary(limit=20), proposal=Gaussian(0.1), free_pass=1.0)(
        [x], [y], None, None
    )
    with pytest.warns(ResponseLimitWarning, match="after 20 steps"):
        method.step(lambda: (x * y).sum())
    assert method.report.reason == "no response"
    assert x.item() == 1


# --- evidence -----------------------------------------------------------------------------------


def test_the_stop_rule_asks_for_the_refusals_that_its_confidence_needs():
    assert StopRule(0.05, 0.95).n_rejections == 59
    assert StopRule(0.01, 0.95).n_rejections == 299


def test_it_stops_after_as_many_refusals_in_a_row():
    x, y = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    method = accept_reject(
        Stationary(), proposal=Gaussian(1.0), stop=StopRule(omega=0.2, confidence=0.9)
    )([x], [y], None, None)
    n = 0
    while not method.stopped:
        method.step(lambda: (x**2 - y**2).sum())
        n += 1
    assert n == StopRule(0.2, 0.9).n_rejections == 11


@pytest.mark.parametrize("q", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("n", [20, 100])
def test_the_certificate_covers_the_true_probability(q, n):
    covered = sum(binom.pmf(s, n, q) for s in range(n + 1) if upper_bound(s, n, 0.95) >= q)
    assert covered >= 0.95


def test_a_certificate_counts_the_proposals_that_improve_and_changes_nothing():
    torch.manual_seed(0)
    x, y = torch.zeros(1, requires_grad=True), torch.full((1,), 0.01, requires_grad=True)
    method = accept_reject(Counterfactual(1), proposal=Gaussian(1.0), delta=1.0)(
        [x], [y], None, None
    )
    found = method.certify(itertools.repeat(lambda: (x - y**2).sum(), 400))
    # The value is x but for what y adds to both sides: it falls by 1 with probability Phi(-1).
    q = norm.cdf(-1)
    assert binom.cdf(found.n_improving, 400, q) == pytest.approx(0.5, abs=0.495)
    assert q < found.omega < q + 0.1
    assert found.stationarity == pytest.approx(0.02)
    assert (found.n, found.delta, method.n_steps) == (400, 1.0, 0)
    assert (x.item(), y.item()) == (0.0, pytest.approx(0.01))


def test_a_point_without_improving_moves_is_certified():
    x, y = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    method = accept_reject(Stationary(), proposal=Gaussian(1.0))([x], [y], None, None)
    found = method.certify(itertools.repeat(lambda: (x**2 - y**2).sum(), 59))
    assert found.n_improving == 0
    assert found.omega == pytest.approx(1 - 0.05 ** (1 / 59))


def test_a_proposal_that_comes_again_is_no_evidence():
    # f falls where the gradient points, the answer to it rises.
    x, y = torch.tensor([0.5], requires_grad=True), torch.tensor([0.0], requires_grad=True)
    method = accept_reject(Counterfactual(50), rate=0.2, stop=StopRule(), delta=1.0)(
        [x], [y], None, None
    )
    value = lambda: (x * y + 0.1 * x - y**2 / 10).sum()  # noqa: E731
    method.step(value)
    with pytest.warns(RepeatedProposalWarning, match="noise"):
        method.step(value)
    assert method._in_a_row == 1
    with pytest.raises(ValueError, match="drawn twice"):
        method.certify([value, value])


# --- proposals ----------------------------------------------------------------------------------


def test_langevin_moves_have_the_drift_and_the_spread_of_the_formula():
    torch.manual_seed(0)
    x = torch.full((20_000,), 2.0, requires_grad=True)
    y = torch.zeros(1, requires_grad=True)
    method = accept_reject(Counterfactual(0), rate=0.1, proposal=Langevin(0.2), free_pass=1.0)(
        [x], [y], None, None
    )
    method.step(lambda: (x**2).sum() / 2 + 0 * y.sum())
    assert x.mean().item() == pytest.approx(1.8, abs=0.01)
    assert x.std().item() == pytest.approx(math.sqrt(2 * 0.1 * 0.2), abs=0.005)


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"response": "stationary"}, TypeError, "response must be"),
        ({"delta": -1.0}, ValueError, "delta"),
        ({"free_pass": 1.5}, ValueError, "probability"),
        ({"response": KeepResponse(1), "stop": StopRule()}, ValueError, "no stop rule"),
    ],
)
def test_what_makes_no_method_is_refused(settings, error, words):
    x, y = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    with pytest.raises(error, match=words):
        AcceptReject(
            torch.optim.SGD([x], lr=0.1),
            torch.optim.SGD([y], lr=0.1),
            **{"response": Counterfactual(1), **settings},
        )


@pytest.mark.parametrize(
    "make",
    [
        lambda: StopRule(omega=0.0),
        lambda: StopRule(confidence=1.0),
        lambda: Annealed(0.0),
        lambda: Gaussian(0.0),
        lambda: Langevin(-1.0),
        lambda: OptimizerStep(noise=-1.0),
        lambda: Stationary(tolerance=0.0),
        lambda: Counterfactual(-1),
        lambda: KeepResponse(True),
    ],
)
def test_settings_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match="must be"):
        make()
