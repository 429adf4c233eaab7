"""Everything that a refused move must leave as it was, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook

from equipoise.optim.passes import BufferValues, buffer_values, give_buffers_back


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
        Marked as it is.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer
        self._copies: list[Tensor] = []
        self.mark()

    @torch.no_grad()
    def mark(self) -> None:
        """From now on, go back to what is there now."""
        groups = self._optimizer.param_groups
        self._state = {p: _Entries(state) for p, state in self._optimizer.state.items()}
        self._groups = [_Entries(group, "params") for group in groups]
        self._tensors = [p for group in groups for p in group["params"]]
        for entries in (*self._state.values(), *self._groups):
            self._tensors += entries.tensors.values()
        if _alike(self._copies, self._tensors):
            # Memory that is held already is written to much faster than new memory.
            _copy_all(self._tensors, self._copies)
        else:
            self._copies = [x.detach().clone() for x in self._tensors]

    @torch.no_grad()
    def restore(self) -> None:
        """Give everything back as it was."""
        live = self._optimizer.state
        for p in [p for p in live if p not in self._state]:
            del live[p]
        for p, entries in self._state.items():
            entries.put_back(live[p])
        for group, entries in zip(self._optimizer.param_groups, self._groups, strict=True):
            entries.put_back(group)
        _copy_all(self._copies, self._tensors)
        self._optimizer.zero_grad()


class _Entries:
    """What a dictionary holds: tensors, whose values are another's affair, and copies of the rest.

    Parameters
    ----------
    live : dict
    besides : str
        A name that is left alone.
    """

    def __init__(self, live: dict[str, Any], besides: str = "") -> None:
        self._besides = besides
        self.tensors = {k: v for k, v in live.items() if isinstance(v, Tensor)}
        self._others = {
            k: deepcopy(v) for k, v in live.items() if k not in self.tensors and k != besides
        }

    def put_back(self, live: dict[str, Any]) -> None:
        """Have the dictionary hold the same again."""
        known = {*self.tensors, *self._others, self._besides}
        for name in [name for name in live if name not in known]:
            del live[name]
        # The very tensors, should the optimizer have put others in their place.
        live.update(self.tensors)
        live.update(deepcopy(self._others))


class Buffers:
    """Buffers of whatever modules are called: running means, vectors of spectral norms.

    A closure calls what modules it likes, and those in training mode change their buffers even
    where no gradient is asked for.
    """

    def __init__(self) -> None:
        self._kept: BufferValues = {}

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep note of buffers before modules are called for the first time in here."""
        self._kept = {}
        # There need be no model for the hook to be put on, nor is it for torch.compile to follow.
        keep = torch.compiler.disable(lambda module, _: self._keep(module))
        handle = register_module_forward_pre_hook(keep)
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

    def restore(self) -> None:
        """Give the buffers back as they were at the mark."""
        give_buffers_back(self._kept)

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Give the buffers back in the end as they are now, and leave the mark where it is.

        To be used while they are watched: then one hook serves both.
        """
        before = {module: buffer_values(module) for module in self._kept}
        try:
            yield
        finally:
            # Modules that were not called before are as they were when they first were.
            give_buffers_back(self._kept | before)

    def _keep(self, module: torch.nn.Module) -> None:
        if module not in self._kept:
            self._kept[module] = buffer_values(module)


class Snapshot:
    """Several optimizers, the buffers of modules, and what else is to go back with them.

    Parameters
    ----------
    optimizers : sequence of torch.optim.Optimizer
        Marked as they are, and the others with them.
    buffers : Buffers
        Watched.
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
        self._carried = carried
        self._mark_others()

    def mark(self) -> None:
        """From now on, go back to what is there now."""
        for kept in self._optimizers:
            kept.mark()
        self._mark_others()

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
        for thing, state in self._carried_states:
            thing.load_state_dict(deepcopy(state))

    def _mark_others(self) -> None:
        self._buffers.mark()
        self._carried_states = [(thing, deepcopy(thing.state_dict())) for thing in self._carried]


def _alike(a: Sequence[Tensor], b: Sequence[Tensor]) -> bool:
    return len(a) == len(b) and all(
        x.shape == y.shape and x.dtype == y.dtype and x.device == y.device
        for x, y in zip(a, b, strict=True)
    )


def _copy_all(source: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    # Adam keeps its counters on the CPU: in one list with what is elsewhere, they would have all
    # of it copied tensor by tensor.
    places: dict[tuple[torch.device, torch.dtype], tuple[list[Tensor], list[Tensor]]] = {}
    for x, y in zip(source, target, strict=True):
        sources, targets = places.setdefault((x.device, x.dtype), ([], []))
        sources.append(x)
        targets.append(y)
    for sources, targets in places.values():
        torch._foreach_copy_(targets, sources)
