"""Long-tailed classes, two networks for them, and the published hyper-gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from equipoise.learn import Rows
from equipoise.learn.imbalance import ParametricCrossEntropy, log_prior

CLASSES = 10
ROWS, JUDGED = 10_000, 2500
# Of the published recipe (Li et al. 2021): terms, batches of either kind, steps from one
# hyper-gradient to the next, and the share of a training before the first.
TERMS, BATCHES, EVERY, WARMUP = 6, 10, 20, 0.4

Vector = Sequence[Tensor]


class Task:
    """Rows of ten classes, the rarest a hundred times as rare as the commonest.

    Parameters
    ----------
    make : callable
        A new network for them.
    shape : tuple of int
        Of a row.
    """

    def __init__(self, make: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
        self.make = make
        random = np.random.default_rng(0)
        shares = 100.0 ** -np.linspace(0, 1, CLASSES)
        centres = random.normal(size=(CLASSES, *shape)).astype(np.float32)
        self._label = random.choice(CLASSES, ROWS + JUDGED, p=shares / shares.sum())
        noise = random.normal(size=(ROWS + JUDGED, *shape)).astype(np.float32)
        self._features = torch.from_numpy(centres[self._label] + noise)

    def rows(self) -> tuple[Rows, Rows]:
        """Those to train on and those to judge on."""
        label = torch.from_numpy(self._label)
        both = (slice(ROWS), slice(ROWS, None))
        found = [Rows(self._features[part], label[part], None, None) for part in both]
        return found[0], found[1]

    def loss(self) -> ParametricCrossEntropy:
        """The loss that is searched from."""
        counts = np.bincount(self._label[:ROWS], minlength=CLASSES)
        return ParametricCrossEntropy(CLASSES, additive=log_prior(np.maximum(counts, 1)))


def perceptron() -> nn.Module:
    """Four layers of 128."""
    torch.manual_seed(0)
    inside = [layer for _ in range(3) for layer in (nn.Linear(128, 128), nn.ReLU())]
    return nn.Sequential(nn.Linear(32, 128), nn.ReLU(), *inside, nn.Linear(128, CLASSES))


def convolutional() -> nn.Module:
    """Six layers of 3 by 3, of 8, 16 and 32 channels."""

    def block(before: int, after: int, stride: int) -> list[nn.Module]:
        return [
            nn.Conv2d(before, after, 3, stride, padding=1),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            nn.ReLU(),
        ]

    torch.manual_seed(0)
    return nn.Sequential(
        *block(3, 8, 1),
        *block(8, 16, 2),
        *block(16, 32, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, CLASSES),
    )


TASKS = {
    "mlp": lambda: Task(perceptron, (32,)),
    "conv": lambda: Task(convolutional, (3, 8, 8)),
}


def published(
    inner: Sequence[Callable[[], Tensor]],
    outer: Sequence[Callable[[], Tensor]],
    parameters: Vector,
    variables: Vector,
    step: float = 1.0,
) -> list[Tensor]:
    """The hyper-gradient of arXiv 2201.01212: a Neumann series of the Hessian, one graph for all.

    Parameters
    ----------
    inner, outer : sequence of callable
        Losses of training and of validation batches, whose means are meant.
    parameters, variables : sequence of Tensor
    step : float
        Of the series.

    Returns
    -------
    list of Tensor
    """
    total = [torch.zeros_like(p) for p in parameters]
    for closure in outer:
        for x, g in zip(total, torch.autograd.grad(closure(), parameters), strict=True):
            x.add_(g, alpha=1 / len(outer))
    slope: list[Tensor] | None = None
    for closure in inner:
        found = torch.autograd.grad(closure() / len(inner), parameters, create_graph=True)
        slope = list(found) if slope is None else [a + b for a, b in zip(slope, found, strict=True)]
    assert slope is not None
    term = total
    for _ in range(TERMS - 1):
        product = torch.autograd.grad(slope, parameters, term, retain_graph=True)
        term = [a - step * b for a, b in zip(term, product, strict=True)]
        total = [a + b for a, b in zip(total, term, strict=True)]
    return [-step * g for g in torch.autograd.grad(slope, variables, total)]
