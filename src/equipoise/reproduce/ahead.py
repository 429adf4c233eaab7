"""Several processes that work ahead: they fill the folder of parts that the re-run then reads.

Nothing comes back from them but files, which are whole or not there, so a worker that dies costs
time and no more.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from equipoise.reproduce.claim import Progress, Workplace

Work = tuple[str, Callable[[], None]]
"""A title, and what is to be done: a function that another process can import, and arguments."""


def work_ahead(work: Sequence[Work], jobs: int, told: Progress) -> None:
    """Do all of some work, in processes of one thread each.

    Parameters
    ----------
    work : sequence of (str, callable)
        The longest first, or the last process is waited for.
    jobs : int
        How many processes.
    told : callable
        Told what is done, and how many of how many.

    Raises
    ------
    Exception
        What one of them raises, when those at work have ended theirs. A keyboard interrupt ends
        them at once.
    """
    context = multiprocessing.get_context("spawn")
    until, going_on = context.Pipe(duplex=False)
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_begin, initargs=(until,)
    ) as pool:
        waiting = {pool.submit(do): title for title, do in work}
        told(f"{jobs} processes", 0, len(waiting))
        try:
            for done, future in enumerate(as_completed(waiting), 1):
                future.result()
                told(f"{jobs} processes; done with {waiting[future]}", done, len(waiting))
        except BaseException as stopped:
            pool.shutdown(wait=False, cancel_futures=True)
            if not isinstance(stopped, Exception):
                going_on.close()
            raise


@contextmanager
def filled(
    place: Workplace, work_of: Callable[[Path], Sequence[Work]], total: int
) -> Iterator[tuple[Path | None, Callable[[str], None]]]:
    """A folder of finished parts, filled ahead where several processes may be at work.

    Parameters
    ----------
    place : Workplace
    work_of : callable
        From a folder to all work that fills it, the longest first.
    total : int
        How many parts there are.

    Yields
    ------
    folder : Path or None
        That of the place, or one that is gone in the end; None where one process keeps nothing.
    told : callable
        To be told the title of each part as it is read.
    """
    told, counted = place.progress or _silent, count()
    with ExitStack() as stack:
        folder = place.out
        if folder is None and place.jobs > 1:
            folder = Path(stack.enter_context(TemporaryDirectory()))
        if folder is not None and place.jobs > 1:
            work_ahead(work_of(folder), place.jobs, told)
        yield folder, lambda what: told(what, next(counted), total)


def _silent(what: str, done: int, total: int) -> None:
    pass


def _begin(until: Connection) -> None:
    torch.set_num_threads(1)
    # Ctrl-C is for all processes of a terminal; one that heeds it goes on with other work.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, args=(until,), daemon=True).start()


def _end_with_parent(until: Connection) -> None:
    """End where the process that asked for the work was stopped, or killed and could not say so."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel, until])
    os._exit(1)
