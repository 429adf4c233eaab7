"""What the benchmark of min-max steps compares: loops that take the same steps."""

from __future__ import annotations

import pytest
import torch
from benchmarks.minmax_coverage import CASES
from benchmarks.minmax_loops import by_hand, by_hand_for_this_game, ours
from benchmarks.minmax_problem import Ring, batch
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from equipoise.optim.minmax import Alternating


def after_three_steps(make, k):
    ring = Ring(16)
    step = make(ring, k)
    torch.manual_seed(0)
    for _ in range(3):
        step()
    return [p.detach() for p in (*ring.generator.parameters(), *ring.discriminator.parameters())]


@pytest.mark.parametrize("k", [1, 3])
def test_the_loops_by_hand_take_the_steps_of_alternating(k):
    wanted = after_three_steps(lambda ring, k: ours(ring, Alternating, k=k), k)
    for make in (by_hand, by_hand_for_this_game):
        for found, p in zip(after_three_steps(make, k), wanted, strict=True):
            torch.testing.assert_close(found, p, rtol=0, atol=1e-6)
    start = [p.detach() for p in Ring(16).generator.parameters()]
    assert any((p - q).abs().max() > 1e-3 for p, q in zip(start, wanted, strict=False))


def test_the_value_is_minus_the_cross_entropy_of_the_discriminator():
    ring = Ring(16)
    torch.manual_seed(0)
    rows, noise = batch()
    logits = torch.cat([ring.discriminator(rows), ring.discriminator(ring.generator(noise))])
    labels = torch.cat([torch.ones(len(rows), 1), torch.zeros(len(noise), 1)])
    torch.testing.assert_close(ring.value(rows, noise), -2 * bce(logits, labels))


def test_rows_are_near_the_four_centres_in_equal_shares():
    torch.manual_seed(0)
    rows = torch.cat([batch()[0] for _ in range(20)])
    centres = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    away, which = torch.cdist(rows, centres).min(1)
    assert away.max() < 0.06
    assert which.bincount() / len(rows) == pytest.approx([0.25] * 4, abs=0.02)


@pytest.mark.parametrize("name", CASES)
def test_the_truths_are_those_of_many_draws(name):
    case, n = CASES[name], 400_000
    torch.manual_seed(0)
    z = torch.randn(n, 2, dtype=torch.float64)
    m = case.value(z)
    assert (m <= 0).all()
    assert (z * m[:, None]).mean(0).norm().item() == pytest.approx(case.slope, abs=0.02)
    second = (z * m[:, None]).T @ z / n - torch.eye(2) * m.mean()
    assert torch.linalg.eigvalsh(second)[0].item() == pytest.approx(case.bend, abs=0.04)
