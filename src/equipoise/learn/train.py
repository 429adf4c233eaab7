"""Training several replicates of a network at once, under a promise."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.ending import ITERATES, Ending, affordable_looks
from equipoise.learn.methods import Method, Setting, find_method, require_together
from equipoise.learn.mixed import Network
from equipoise.learn.network import StackedMLP
from equipoise.learn.optimizers import DRAWS_LABELS, find_optimizer, make_optimizer
from equipoise.learn.order import Order
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.promises import as_promises
from equipoise.learn.sampled_losses import LossesOfSampledLabels
from equipoise.learn.strata import StratifiedOrder, choose_shares, fewest_rows
from equipoise.learn.threads import one_thread
from equipoise.learn.watch import History, Watch
from equipoise.optim.constrained import Constraints, Estimator

Progress = Callable[[int, int], None]
"""Told how many steps are done, of how many."""

# Of a smaller batch a step does not cost less.
_STEP_ROWS = 512

SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: (1 + math.cos(math.pi * done)) / 2,
    "constant": lambda done: 1.0,
}
"""The factor of the learning rate, by the share of the steps that are done."""


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
        One of :data:`equipoise.learn.optimizers.OPTIMIZERS`, in small or capital letters.
    learning_rate : float
        At the start.
    weight_decay : float
        As the optimizer has it. The default costs nothing on tables of tens of thousands of rows
        and keeps a network from learning a table of hundreds by heart.
    steps : int
        Number of optimizer steps: the cost of training, whatever the size of the table.
    batch_size : int
        Rows that a step sees; a method that evaluates several batches gets smaller ones.
    iterate : {"best", "last", "average", "mixture"}
        Which iterate a run under a promise ends with: of the last ones the one with the least
        loss that keeps the promise on the training rows, simply the last, their average, or the
        random choice among iterates that keeps it in expectation at the least loss.
    schedule : {"cosine", "constant"}
        The learning rate falls to 0 along a cosine, since the last iterate of a game oscillates
        at any constant rate; or it stays.
    """

    method: str = "alm"
    hidden: tuple[int, ...] = (64, 32)
    optimizer: str = "Adam"
    learning_rate: float = 0.003
    weight_decay: float = 0.001
    steps: int = 1000
    batch_size: int = 512
    iterate: str = "best"
    schedule: str = "cosine"

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
            object.__setattr__(self, name, _number(name, getattr(self, name)))
        if any(units < 1 for units in self.hidden):
            raise ValueError(f"hidden must hold positive numbers of units, not {self.hidden}.")
        object.__setattr__(self, "optimizer", find_optimizer(self.optimizer))
        require_together(find_method(self.method), self.optimizer)
        for name in ("learning_rate", "steps", "batch_size"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}.")
        if self.iterate not in ITERATES:
            raise ValueError(f"iterate must be one of {', '.join(ITERATES)}, not {self.iterate!r}.")
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"schedule must be one of {', '.join(SCHEDULES)}, not {self.schedule!r}."
            )
        if not self.weight_decay >= 0:
            raise ValueError(f"weight_decay must be at least 0, not {self.weight_decay}.")
        for name in ("learning_rate", "weight_decay"):
            if math.isinf(getattr(self, name)):
                raise ValueError(f"{name} must be finite.")

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        return {**asdict(self), "hidden": list(self.hidden)}


def _whole(what: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{what} must be a whole number, not {value!r}.") from None


def _number(what: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{what} must be a number, not {value!r}.") from None


@dataclass(frozen=True)
class Trained:
    """What training gives.

    Attributes
    ----------
    network : StackedMLP or MixedMLP
        Of r replicates.
    history : History
        What was seen on the way.
    """

    network: Network
    history: History


@one_thread()
def train(
    rows: Rows,
    n_classes: int,
    seeds: Sequence[int],
    settings: TrainingSettings,
    constraint: Constraint | Sequence[Constraint] | None = None,
    *,
    method: Method | None = None,
    followed: Constraint | Sequence[Constraint] | None = None,
    watched: Rows | None = None,
    validation: Rows | None = None,
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
    constraint : Constraint or sequence of them, optional
        The promise or promises, of which the method is told; ``erm`` ignores them. The history
        follows each.
    method : Method, optional
        A way of training without a name that ``settings`` could call it by, in place of theirs.
    followed : Constraint or sequence of them, optional
        What the history follows, where it is something else than what the method is told.
    watched : Rows, optional
        Rows on which accuracy and disparity are followed; the training rows by default.
    validation : Rows, optional
        Rows on which the iterates near the end are judged, and by which the promise is asked to
        be kept with a margin; the training rows by default. The last iterate and the average are
        not judged. What a large network has learnt by
        heart keeps a promise there and not on fresh rows (Cotter et al. 2019, arXiv 1807.00028).
    progress : callable, optional

    Returns
    -------
    Trained

    Raises
    ------
    FloatingPointError
        If training diverges.
    """
    method = method or find_method(settings.method)
    require_together(method, settings.optimizer)
    promises = as_promises(constraint)
    heeded = promises if method.heeds_constraint else []
    if method.require is not None and heeded:
        method.require(heeded, n_classes)
    if method.train is not None:
        if rows.noisy is not None:
            raise ValueError(
                f"method {method.name!r} looks at rows group by group, and cannot correct for "
                "errors in the groups: take another, such as 'alm', or groups.observed."
            )
        trained: Trained = method.train(
            rows, n_classes, seeds, settings, heeded, watched, validation, progress
        )
        return trained
    assert method.wrap is not None
    network = StackedMLP(
        rows.features.shape[1], settings.hidden, n_classes, seeds, rows.features.dtype
    ).to(rows.features.device)
    batch_size = _batch_size(settings, method, len(rows))
    order = order_for(rows, n_classes, heeded, batch_size, seeds)
    problem = FairProblem(network, rows, n_classes, heeded, order.importance)
    sampled_losses = None
    if settings.optimizer in DRAWS_LABELS:
        own_order = order_for(rows, n_classes, heeded, batch_size, seeds)
        sampled_losses = LossesOfSampledLabels(problem, own_order, seeds)
    base = make_optimizer(
        settings.optimizer,
        network.parameters(),
        settings.learning_rate,
        settings.weight_decay,
        sampled_losses,
    )
    rows_behind = _rows_behind(rows, n_classes, heeded, order)
    optimizer = method.wrap(
        base,
        Setting(
            problem.n_constraints,
            len(seeds),
            settings.steps,
            lambda: problem.everything()[1],
            seed=0,  # of all: a replicate's course must not depend on its neighbours
            rows_behind=rows_behind,
        ),
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: SCHEDULES[settings.schedule](step / settings.steps)
    )
    looked_at = promises if followed is None else as_promises(followed)
    watch = Watch(network, rows if watched is None else watched, n_classes, looked_at)
    # A method that does not heed the promise is not helped to keep it.
    judge = problem
    corrected: Estimator | None = optimizer.estimator
    if validation is not None:
        # What is tracked is of the training rows, and other rows are not to correct it.
        judge, corrected = FairProblem(network, validation, n_classes, heeded), None
    looks = looks_for(judge, settings)
    iterate = settings.iterate if heeded else "last"
    ending = Ending(judge, settings.steps, iterate, looks, corrected, rows_behind)
    for step in range(settings.steps):
        objective = optimizer.step(_Batches(order, problem, ending, rows.features.device))
        schedule.step()
        ending.after_step(step)
        watch.after_step(step, settings.steps, objective, optimizer.multipliers)
        if progress is not None:
            progress(step + 1, settings.steps)
    return Trained(ending.finish(), watch.history())


def looks_for(judge: FairProblem, settings: TrainingSettings) -> int:
    """How often a run looks at all rows of the problem that judges its iterates.

    Parameters
    ----------
    judge : FairProblem
    settings : TrainingSettings

    Returns
    -------
    int
    """
    rows_seen = settings.steps * max(settings.batch_size, _STEP_ROWS)
    return affordable_looks(judge.n_looked_at, rows_seen)


def _batch_size(settings: TrainingSettings, method: Method, n_rows: int) -> int:
    return max(1, min(n_rows, round(settings.batch_size / method.evaluations)))


def order_for(
    rows: Rows,
    n_classes: int,
    heeded: Sequence[Constraint],
    batch_size: int,
    seeds: Sequence[int],
) -> Order | StratifiedOrder:
    """The batches of a run, in which no group is too rare to say anything of a promise.

    Parameters
    ----------
    rows : Rows
    n_classes : int
    heeded : sequence of Constraint
        The promises that training looks at.
    batch_size : int
    seeds : sequence of int

    Returns
    -------
    Order or StratifiedOrder
    """
    if heeded and rows.groups is not None:
        label = rows.label.cpu().numpy()
        # Sums of signed memberships vary least in batches with the same observed groups each time.
        steady = rows.noisy is not None
        chosen = choose_shares(rows.groups, label, n_classes, heeded, batch_size, always=steady)
        if chosen is not None:
            return StratifiedOrder(*chosen, batch_size, seeds)
    return Order(len(rows), batch_size, seeds)


def _rows_behind(
    rows: Rows, n_classes: int, heeded: Sequence[Constraint], order: Order | StratifiedOrder
) -> float:
    if not heeded or rows.members is None:
        return math.inf
    label = rows.label.cpu().numpy()
    return fewest_rows(rows.members, label, n_classes, heeded, order.batch_size, order.importance)


class _Batches:
    """The independent batches of one step; each is drawn when first asked for."""

    def __init__(
        self,
        order: Order | StratifiedOrder,
        problem: FairProblem,
        ending: Ending,
        device: torch.device,
    ) -> None:
        self._order = order
        self._problem = problem
        self._ending = ending
        self._device = device
        self._rows: dict[int, torch.Tensor] = {}

    def __call__(self, number: int) -> tuple[torch.Tensor, Constraints]:
        if number not in self._rows:
            self._rows[number] = self._order.next_batch().to(self._device)
        return self._ending.tightened(self._problem(self._rows[number]))


@one_thread()
@torch.no_grad()
def predict_probabilities(
    network: Network, features: torch.Tensor, block: int = 65_536
) -> NDArray[np.float64]:
    """Class probabilities of every replicate, in blocks of rows so that memory stays bounded.

    Parameters
    ----------
    network : StackedMLP or MixedMLP
    features : Tensor, shape (n, d)
    block : int
        Rows at a time.

    Returns
    -------
    ndarray of float64, shape (r, n, k)
    """
    parts = [torch.softmax(network(x), dim=-1).cpu() for x in features.split(block)]
    return torch.cat(parts, dim=1).double().numpy()
