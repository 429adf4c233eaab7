"""Loops over rows, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

# Below so many steps of a loop, about five milliseconds, threads are not worth starting.
_WORTH_IT = 10_000_000


def over_rows(work: Callable[[slice], None], n_rows: int, steps_per_row: int) -> None:
    """Work on slices of rows at the same time.

    Parameters
    ----------
    work : callable
        Of a slice: compiled code that lets other threads run, and writes to its rows only, what
        depends on each row alone. So the slices make no difference to the bits.
    n_rows : int
    steps_per_row : int
        Steps of the loop that each row takes.
    """
    threads = min(_threads(), n_rows)
    if threads == 1 or n_rows * steps_per_row < _WORTH_IT:
        work(slice(0, n_rows))
        return
    edges = np.linspace(0, n_rows, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        # list: what a thread raises is raised here.
        list(pool.map(work, [slice(int(low), int(high)) for low, high in pairwise(edges)]))


def _threads() -> int:
    """As many as OMP_NUM_THREADS says, which other libraries go by; else cores of the process."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if said.isdigit() and int(said) > 0:
        return int(said)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
