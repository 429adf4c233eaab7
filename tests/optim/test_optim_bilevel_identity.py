"""When differences stand in for forward mode in the cheapest hyper-gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from equipoise.optim.bilevel import Bilevel, Identity, Neumann, mixed


class Rounded(nn.Module):
    """What reduced precision inside a model does to its outputs."""

    def forward(self, x):
        return x.bfloat16().to(x.dtype)


class Search:
    """A small network and an outer problem of its logits' offsets and scales."""

    def __init__(self, *, method=None, dtype=torch.float32, rounded=False, dropout=0.0, **settings):
        draw = torch.Generator().manual_seed(4)
        torch.manual_seed(0)
        layers = [nn.Linear(8, 32), nn.Tanh(), nn.Dropout(dropout), nn.Linear(32, 4)]
        self.model = nn.Sequential(*layers, *([Rounded()] if rounded else [])).to(dtype)
        self.x, self.xv = (torch.randn(200, 8, generator=draw, dtype=dtype) for _ in range(2))
        self.y, self.yv = (x[:, :4].argmax(1) for x in (self.x, self.xv))
        self.l, self.delta = (
            nn.Parameter(x.to(dtype)) for x in (torch.linspace(-1, 1, 4), torch.ones(4))
        )
        self.bilevel = Bilevel(
            torch.optim.SGD(self.model.parameters(), lr=0.1),
            torch.optim.SGD([self.l, self.delta], lr=0.1),
            hypergradient=method or Identity(),
            **settings,
        )

    def step(self):
        """The hyper-gradient of a step."""
        self.bilevel.step(self.inner, self.outer)
        return torch.cat([self.l.grad, self.delta.grad])

    def inner(self):
        return self.model(self.x), lambda z: cross_entropy(self.delta * z + self.l, self.y)

    def outer(self):
        return cross_entropy(self.model(self.xv), self.yv)


@pytest.fixture
def forward_mode(monkeypatch):
    """Counts forward-mode passes."""
    passes = []
    original = mixed._forward_mode
    monkeypatch.setattr(mixed, "_forward_mode", lambda *a: passes.append(1) or original(*a))
    return passes


def test_differences_serve_in_single_precision_between_checks(forward_mode):
    search, exact = Search(), Search(differences=False)
    assert torch.equal(search.step(), exact.step())
    forward_mode.clear()
    ours = search.step()
    assert not forward_mode
    theirs = exact.step()
    assert 0 < ((ours - theirs).norm() / theirs.norm()).item() < 0.02


@pytest.mark.parametrize("settings", [{"dtype": torch.float64}, {"rounded": True}])
def test_forward_mode_stays_where_differences_are_not_good_enough(settings):
    search, exact = Search(**settings), Search(differences=False, **settings)
    for _ in range(3):
        assert torch.equal(search.step(), exact.step())


def test_other_methods_use_no_differences_unasked():
    search, exact = (
        Search(method=Neumann(3, 0.1), differences=differences) for differences in (None, False)
    )
    for _ in range(2):
        assert torch.equal(search.step(), exact.step())


def test_agreement_is_looked_at_again(forward_mode):
    search = Search()
    for _ in range(101):
        search.step()
    assert len(forward_mode) == 3


def test_a_run_goes_on_from_its_state_bit_for_bit():
    search, again = Search(), Search()
    search.step()
    state = search.bilevel.state_dict()
    again.model.load_state_dict(search.model.state_dict())
    with torch.no_grad():
        again.l.copy_(search.l)
        again.delta.copy_(search.delta)
    again.bilevel.load_state_dict(state)
    for _ in range(3):
        assert torch.equal(search.step(), again.step())


def test_a_step_of_both_makes_three_passes_through_the_network():
    search = Search()
    search.step()  # which looks whether differences agree
    passes = []
    search.model.register_forward_hook(lambda *_: passes.append(1))
    search.step()
    assert len(passes) == 3


@pytest.mark.parametrize(("dtype", "apart"), [(torch.float64, 1e-6), (torch.float32, 1e-2)])
def test_a_step_of_both_takes_the_hyper_gradient_where_the_inner_step_begins(dtype, apart):
    both = Search(differences=True, dtype=dtype, dropout=0.5)
    alone = Search(differences=False, dtype=dtype, dropout=0.5)
    torch.manual_seed(3)  # of the units that are dropped
    found = both.step()
    torch.manual_seed(3)
    alone.bilevel.inner_step(alone.inner)
    for ours, theirs in zip(both.model.parameters(), alone.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    beginning = Search(differences=False, dtype=dtype, dropout=0.5)
    torch.manual_seed(3)
    outputs = beginning.model(beginning.x)
    validation = beginning.outer()
    v = torch.autograd.grad(validation, list(beginning.model.parameters()))
    slope = torch.autograd.grad(
        cross_entropy(beginning.delta * outputs + beginning.l, beginning.y),
        list(beginning.model.parameters()),
        create_graph=True,
    )
    along = sum((s * d).sum() for s, d in zip(slope, v, strict=True))
    expected = -torch.cat(torch.autograd.grad(along, [beginning.l, beginning.delta]))
    assert ((found - expected).norm() / expected.norm()).item() < apart


def test_nothing_moves_where_the_outer_loss_is_not_finite():
    search = Search()
    before = [x.detach().clone() for x in (*search.model.parameters(), search.l, search.delta)]
    with pytest.raises(FloatingPointError, match="the outer loss is nan"):
        search.bilevel.step(search.inner, lambda: search.outer() * torch.nan)
    now = [*search.model.parameters(), search.l, search.delta]
    assert all(torch.equal(x, y) for x, y in zip(now, before, strict=True))
    assert search.bilevel.n_inner_steps == search.bilevel.n_outer_steps == 0


def test_a_spectral_norm_has_the_same_estimate_in_all_passes():
    # Its power iteration goes on in each pass, and torch has no forward rule for it.
    torch.manual_seed(0)
    x, xv = torch.randn(2, 40, 6, dtype=torch.float64)
    y, yv = torch.randint(3, (2, 40))
    found = []
    for paired in (True, False):
        torch.manual_seed(1)
        normed = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 8), n_power_iterations=1)
        model = nn.Sequential(normed, nn.Tanh(), nn.Linear(8, 3)).double()
        offset = nn.Parameter(torch.zeros(3, dtype=torch.float64))
        bilevel = Bilevel(
            torch.optim.SGD(model.parameters(), lr=0.1),
            torch.optim.SGD([offset], lr=0.1),
            hypergradient=Identity(),
        )

        def inner(model=model, offset=offset, paired=paired):
            def loss(z):
                return cross_entropy(z + offset, y)

            return (model(x), loss) if paired else loss(model(x))

        bilevel.step(inner, lambda model=model: cross_entropy(model(xv), yv))
        found.append(offset.grad)
    torch.testing.assert_close(found[0], found[1], rtol=1e-3, atol=1e-6)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_compiled_model_has_the_hyper_gradients_and_the_buffers_of_one_that_is_not():
    torch.manual_seed(0)
    x, xv = torch.randn(2, 40, 6)
    y, yv = torch.randint(3, (2, 40))
    found = []
    for compiled in (False, True):
        torch.manual_seed(1)
        model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3))
        if compiled:
            model.compile(backend="aot_eager")
        offset = nn.Parameter(torch.zeros(3))
        bilevel = Bilevel(
            torch.optim.SGD(model.parameters(), lr=0.1),
            torch.optim.SGD([offset], lr=0.1),
            hypergradient=Identity(),
        )
        for _ in range(2):
            bilevel.step(
                lambda model=model, offset=offset: (
                    model(x),
                    lambda z: cross_entropy(z + offset, y),
                ),
                lambda model=model: cross_entropy(model(xv), yv),
            )
        found.append((offset.grad, *model.buffers()))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)
