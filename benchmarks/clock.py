"""Timing several things against each other on a machine that is never quiet."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any


def processor_seconds(work: Callable[[], Any], rounds: int = 15) -> float:
    """Processor time of one thing alone, which others on the machine hardly lengthen.

    Parameters
    ----------
    work : function
        Called once before the clock starts.
    rounds : int

    Returns
    -------
    float
        The median.
    """
    work()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def interleaved(things: Mapping[str, Callable[[], Any]], rounds: int = 9) -> dict[str, float]:
    """Time each thing in turn, round after round, and take medians.

    Parameters
    ----------
    things : mapping from names to functions
    rounds : int

    Returns
    -------
    dict of float
        Median seconds of each.
    """
    for thing in things.values():
        thing()
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(rounds):
        for name, thing in things.items():
            began = time.perf_counter()
            thing()
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}
