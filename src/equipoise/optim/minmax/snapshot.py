"""Everything that a refused move must leave as it was, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook


class Stateful(Protocol):
    """What can be rolled back: a scheduler, a gradient scaler, an average of parameters."""

    def state_dict(self) -> dict[str, Any]:
        """All that changes."""
        ...

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Go back."""
        ...


class OptimizerSnapshot:
    """Parameters, moments, counters and settings of an optimizer.

    They are given back in place: torch's ``state_dict`` shows live tensors, and to load one that
    was not copied does nothing at all. State that did not exist yet (Adam has none before its
    first step) does not exist afterwards.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
    """

    @torch.no_grad()
    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._parameters = [
            (p, p.detach().clone()) for group in optimizer.param_groups for p in group["params"]
        ]
        self._state = {
            p: {name: _copy(value) for name, value in state.items()}
            for p, state in optimizer.state.items()
        }
        self._groups = [
            {name: _copy(value) for name, value in group.items() if name != "params"}
            for group in optimizer.param_groups
        ]

    @torch.no_grad()
    def restore(self) -> None:
        """Give everything back as it was."""
        for p, value in self._parameters:
            p.copy_(value)
        live = self._optimizer.state
        for p in [p for p in live if p not in self._state]:
            del live[p]
        for p, state in self._state.items():
            _give_back(live[p], state)
        for group, settings in zip(self._optimizer.param_groups, self._groups, strict=True):
            _give_back(group, settings, besides="params")
        self._optimizer.zero_grad()


class Buffers:
    """Buffers of whatever modules are called: running means, vectors of spectral norms.

    A closure calls what modules it likes, and those in training mode change their buffers even
    where no gradient is asked for.
    """

    def __init__(self) -> None:
        self._kept: dict[torch.nn.Module, dict[str, tuple[Tensor, Tensor]]] = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep note of buffers before modules are called for the first time in here."""
        self._kept = {}
        # There need be no model for the hook to be put on.
        handle = register_module_forward_pre_hook(lambda module, _: self._keep(module))
        try:
            yield
        finally:
            handle.remove()
            self._kept = {}

    def mark(self) -> None:
        """From now on, go back to the present values."""
        for module in list(self._kept):
            del self._kept[module]
            self._keep(module)

    @torch.no_grad()
    def restore(self) -> None:
        """Give the buffers back as they were at the mark."""
        for module, buffers in self._kept.items():
            for name, (buffer, values) in buffers.items():
                buffer.copy_(values)
                module._buffers[name] = buffer

    def _keep(self, module: torch.nn.Module) -> None:
        if module not in self._kept:
            self._kept[module] = {
                name: (buffer, buffer.detach().clone())
                for name, buffer in module._buffers.items()
                if buffer is not None
            }


class Snapshot:
    """Several optimizers, the buffers of modules, and what else is to go back with them.

    Parameters
    ----------
    optimizers : sequence of torch.optim.Optimizer
    buffers : Buffers
        Watched, and marked by this.
    carried : sequence of Stateful
    """

    def __init__(
        self,
        optimizers: Sequence[torch.optim.Optimizer],
        buffers: Buffers,
        carried: Sequence[Stateful],
    ) -> None:
        self._optimizers = [OptimizerSnapshot(optimizer) for optimizer in optimizers]
        self._buffers = buffers
        buffers.mark()
        self._carried = [(thing, deepcopy(thing.state_dict())) for thing in carried]

    def restore(self, *, but: torch.optim.Optimizer | None = None) -> None:
        """Give everything back as it was.

        Parameters
        ----------
        but : torch.optim.Optimizer, optional
            One that is to stay as it is.
        """
        for kept in self._optimizers:
            if kept._optimizer is not but:
                kept.restore()
        self._buffers.restore()
        for thing, state in self._carried:
            thing.load_state_dict(deepcopy(state))


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else deepcopy(value)


def _give_back(live: dict[str, Any], kept: dict[str, Any], besides: str = "") -> None:
    for name in [name for name in live if name not in kept and name != besides]:
        del live[name]
    for name, value in kept.items():
        now = live.get(name)
        if isinstance(now, Tensor) and isinstance(value, Tensor) and now.shape == value.shape:
            now.copy_(value)
        else:
            live[name] = _copy(value)
