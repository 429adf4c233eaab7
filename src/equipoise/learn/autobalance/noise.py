"""Torch's random numbers from a seed of one's own, whatever else draws them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class Noise:
    """A stream of torch's global generators that nobody else draws from.

    Layers such as dropout draw from the global generators alone.

    Parameters
    ----------
    seed : int
    device : torch.device
        Where, besides on the CPU, random numbers are drawn.

    Attributes
    ----------
    state : list of Tensor
        Where the stream stands: of the CPU and, on a GPU, of it too.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self._device = device
        with self._forked():
            torch.manual_seed(seed)
            self.state = self._read()

    @contextmanager
    def of_its_own(self) -> Iterator[None]:
        """Draw from this stream for a while, and leave the global ones as they were."""
        with self._forked():
            torch.set_rng_state(self.state[0])
            if len(self.state) > 1:
                torch.cuda.set_rng_state(self.state[1], self._device)
            yield
            self.state = self._read()

    @contextmanager
    def _forked(self) -> Iterator[None]:
        on_gpu = self._device.type == "cuda"
        with torch.random.fork_rng([self._device] if on_gpu else []):
            yield

    def _read(self) -> list[Tensor]:
        state = [torch.get_rng_state()]
        if self._device.type == "cuda":
            state.append(torch.cuda.get_rng_state(self._device))
        return state
