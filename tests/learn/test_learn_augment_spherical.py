"""Spheres around vectors: drawn directions and worst ones."""

from __future__ import annotations

import math

import pytest
import torch

from equipoise.learn.augment import SphericalAugmentation


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def vectors(n=6, d=4):
    return torch.randn(n, d, generator=seeded(9), dtype=torch.float64)


def test_rows_move_by_the_radius_of_their_cluster():
    augment = SphericalAugmentation([0, 1, 1], radius=[0.5, 2.0])
    x = torch.randn(9, 3, 2, dtype=torch.float64, generator=seeded(1))
    moved = (augment(x, torch.arange(9) % 3, seeded()) - x).flatten(1).norm(dim=1)
    expected = torch.tensor([0.5, 2.0, 2.0] * 3, dtype=torch.float64)
    torch.testing.assert_close(moved, expected, rtol=1e-6, atol=0)


def test_directions_are_uniform():
    augment = SphericalAugmentation([0], radius=1.0).double()
    n, d = 20_000, 3
    label = torch.zeros(n, dtype=torch.int64)
    direction = augment(torch.zeros(n, d, dtype=torch.float64), label, seeded())
    error = 4 / math.sqrt(n)
    torch.testing.assert_close(
        direction.mean(0), torch.zeros(d, dtype=torch.float64), rtol=0, atol=error
    )
    # On the sphere in three dimensions each coordinate is uniform: Archimedes' hat box.
    heights = direction[:, 0].sort().values
    uniform = torch.linspace(-1, 1, n, dtype=torch.float64)
    assert (heights - uniform).abs().max() < 2 * 1.95 / math.sqrt(n)


def test_the_gradient_of_a_radius_is_that_of_finite_differences():
    augment = SphericalAugmentation([0, 1], radius=[0.5, 2.0]).double()
    x, label = vectors(), torch.arange(6) % 2

    def value(coordinates):
        out = torch.func.functional_call(
            augment, {"coordinates": coordinates}, (x, label, seeded())
        )
        return (out**2).sum()

    at = torch.tensor([0.3, -0.2], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(value, at)


def test_a_radius_is_learnt_from_rows_of_its_own_cluster_alone():
    augment = SphericalAugmentation([0, 1])
    x = torch.ones(6, 4)
    augment(x, torch.zeros(6, dtype=torch.int64), seeded()).square().sum().backward()
    assert augment.coordinates.grad[0] != 0
    assert augment.coordinates.grad[1] == 0


def test_a_radius_stays_positive_and_one_that_starts_at_0_stays_there():
    augment = SphericalAugmentation([0, 1], radius=[0.0, 0.5])
    with torch.no_grad():
        augment.coordinates.fill_(-3.0)
    torch.testing.assert_close(augment.radius.detach(), torch.tensor([0.0, 0.5 * math.exp(-3)]))


def test_a_radius_of_0_leaves_rows_alone_and_evaluation_does():
    x, label = vectors(), torch.arange(6) % 2
    assert torch.equal(SphericalAugmentation([0, 1], radius=0.0)(x, label), x)
    assert SphericalAugmentation([0, 1]).eval()(x, label) is x


def test_no_point_of_the_ball_is_worse_than_the_worst_and_one_is_as_bad():
    augment = SphericalAugmentation([0, 1], radius=[0.7, 1.5]).double()
    weight = torch.randn(2, 4, generator=seeded(4), dtype=torch.float64)
    x, label = vectors(), torch.arange(6) % 2
    cross_entropy = torch.nn.functional.cross_entropy
    worst = cross_entropy(
        augment.worst_logits(x @ weight.T, label, weight), label, reduction="none"
    )
    for seed in range(200):
        there = augment(x, label, seeded(seed)) @ weight.T
        assert (cross_entropy(there, label, reduction="none") <= worst + 1e-12).all()
    away = weight[1 - label] - weight[label]
    step = augment.radius.detach()[label, None] * away / away.norm(dim=1, keepdim=True)
    reached = cross_entropy((x + step) @ weight.T, label, reduction="none")
    torch.testing.assert_close(reached, worst)


def test_with_several_classes_the_worst_is_an_upper_bound_by_pairs():
    augment = SphericalAugmentation([0, 0, 1], radius=[0.7, 1.5]).double()
    weight = torch.randn(3, 4, generator=seeded(4), dtype=torch.float64)
    x, label = vectors(), torch.arange(6) % 3
    logits = x @ weight.T
    worst = augment.worst_logits(logits, label, weight)
    torch.testing.assert_close(worst.gather(1, label[:, None]), logits.gather(1, label[:, None]))
    for seed in range(200):
        there = augment(x, label, seeded(seed)) @ weight.T
        over = there - there.gather(1, label[:, None])
        assert (over <= worst - worst.gather(1, label[:, None]) + 1e-12).all()


def test_the_worst_case_is_differentiable_twice_where_classes_have_one_weight():
    augment = SphericalAugmentation([0, 1]).double()
    weight = torch.ones(2, 4, dtype=torch.float64, requires_grad=True)
    x, label = vectors(), torch.arange(6) % 2
    worst = augment.worst_logits(x @ weight.T, label, weight)
    loss = torch.nn.functional.cross_entropy(worst, label)
    (slope,) = torch.autograd.grad(loss, weight, create_graph=True)
    (mixed,) = torch.autograd.grad(slope.sum(), augment.coordinates)
    assert slope.isfinite().all()
    assert mixed.isfinite().all()


@pytest.mark.parametrize(
    ("radius", "message"),
    [
        (-1.0, "finite and not negative"),
        ([0.1, math.inf], "finite and not negative"),
        ([0.1, 0.2, 0.3], "or 2, one a cluster"),
        ("a", "must be a number"),
    ],
)
def test_radii_that_cannot_be_are_refused(radius, message):
    with pytest.raises(ValueError, match=message):
        SphericalAugmentation([0, 1], radius=radius)


def test_what_does_not_fit_is_refused():
    augment = SphericalAugmentation([0, 1])
    label = torch.tensor([0, 1])
    with pytest.raises(ValueError, match="x must be floating-point"):
        augment(torch.zeros(2), label)
    with pytest.raises(ValueError, match="label 2 has no cluster"):
        augment(torch.zeros(2, 3), torch.tensor([0, 2]))
    with pytest.raises(ValueError, match=r"logits must be floating-point of shape \(b, 2\)"):
        augment.worst_logits(torch.zeros(2, 3), label, torch.zeros(3, 4))
    with pytest.raises(ValueError, match=r"weight must have shape \(2, d\)"):
        augment.worst_logits(torch.zeros(2, 2), label, torch.zeros(3, 4))
