"""In which order each replicate sees its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Order:
    """Batches of row numbers, one stream a replicate, each row once an epoch.

    A replicate's stream depends on its own seed alone, and not on which others it is stacked
    with. An epoch's last rows, too few for a batch, are followed by the next epoch's first, so
    that every batch has the same size.

    Parameters
    ----------
    n_rows : int
    batch_size : int
        Cut to ``n_rows`` where larger.
    seeds : sequence of int, length r
    """

    def __init__(self, n_rows: int, batch_size: int, seeds: Sequence[int]) -> None:
        self.batch_size = min(batch_size, n_rows)
        self.importance: NDArray[np.float64] | None = None  # every row stands for itself
        self._n_rows = n_rows
        self._random = [np.random.default_rng([seed, 1]) for seed in seeds]
        self._queue = np.empty((len(self._random), 0), np.int32)

    def next_batch(self) -> Tensor:
        """The row numbers of the next batch of each replicate.

        Returns
        -------
        Tensor of int64, shape (r, b)
        """
        if self._queue.shape[1] < self.batch_size:
            epoch = np.stack(
                [random.permutation(self._n_rows).astype(np.int32) for random in self._random]
            )
            self._queue = np.concatenate([self._queue, epoch], axis=1)
        batch, self._queue = np.split(self._queue, [self.batch_size], axis=1)
        return torch.from_numpy(batch.astype(np.int64))

    def state_dict(self) -> dict[str, Any]:
        """A snapshot.

        Returns
        -------
        dict
        """
        return {
            "random": [random.bit_generator.state for random in self._random],
            "queue": torch.from_numpy(self._queue.copy()),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict
        """
        for random, own in zip(self._random, state["random"], strict=True):
            random.bit_generator.state = own
        self._queue = state["queue"].numpy().copy()
