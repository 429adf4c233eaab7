"""Accept/reject: a refused proposal is rolled back whole, and a run goes on bit for bit."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
import torch
from torch import nn

from equipoise.optim.minmax import (
    AcceptReject,
    Alternating,
    Counterfactual,
    KeepResponse,
    OptimizerStep,
    Stationary,
    StopRule,
)


def accept_reject(response, rate=0.05, **settings):
    return lambda x, y, gx, gy: AcceptReject(
        torch.optim.SGD(x, lr=rate),
        torch.optim.SGD(y, lr=rate),
        response=response,
        min_geometry=gx,
        max_geometry=gy,
        **settings,
    )


class Networks:
    """Batch normalisation, dropout, Adam, and a scheduler that a hook of the step moves."""

    def __init__(self, response=None, *, scheduled=True, dropout=0.3, **settings):
        torch.manual_seed(0)
        self.g = nn.Sequential(
            nn.Linear(2, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(dropout), nn.Linear(6, 2)
        )
        self.d = nn.Sequential(
            nn.utils.parametrizations.spectral_norm(nn.Linear(2, 6)), nn.ReLU(), nn.Linear(6, 1)
        )
        self.bases = [torch.optim.Adam(m.parameters(), lr=0.01) for m in (self.g, self.d)]
        self.schedulers = []
        if scheduled:
            self.schedulers = [torch.optim.lr_scheduler.StepLR(b, 1, 0.9) for b in self.bases]
            for base, scheduler in zip(self.bases, self.schedulers, strict=True):
                base.register_step_post_hook(lambda *_, s=scheduler: s.step())
        if response is not None:
            self.optimizer = AcceptReject(
                *self.bases, response=response, carried=self.schedulers, **settings
            )
        self.batch = torch.randn(8, 2) + 1, torch.randn(8, 2)

    def value(self):
        data, noise = self.batch
        return (
            nn.functional.logsigmoid(self.d(data)).mean()
            + nn.functional.logsigmoid(-self.d(self.g(noise))).mean()
        )

    def run(self, steps):
        for _ in range(steps):
            self.batch = torch.randn(8, 2) + 1, torch.randn(8, 2)
            self.optimizer.step(self.value)
        return self

    def everything(self):
        return copy.deepcopy(
            [
                self.g.state_dict(),
                self.d.state_dict(),
                *(b.state_dict() for b in self.bases),
                *(s.state_dict() for s in self.schedulers),
            ]
        )


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.parametrize("response", [Counterfactual(2), Stationary(5.0)])
@pytest.mark.parametrize("warm", [0, 3])
def test_a_refused_proposal_leaves_no_bit_changed(response, warm):
    networks = Networks(response, free_pass=1.0).run(warm)
    networks.optimizer.free_pass, networks.optimizer.delta = 0.0, 1e6
    before = networks.everything()
    networks.run(2)
    assert networks.optimizer.n_rejected == 2
    assert same(networks.everything(), before)


def test_a_response_that_is_kept_outlives_a_refusal_and_nothing_else_does():
    networks = Networks(KeepResponse(2), delta=1e6)
    g, d, *_ = networks.everything()
    networks.run(1)
    now_g, now_d, adam_g, adam_d, *_ = networks.everything()
    assert same(now_g, g)
    assert not adam_g["state"]
    assert not same(now_d, d)
    assert adam_d["state"][0]["step"] == 2


def test_an_accepted_proposal_changes_both_players():
    networks = Networks(Counterfactual(2), free_pass=1.0)
    before = networks.everything()
    networks.run(1)
    assert not any(same(a, b) for a, b in zip(networks.everything(), before, strict=True))


@pytest.mark.parametrize("response", [Counterfactual(2), KeepResponse(2), Stationary(5.0)])
def test_random_streams_go_on_alike_after_a_refusal_and_a_move(response):
    ends = []
    for delta, free in ((0.0, 1.0), (1e6, 0.0)):
        networks = Networks(response, delta=delta, free_pass=free)
        state = torch.get_rng_state()
        networks.run(1)
        ends.append(torch.get_rng_state())
        assert not torch.equal(ends[-1], state)
    assert torch.equal(*ends)


def test_with_free_passes_alone_it_is_alternating_descent_ascent_bit_for_bit():
    one = Networks(Counterfactual(3), free_pass=1.0, delta=1e6, dropout=0.0)
    other = Networks(scheduled=True, dropout=0.0)
    other.optimizer = Alternating(*other.bases, k=3)
    for networks in (one, other):
        torch.manual_seed(1)
        networks.run(4)
    assert same(one.everything(), other.everything())


def test_values_are_compared_on_the_same_noise():
    # Each draw moves the value by hundreds, and every proposal lowers it by a little.
    x, y = torch.tensor([9.0], requires_grad=True), torch.tensor([0.0], requires_grad=True)

    def value():
        noise = torch.randn(()) + random.random() + np.random.rand()  # noqa: NPY002
        return 300 * noise + (x**2 - y**2).sum()

    for response in (Counterfactual(2), KeepResponse(0)):
        method = accept_reject(response, rate=0.01)([x], [y], None, None)
        for _ in range(20):
            method.step(value)
        assert method.n_accepted == 20


def test_a_failure_in_the_proposal_takes_everything_back():
    def fails(player, closure):
        player.move(player.gradient(closure))
        raise KeyError("lost")

    networks = Networks(Counterfactual(2), proposal=fails)
    before = networks.everything()
    with pytest.raises(KeyError, match="lost"):
        networks.run(1)
    assert same(networks.everything(), before)


def test_a_value_that_is_not_finite_is_refused_and_counted():
    x, y = torch.tensor([1.0], requires_grad=True), torch.tensor([0.5], requires_grad=True)

    def out(player, closure):
        with torch.no_grad():
            player.parameters[0].fill_(-1.0)

    method = accept_reject(Counterfactual(1), proposal=out, free_pass=1.0)([x], [y], None, None)
    method.step(lambda: (x.log() - y**2).sum())
    assert method.report.reason == "not finite"
    assert method.n_rejected == 1
    assert (x.item(), y.item()) == (1.0, 0.5)
    with pytest.raises(FloatingPointError):
        method.step(lambda: (x * y).sum() / 0)


def test_a_run_resumes_bit_for_bit():
    whole = Networks(Counterfactual(2), free_pass=0.5, stop=StopRule(), delta=1.0).run(4)
    kept, state = whole.everything(), copy.deepcopy(whole.optimizer.state_dict())
    random_state = torch.get_rng_state()
    whole.run(6)
    resumed = Networks(Counterfactual(2), free_pass=0.5, stop=StopRule(), delta=1.0, seed=5).run(1)
    resumed.g.load_state_dict(kept[0])
    resumed.d.load_state_dict(kept[1])
    resumed.optimizer.load_state_dict(state)
    for scheduler, s in zip(resumed.schedulers, kept[4:], strict=True):
        scheduler.load_state_dict(s)
    torch.set_rng_state(random_state)
    resumed.run(6)
    assert same(resumed.everything(), whole.everything())
    assert same(resumed.optimizer.state_dict(), whole.optimizer.state_dict())
    assert 0 < resumed.optimizer.n_free < 10


@pytest.mark.parametrize(("delta", "scale"), [(0.0, 8.0), (1e6, 4.0)])
def test_a_proposal_of_the_callers_may_use_a_gradient_scaler_that_goes_back_with_it(delta, scale):
    x, y = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0, growth_interval=1)

    def scaled_step(player, closure):
        scaler.scale(closure()).backward()
        scaler.step(player.optimizer)
        scaler.update()

    method = accept_reject(Counterfactual(1), proposal=scaled_step, delta=delta, carried=[scaler])(
        [x], [y], None, None
    )
    method.step(lambda: (x**2 - y**2).sum())
    assert method.report.accepted == (delta == 0)
    assert scaler.get_scale() == scale
    assert x.grad is None
    assert y.grad is None


def counted(closure):
    calls = []

    def value():
        calls.append(0)
        return closure()

    return value, calls


@pytest.mark.parametrize("response", [KeepResponse(2), Stationary(5.0)])
def test_a_value_that_the_proposal_has_seen_is_not_evaluated_again(response):
    ends, calls = [], []
    # Wrapped in a function, nothing is known of when it looks.
    for proposal in (OptimizerStep(), lambda player, closure: OptimizerStep()(player, closure)):
        networks = Networks(response, proposal=proposal, dropout=0.0)
        value, counts = counted(networks.value)
        torch.manual_seed(3)
        for _ in range(6):
            networks.batch = torch.randn(8, 2) + 1, torch.randn(8, 2)
            networks.optimizer.step(value)
        ends.append([*networks.everything(), networks.optimizer.report, torch.get_rng_state()])
        calls.append(len(counts))
    assert same(*ends)
    assert calls[1] - calls[0] == 6


def test_a_value_of_random_numbers_is_not_the_one_that_the_gradient_was_of():
    seen = []

    def value():
        noise = torch.randn(())
        seen.append((noise.item(), torch.is_grad_enabled()))
        return (x * (1 + noise) - y**2).sum()

    x, y = torch.tensor([9.0], requires_grad=True), torch.tensor([0.1], requires_grad=True)
    method = accept_reject(KeepResponse(0))([x], [y], None, None)
    for _ in range(3):
        seen.clear()
        method.step(value)
        compared = {noise for noise, with_gradient in seen if not with_gradient}
        # The last of those with a gradient; the first step has another, which is taken back.
        followed = [noise for noise, with_gradient in seen if with_gradient][-1]
        assert len(compared) == 1
        assert followed not in compared
    assert len(seen) == 3


def test_a_proposal_that_does_not_look_after_all_is_compared_all_the_same():
    class Blind:
        looks_first = True

        def __call__(self, player, closure):
            with torch.no_grad():
                player.parameters[0].sub_(1.0)

    x, y = torch.tensor([9.0], requires_grad=True), torch.tensor([0.1], requires_grad=True)
    method = accept_reject(KeepResponse(0), proposal=Blind())([x], [y], None, None)
    method.step(lambda: (x - y**2).sum())
    assert x.item() == 8
    assert method.report.before - method.report.after == pytest.approx(1)


class Reassigning(torch.optim.SGD):
    """Puts new tensors in the place of old ones, and changes its settings and its memory."""

    def step(self, closure=None):
        super().step(closure)
        for p in self.param_groups[0]["params"]:
            state = self.state[p]
            state["mean"] = state.get("mean", torch.zeros_like(p)) + p.detach()
            state["seen"] = [*state.get("seen", []), p.detach().clone()]
        self.param_groups[0]["lr"] *= 0.5


def test_tensors_that_the_optimizer_has_replaced_are_given_back():
    x, y = torch.tensor([1.0], requires_grad=True), torch.tensor([0.5], requires_grad=True)
    method = AcceptReject(
        Reassigning([x], lr=0.1), torch.optim.SGD([y], lr=0.1), response=Counterfactual(1)
    )
    value = lambda: (x**2 - y**2).sum()  # noqa: E731
    method.step(value)
    assert method.report.accepted
    before = copy.deepcopy(method.minimizer.state_dict())
    method.delta = 1e6
    method.step(value)
    assert not method.report.accepted
    assert same(method.minimizer.state_dict(), before)
    assert len(before["state"][0]["seen"]) == 1


def test_parameters_that_have_become_finer_between_steps_are_given_back_as_fine():
    networks = Networks(Counterfactual(1), delta=1e6, dropout=0.0).run(1)
    networks.g.double()
    networks.d.double()
    third = torch.tensor(1 / 3, dtype=torch.float64)
    with torch.no_grad():
        networks.g[0].weight.fill_(third)
    networks.batch = tuple(part.double() for part in networks.batch)
    networks.optimizer.step(networks.value)
    assert not networks.optimizer.report.accepted
    assert (networks.g[0].weight == third).all()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_buffers_of_a_compiled_model_go_back_too():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    model.compile(backend="aot_eager")
    y = torch.nn.Parameter(torch.zeros(3))
    game = AcceptReject(
        torch.optim.SGD(model.parameters(), lr=1e6),  # so far that the move is refused
        torch.optim.SGD([y], lr=0.1),
        response=Counterfactual(k=1),
    )
    rows = torch.randn(16, 4)
    before = {name: x.clone() for name, x in model.state_dict().items()}
    game.step(lambda: (model(rows).square() * torch.tensor([1.0, 2, 3])).sum() - (y**2).sum())
    assert game.n_rejected == 1
    for name, x in model.state_dict().items():
        assert torch.equal(x, before[name]), name
