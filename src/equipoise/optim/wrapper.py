"""A torch optimizer around another one, with whose parameters and state it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.hooks import RemovableHandle
from typing_extensions import override


class OptimizerWrapper(torch.optim.Optimizer):
    """Shares parameter groups and state with the optimizer that it wraps, for good.

    A learning-rate scheduler may be given either, either may be loaded, and a copy of both is
    one of its own. What a wrapper keeps besides is copied with it.

    Parameters
    ----------
    base : torch.optim.Optimizer
        Takes the step.
    """

    def __init__(self, base: torch.optim.Optimizer) -> None:
        super().__init__(base.param_groups, base.defaults)
        self.base = base
        self._share_for_good()

    def _share_for_good(self) -> None:
        self._share()
        # torch makes the groups anew when a state is loaded, by whichever of the two.
        self.base.register_load_state_dict_post_hook(lambda _: self._share())

    def _share(self) -> None:
        self.param_groups = self.base.param_groups
        self.state = self.base.state

    def __getstate__(self) -> dict[str, Any]:
        # torch's own keeps nothing but groups and state, so that copies would lack the rest; what
        # torch or a scheduler has hung on this very object (hooks, a step that counts) stays here.
        own = {
            name: value
            for name, value in vars(self).items()
            if name != "step" and not name.startswith("_optimizer_")
        }
        return {**super().__getstate__(), **own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._share_for_good()

    def _parameters(self) -> list[torch.Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters to optimise; they go to the wrapped optimizer.

        Parameters
        ----------
        param_group : dict
        """
        if hasattr(self, "base"):
            self.base.add_param_group(param_group)
        else:
            super().add_param_group(param_group)

    @override
    def register_load_state_dict_post_hook(
        self, hook: Callable[[torch.optim.Optimizer], None], prepend: bool = False
    ) -> RemovableHandle:
        """Call a function whenever a state has been loaded, by this optimizer or the wrapped one.

        Parameters
        ----------
        hook : callable
            Called with this optimizer.
        prepend : bool
            Whether it comes before those that are there.

        Returns
        -------
        torch.utils.hooks.RemovableHandle
        """
        return self.base.register_load_state_dict_post_hook(lambda _: hook(self), prepend)
