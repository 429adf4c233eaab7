"""Training several replicates of a network at once, under a promise."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.methods import find_method
from equipoise.learn.network import StackedMLP
from equipoise.learn.order import Order
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.threads import one_thread
from equipoise.learn.watch import History, Watch

Progress = Callable[[int, int], None]
"""Told how many steps are done, of how many."""

OPTIMIZERS = (
    "Adam",
    "AdamW",
    "SGD",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adamax",
    "ASGD",
    "NAdam",
    "RAdam",
)
"""The torch optimizers that act on each coordinate alone, so that replicates stay apart."""


@dataclass(frozen=True)
class TrainingSettings:
    """How a network is trained, apart from its data and its promise.

    Attributes
    ----------
    method : str
        One of :data:`equipoise.learn.METHODS`.
    hidden : tuple of int
        Units of each hidden layer.
    optimizer : str
        One of :data:`OPTIMIZERS`: the name of a class of :mod:`torch.optim`.
    learning_rate : float
        At the start; it falls to 0 along a cosine, since the last iterate of a game oscillates
        at any constant rate.
    weight_decay : float
        As the optimizer has it. The default costs nothing on tables of tens of thousands of rows
        and keeps a network from learning a table of hundreds by heart.
    steps : int
        Number of optimizer steps: the cost of training, whatever the size of the table.
    batch_size : int
    """

    method: str = "alm"
    hidden: tuple[int, ...] = (64, 32)
    optimizer: str = "Adam"
    learning_rate: float = 0.003
    weight_decay: float = 0.001
    steps: int = 1000
    batch_size: int = 512

    def __post_init__(self) -> None:
        find_method(self.method)
        if not isinstance(self.hidden, Iterable):
            raise ValueError(
                f"hidden must hold the units of each layer, such as (64, 32), not {self.hidden!r}."
            )
        # JSON can hold Python's own numbers only.
        hidden = tuple(_whole("a number of units in hidden", units) for units in self.hidden)
        object.__setattr__(self, "hidden", hidden)
        for name in ("steps", "batch_size"):
            object.__setattr__(self, name, _whole(name, getattr(self, name)))
        for name in ("learning_rate", "weight_decay"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden must hold positive numbers of units, not {self.hidden}.")
        if self.optimizer not in OPTIMIZERS:
            raise ValueError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}, not {self.optimizer!r}."
            )
        for name in ("learning_rate", "steps", "batch_size"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}.")
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be at least 0, not {self.weight_decay}.")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return {**asdict(self), "hidden": list(self.hidden)}


def _whole(what: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{what} must be a whole number, not {value!r}.") from None


@dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    network : StackedMLP
        Of r replicates.
    history : History
        What was seen on the way.
    """

    network: StackedMLP
    history: History


@one_thread()
def train(
    rows: Rows,
    n_classes: int,
    seeds: Sequence[int],
    settings: TrainingSettings,
    constraint: Constraint | None = None,
    *,
    watched: Rows | None = None,
    progress: Progress | None = None,
) -> Trained:
    """Train one replicate a seed, all at once.

    Each replicate has its own initial weights, order of rows and multipliers, and ends where it
    would have ended alone, up to the rounding of floating-point sums.

    Parameters
    ----------
    rows : Rows
        To train on.
    n_classes : int
        k.
    seeds : sequence of int, length r
    settings : TrainingSettings
    constraint : Constraint, optional
        The promise, of which the method is told; ``erm`` ignores it.
    watched : Rows, optional
        Rows on which accuracy and disparity are followed; the training rows by default.
    progress : callable, optional

    Returns
    -------
    Trained

    Raises
    ------
    FloatingPointError
        If training diverges.
    """
    dtype, device = rows.features.dtype, rows.features.device
    network = StackedMLP(rows.features.shape[1], settings.hidden, n_classes, seeds, dtype)
    network.to(device)
    method = find_method(settings.method)
    heeded = constraint if method.heeds_constraint else None
    problem = FairProblem(network, rows, n_classes, heeded)
    base = getattr(torch.optim, settings.optimizer)(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    optimizer = method.wrap(base, problem.n_constraints, len(seeds))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    order = Order(len(rows), settings.batch_size, seeds)
    watch = Watch(network, rows if watched is None else watched, n_classes, constraint)
    for step in range(settings.steps):
        batch = order.next_batch().to(device)
        objective = optimizer.step(lambda _: problem(batch))  # noqa: B023
        schedule.step()
        watch.after_step(step, settings.steps, objective, optimizer.multipliers)
        if progress is not None:
            progress(step + 1, settings.steps)
    return Trained(network, watch.history())


@one_thread()
@torch.no_grad()
def predict_probabilities(
    network: StackedMLP, features: torch.Tensor, block: int = 65_536
) -> NDArray[np.float64]:
    """Class probabilities of every replicate, in blocks of rows so that memory stays bounded.

    Parameters
    ----------
    network : StackedMLP
    features : Tensor, shape (n, d)
    block : int
        Rows at a time.

    Returns
    -------
    ndarray of float64, shape (r, n, k)
    """
    parts = [torch.softmax(network(x), dim=-1).cpu() for x in features.split(block)]
    return torch.cat(parts, dim=1).double().numpy()
