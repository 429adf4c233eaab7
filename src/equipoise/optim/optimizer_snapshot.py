"""An optimizer and its parameters, copied and given back bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor


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
        self.optimizer = optimizer
        self._copies: list[Tensor] = []
        self.mark()

    @torch.no_grad()
    def mark(self) -> None:
        """From now on, go back to what is there now."""
        groups = self.optimizer.param_groups
        self._state = {p: _Entries(state) for p, state in self.optimizer.state.items()}
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
        live = self.optimizer.state
        for p in [p for p in live if p not in self._state]:
            del live[p]
        for p, entries in self._state.items():
            entries.put_back(live[p])
        for group, entries in zip(self.optimizer.param_groups, self._groups, strict=True):
            entries.put_back(group)
        _copy_all(self._copies, self._tensors)
        self.optimizer.zero_grad()


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
