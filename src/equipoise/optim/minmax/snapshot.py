"""Everything that a refused move must leave as it was, bit for bit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Protocol

import torch
from torch.nn.modules.module import register_module_forward_pre_hook

from equipoise.optim.optimizer_snapshot import OptimizerSnapshot
from equipoise.optim.passes import BufferValues, buffer_values, give_buffers_back


class Stateful(Protocol):
    """What can be rolled back: a scheduler, a gradient scaler, an average of parameters."""

    def state_dict(self) -> dict[str, Any]:
        """All that changes."""
        ...

    def load_state_dict(self, state_dict: Any, /) -> Any:
        """Go back."""
        ...


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
            if kept.optimizer is not but:
                kept.restore()
        self._buffers.restore()
        for thing, state in self._carried_states:
            thing.load_state_dict(deepcopy(state))

    def _mark_others(self) -> None:
        self._buffers.mark()
        self._carried_states = [(thing, deepcopy(thing.state_dict())) for thing in self._carried]
