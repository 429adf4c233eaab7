"""Linear models that are solved, for the exact search."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.groups import Groups
from equipoise.learn import Rows
from equipoise.learn.autobalance import solve
from equipoise.learn.imbalance import ParametricCrossEntropy


def rows_of(weighted=False, n=300, k=3):
    random = np.random.default_rng(0)
    x = random.normal(size=(n, 7)).astype(np.float32)
    y = random.integers(k, size=n)
    x[:, 0] += y
    weights = random.uniform(0.5, 1.5, n).astype(np.float32) if weighted else None
    return Rows.of(x, y, Groups.of(random.integers(2, size=n)), weights)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_groups", [None, 2])
def test_the_gradient_of_a_solved_model_is_0(weighted, n_groups):
    rows = rows_of(weighted)
    shape = (3,) if n_groups is None else (3, n_groups)
    draw = torch.Generator().manual_seed(0)
    loss = ParametricCrossEntropy(
        3,
        n_groups,
        additive=torch.randn(shape, generator=draw),
        multiplicative=torch.rand(shape, generator=draw) + 0.5,
    )
    head = solve(loss, rows, 3, 1e-2)
    given = () if n_groups is None else (torch.as_tensor(rows.groups.codes),)
    each = loss.per_row(head(rows.features.double()), rows.label, *given)
    weights = 1.0 if rows.weights is None else rows.weights.double()
    value = (each * weights).mean() + 5e-3 * sum((p * p).sum() for p in head.parameters())
    for g in torch.autograd.grad(value, list(head.parameters())):
        assert g.abs().max() < 1e-8


def test_a_model_without_weight_decay_is_refused():
    with pytest.raises(ValueError, match="weight_decay must be positive"):
        solve(ParametricCrossEntropy(3), rows_of(), 3, 0.0)


def test_a_model_that_cannot_be_solved_says_what_to_do():
    rows = rows_of()
    rows.features[0, 0] = torch.nan
    with pytest.raises(FloatingPointError, match="a larger weight_decay may cure it"):
        solve(ParametricCrossEntropy(3), rows, 3, 1e-2)
