"""The parametric cross-entropy: its formula, its parameters, and what changes nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.learn.imbalance import ParametricCrossEntropy, log_prior

K, G, B = 5, 3, 40


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch(k=K, g=G, b=B, seed=0):
    random = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(b, k, generator=random)
    label = torch.randint(k, (b,), generator=random)
    return logits, label, torch.randint(g, (b,), generator=random)


def terms(*shape, seed=1):
    random = torch.Generator().manual_seed(seed)
    return {
        "weight": torch.rand(shape, generator=random) + 0.3,
        "additive": torch.randn(shape, generator=random),
        "multiplicative": torch.rand(shape, generator=random) + 0.2,
    }


def equation_2_1(logits, label, w, additive, delta):
    """w_y log(1 + sum over k != y of exp(l_k - l_y) exp(delta_k f_k - delta_y f_y)) a row."""
    losses = []
    for f, y in zip(logits.tolist(), label.tolist(), strict=True):
        others = sum(
            np.exp(additive[k] - additive[y]) * np.exp(delta[k] * f[k] - delta[y] * f[y])
            for k in range(len(f))
            if k != y
        )
        losses.append(w[y] * np.log1p(others))
    return np.array(losses)


def agree(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_it_is_equation_2_1_on_classes():
    logits, label, _ = batch()
    of = terms(K)
    losses = equation_2_1(logits, label, *(one.numpy() for one in of.values()))
    loss = ParametricCrossEntropy(K, **of)
    agree(loss.per_row(logits, label), torch.tensor(losses))
    agree(loss(logits, label), torch.tensor(losses.mean()))


def test_it_is_equation_4_2_on_groups():
    logits, label, group = batch()
    of = terms(K, G)
    losses = np.empty(B)
    for g in range(G):
        rows = group == g
        column = (one[:, g].numpy() for one in of.values())
        losses[rows] = equation_2_1(logits[rows], label[rows], *column)
    agree(ParametricCrossEntropy(K, G, **of).per_row(logits, label, group), torch.tensor(losses))


def test_it_is_cross_entropy_where_it_starts():
    logits, label, group = batch()
    plain = torch.nn.functional.cross_entropy(logits, label)
    assert ParametricCrossEntropy(K)(logits, label) == plain
    agree(ParametricCrossEntropy(K, G)(logits, label, group), plain)


def test_one_group_is_as_good_as_none():
    logits, label, _ = batch()
    of = terms(K)
    by_group = ParametricCrossEntropy(K, 1, **of)
    nobody = torch.zeros_like(label)
    agree(by_group(logits, label, nobody), ParametricCrossEntropy(K, **of)(logits, label))


@pytest.mark.parametrize("n_groups", [None, G])
def test_gradients_are_those_of_finite_differences(n_groups):
    logits, label, group = batch(b=6)
    shape = (K,) if n_groups is None else (K, n_groups)
    every = ("weight", "additive", "multiplicative")
    loss = ParametricCrossEntropy(K, n_groups, **terms(*shape), learn=every)
    given_group = () if n_groups is None else (group,)

    def at(logits, *coordinates):
        named = {f"coordinates.{name}": u for name, u in zip(every, coordinates, strict=True)}
        return torch.func.functional_call(loss, named, (logits, label, *given_group))

    inputs = [logits, *(0.3 * terms(*shape, seed=2)[name] for name in every)]
    inputs = [one.requires_grad_() for one in inputs]
    assert torch.autograd.gradcheck(at, inputs)
    assert torch.autograd.gradgradcheck(at, inputs)


# Torch itself still compiles in the manner that it warns of.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_a_forward_derivative_of_the_logits_is_the_reverse_one():
    logits, label, _ = batch()
    along = torch.randn(logits.shape, generator=torch.Generator().manual_seed(5))
    loss = ParametricCrossEntropy(K, **terms(K))
    _, forward = torch.func.jvp(lambda f: loss(f, label), (logits,), (along,))
    agree(forward, (torch.func.grad(lambda f: loss(f, label))(logits) * along).sum())


@pytest.mark.parametrize("n_groups", [None, G])
def test_the_gradient_of_the_additive_term_sums_to_0_over_classes(n_groups):
    logits, label, group = batch()
    shape = (K,) if n_groups is None else (K, n_groups)
    loss = ParametricCrossEntropy(K, n_groups, **terms(*shape))
    loss(logits, label, None if n_groups is None else group).backward()
    gradient = loss.coordinates["additive"].grad
    assert gradient.abs().max() > 1e-3
    agree(gradient.sum(0), torch.zeros(shape[1:]))


@settings(max_examples=25, deadline=None)
@given(constant=st.floats(-50, 50), seed=st.integers(0, 100))
def test_a_constant_added_to_all_classes_changes_neither_the_loss_nor_what_is_reported(
    constant, seed
):
    logits, label, _ = batch(seed=seed)
    of = terms(K, seed=seed)
    moved = of | {"additive": of["additive"] + constant}
    one, other = ParametricCrossEntropy(K, **of), ParametricCrossEntropy(K, **moved)
    agree(one(logits, label), other(logits, label), 1e-11)
    agree(one.centred_additive, other.centred_additive, 1e-11)


def test_additive_terms_are_centred_within_each_group():
    loss = ParametricCrossEntropy(K, G, **terms(K, G))
    agree(loss.centred_additive.sum(0), torch.zeros(G))
    away = loss.centred_additive - loss.additive
    agree(away, away[:1].expand(K, G))


@settings(max_examples=25, deadline=None)
@given(order=st.permutations(range(K)), seed=st.integers(0, 100))
def test_permuting_classes_permutes_the_gradient_and_leaves_the_loss(order, seed):
    logits, label, _ = batch(seed=seed)
    order = torch.tensor(order)
    losses = [
        ParametricCrossEntropy(K, **terms(K)),
        ParametricCrossEntropy(K, **{name: one[order] for name, one in terms(K).items()}),
    ]
    values = [losses[0](logits, label), losses[1](logits[:, order], torch.argsort(order)[label])]
    agree(*values)
    for value in values:
        value.backward()
    for name in ("additive", "multiplicative"):
        first, second = (loss.coordinates[name].grad for loss in losses)
        agree(first[order], second)


def test_an_indicator_of_each_class_reproduces_the_free_gradient():
    logits, label, _ = batch()
    free = ParametricCrossEntropy(K, **terms(K))
    through = ParametricCrossEntropy(K, **terms(K), dictionary=torch.eye(K))
    for loss in (free, through):
        loss(logits, label).backward()
    for name in ("additive", "multiplicative"):
        agree(through.coordinates[name].grad, free.coordinates[name].grad)


def test_the_gradient_of_tau_is_the_inner_product_with_the_log_prior():
    logits, label, _ = batch()
    prior = log_prior([500, 200, 80, 30, 10])
    free = ParametricCrossEntropy(K, additive=prior, learn=["additive"])
    tau = ParametricCrossEntropy(K, additive=prior, learn=["additive"], dictionary=prior[:, None])
    for loss in (free, tau):
        loss(logits, label).backward()
    expected = (prior * free.coordinates["additive"].grad).sum()
    agree(tau.coordinates["additive"].grad, expected[None])


def test_a_dictionary_of_classes_is_used_by_each_group_and_one_of_cells_by_all():
    random = torch.Generator().manual_seed(3)
    by_class, by_cell = (torch.randn(*shape, generator=random) for shape in ((K, 2), (K, G, 2)))
    loss = ParametricCrossEntropy(
        K, G, dictionary={"additive": by_class, "multiplicative": by_cell}
    )
    assert loss.coordinates["additive"].shape == (2, G)
    assert loss.coordinates["multiplicative"].shape == (2,)
    with torch.no_grad():
        for u in loss.parameters():
            u.copy_(torch.randn(u.shape, generator=random))
    agree(loss.additive, by_class @ loss.coordinates["additive"])
    u, v = loss.coordinates["multiplicative"]
    agree(loss.multiplicative, (by_cell[..., 0] * u + by_cell[..., 1] * v).exp())


def test_the_published_scaling_starts_at_the_sigmoid_of_1_and_stays_below_1():
    loss = ParametricCrossEntropy(K, scaling="sigmoid")
    agree(loss.multiplicative, torch.full((K,), 0.7310585786300049))
    with torch.no_grad():
        loss.coordinates["multiplicative"].fill_(1.5)
    agree(loss.multiplicative, torch.full((K,), 2.5).sigmoid())


def test_a_state_goes_on_as_it_was():
    logits, label, _ = batch()
    loss = ParametricCrossEntropy(K, **terms(K), dictionary=torch.eye(K)[:, :2])
    outer = torch.optim.SGD(loss.parameters(), lr=0.5)
    loss(logits, label).backward()
    outer.step()
    other = ParametricCrossEntropy(K, dictionary=torch.eye(K)[:, 1:3])
    other.load_state_dict(copy.deepcopy(loss.state_dict()))
    assert other(logits, label) != ParametricCrossEntropy(K)(logits, label)
    agree(other(logits, label), loss(logits, label))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(dtype):
    logits, label, _ = batch()
    loss = ParametricCrossEntropy(K, **terms(K)).float()
    half = logits.to(dtype).requires_grad_()
    value = loss(half, label)
    assert value.dtype == torch.float32
    assert value == loss(half.detach().float(), label)
    value.backward()
    assert half.grad.dtype == dtype


def test_autocast_leaves_the_loss_as_it_is():
    logits, label, _ = batch()
    loss = ParametricCrossEntropy(K, dictionary=torch.eye(K)).float()
    with torch.no_grad():
        loss.coordinates["additive"].copy_(torch.arange(K) / 7)
    with torch.autocast("cpu", torch.bfloat16):
        within = loss(logits.float(), label)
    assert within == loss(logits.float(), label)


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"n_classes": 1}, "too few classes"),
        ({"weight": [1.0, 2.0]}, r"weight must have shape \(3,\)"),
        ({"weight": [1.0, 0.0, 1.0]}, "weight must be positive"),
        ({"multiplicative": [1.0, -1.0, 1.0]}, "multiplicative must be positive"),
        ({"additive": [0.0, float("nan"), 0.0]}, "additive must be finite"),
        ({"learn": ["additive", "margin"]}, "learn"),
        ({"learn": "additive"}, "learn"),
        ({"scaling": "softplus"}, "scaling"),
        ({"scaling": "sigmoid", "multiplicative": [0.5, 1.0, 0.5]}, "below 1"),
        ({"dictionary": [1.0, 2.0, 3.0]}, "dictionary of additive"),
        ({"dictionary": torch.ones(4, 2)}, "dictionary of additive"),
        ({"dictionary": {"weight": torch.ones(3, 1)}}, "not learnt"),
    ],
)
def test_what_makes_no_loss_is_refused(arguments, what):
    with pytest.raises(ValueError, match=what):
        ParametricCrossEntropy(**{"n_classes": 3} | arguments)


@pytest.mark.parametrize(
    ("logits", "label", "group", "what"),
    [
        (torch.zeros(2, 4), [0, 1], None, "logits"),
        (torch.zeros(0, 3), [], None, "at least one row"),
        (torch.zeros(2, 3, dtype=torch.int64), [0, 1], None, "logits"),
        (torch.zeros(2, 3), [0, 3], None, "label must lie in"),
        (torch.zeros(2, 3), [0, -1], None, "label must lie in"),
        (torch.zeros(2, 3), [0], None, "label must be int64"),
        (torch.zeros(2, 3), [0, 1], [0, 1], "group is given"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(logits, label, group, what):
    codes = [
        None if one is None else torch.tensor(one, dtype=torch.int64) for one in (label, group)
    ]
    with pytest.raises(ValueError, match=what):
        ParametricCrossEntropy(3)(logits, *codes)


def test_groups_that_do_not_fit_are_refused():
    loss = ParametricCrossEntropy(3, 2)
    logits, label = torch.zeros(2, 3), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="group is missing"):
        loss(logits, label)
    with pytest.raises(ValueError, match="group must lie in"):
        loss(logits, label, torch.tensor([0, 2]))
