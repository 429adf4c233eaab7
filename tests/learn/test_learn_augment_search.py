"""A search of policies by an outer objective finds what validation rows are augmented by."""

from __future__ import annotations

import torch

from equipoise.learn.augment import PersonalisedAugmentation, image_operations

WIDTH = 11
MIDDLE, EDGE, SHIFT = 5, 4.0, 2.0


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def images(n, seed, shift):
    """A line at an edge is of class 0; of class 1 is one in the middle, or that far beside it."""
    generator = seeded(seed)
    label = torch.arange(n) % 2
    side = torch.randint(2, (n,), generator=generator) * 2.0 - 1
    place = MIDDLE + side * torch.where(label == 1, shift, EDGE)
    place = place + 0.2 * torch.randn(n, generator=generator)
    line = torch.exp(-0.5 * (torch.arange(WIDTH) - place[:, None]) ** 2 / 0.8**2)
    return line[:, None, None, :].expand(-1, -1, 3, -1), label


def searched(operations, n_steps):
    """Minimise the loss of validation rows after ten steps of training on augmented ones."""
    augment = PersonalisedAugmentation(
        operations, [0, 1], n_stages=1, probability=0.5, magnitude=0.3
    )
    x, label = images(40, 0, shift=0.0)
    x_validation, y_validation = images(60, 1, shift=SHIFT)
    cross_entropy = torch.nn.functional.cross_entropy
    outer = torch.optim.Adam(augment.parameters(), lr=0.1)
    for step in range(n_steps):
        generator = seeded(step)
        weight = torch.zeros(3 * WIDTH, 2, requires_grad=True)
        for _ in range(10):
            loss = cross_entropy(augment(x, label, generator).flatten(1) @ weight, label)
            (slope,) = torch.autograd.grad(loss, weight, create_graph=True)
            weight = weight - slope
        outer.zero_grad()
        cross_entropy(x_validation.flatten(1) @ weight, y_validation).backward()
        outer.step()
    return augment


def test_the_class_that_is_shifted_learns_how_far_and_the_other_one_to_stay():
    augment = searched(image_operations("translate_x"), 40)
    stays, moves = augment.magnitude.flatten().tolist()
    assert moves > 0.3 > stays
    rarely, often = augment.policy()
    assert often.probability > 0.75 > 0.3 > rarely.probability
    # Validation rows are shifted by two columns.
    assert abs(often.amount * WIDTH - SHIFT) < 0.4
    assert rarely.amount * WIDTH < 1


def test_the_class_that_is_shifted_learns_which_operation_it_is():
    augment = searched(image_operations("translate_x", "invert"), 30)
    best = {row.cluster: row for row in reversed(augment.policy())}
    share = augment.log_share.exp()[1].flatten()
    assert best[1].operation == "translate_x"
    assert share[0] > 0.8
    assert best[1].uses > 2 * best[0].uses
