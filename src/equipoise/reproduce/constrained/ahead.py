"""What several processes can train ahead of the re-run.

Methods that a user has registered are unknown in a new process and are left to the main one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from equipoise.reproduce.ahead import Work
from equipoise.reproduce.constrained.cell import Cells
from equipoise.reproduce.constrained.fair import FairSize, run_fair
from equipoise.reproduce.constrained.methods import contenders
from equipoise.reproduce.constrained.paper import PaperJob, run_job
from equipoise.reproduce.constrained.tasks import Task


def work_of(
    folder: Path,
    paper_jobs: Sequence[PaperJob],
    tasks: Sequence[Task],
    fair_size: FairSize,
    most_evaluations: float,
    data_dir: Path | None,
) -> list[Work]:
    """All cells, as work for :func:`equipoise.reproduce.ahead.work_ahead`.

    Parameters
    ----------
    folder : Path
        Of the cells.
    paper_jobs : sequence of PaperJob
    tasks : sequence of Task
        Of our own comparison; one is one process's work.
    fair_size : FairSize
    most_evaluations : float
        Methods whose steps evaluate more batches do not take part.
    data_dir : Path or None

    Returns
    -------
    list of (str, callable)
    """
    work: list[Work] = [
        (f"{job.task.name}, {job.method}", partial(_paper, folder, job, data_dir))
        for job in paper_jobs
    ]
    return work + [
        (task.name, partial(_task, folder, task, fair_size, most_evaluations, data_dir))
        for task in tasks
    ]


def _task(
    folder: Path, task: Task, size: FairSize, most_evaluations: float, data_dir: Path | None
) -> None:
    run_fair(Cells(folder), [task], size, data_dir, contenders(most_evaluations))


def _paper(folder: Path, job: PaperJob, data_dir: Path | None) -> None:
    run_job(Cells(folder), job, data_dir)
