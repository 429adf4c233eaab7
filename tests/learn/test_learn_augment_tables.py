"""Operations on the rows of tables: noise, dropout and swaps of columns."""

from __future__ import annotations

import math

import narwhals as nw
import pandas as pd
import pytest
import torch

from equipoise.learn import TableEncoder
from equipoise.learn.augment import (
    PersonalisedAugmentation,
    encoded_operations,
    table_operations,
)

SPREAD = [1.0, 3.0, 0.0, 0.0, 0.0]
BLOCKS = [[2, 3, 4]]


def rows(n=4000):
    generator = torch.Generator().manual_seed(2)
    numbers = 1 + torch.rand(n, 2, generator=generator, dtype=torch.float64)
    category = torch.randint(3, (n,), generator=generator)
    return torch.cat([numbers, torch.eye(3, dtype=torch.float64)[category]], dim=1)


def applied(name, x, amount, seed=0):
    operation = {of.name: of for of in table_operations(SPREAD, BLOCKS)}[name]
    drawn = operation.draw(x, torch.Generator().manual_seed(seed))
    if not isinstance(amount, torch.Tensor):
        amount = torch.full((len(x),), amount, dtype=torch.float64)
    return operation.apply(x, amount, *drawn)


@pytest.mark.parametrize("name", ["noise", "drop", "swap"])
def test_an_amount_of_0_changes_nothing(name):
    x = rows(200)
    assert torch.equal(applied(name, x, 0.0), x)


def test_noise_is_as_wide_as_its_share_of_a_columns_spread():
    x = rows()
    width = (applied("noise", x, 0.2) - x).std(0)
    expected = 0.2 * torch.tensor(SPREAD, dtype=torch.float64)
    torch.testing.assert_close(width, expected, rtol=5 / math.sqrt(2 * len(x)), atol=0)


def test_the_gradient_of_noise_is_that_of_finite_differences():
    x = rows(5)
    amount = torch.full((5,), 0.3, dtype=torch.float64)
    operation = table_operations(SPREAD)[0]
    drawn = operation.draw(x, torch.Generator().manual_seed(0))
    amount.requires_grad_()
    assert torch.autograd.gradcheck(lambda a: operation.apply(x, a, *drawn), amount)


@pytest.mark.parametrize("name", ["drop", "swap"])
def test_as_many_blocks_are_changed_as_the_amount_says(name):
    # Rows that are all different, so that every change is seen.
    x = 1 + torch.arange(4000 * 5, dtype=torch.float64).view(4000, 5)
    changed = (applied(name, x, 0.3) != x).double()
    error = 4 * math.sqrt(0.3 * 0.7 / len(x))
    torch.testing.assert_close(
        changed.mean(0), torch.full((5,), 0.3, dtype=torch.float64), rtol=0, atol=error
    )
    assert torch.equal(changed[:, 2], changed[:, 3])
    assert torch.equal(changed[:, 2], changed[:, 4])
    assert not torch.equal(changed[:, 0], changed[:, 1])


def test_what_is_dropped_is_0():
    x = rows()
    changed = applied("drop", x, 0.3)
    assert ((changed == 0) | (changed == x)).all()


def test_swapped_values_are_those_of_other_rows_and_categories_stay_one_hot():
    x = rows(300)
    changed = applied("swap", x, 0.5)
    assert torch.equal(changed[:, 2:].sum(1), torch.ones(300, dtype=torch.float64))
    assert ((changed[:, 2:] == 0) | (changed[:, 2:] == 1)).all()
    for column in (0, 1):
        assert torch.isin(
            changed[:, column].round(decimals=12), x[:, column].round(decimals=12)
        ).all()


@pytest.mark.parametrize("n", [2, 3, 50])
def test_no_row_is_swapped_with_itself(n):
    x = torch.arange(n * 5, dtype=torch.float64).view(n, 5)
    for seed in range(20):
        assert (applied("swap", x, 1.0, seed) != x).all()


def test_a_row_alone_has_nothing_to_swap_with():
    x = rows(1)
    assert torch.equal(applied("swap", x, 0.5), x)


@pytest.mark.parametrize("name", ["drop", "swap"])
def test_how_often_has_the_gradient_of_a_mean(name):
    # Blocks of the first half are swapped with those of all, whose mean is another.
    x = rows(60_000) * torch.linspace(1, 2, 60_000, dtype=torch.float64)[:, None]
    first = x[:30_000].mean(0)
    becomes = x.mean(0) if name == "swap" else torch.zeros(5, dtype=torch.float64)
    weight = torch.tensor([1.0, 2.0, -1.0, 0.5, 3.0], dtype=torch.float64)
    amount = torch.full((len(x),), 0.3, dtype=torch.float64, requires_grad=True)
    mean = (applied(name, x, amount)[:30_000] @ weight).mean()
    (found,) = torch.autograd.grad(mean, amount)
    true = ((becomes - first) @ weight).item()
    assert found.sum().item() == pytest.approx(true, rel=0.02)


def test_features_of_an_encoded_column_are_one_block():
    frame = pd.DataFrame(
        {
            "age": [20.0, None, 40.0, 50.0] * 10,
            "job": ["a", "b", "c", "a"] * 10,
            "height": [1.0, 2.0, 3.0, 4.0] * 10,
        }
    )
    encoder = TableEncoder.fit(nw.from_native(frame))
    noise, drop, _ = encoded_operations(encoder)
    n_features = sum(len(column.features) for column in encoder.columns)
    x = torch.ones(500, n_features)
    generator = torch.Generator().manual_seed(0)
    amount = torch.full((500,), 0.5)
    noisy = (noise.apply(x, amount, *noise.draw(x, generator)) != x).any(0)
    assert noisy.tolist() == [True, False, False, False, False, True]
    dropped = drop.apply(x, amount, *drop.draw(x, generator)) == 0
    assert torch.equal(dropped[:, 0], dropped[:, 1])
    assert torch.equal(dropped[:, 2], dropped[:, 4])
    assert not torch.equal(dropped[:, 1], dropped[:, 2])


def test_a_policy_changes_rows_of_a_table():
    augment = PersonalisedAugmentation(table_operations(SPREAD, BLOCKS), [0, 1], probability=0.9)
    x = rows(50).float()
    changed = augment(x, torch.arange(50) % 2)
    assert changed.shape == x.shape
    assert ((changed != x).any(1).float().mean()) > 0.5


@pytest.mark.parametrize(
    ("spread", "blocks", "message"),
    [
        ([1.0, -1.0], (), "finite and not negative"),
        ([1.0, math.nan], (), "finite and not negative"),
        ([1.0, math.inf], (), "finite and not negative"),
        ([[1.0]], (), r"shape \(d,\)"),
        ([], (), r"shape \(d,\)"),
        ([1.0, 1.0], [[0], [0, 1]], "but 0 is in two"),
        ([1.0, 1.0], [[0, 2]], "but 2 is not one of them"),
        ([1.0, 1.0], [[-1]], "but -1 is not one of them"),
    ],
)
def test_columns_that_cannot_be_are_refused(spread, blocks, message):
    with pytest.raises(ValueError, match=message):
        table_operations(spread, blocks)
