"""Figures by which a loss is chosen: their formulas, cells without rows, and merged batches."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from equipoise import Groups, audit
from equipoise.learn.imbalance import (
    CellLosses,
    balanced_loss,
    blend,
    constraint_objective,
    equalized_odds_loss,
    weighted_cross_entropy,
    worst_cell,
)

F64 = torch.float64


def batch(k=3, g=2, b=60, seed=0):
    random = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(b, k, generator=random, dtype=F64)
    return (
        logits,
        torch.randint(k, (b,), generator=random),
        torch.randint(g, (b,), generator=random),
    )


def cell(logits, label, group, k, g):
    rows = (label == k) & (group == g)
    return cross_entropy(logits[rows], label[rows])


def agree(a, b, tolerance=1e-12):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


def test_the_balanced_loss_is_the_mean_of_the_means_of_cells():
    logits, label, group = batch()
    cells = [cell(logits, label, group, k, g) for k in range(3) for g in range(2)]
    agree(balanced_loss(logits, label, group), torch.stack(cells).mean())
    classes = [cross_entropy(logits[label == k], label[label == k]) for k in range(3)]
    agree(balanced_loss(logits, label), torch.stack(classes).mean())


def test_the_balanced_loss_is_cross_entropy_weighted_by_the_counts_of_the_same_rows():
    logits, label, _ = batch()
    loss = weighted_cross_entropy(torch.bincount(label))
    agree(loss(logits, label), balanced_loss(logits, label), 1e-6)  # its weights are in single


def test_the_worst_cell_is_the_largest_mean():
    logits, label, group = batch()
    cells = [cell(logits, label, group, k, g) for k in range(3) for g in range(2)]
    agree(worst_cell(logits, label, group), torch.stack(cells).max())


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), cold=st.floats(0.01, 1), more=st.floats(1.1, 50))
def test_a_smooth_worst_cell_lies_between_the_mean_and_the_largest_and_falls_with_temperature(
    seed, cold, more
):
    given_rows = batch(seed=seed)
    hot, warm = (worst_cell(*given_rows, temperature=t) for t in (cold * more, cold))
    assert balanced_loss(*given_rows) <= hot + 1e-12
    assert hot <= warm + 1e-12
    assert warm <= worst_cell(*given_rows) + 1e-12


def test_equalized_odds_of_two_classes_and_two_groups_are_the_papers_symmetric_figure():
    rows = batch(k=2)
    positive, negative = (abs(cell(*rows, k, 0) - cell(*rows, k, 1)) for k in (1, 0))
    agree(equalized_odds_loss(*rows), positive + negative)


def test_equalized_odds_of_three_groups_are_means_over_pairs():
    rows = batch(g=3, b=200)
    expected = sum(
        sum(abs(cell(*rows, k, g) - cell(*rows, k, h)) for g, h in ((0, 1), (0, 2), (1, 2))) / 3
        for k in range(3)
    )
    agree(equalized_odds_loss(*rows), expected)


def test_a_constant_prediction_has_equalized_odds():
    _, label, group = batch()
    assert equalized_odds_loss(torch.ones(60, 3) * torch.tensor([3.0, 1, 0]), label, group) < 1e-6


OBJECTIVES = {
    "balanced": balanced_loss,
    "worst": worst_cell,
    "smooth worst": partial(worst_cell, temperature=0.3),
    "equalized odds": equalized_odds_loss,
    "blend": blend(equalized_odds_loss, weight_ce=0.1),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_gradients_are_those_of_finite_differences(name):
    logits, label, group = batch(b=14)
    objective = OBJECTIVES[name]
    assert torch.autograd.gradcheck(lambda f: objective(f, label, group), logits.requires_grad_())


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("missing", ["a cell", "a class", "a group", "all cells but one"])
def test_cells_without_rows_are_left_out_and_gradients_stay_finite(name, missing):
    logits, label, group = batch()
    keep = {
        "a cell": (label != 1) | (group != 0),
        "a class": label != 2,
        "a group": group == 0,
        "all cells but one": (label == 0) & (group == 0),
    }[missing]
    some = logits[keep].requires_grad_()
    value = OBJECTIVES[name](some, label[keep], group[keep])
    (gradient,) = torch.autograd.grad(value, some)
    assert value.isfinite()
    assert gradient.isfinite().all()


def test_the_balanced_loss_is_a_mean_over_the_cells_that_have_rows():
    logits, label, group = batch()
    keep = (label != 1) | (group != 0)
    rows = logits[keep], label[keep], group[keep]
    cells = [cell(*rows, k, g) for k in range(3) for g in range(2) if (k, g) != (1, 0)]
    agree(balanced_loss(*rows), torch.stack(cells).mean())
    agree(worst_cell(*rows), torch.stack(cells).max())
    smooth = 0.5 * (torch.stack(cells) / 0.5).exp().mean().log()
    agree(worst_cell(*rows, temperature=0.5), smooth)


def test_a_class_that_one_group_lacks_adds_nothing_to_equalized_odds():
    logits, label, group = batch()
    keep = (label != 1) | (group != 0)
    rows = logits[keep], label[keep], group[keep]
    agree(
        equalized_odds_loss(*rows), sum(abs(cell(*rows, k, 0) - cell(*rows, k, 1)) for k in (0, 2))
    )


def test_equalized_odds_of_one_group_alone_are_0():
    logits, label, group = batch()
    assert equalized_odds_loss(logits, label, torch.zeros_like(group)) == 0


def test_batches_that_are_merged_are_judged_as_one():
    logits, label, group = batch(b=200)
    logits.requires_grad_()
    parts = zip(logits.split(40), label.split(40), group.split(40), strict=True)
    first, *rest = (CellLosses.of(*part, n_groups=2) for part in parts)
    merged = first
    for one in rest:
        merged = merged.merge(one)
    whole = CellLosses.of(logits, label, group)
    for figure in ("mean", "balanced", "worst", "equalized_odds"):
        ours, all_at_once = (getattr(cells, figure)() for cells in (merged, whole))
        agree(ours, all_at_once)
        gradients = [
            torch.autograd.grad(one, logits, retain_graph=True)[0] for one in (ours, all_at_once)
        ]
        agree(*gradients)


def test_batches_judged_one_by_one_look_less_fair_than_they_are():
    logits, label, group = batch(b=4000)
    alone = [
        equalized_odds_loss(*part)
        for part in zip(logits.split(40), label.split(40), group.split(40), strict=True)
    ]
    assert torch.stack(alone).mean() > 3 * equalized_odds_loss(logits, label, group)


def test_a_blend_is_named_by_the_weight_of_cross_entropy():
    rows = batch()
    ours = blend(equalized_odds_loss, weight_ce=0.1)(*rows)
    agree(ours, 0.1 * cross_entropy(*rows[:2]) + 0.9 * equalized_odds_loss(*rows))
    agree(blend(balanced_loss, weight_ce=1.0)(*rows), cross_entropy(*rows[:2]))


@pytest.mark.parametrize("rate", ["selection", "true_positive", "accuracy"])
def test_a_gap_promised_to_be_0_is_the_gap_that_an_audit_finds(rate):
    logits, label, group = batch(k=2, b=200)
    counted = audit(
        label.numpy(), logits.argmax(1).numpy(), sensitive_features=Groups.of(group.numpy())
    ).disparity(f'gap("{rate}")')
    ours = constraint_objective(f'gap("{rate}") <= 0', n_groups=2, n_classes=2)(
        logits, label, group
    )
    assert ours.item() == pytest.approx(counted.value, abs=1e-12)


def test_the_gradient_of_a_promise_is_that_of_expected_rates():
    logits, label, group = batch(k=2, b=200)
    logits.requires_grad_()
    ours = constraint_objective('gap("selection") <= 0.0', 2, 2)(logits, label, group)
    selected = torch.softmax(logits, 1)[:, 1]
    counted = logits.argmax(1).double()
    signed = selected[group == 1].mean() - selected[group == 0].mean()
    sign = torch.sign(counted[group == 1].mean() - counted[group == 0].mean())
    (expected,) = torch.autograd.grad(sign * signed, logits)
    (gradient,) = torch.autograd.grad(ours, logits)
    agree(gradient, expected)


def test_a_promise_that_is_kept_asks_for_nothing():
    logits, label, group = batch(k=2)
    logits.requires_grad_()
    value = constraint_objective('gap("selection") <= 1', 2, 2)(logits, label, group)
    assert value == 0
    assert not torch.autograd.grad(value, logits)[0].any()


def test_a_promise_about_a_group_that_is_not_there_is_finite():
    logits, label, group = batch(k=2)
    logits.requires_grad_()
    objective = constraint_objective(['gap("equalized_odds") <= 0', 'worst("loss") <= 0.1'], 3, 2)
    value = objective(logits, label, group)
    assert value.isfinite()
    assert torch.autograd.grad(value, logits)[0].isfinite().all()


def test_a_promise_can_be_blended():
    logits, label, group = batch(k=2)
    promise = constraint_objective('gap("selection") <= 0', 2, 2)
    ours = blend(promise, weight_ce=0.25)(logits, label, group)
    agree(ours, 0.25 * cross_entropy(logits, label) + 0.75 * promise(logits, label, group))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_summed_in_single(dtype):
    logits, label, group = batch()
    ours = balanced_loss(logits.to(dtype), label, group)
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.item(), balanced_loss(logits, label, group).item(), rtol=0.02)


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda f, y, g: equalized_odds_loss(f, y), "group is missing"),
        (lambda f, y, g: balanced_loss(f, y + 3), "label must lie in"),
        (lambda f, y, g: balanced_loss(f, y, g - 1), "group must lie in 0 and up"),
        (lambda f, y, g: balanced_loss(f, y, g[1:]), "group must be int64 of shape"),
        (lambda f, y, g: balanced_loss(f[:, 0], y), "logits"),
        (lambda f, y, g: balanced_loss(f[:0], y[:0]), "at least one row"),
        (lambda f, y, g: equalized_odds_loss(f[:0], y[:0], g[:0]), "at least one row"),
        (lambda f, y, g: worst_cell(f, y, temperature=-1), "temperature"),
        (lambda f, y, g: CellLosses.of(f, y, g, 1), "group must lie in 0..0"),
        (lambda f, y, g: CellLosses.of(f, y, n_groups=2), "group is not given"),
        (lambda f, y, g: CellLosses.of(f, y).equalized_odds(), "there is one"),
        (lambda f, y, g: CellLosses.of(f, y).merge(CellLosses.of(f, y, g)), "n_groups"),
        (lambda f, y, g: blend(balanced_loss, weight_ce=1.5), "weight_ce"),
        (lambda f, y, g: constraint_objective([], 2, 3), "constraints are empty"),
        (lambda f, y, g: constraint_objective("gap(luck) <= 0", 2, 3), "unknown rate"),
        (lambda f, y, g: constraint_objective("gap(selection) <= 0", 2, 3)(f, y), "group is"),
    ],
)
def test_what_has_no_figure_is_refused(call, what):
    with pytest.raises(ValueError, match=what):
        call(*batch())
