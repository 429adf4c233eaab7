"""Stacked runs of which some diverge: the others are not to go down with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from equipoise.learn.mixed import side_by_side
from equipoise.learn.train import Trained
from equipoise.learn.watch import History


@dataclass(frozen=True)
class Survivors:
    """What came of training on some seeds.

    Attributes
    ----------
    trained : Trained or None
        Of the replicates that did not diverge, in the order of their seeds; None if all did.
    diverged : list of int
        Which of the seeds did, from 0.
    reason : str
        What the first of them ended with; empty if none did.
    """

    trained: Trained | None
    diverged: list[int]
    reason: str = ""


def train_survivors(run: Callable[[Sequence[int]], Trained], seeds: Sequence[int]) -> Survivors:
    """Train on all seeds at once or, if that diverges, on each alone.

    Stacked runs end together where one of them fails; alone, each of the others ends where it
    would have ended in the stack.

    Parameters
    ----------
    run : callable
        Trains one replicate a seed, and raises FloatingPointError if one diverges.
    seeds : sequence of int

    Returns
    -------
    Survivors
    """
    try:
        return Survivors(run(seeds), [])
    except FloatingPointError as error:
        if len(seeds) == 1:
            return Survivors(None, [0], str(error))
    alone = [_alone(run, seed) for seed in seeds]
    failures = {n: one for n, one in enumerate(alone) if isinstance(one, str)}
    finished = [one for one in alone if isinstance(one, Trained)]
    return Survivors(
        _side_by_side(finished) if finished else None,
        list(failures),
        next(iter(failures.values()), ""),
    )


def _alone(run: Callable[[Sequence[int]], Trained], seed: int) -> Trained | str:
    try:
        return run([seed])
    except FloatingPointError as error:
        return str(error)


def _side_by_side(runs: Sequence[Trained]) -> Trained:
    return Trained(
        side_by_side([one.network for one in runs]),
        History.side_by_side([one.history for one in runs]),
    )
