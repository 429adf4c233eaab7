"""Our own comparison: many tasks, equal tuning, equal samples and equal time.

Every method has the same number of settings to choose from, is chosen feasibility first on rows
that it has not learnt from, and is trained anew on other seeds. A second time each is trained for
the seconds that the slowest of the simple methods took, where a step of some costs more.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.reproduce.claim import Tier
from equipoise.reproduce.constrained.cell import Cell, Cells, Record
from equipoise.reproduce.constrained.measures import constant_loss
from equipoise.reproduce.constrained.methods import Contender, contenders
from equipoise.reproduce.constrained.select import select
from equipoise.reproduce.constrained.tasks import Ready, Task, prepare
from equipoise.reproduce.hypervolume import hypervolume

Array = NDArray[np.float64]

_FASTEST = 4.0  # at most so many times the steps, or so few
_FIRST_SEED = 100  # those that settings are chosen on come before


@dataclass(frozen=True)
class FairSize:
    """How much of the comparison is run.

    Attributes
    ----------
    steps, batch_size : int
    tuning_seeds, seeds : int
    """

    steps: int
    batch_size: int
    tuning_seeds: int
    seeds: int


SIZES: dict[Tier, FairSize] = {
    "quick": FairSize(500, 128, 3, 10),
    "full": FairSize(500, 128, 3, 10),
}


@dataclass(frozen=True, eq=False)
class Entry:
    """One contender on one task.

    Attributes
    ----------
    contender : Contender
    setting : str
        What the validation rows chose.
    samples : Record
        With as many rows seen as every other.
    time : Record
        With about as many seconds.
    tuning : tuple of Record
    """

    contender: Contender
    setting: str
    samples: Record
    time: Record
    tuning: tuple[Record, ...]


@dataclass(frozen=True, eq=False)
class TaskResults:
    """All contenders on one task.

    Attributes
    ----------
    ready : Ready
    entries : dict of Entry
        By contender.
    """

    ready: Ready
    entries: Mapping[str, Entry]

    @property
    def cost(self) -> str:
        """What is to be small besides the violation: the loss, where the promise is about it."""
        return cost_of(self.ready.task)

    @property
    def resolution(self) -> float:
        """Standard error of the promised figure on the test rows, for ``erm``'s networks."""
        return float(self.entries["erm"].samples.of("test", "standard_error").mean())

    def merit(self, method: str, *, equal_time: bool = False) -> Array:
        """Cost plus violation on the test rows, of every seed.

        A point of violation counts as much as one of the cost: a method pays for what it breaks
        and gains nothing by keeping more than is promised.

        Parameters
        ----------
        method : str
        equal_time : bool

        Returns
        -------
        ndarray, shape (r,)
        """
        entry = self.entries[method]
        record = entry.time if equal_time else entry.samples
        broken = np.maximum(record.of("test", "violation"), 0)
        return record.of("test", self.cost) + broken

    def volume(self, method: str) -> float:
        """The share of the plane of test loss and violation that a method's runs dominate.

        The corner is the constant predictor's loss and the violation of the mean run of ``erm``,
        or the bound if that is larger; below are a loss and a violation of 0.

        Parameters
        ----------
        method : str

        Returns
        -------
        float
        """
        label = self.ready.parts["test"].label.numpy()
        worst = self.entries["erm"].samples.of("test", "violation").mean()
        corner = (constant_loss(label), max(float(worst), self.ready.task.promise.bound))
        record = self.entries[method].samples
        points = np.stack(
            [record.of("test", "loss"), np.maximum(record.of("test", "violation"), 0)], axis=1
        )
        return hypervolume(points, corner) / (corner[0] * corner[1])


def cost_of(task: Task) -> str:
    """What is to be small besides the violation.

    Parameters
    ----------
    task : Task

    Returns
    -------
    {"loss", "inaccuracy"}
    """
    return "loss" if task.promise.disparity.rate.of_loss else "inaccuracy"


def run_fair(
    cells: Cells,
    tasks: Sequence[Task],
    size: FairSize,
    data_dir: str | os.PathLike[str] | None = None,
    entrants: Sequence[Contender] | None = None,
) -> list[TaskResults]:
    """Tune and train everybody on every task.

    Parameters
    ----------
    cells : Cells
    tasks : sequence of Task
    size : FairSize
    data_dir : path-like, optional
    entrants : sequence of Contender, optional
        All of them by default; ``erm`` must be among them.

    Returns
    -------
    list of TaskResults
    """
    entrants = contenders() if entrants is None else entrants
    return [_run_task(cells, prepare(task, data_dir), size, entrants) for task in tasks]


def count_cells(tasks: Sequence[Task], entrants: Sequence[Contender]) -> int:
    """How many cells there are to run.

    Parameters
    ----------
    tasks : sequence of Task
    entrants : sequence of Contender

    Returns
    -------
    int
    """
    entries = [one for task in tasks for one in entrants if one.enters(task.promise)]
    return sum(len(one.grid) + 2 for one in entries)


def _run_task(
    cells: Cells, ready: Ready, size: FairSize, entrants: Sequence[Contender]
) -> TaskResults:
    entrants = [one for one in entrants if one.enters(ready.task.promise)]
    training = {"batch_size": size.batch_size, "steps": size.steps}
    tried, final = range(size.tuning_seeds), range(_FIRST_SEED, _FIRST_SEED + size.seeds)
    chosen, tuned, samples = {}, {}, {}
    for one in entrants:
        tuning = tuple(cells.record(Cell(ready, c, tuple(tried), training)) for c in one.grid)
        best = one.grid[select(tuning, cost_of(ready.task))]
        chosen[one.name], tuned[one.name] = best, tuning
        samples[one.name] = cells.record(Cell(ready, best, tuple(final), training))
    simple = [one.name for one in entrants if one.grid[0].method.evaluations == 1]
    clock = max(samples[name].seconds for name in simple)
    entries = {}
    for one in entrants:
        name = one.name
        steps = _scaled(size.steps, clock / samples[name].seconds)
        longer = Cell(ready, chosen[name], tuple(final), {**training, "steps": steps})
        entries[name] = Entry(
            one, chosen[name].label, samples[name], cells.record(longer), tuned[name]
        )
    return TaskResults(ready, entries)


def _scaled(steps: int, times: float) -> int:
    # To two digits: seconds are not known better.
    wanted = steps * min(max(times, 1 / _FASTEST), _FASTEST)
    unit = 10 ** max(0, math.floor(math.log10(wanted)) - 1)
    return max(1, round(wanted / unit) * unit)
