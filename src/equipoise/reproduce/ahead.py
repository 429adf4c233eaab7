"""Several processes that work ahead: they fill the folder of parts that the re-run then reads.

Nothing comes back from them but files, which are whole or not there, so a worker that dies costs
time and no more.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.connection import Connection, wait

import torch

from equipoise.reproduce.claim import Progress

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
