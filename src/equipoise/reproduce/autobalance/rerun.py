"""Both parts put together: what ``equipoise reproduce autobalance`` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from equipoise.reproduce.ahead import Work, filled
from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.birds import BirdsTask, find_features
from equipoise.reproduce.autobalance.birds_claims import birds_claims
from equipoise.reproduce.autobalance.cell import Cells, Job, Task, work_of
from equipoise.reproduce.autobalance.claims import comparisons, overall_claims
from equipoise.reproduce.autobalance.page import all_tables, build_page
from equipoise.reproduce.autobalance.results import collect
from equipoise.reproduce.autobalance.tail import TailTask, tail_tasks
from equipoise.reproduce.autobalance.tail_claims import tail_claims
from equipoise.reproduce.claim import Claim, Outcome, Reproduction, Tier, Workplace


@dataclass(frozen=True)
class Size:
    """How much is re-run.

    Attributes
    ----------
    seeds, digits_seeds, birds_seeds : int
        Of images, of digits and of Waterbirds.
    weights : tuple of float
        Of the cross-entropy, in the blends of the frontiers.
    """

    seeds: int
    digits_seeds: int
    birds_seeds: int
    weights: tuple[float, ...]


SIZES: dict[Tier, Size] = {
    "quick": Size(0, 10, 5, (0.1, 0.5)),
    "full": Size(5, 20, 10, (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)),
}


def rerun(
    tier: Tier, place: Workplace, size: Size | None = None, tasks: Sequence[Task] | None = None
) -> Outcome:
    """Re-run the paper's tables and figures.

    Parameters
    ----------
    tier : {"quick", "full"}
        The quick one trains on scikit-learn's digits and simulated Waterbirds.
    place : Workplace
    size : Size, optional
        In place of the tier's.
    tasks : sequence of tasks, optional
        In place of the tier's.

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If the full tier has no folder of images.
    """
    size = size or SIZES[tier]
    absent: list[str] = []
    if tasks is None:
        tasks, absent = _tasks(tier, place)
    jobs = [Job(task, seed, size.weights) for task in tasks for seed in range(_seeds(task, size))]
    total = sum(len(job.methods + job.blends) for job in jobs)

    def work(folder: Path) -> list[Work]:
        # The quickest last, so that no process is waited for long.
        return work_of(folder, sorted(jobs, key=_is_of_digits))

    with filled(place, work, total) as (folder, told):
        results = collect(Cells(folder, told), jobs)
    claims: list[Claim] = overall_claims(comparisons(results))
    for one in results:
        if isinstance(one.task, TailTask):
            claims += tail_claims(one)
        else:
            claims += birds_claims(one, size.weights)
    outcome = Outcome(tuple(claims), tuple(all_tables(results, size.weights)))
    if place.out is None:  # drawing takes a while
        return outcome
    page = build_page(outcome, results, size.weights, absent)
    return Outcome(outcome.claims, outcome.tables, page)


def _tasks(tier: Tier, place: Workplace) -> tuple[list[Task], list[str]]:
    if tier == "quick":
        return [*tail_tasks(None), BirdsTask()], []
    named = place.data_dir or os.environ.get("EQUIPOISE_DATA")
    if not named:
        raise ValueError(
            "the full tier trains on MNIST, Fashion-MNIST and CIFAR-10: name the folder that holds "
            "them with --data-dir or EQUIPOISE_DATA; the quick tier needs none."
        )
    every = tail_tasks(named)
    there = [task for task in every if task.at_hand]
    if not any(task.data_dir for task in there):
        raise ValueError(
            f"{named} holds none of the folders mnist, fashion_mnist and cifar10; see the "
            "documentation of equipoise.data.load_images for their files."
        )
    file = find_features(named)
    name = "Waterbirds, features of a file" if file else BirdsTask.name
    absent = [task.name for task in every if task not in there]
    return [*there, BirdsTask(name, file)], absent


def _seeds(task: Task, size: Size) -> int:
    if isinstance(task, BirdsTask):
        return size.birds_seeds
    return size.digits_seeds if task.source == "digits" else size.seeds


def _is_of_digits(job: Job) -> bool:
    return isinstance(job.task, TailTask) and job.task.source == "digits"


AUTOBALANCE = Reproduction(
    "autobalance",
    "training losses designed for rare classes and groups, by bilevel optimisation",
    published.SOURCE,
    in_place=rerun,
)
"""AutoBalance's tables and figures."""
