"""One method on one seed of one task: run once, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.learn.autobalance import Trajectory
from equipoise.learn.threads import one_thread
from equipoise.reproduce.ahead import Work
from equipoise.reproduce.autobalance.birds import BirdsTask
from equipoise.reproduce.autobalance.birds_methods import birds_methods, frontier_methods
from equipoise.reproduce.autobalance.material import Material
from equipoise.reproduce.autobalance.method import Method
from equipoise.reproduce.autobalance.record import Found, Record
from equipoise.reproduce.autobalance.tail import TailTask
from equipoise.reproduce.autobalance.tail_methods import tail_methods
from equipoise.reproduce.kept import Kept, name_of

Task = BirdsTask | TailTask

# Changes with what a method does, so that results kept from before are made anew.
_FORMAT = 2
# As many moments of a search as a figure shows.
_MOMENTS = 40


@dataclass(frozen=True)
class Job:
    """All methods on one seed of one task.

    Attributes
    ----------
    task : BirdsTask or TailTask
    seed : int
    weights : tuple of float
        Of the cross-entropy, in the blends of the frontiers of Waterbirds.
    """

    task: Task
    seed: int
    weights: tuple[float, ...] = ()

    @property
    def methods(self) -> list[Method]:
        """What takes part in the comparison."""
        return tail_methods() if isinstance(self.task, TailTask) else birds_methods()

    @property
    def blends(self) -> list[Method]:
        """What else the frontiers are made of."""
        return [] if isinstance(self.task, TailTask) else frontier_methods(self.weights)

    def describe(self, method: str, fingerprint: str) -> dict[str, Any]:
        """All that decides a method's record, as JSON can hold it.

        Parameters
        ----------
        method : str
        fingerprint : str
            Of the rows.

        Returns
        -------
        dict
        """
        return {
            "format": _FORMAT,
            "task": self.task.to_dict(),
            "rows": fingerprint,
            "method": method,
            "seed": self.seed,
        }


class Cells:
    """Records, in a folder or, without one, for as long as this object lives.

    Parameters
    ----------
    folder : path, optional
    told : callable, optional
        Told the title of a cell before it is run or found.
    """

    def __init__(
        self, folder: Path | None = None, told: Callable[[str], None] | None = None
    ) -> None:
        self._kept = Kept(
            None if folder is None else folder / "cells", Record.to_dict, Record.from_dict, told
        )

    def run(self, job: Job) -> dict[str, Record]:
        """Run all methods and blends of a job, but those that have been run.

        Parameters
        ----------
        job : Job

        Returns
        -------
        dict of Record
            By method.
        """
        material = job.task.prepare(job.seed)
        fingerprint = material.fingerprint
        found = {}
        for method in job.methods + job.blends:
            cell = job.describe(method.name, fingerprint)
            found[method.name] = self._kept.get(
                name_of(cell),
                f"{job.task.name}, seed {job.seed}: {method.name}",
                partial(run_cell, job, method, material, cell),
            )
        return found


@one_thread()
def run_cell(job: Job, method: Method, material: Material, cell: dict[str, Any]) -> Record:
    """Train, and count what is decided on the test rows.

    Parameters
    ----------
    job : Job
    method : Method
    material : Material
        The job's rows.
    cell : dict
        Its description.

    Returns
    -------
    Record
        Of a training that diverged it says so.
    """
    counts = material.counts if material.counts.ndim == 2 else material.counts[:, None]
    start = time.thread_time()
    try:
        found = method.run(material, job.task, job.seed)
    except FloatingPointError as error:
        none = np.empty((0, 0, 0), np.int64)
        return Record(cell, time.thread_time() - start, counts, none, failed=str(error))
    return Record(
        cell,
        time.thread_time() - start,
        counts,
        _table(material, found),
        found.note,
        None if found.loss is None else found.loss.centred_additive.double().numpy(),
        None if found.loss is None else found.loss.multiplicative.detach().double().numpy(),
        None if found.trajectory is None else _thinned(found.trajectory),
    )


def _table(material: Material, found: Found) -> np.ndarray[Any, np.dtype[np.int64]]:
    k = material.n_classes
    codes = material.test.label.numpy() * k + found.decision
    if material.test.groups is None:
        return np.bincount(codes, minlength=k * k).reshape(1, k, k)
    return material.test.groups.tabulate(codes, k * k).reshape(-1, k, k)


def _thinned(trajectory: Trajectory) -> Trajectory:
    last = len(trajectory.step) - 1
    some = np.unique(np.linspace(0, last, min(_MOMENTS, last + 1)).round().astype(int))
    return Trajectory(
        *(
            [getattr(trajectory, name)[moment] for moment in some]
            for name in ("step", "objective", "weight", "additive", "multiplicative")
        )
    )


def work_of(folder: Path, jobs: Sequence[Job]) -> list[Work]:
    """Jobs, as work for :func:`equipoise.reproduce.ahead.work_ahead`.

    Parameters
    ----------
    folder : Path
    jobs : sequence of Job

    Returns
    -------
    list of (str, callable)
    """
    return [(f"{job.task.name}, seed {job.seed}", partial(_work, folder, job)) for job in jobs]


def _work(folder: Path, job: Job) -> None:
    Cells(folder).run(job)
