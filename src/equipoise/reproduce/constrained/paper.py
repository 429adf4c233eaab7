"""The paper's own setting, re-run: its methods with its hyper-parameters.

Two things differ on purpose. Every method sees the same number of rows, where the paper gave it
thirty seconds, which ranks implementations; and the table is a national one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.reproduce.claim import Tier
from equipoise.reproduce.constrained import published
from equipoise.reproduce.constrained.cell import Cell, Cells, Record
from equipoise.reproduce.constrained.methods import (
    PAPER_METHODS,
    SECOND_METHODS,
    Configuration,
    PaperMethod,
)
from equipoise.reproduce.constrained.tasks import (
    PAPER,
    PAPER_EMBEDDED,
    PAPER_MANY,
    Ready,
    Task,
    prepare,
)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PaperSize:
    """How much of the paper's part is run.

    Attributes
    ----------
    rows_seen : int
        By every method, counted with repetition.
    rows_seen_many : int
        With many groups; 0 leaves them out.
    seeds : int
    """

    rows_seen: int
    rows_seen_many: int
    seeds: int


SIZES: dict[Tier, PaperSize] = {
    "quick": PaperSize(24_000, 0, 10),
    "full": PaperSize(100_000, 50_000, 10),
}


@dataclass(frozen=True, eq=False)
class PaperResults:
    """The paper's methods on its task.

    Attributes
    ----------
    ready : Ready
    records : dict of Record
        By the names of :data:`published.METHODS`.
    many : dict of Record
        With many groups; empty where that was left out.
    size : PaperSize
    """

    ready: Ready
    records: Mapping[str, Record]
    many: Mapping[str, Record]
    size: PaperSize

    def of(self, part: str, method: str, what: str) -> Array:
        """One figure of every seed.

        Parameters
        ----------
        part, method, what : str

        Returns
        -------
        ndarray, shape (r,)
        """
        return self.records[method].of(part, what)

    def majority_error(self, part: str) -> float:
        """The error of deciding the more frequent label for everybody.

        Parameters
        ----------
        part : str

        Returns
        -------
        float
        """
        label = self.ready.parts[part].label.numpy()
        return float(1 - np.bincount(label).max() / len(label))


@dataclass(frozen=True)
class PaperJob:
    """One method of the paper on one task.

    Attributes
    ----------
    task : Task
    method : str
        One of :data:`published.METHODS`.
    second : bool
        Whether with the settings of the paper's second version.
    rows_seen, seeds : int
    """

    task: Task
    method: str
    second: bool
    rows_seen: int
    seeds: int

    @property
    def settings(self) -> PaperMethod:
        """The paper's settings of the method."""
        return (SECOND_METHODS if self.second else PAPER_METHODS)[self.method]


def paper_jobs(task: Task, size: PaperSize, many: Task | None = None) -> list[PaperJob]:
    """What there is to train.

    Parameters
    ----------
    task : Task
    size : PaperSize
    many : Task, optional
        With more than two groups.

    Returns
    -------
    list of PaperJob
    """
    jobs = [PaperJob(task, name, False, size.rows_seen, size.seeds) for name in published.METHODS]
    if many is not None and size.rows_seen_many:
        jobs += [
            PaperJob(many, name, True, size.rows_seen_many, size.seeds) for name in SECOND_METHODS
        ]
    return jobs


def run_job(
    cells: Cells,
    job: PaperJob,
    data_dir: str | os.PathLike[str] | None = None,
    ready: Ready | None = None,
) -> Record:
    """Train one method of the paper.

    Parameters
    ----------
    cells : Cells
    job : PaperJob
    data_dir : path-like, optional
    ready : Ready, optional
        The job's task, where it is at hand.

    Returns
    -------
    Record
    """
    ready = prepare(job.task, data_dir) if ready is None else ready
    return cells.record(paper_cell(ready, job.settings, job.rows_seen, job.seeds))


def run_paper(
    cells: Cells,
    task: Task,
    size: PaperSize,
    data_dir: str | os.PathLike[str] | None = None,
    many: Task | None = None,
) -> PaperResults:
    """Train the paper's methods.

    Parameters
    ----------
    cells : Cells
    task : Task
    size : PaperSize
    data_dir : path-like, optional
    many : Task, optional
        With more than two groups.

    Returns
    -------
    PaperResults
    """
    jobs = paper_jobs(task, size, many)
    ready = {job.task.name: job.task for job in jobs}
    at_hand = {name: prepare(one, data_dir) for name, one in ready.items()}
    found: dict[str, dict[str, Record]] = {name: {} for name in at_hand}
    for job in jobs:
        name = job.task.name
        found[name][job.method] = run_job(cells, job, data_dir, at_hand[name])
    others = {} if many is None else found.get(many.name, {})
    return PaperResults(at_hand[task.name], found[task.name], others, size)


def paper_tasks(tier: Tier) -> tuple[Task, Task | None]:
    """The paper's task of a tier, and the one with many groups.

    Parameters
    ----------
    tier : {"quick", "full"}

    Returns
    -------
    task : Task
    many : Task or None
    """
    return (PAPER_EMBEDDED, None) if tier == "quick" else (PAPER, PAPER_MANY)


def paper_cell(ready: Ready, of: PaperMethod, rows_seen: int, seeds: int) -> Cell:
    """A cell with the paper's settings of a method.

    Parameters
    ----------
    ready : Ready
    of : PaperMethod
    rows_seen : int
    seeds : int

    Returns
    -------
    Cell
    """
    batch_size = round(of.unit * of.method.evaluations)
    training = {
        "hidden": [64, 32],
        "optimizer": "SGD",
        "learning_rate": of.learning_rate,
        "weight_decay": 0.0,
        "schedule": "constant",
        "iterate": "last",
        "batch_size": batch_size,
        "steps": max(1, rows_seen // batch_size),
    }
    return Cell(ready, Configuration("as published", of.method), tuple(range(seeds)), training)
