"""What several passes over one batch must share, and what they must leave as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook

from equipoise.optim.streams import set_torch_states, torch_states

T = TypeVar("T")


class Replay(Generic[T]):
    """A function that is called with the same random numbers each time.

    A dropped unit must stay dropped from one pass of a hyper-gradient to the next, or the passes
    are not of one function. The first call draws from torch's streams as any other call would; the
    others draw again what it drew, and leave the streams where they are.

    Parameters
    ----------
    function : callable
        Without arguments.
    devices : iterable of torch.device
        Those whose streams it may draw from, besides the CPU's.
    """

    def __init__(self, function: Callable[[], T], devices: Iterable[torch.device]) -> None:
        self._function = function
        self._devices = [*devices]
        self._states: list[Tensor] | None = None

    def __call__(self) -> T:
        """Call the function."""
        # Under autocast torch keeps what it has cast, and does not see that parameters moved.
        torch.clear_autocast_cache()
        before = torch_states(self._devices)
        if self._states is None:
            self._states = before
            return self._function()
        set_torch_states(self._devices, self._states)
        try:
            return self._function()
        finally:
            set_torch_states(self._devices, before)


BufferValues = dict[torch.nn.Module, dict[str, tuple[Tensor, Tensor]]]
"""Of modules, buffers by name with copies of their values."""


def buffer_values(module: torch.nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """The buffers of a module, not those of its parts, with copies of their values.

    Parameters
    ----------
    module : Module

    Returns
    -------
    dict of (Tensor, Tensor)
    """
    return {
        name: (buffer, buffer.detach().clone())
        for name, buffer in module._buffers.items()
        if buffer is not None
    }


@torch.no_grad()
def give_buffers_back(kept: BufferValues) -> None:
    """Give modules the very buffers that they had, with the values that these had.

    Parameters
    ----------
    kept : dict
        As of :func:`buffer_values`, by module.
    """
    for module, buffers in kept.items():
        for name, (buffer, values) in buffers.items():
            buffer.copy_(values)
            module._buffers[name] = buffer


@contextmanager
def buffers_kept() -> Iterator[None]:
    """Give the buffers of every module that is called inside back as they were.

    A hyper-gradient evaluates training and validation rows that are not being learnt from; running
    means that took them in would let the validation rows leak into the model.
    """
    kept: BufferValues = {}

    def keep(module: torch.nn.Module, _: Any) -> None:
        if module not in kept:
            kept[module] = buffer_values(module)

    # There need be no model for the hook to be put on: the closures call what they like.
    # Nor is it for torch.compile to follow what is noted of a module that it compiles.
    handle = register_module_forward_pre_hook(torch.compiler.disable(keep))
    try:
        yield
    finally:
        handle.remove()
        give_buffers_back(kept)


@contextmanager
def kept(parameters: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Give parameters their values back in the end, bit for bit.

    Parameters
    ----------
    parameters : sequence of Tensor

    Yields
    ------
    list of Tensor
        A copy of the values.
    """
    values = [p.detach().clone() for p in parameters]
    try:
        yield values
    finally:
        assign(parameters, values)


@torch.no_grad()
def assign(parameters: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Give parameters new values in place.

    Parameters
    ----------
    parameters, values : sequence of Tensor
        Of the same shapes.
    """
    for p, value in zip(parameters, values, strict=True):
        p.copy_(value)


@torch.no_grad()
def move(parameters: Sequence[Tensor], step: float, direction: Sequence[Tensor]) -> None:
    """Move parameters along a direction in place.

    Parameters
    ----------
    parameters, direction : sequence of Tensor
        Of the same shapes.
    step : float
    """
    for p, d in zip(parameters, direction, strict=True):
        p.add_(d, alpha=step)
