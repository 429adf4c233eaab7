"""The streams of random numbers that a closure may draw from."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor


class Streams:
    """torch's on the CPU and on some devices, and the global ones of Python and NumPy.

    Parameters
    ----------
    devices : iterable of torch.device
        Besides the CPU.
    """

    def __init__(self, devices: Iterable[torch.device]) -> None:
        self._devices = [*dict.fromkeys(devices)]

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
            *torch_states(self._devices),
        ]

    def at(self, states: list[Any]) -> bool:
        """Whether they are where they were: nothing has been drawn since.

        Parameters
        ----------
        states : list
            From :meth:`get`.

        Returns
        -------
        bool
        """
        # torch's are the quickest to read and the likeliest to have been drawn from.
        there = zip(torch_states(self._devices), states[2:], strict=True)
        if not all(torch.equal(a, b) for a, b in there) or random.getstate() != states[0]:
            return False
        now: Any = np.random.get_state()  # noqa: NPY002
        then = states[1]
        return now[2:] == then[2:] and bool((now[1] == then[1]).all())

    def set(self, states: list[Any]) -> None:
        """Go back to where they were.

        Parameters
        ----------
        states : list
            From :meth:`get`.
        """
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        set_torch_states(self._devices, states[2:])


def torch_states(devices: Iterable[torch.device]) -> list[Tensor]:
    """Where torch's streams are.

    Parameters
    ----------
    devices : iterable of torch.device
        Besides the CPU, which may be among them.

    Returns
    -------
    list of Tensor
        Of the CPU, and of the others in their order.
    """
    others = [d for d in devices if d.type != "cpu"]
    return [
        torch.get_rng_state(),
        *(getattr(torch, d.type).get_rng_state(*_index(d)) for d in others),
    ]


def set_torch_states(devices: Iterable[torch.device], states: Sequence[Tensor]) -> None:
    """Go back to where torch's streams were.

    Parameters
    ----------
    devices : iterable of torch.device
    states : sequence of Tensor
        From :func:`torch_states` of the same.
    """
    others = [d for d in devices if d.type != "cpu"]
    torch.set_rng_state(states[0])
    for d, state in zip(others, states[1:], strict=True):
        getattr(torch, d.type).set_rng_state(state, *_index(d))


def _index(device: torch.device) -> tuple[torch.device, ...]:
    # There is one Apple GPU, and its functions take no device.
    return () if device.type == "mps" else (device,)
