"""The wrapper around two optimizers: when it steps, what it refuses, how it goes on."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from equipoise.optim.bilevel import (
    F2SA,
    Bilevel,
    ConjugateGradient,
    Dense,
    Identity,
    Neumann,
    Unrolled,
)

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-3),
    "Adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=1e-3),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01),
}


class Search:
    """A network on a few rows, a parametric cross-entropy, and batches that are drawn anew."""

    def __init__(self, inner="SGD", hypergradient=None, **settings):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 3))
        self.l, self.delta = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.ones(3))
        self.optimizer = Bilevel(
            OPTIMIZERS[inner](self.model.parameters()),
            torch.optim.Adam([self.l, self.delta], lr=0.05),
            hypergradient=hypergradient or Identity(),
            **settings,
        )

    def closures(self):
        x, y = torch.randn(16, 4), torch.randint(3, (16,))
        xv, yv = torch.randn(16, 4), torch.randint(3, (16,))

        def inner():
            return self.model(x), lambda z: cross_entropy(self.delta * z + self.l, y)

        return inner, lambda: cross_entropy(self.model(xv), yv)

    def run(self, steps):
        for _ in range(steps):
            self.optimizer.step(*self.closures())
        return self

    def values(self):
        return torch.cat([x.detach().flatten() for x in (*self.model.parameters(), *self.outer())])

    def outer(self):
        return [self.l, self.delta]


@pytest.mark.parametrize("inner", OPTIMIZERS)
def test_inner_steps_are_those_of_the_optimizer_alone(inner):
    # With an outer rate of 0 there is nothing else that could move the network.
    search, alone = Search(inner), Search(inner)
    search.optimizer.outer.param_groups[0]["lr"] = 0.0
    base = alone.optimizer.inner
    for _ in range(5):
        state = torch.get_rng_state()
        search.optimizer.inner_step(search.closures()[0])
        torch.set_rng_state(state)
        outputs, loss = alone.closures()[0]()
        base.zero_grad()
        loss(outputs).backward()
        base.step()
        search.optimizer.outer_step(*search.closures())
    assert torch.equal(search.values(), alone.values())


def test_outer_variables_get_no_gradient_from_inner_steps():
    search = Search(warmup=100)
    search.run(3)
    assert search.l.grad is None
    assert torch.equal(search.delta, torch.ones(3))


def test_outer_steps_come_after_the_warmup_and_then_every_so_often():
    search = Search(every=3, warmup=4)
    taken = []
    for _ in range(12):
        before = search.optimizer.n_outer_steps
        search.run(1)
        taken.append(search.optimizer.n_outer_steps > before)
    assert [k + 1 for k, stepped in enumerate(taken) if stepped] == [4, 7, 10]
    assert search.optimizer.n_inner_steps == 12


def test_outer_closure_is_left_alone_when_no_step_is_due():
    search = Search(warmup=5)
    inner, _ = search.closures()
    search.optimizer.step(inner, lambda: pytest.fail("was called"))


def test_due_says_what_step_does():
    search = Search(every=2, warmup=2)
    assert not search.optimizer.due
    due = []
    for _ in range(6):
        search.optimizer.inner_step(search.closures()[0])
        due.append(search.optimizer.due)
    assert due == [False, True, False, True, False, True]


def test_first_outer_step_needs_an_inner_one():
    assert not Search(every=1, warmup=0).optimizer.due


def test_diagnostics_come_every_so_many_outer_steps():
    search = Search(diagnose=2)
    kept = []
    for _ in range(5):
        search.run(1)
        kept.append(search.optimizer.diagnostics)
    assert kept[0] is not None
    assert kept[1] is kept[0]
    assert kept[2] is not kept[0]
    assert kept[2].inner_gradient_norm > 0
    assert Search().run(2).optimizer.diagnostics is None


def test_outer_step_takes_pairs_after_inner_steps_on_scalars():
    search, pairs = Search(), Search()
    found = []
    for one in (search, pairs):
        one.model.eval()
        torch.manual_seed(1)
        inner, outer = one.closures()

        def scalar(inner=inner):
            outputs, loss = inner()
            return loss(outputs)

        one.optimizer.inner_step(scalar if one is search else inner)
        for _ in range(2):
            one.optimizer.outer_step(inner, outer)
        found.append(one.values())
    torch.testing.assert_close(*found)


def test_loss_on_several_batches_is_their_mean_in_both_steps():
    one, several = Search(), Search()
    torch.manual_seed(3)
    x, y = torch.randn(20, 4), torch.randint(3, (20,))
    for search in (one, several):
        search.model.eval()

    def closures(search, rows):
        def inner():
            return search.model(x[rows]), lambda z: cross_entropy(
                search.delta * z + search.l, y[rows]
            )

        return inner, lambda: cross_entropy(search.model(x[rows]), y[rows])

    whole = one.optimizer.step(*closures(one, slice(None)))
    halves = [closures(several, rows) for rows in (slice(0, 10), slice(10, 20))]
    split = several.optimizer.step(*zip(*halves, strict=True))
    torch.testing.assert_close(whole, split)
    torch.testing.assert_close(one.values(), several.values(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        Identity,
        lambda: Neumann(3, refresh=4),
        lambda: ConjugateGradient(2),
        lambda: Unrolled(2),
        lambda: F2SA(2),
    ],
)
def test_search_goes_on_bit_for_bit_from_a_file(make, tmp_path):
    settings = {"every": 2, "warmup": 3, "diagnose": 2}
    search = Search(hypergradient=make(), **settings).run(10)
    torch.save(
        {
            "model": search.model.state_dict(),
            "alpha": [x.detach() for x in search.outer()],
            "optimizer": search.optimizer.state_dict(),
            "random": torch.get_rng_state(),
        },
        tmp_path / "search.pt",
    )
    expected = search.run(9).values()
    diagnostics = search.optimizer.diagnostics

    resumed = Search(hypergradient=make(), **settings)
    found = torch.load(tmp_path / "search.pt", weights_only=True)
    resumed.model.load_state_dict(found["model"])
    with torch.no_grad():
        for x, value in zip(resumed.outer(), found["alpha"], strict=True):
            x.copy_(value)
    resumed.optimizer.load_state_dict(found["optimizer"])
    torch.set_rng_state(found["random"])
    assert torch.equal(resumed.run(9).values(), expected)
    assert resumed.optimizer.diagnostics == diagnostics
    assert resumed.optimizer.n_outer_steps == search.optimizer.n_outer_steps


def test_snapshot_is_not_changed_by_the_steps_after_it():
    search = Search(hypergradient=ConjugateGradient(2)).run(2)
    snapshot = search.optimizer.state_dict()
    kept = snapshot["hypergradient"]["state"]["solution"][0].clone()
    search.run(2)
    assert torch.equal(snapshot["hypergradient"]["state"]["solution"][0], kept)


def test_state_of_another_method_is_refused():
    with pytest.raises(ValueError, match="one of Identity, but this hypergradient is Neumann"):
        Search(hypergradient=Neumann()).optimizer.load_state_dict(Search().optimizer.state_dict())


def test_search_learns_the_offset_that_undoes_a_shifted_training_set():
    # Training labels say class 1 three times as often as they should; the outer rows do not.
    torch.manual_seed(0)
    x = torch.randn(2000, 2, dtype=torch.float64)
    fair = (x[:, 0] + 0.5 * torch.randn(2000) > 0).long()
    keep = torch.rand(2000) < torch.where(fair == 1, 1.0, 1 / 3)
    model = nn.Linear(2, 2).double()
    l = nn.Parameter(torch.zeros(2, dtype=torch.float64))  # noqa: E741
    optimizer = Bilevel(
        torch.optim.SGD(model.parameters(), lr=0.5, weight_decay=1e-3),
        torch.optim.Adam([l], lr=0.05),
        hypergradient=ConjugateGradient(4),
        every=5,
    )
    for _ in range(600):
        optimizer.step(
            lambda: (model(x[keep]), lambda z: cross_entropy(z + l, fair[keep])),
            lambda: cross_entropy(model(x), fair),
        )
    # The prior of the training rows is what a fair model has to be corrected by.
    found = (l[1] - l[0]).item()
    assert found == pytest.approx(torch.log(torch.tensor(3.0)).item(), abs=0.25)


def test_losses_that_are_not_finite_move_nothing():
    search = Search().run(2)
    inner, outer = search.closures()
    before = search.values()
    with pytest.raises(FloatingPointError, match="the inner loss is nan"):
        search.optimizer.step(lambda: search.delta.sum() * torch.nan, outer)
    with pytest.raises(FloatingPointError, match="the outer loss is inf"):
        search.optimizer.outer_step(inner, lambda: outer() + torch.inf)
    assert torch.equal(search.values(), before)


def test_hyper_gradient_that_is_not_finite_moves_nothing():
    search = Search().run(1)
    inner, _ = search.closures()
    before = search.values()

    def outer():  # the slope of a root at 0
        return (0 * next(search.model.parameters()).sum()).abs().sqrt()

    with pytest.raises(FloatingPointError, match="hyper-gradient of Identity is not finite"):
        search.optimizer.outer_step(inner, outer)
    search.optimizer.hypergradient = ConjugateGradient()
    with pytest.raises(FloatingPointError, match="conjugate gradients met a number"):
        search.optimizer.outer_step(inner, outer)
    assert torch.equal(search.values(), before)


def refused(error, message, **settings):
    model, alpha = nn.Linear(2, 2), nn.Parameter(torch.zeros(2))
    given = {
        "inner": torch.optim.SGD(model.parameters(), lr=0.1),
        "outer": torch.optim.SGD([alpha], lr=0.1),
        "hypergradient": Identity(),
        **settings,
    }
    inner, outer = given.pop("inner"), given.pop("outer")
    with pytest.raises(error, match=message):
        Bilevel(inner, outer, **given)


def test_bad_settings_are_named():
    alpha = nn.Parameter(torch.zeros(2))
    refused(TypeError, "inner must be a torch optimizer, not list", inner=[alpha])
    refused(TypeError, r"hypergradient must be one of Identity\(\)", hypergradient=Identity)
    refused(ValueError, "every must be a whole number from 1 up, not 0", every=0)
    refused(ValueError, "warmup must be a whole number from 0 up, not -1", warmup=-1)
    refused(ValueError, "diagnose must be a whole number from 0 up, not True", diagnose=True)
    maximising = torch.optim.SGD([alpha], lr=0.1, maximize=True)
    refused(ValueError, "outer maximises", outer=maximising)
    same = torch.optim.SGD([alpha], lr=0.1)
    refused(ValueError, "share a parameter", inner=same, outer=torch.optim.SGD([alpha], lr=0.1))


def test_bad_closures_are_named():
    search = Search()
    optimizer = search.optimizer
    inner, outer = search.closures()

    def vector():
        return search.delta * torch.ones(3)

    with pytest.raises(ValueError, match=r"inner loss must be a scalar, not of shape \(3,\)"):
        optimizer.inner_step(vector)
    with pytest.raises(TypeError, match="the inner loss must be a tensor, not float"):
        optimizer.inner_step(lambda: 1.0)
    with pytest.raises(TypeError, match=r"a pair of a tensor of outputs and a function"):
        optimizer.inner_step(lambda: (1.0, 2.0))
    with pytest.raises(TypeError, match="inner must be a closure or a sequence of at least one"):
        optimizer.inner_step([])
    with pytest.raises(ValueError, match=r"outer loss must be a scalar"):
        optimizer.outer_step(inner, vector)
    with pytest.raises(ValueError, match="outer loss depends on no parameter"):
        optimizer.outer_step(inner, lambda: torch.tensor(1.0))
    del outer


def test_outer_variables_in_the_outputs_of_a_pair_are_an_error():
    search = Search()

    def inner():
        z = search.delta * search.model(torch.ones(2, 4))
        return z, lambda z: cross_entropy(z + search.l, torch.tensor([0, 1]))

    with pytest.raises(ValueError, match="an outer variable enters the outputs"):
        search.optimizer.inner_step(inner)


def test_inner_loss_without_outer_variables_is_an_error():
    search = Search()
    with pytest.raises(ValueError, match="no outer variable enters the inner loss"):
        search.optimizer.inner_step(lambda: search.model(torch.ones(2, 4)).sum())


def test_everything_frozen_is_an_error():
    search = Search()
    search.model.requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        search.optimizer.outer_step(*search.closures())


def test_schedulers_are_given_the_optimizer_that_they_are_for():
    search = Search()
    schedule = torch.optim.lr_scheduler.ExponentialLR(search.optimizer.outer, 0.5)
    search.run(1)
    schedule.step()
    assert search.optimizer.outer.param_groups[0]["lr"] == 0.025
    assert search.optimizer.inner.param_groups[0]["lr"] == 0.05


@pytest.mark.parametrize("method", [Dense(), ConjugateGradient()])
def test_exact_methods_refuse_decoupled_decay_before_anything_moves(method):
    search = Search("AdamW", hypergradient=method)
    before = [x.detach().clone() for x in search.outer()]
    with pytest.raises(ValueError, match="decoupled weight decay"):
        search.run(1)
    assert all(torch.equal(x, y) for x, y in zip(search.outer(), before, strict=True))


@pytest.mark.parametrize(
    "method", [Identity, lambda: Neumann(3, step_size=0.1), F2SA, lambda: Unrolled(2)]
)
def test_a_step_under_autocast_is_that_of_closures_under_autocast(method):
    cast = {"device_type": "cpu", "dtype": torch.bfloat16}

    def within(closure):
        def under_autocast():
            with torch.autocast(**cast):
                return closure()

        return under_autocast

    found = []
    for around in (False, True):
        search = Search(hypergradient=method())
        inner, outer = search.closures()
        for _ in range(2):
            if around:
                with torch.autocast(**cast):
                    search.optimizer.step(inner, outer)
            else:
                search.optimizer.step(within(inner), within(outer))
        found.append(search)
    assert found[0].l.grad.norm() > 0
    torch.testing.assert_close(found[0].l.grad, found[1].l.grad)
    torch.testing.assert_close(found[0].values(), found[1].values())


def test_steps_within_one_autocast_see_what_the_last_one_changed():
    search = Search(every=100)
    inner, outer = search.closures()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        seen = [float(search.optimizer.step(inner, outer)) for _ in range(20)]
    assert seen[-1] < seen[0] - 0.05
