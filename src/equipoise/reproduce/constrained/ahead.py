"""Several processes that train ahead: they fill the folder of cells that the re-run then reads.

Nothing comes back from them but files, which are whole or not there, so a worker that dies costs
time and no more. Methods that a user has registered are unknown in a new process and are left to
the main one.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import torch

from equipoise.reproduce.constrained.cell import Cells
from equipoise.reproduce.constrained.fair import FairSize, run_fair
from equipoise.reproduce.constrained.methods import contenders
from equipoise.reproduce.constrained.paper import PaperJob, run_job
from equipoise.reproduce.constrained.tasks import Task


def work_ahead(
    folder: Path,
    paper_jobs: Sequence[PaperJob],
    tasks: Sequence[Task],
    fair_size: FairSize,
    most_evaluations: float,
    data_dir: Path | None,
    jobs: int,
    told: Callable[[str, int, int], None],
) -> None:
    """Train all cells, in processes of one thread each.

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
    jobs : int
        How many processes.
    told : callable
        Told what is done, and how many of how many.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = {
            pool.submit(_paper, folder, job, data_dir): f"{job.task.name}, {job.method}"
            for job in paper_jobs
        }
        waiting |= {
            pool.submit(_task, folder, task, fair_size, most_evaluations, data_dir): task.name
            for task in tasks
        }
        total = len(waiting)
        told(f"{jobs} processes", 0, total)
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                told(f"{jobs} processes; done with {waiting[future]}", done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _task(
    folder: Path,
    task: Task,
    size: FairSize,
    most_evaluations: float,
    data_dir: Path | None,
) -> None:
    torch.set_num_threads(1)
    run_fair(Cells(folder), [task], size, data_dir, contenders(most_evaluations))


def _paper(folder: Path, job: PaperJob, data_dir: Path | None) -> None:
    torch.set_num_threads(1)
    run_job(Cells(folder), job, data_dir)
