"""Computing small things on one thread."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread for a while.

    The batches of a small network leave a second thread little to do but wait, which on a busy
    machine costs ten times what it saves; and sums over one thread have the same bits on machines
    with any number of cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
