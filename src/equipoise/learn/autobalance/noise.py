"""Torch's random numbers from a seed of one's own, whatever else draws them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from equipoise.optim.streams import set_torch_states, torch_states


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
        self._devices = [device]
        before = torch_states(self._devices)
        torch.manual_seed(seed)
        self.state = torch_states(self._devices)
        set_torch_states(self._devices, before)

    @contextmanager
    def of_its_own(self) -> Iterator[None]:
        """Draw from this stream for a while, and leave the global ones as they were."""
        before = torch_states(self._devices)
        set_torch_states(self._devices, self.state)
        try:
            yield
            self.state = torch_states(self._devices)
        finally:
            set_torch_states(self._devices, before)
