"""The streams of random numbers that a closure may draw from."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch


class Streams:
    """torch's on the CPU and on some devices, and the global ones of Python and NumPy.

    Parameters
    ----------
    devices : iterable of torch.device
        Besides the CPU.
    """

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._devices = [d for d in dict.fromkeys(devices) if d.type != "cpu"]

    def get(self) -> list[Any]:
        """Where they are.

        Returns
        -------
        list
        """
        return [
            random.getstate(),
            # Not ours, but what the closures of others may draw from.
            np.random.get_state(),  # noqa: NPY002
            torch.get_rng_state(),
            *(getattr(torch, d.type).get_rng_state(*_index(d)) for d in self._devices),
        ]

    def set(self, states: list[Any]) -> None:
        """Go back to where they were.

        Parameters
        ----------
        states : list
            From :meth:`get`.
        """
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        for d, state in zip(self._devices, states[3:], strict=True):
            getattr(torch, d.type).set_rng_state(state, *_index(d))


def _index(device: torch.device) -> tuple[torch.device, ...]:
    # There is one Apple GPU, and its functions take no device.
    return () if device.type == "mps" else (device,)
