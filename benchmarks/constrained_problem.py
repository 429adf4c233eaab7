"""Losses of groups on a table of Adult's shape, written as a user of any of the packages would."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

ROWS, FEATURES, BATCH = 20_000, 11, 32
BOUND = 0.02
N_NAMED, N_MANY = 45, 1000
NAMES = [f"group{j}" for j in range(N_NAMED)]  # as humancompatible names them by itself

Problem = Callable[[torch.nn.Module, Tensor], tuple[Tensor, Tensor]]
"""Of a network and the numbers of the batch's rows, objective () and constraints (m,)."""
Draw = Callable[[], Tensor]


def network(features: int = FEATURES, hidden: tuple[int, int] = (64, 32)) -> torch.nn.Module:
    """The network of arXiv 2507.04033, with the same weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return torch.nn.Sequential(
            torch.nn.Linear(features, hidden[0]),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden[0], hidden[1]),
            torch.nn.ReLU(),
            torch.nn.Linear(hidden[1], 1),
        )


class AdultLike:
    """A table in memory, batches of it, and constraints on the losses of its groups.

    Attributes
    ----------
    x : Tensor, shape (n, f)
    y : Tensor, shape (n,)
        0 or 1.
    of_two : Tensor, shape (n, 2)
        Membership of two groups, one-hot; a third of the rows is in the second.
    codes : dict of Tensor, shape (n,)
        Membership of as many groups as the key says.
    """

    def __init__(self, features: int = FEATURES) -> None:
        random = torch.Generator().manual_seed(0)
        self.x = torch.randn(ROWS, features, generator=random)
        second = torch.rand(ROWS, generator=random) < 1 / 3
        noise = torch.randn(ROWS, generator=random)
        self.y = (self.x[:, :2].sum(1) + 0.5 * second + noise > 1).float()
        self.of_two = torch.stack([~second, second], dim=1).float()
        self.codes = {k: torch.randint(k, (ROWS,), generator=random) for k in (2, N_NAMED, N_MANY)}
        self.codes[2] = second.long()
        self._signs = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
        self._ones = torch.ones(BATCH)

    def batches(self) -> Draw:
        """A way of drawing batches, the same ones each time it is asked for."""
        random = torch.Generator().manual_seed(0)
        return lambda: torch.randint(ROWS, (BATCH,), generator=random)

    def losses(self, model: torch.nn.Module, rows: Tensor) -> Tensor:
        """Cross-entropy of each of the rows."""
        logits = model(self.x[rows])[:, 0]
        return torch.nn.functional.binary_cross_entropy_with_logits(
            logits, self.y[rows], reduction="none"
        )

    def loss(self, model: torch.nn.Module, rows: Tensor) -> Tensor:
        """What the loop without constraints computes."""
        logits = model(self.x[rows])[:, 0]
        return torch.nn.functional.binary_cross_entropy_with_logits(logits, self.y[rows])

    def two(self, model: torch.nn.Module, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The gap between two groups' mean losses, in both signs."""
        losses, members = self.losses(model, rows), self.of_two[rows]
        shares = members / members.sum(0).clamp_(min=1)
        return losses.mean(), losses @ (shares @ self._signs) - BOUND

    def many(self, k: int) -> Problem:
        """By how much the mean loss of each of k groups is above that of all."""
        codes = self.codes[k]

        def problem(model: torch.nn.Module, rows: Tensor) -> tuple[Tensor, Tensor]:
            losses, groups = self.losses(model, rows), codes[rows]
            mean = losses.mean()
            sizes = torch.zeros(k).index_add_(0, groups, self._ones).clamp_(min=1)
            above = torch.zeros(k).index_add(0, groups, losses - mean)
            return mean, above / sizes - BOUND

        return problem

    def named(self) -> Callable[[torch.nn.Module, Tensor], tuple[Tensor, dict[str, Tensor]]]:
        """The same of 45 groups by their names."""
        of_all = self.many(N_NAMED)

        def problem(model: torch.nn.Module, rows: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            objective, constraints = of_all(model, rows)
            return objective, dict(zip(NAMES, constraints.unbind(), strict=True))

        return problem
