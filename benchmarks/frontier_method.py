"""A way to keep a promise, as the frontier sees it, and which of its settings is taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from benchmarks.frontier_task import Result, Task, Tried

Judge = Literal["loss", "error"]
"""What is compared where promises are kept alike: cross-entropy, or 0-1 loss."""


@dataclass(frozen=True)
class Method:
    """One of those that are compared.

    Attributes
    ----------
    name : str
    package : str
        The distribution that does the work.
    run : callable
        Gives, seed by seed, what each of its settings does.
    judged_by : {"loss", "error"}
        The error for what decides and gives no probabilities to speak of. Our own model is then
        chosen by error too.
    refuses : callable
        Why it does not enter a task, in a few words; nothing where it does.
    note : str
        What a reader of the table must know.
    """

    name: str
    package: str
    run: Callable[[Task], Iterator[list[Tried]]]
    judged_by: Judge = "loss"
    refuses: Callable[[Task], str] = lambda task: ""
    note: str = ""


def no_losses(task: Task) -> str:
    """For packages that know rates of decisions only."""
    return "knows no gap of losses" if task.promise.disparity.rate.of_loss else ""


def preferred(tried: Sequence[Tried], judge: Judge) -> Result:
    """What is measured on test rows, of the setting that validation rows prefer.

    Feasible first, then the lowest loss or error; none being feasible, the nearest to it.
    """

    def rank(one: Tried) -> tuple[bool, float]:
        seen = one["validation"]
        broken = seen.violation > 0
        return broken, seen.violation if broken else getattr(seen, judge)

    return min(tried, key=rank)["test"]
