"""Constraints by name: slices of one vector, inequalities or equations, and where they lead."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import ALM, Layout, MovingAverage
from equipoise.optim.constrained.lagrangian import Lagrangian

METHODS = {
    "ALM": lambda base, n, r=None, **options: ALM(base, n, r, multiplier_rate=0.1, **options),
    "Lagrangian": lambda base, n, r=None, **options: Lagrangian(
        base, n, r, multiplier_rate=0.1, **options
    ),
    "extragradient": lambda base, n, r=None, **options: Lagrangian(
        base, n, r, multiplier_rate=0.1, extragradient=True, **options
    ),
}

sizes = st.dictionaries(st.text(max_size=5), st.integers(0, 4), min_size=1, max_size=6)


def parameter(*at):
    return torch.nn.Parameter(torch.tensor(at, dtype=torch.float64))


def sgd(x, lr=0.05):
    return torch.optim.SGD([x], lr=lr)


def run(optimizer, closure, steps):
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        optimizer.step(closure)
        schedule.step()


@settings(deadline=None, max_examples=50)
@given(sizes, st.sampled_from([(), (2,), (3, 2)]))
def test_named_constraints_are_slices_in_the_declared_order(sizes, leading):
    layout = Layout(sizes)
    named = {name: torch.randn(*leading, size) for name, size in sizes.items()}
    shuffled = dict(reversed(named.items()))
    flat = layout.flatten(shuffled)
    assert flat.shape == (*leading, layout.n_constraints)
    assert torch.equal(flat, torch.cat([*named.values()], -1))
    views = layout.views(flat)
    assert list(views) == list(sizes)
    assert all(torch.equal(views[name], named[name]) for name in sizes)


@settings(deadline=None, max_examples=50)
@given(sizes)
def test_every_number_has_a_name_that_leads_to_it(sizes):
    layout = Layout(sizes)
    expected = [
        name if size == 1 else f"{name}[{k}]" for name, size in sizes.items() for k in range(size)
    ]
    assert [layout.name_of(k) for k in range(layout.n_constraints)] == expected
    with pytest.raises(IndexError):
        layout.name_of(layout.n_constraints)


def test_views_share_the_memory_of_the_multipliers():
    x = parameter(0.0)
    method = ALM(sgd(x), {"one": 1, "two": 2})
    named = method.named_multipliers
    assert named["two"].shape == (2,)
    named["two"][1] = 7.0
    assert method.multipliers.tolist() == [0, 0, 7]
    method.multipliers[0] = 3.0
    assert named["one"].item() == 3


@pytest.mark.parametrize("name", METHODS)
def test_names_change_nothing_of_the_run(name):
    def path(sizes, constraints):
        x = parameter(0.3, -0.2)
        method = METHODS[name](sgd(x), sizes, estimator=MovingAverage(0.8))
        for _ in range(20):
            method.step(lambda _: ((x**2).sum(), constraints(x)))
        return x.detach(), method.multipliers

    named = path({"a": 1, "b": 2}, lambda x: {"b": x - 1, "a": 0.5 - x[0]})
    flat = path(3, lambda x: torch.cat([0.5 - x[:1], x - 1]))
    assert all(map(torch.equal, named, flat))


@pytest.mark.parametrize("given", [{"a": 1}, {"a": 1, "b": 2, "c": 1}, {"a": 1, "B": 2}, {}])
def test_other_names_than_declared_are_named(given):
    x = parameter(0.0)
    method = ALM(sgd(x), {"a": 1, "b": 2})
    named = {name: torch.zeros(size) for name, size in given.items()}
    with pytest.raises(ValueError, match=r"declared as \['a', 'b'\]") as error:
        method.step(lambda _: (x.sum(), named))
    assert str(list(given)) in str(error.value)


def test_another_size_than_declared_is_named():
    x = parameter(0.0)
    method = ALM(sgd(x), {"a": 1, "b": 2})
    with pytest.raises(ValueError, match=r"'b' are to have shape \(2,\).*\(3,\)"):
        method.step(lambda _: (x.sum(), {"a": torch.zeros(1), "b": torch.zeros(3)}))
    assert x.item() == 0


@pytest.mark.parametrize("bad", [-1, 1.5, True, "2", None])
def test_sizes_must_be_whole_numbers(bad):
    with pytest.raises(ValueError, match="n_constraints must be a whole number"):
        Layout(bad)
    with pytest.raises(ValueError, match="size of 'b' must be a whole number"):
        Layout({"a": 1, "b": bad})


@pytest.mark.parametrize("bad", ["a", ["c"], ["a", "c"], ["constraints"]])
def test_equalities_must_be_declared_names(bad):
    with pytest.raises(ValueError, match=r"equalities.*\['a', 'b'\]"):
        Layout({"a": 1, "b": 2}, bad)


def test_constraints_without_names_are_called_constraints():
    layout = Layout(2, ["constraints"])
    assert layout.equalities == ("constraints",)
    assert layout.name_of(1) == "constraints[1]"


def test_the_least_multiplier_tells_inequalities_from_equations():
    like = torch.zeros(3)
    assert Layout({"a": 1, "b": 2}).lower_bound(like) == 0
    assert Layout({"a": 1, "b": 2}, ["b", "a"]).lower_bound(like) == -torch.inf
    mixed = Layout({"a": 1, "b": 2}, ["b"]).lower_bound(like)
    assert mixed.tolist() == [0, -torch.inf, -torch.inf]


@pytest.mark.parametrize("name", METHODS)
def test_an_equation_has_the_multiplier_of_its_sign(name):
    # min x_1^2 / 2 + x_2^2 subject to x_1 + x_2 = 3: at (2, 1) the gradient is (2, 2), so y = -2.
    x = parameter(0.0, 0.0)
    method = METHODS[name](sgd(x), {"sum": 1}, equalities=["sum"])
    run(method, lambda _: (x[0] ** 2 / 2 + x[1] ** 2, {"sum": x.sum() - 3}), 800)
    np.testing.assert_allclose(x.detach().numpy(), [2, 1], atol=1e-3)
    assert method.named_multipliers["sum"].item() == pytest.approx(-2, abs=1e-2)


@pytest.mark.parametrize("name", METHODS)
def test_inequalities_and_equations_mix(name):
    # The closest point to (1, 2, 0) with x_1 + x_2 = 1, x_3 >= 1, x_1 <= 5: (0, 1, 1), where
    # x - a = (-1, -1, 1) balances with multipliers 1 of the sum, 1 of the floor, 0 of the ceiling.
    a = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
    x = parameter(0.0, 0.0, 0.0)
    method = METHODS[name](sgd(x), {"box": 2, "sum": 1}, equalities=["sum"])

    def problem(_):
        box = torch.stack([1 - x[2], x[0] - 5])
        return ((x - a) ** 2).sum() / 2, {"sum": x[0] + x[1] - 1, "box": box}

    run(method, problem, 800)
    np.testing.assert_allclose(x.detach().numpy(), [0, 1, 1], atol=1e-3)
    np.testing.assert_allclose(method.named_multipliers["box"].numpy(), [1, 0], atol=1e-2)
    assert method.named_multipliers["sum"].item() == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("name", METHODS)
def test_an_equation_pulls_from_both_sides(name):
    # An inequality that holds pulls at nothing; an equation does, with the sign of its value.
    x = parameter(-2.0, -2.0)
    method = METHODS[name](sgd(x, 0.1), {"least": 1, "exact": 1}, equalities=["exact"])
    for _ in range(2):
        method.step(lambda _: (0 * x.sum(), {"least": x[0], "exact": x[1]}))
    assert x[0] == -2
    assert x[1] > -2
    assert method.multipliers[0] == 0
    assert method.multipliers[1] < 0


@pytest.mark.parametrize("name", METHODS)
def test_replicates_have_names_and_equations_of_their_own(name):
    starts = torch.tensor([[0.0, 0.5], [2.0, -1.0]], dtype=torch.float64)
    sizes, equalities = {"least": 1, "sum": 1}, ["sum"]

    def final(which):
        x = torch.nn.Parameter(starts[which].clone())
        method = METHODS[name](sgd(x), sizes, len(which), equalities=equalities)
        for _ in range(30):
            method.step(
                lambda _: (
                    (x**2).sum(-1),
                    {"least": 1 - x[:, :1], "sum": x.sum(-1, keepdim=True) - 1.5},
                )
            )
        return x.detach(), method.multipliers

    together, multipliers = final([0, 1])
    assert (multipliers[:, 1] < 0).all()
    for r in range(2):
        alone, own = final([r])
        torch.testing.assert_close(together[r], alone[0], rtol=1e-13, atol=1e-13)
        torch.testing.assert_close(multipliers[r], own[0], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", METHODS)
def test_a_named_constraint_that_is_not_finite_is_named(name):
    x = parameter(1.0)
    method = METHODS[name](sgd(x), {"fine": 1, "lost": 2})
    bad = torch.tensor([1.0, torch.nan], dtype=torch.float64)
    with pytest.raises(FloatingPointError, match=r"\(lost\[1\]\)"):
        method.step(lambda _: (x.sum(), {"fine": x, "lost": x * bad}))
    assert x.item() == 1
    assert not method.multipliers.any()
