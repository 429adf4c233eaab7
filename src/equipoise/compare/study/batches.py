"""Which rows each training sees at each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.learn.order import Order

Rows = NDArray[np.int64]


class Batches(Protocol):
    """Batches of row numbers."""

    def next(self) -> Tensor:
        """The next batch of each training.

        Returns
        -------
        Tensor of int64, shape (r, b)
        """
        ...


class OrderedBatches:
    """Each row once an epoch.

    Parameters
    ----------
    rows : ndarray of int64, shape (r, n)
        Of each training.
    size : int
        b.
    seeds : sequence of int, length r
        One a training: trainings of one seed see their rows in one order.
    """

    def __init__(self, rows: Rows, size: int, seeds: Sequence[int]) -> None:
        self._rows = torch.from_numpy(rows)
        self._order = Order(rows.shape[1], size, seeds)

    def next(self) -> Tensor:
        """The next batch of each training."""
        return self._rows.gather(1, self._order.next_batch())


class BalancedBatches:
    """As many rows of each group, drawn with replacement: the simplest way to heed groups.

    Parameters
    ----------
    rows : ndarray of int64, shape (r, n)
    group : ndarray of int64
        Of every row of the pool.
    g : int
        How many groups there are; every training has rows of each.
    size : int
        Of a batch, at least g; what remains after division by g is left out.
    seeds : sequence of int, length r
    """

    def __init__(
        self, rows: Rows, group: NDArray[np.int64], g: int, size: int, seeds: Sequence[int]
    ) -> None:
        if size < g:
            raise ValueError(f"batch_size must be at least {g}, one row of each group, not {size}.")
        own = [[each[group[each] == code] for code in range(g)] for each in rows]
        self._counts = np.array([[len(part) for part in each] for each in own])[:, :, None]
        starts = np.cumsum(self._counts, 1) - self._counts
        self._starts = starts
        self._sorted = np.stack([np.concatenate(each) for each in own])
        self._shape = (g, size // g)
        self._random = [np.random.default_rng([seed, 2]) for seed in seeds]

    def next(self) -> Tensor:
        """The next batch of each training."""
        share = np.stack([random.random(self._shape) for random in self._random])
        places = self._starts + (share * self._counts).astype(np.int64)
        flat = places.reshape(len(places), -1)
        return torch.from_numpy(np.take_along_axis(self._sorted, flat, 1))
