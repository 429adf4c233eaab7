"""Gradients taken where the loss is worst nearby, for any optimizer of stacked parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from typing_extensions import override

from equipoise.optim.stacked.rule import unit_length
from equipoise.optim.wrapper import OptimizerWrapper


class SAM(OptimizerWrapper):
    """Sharpness-aware minimisation: a step along the gradient at the worst point nearby.

    Foret, Kleiner, Mobahi, Neyshabur 2021 (arXiv 2010.01412), algorithm 1 with p = 2. From w it
    goes by the radius along the gradient there, takes the gradient anew, and has another optimizer
    take a step along that one from w. A gradient's length is over all parameters of a replicate,
    and of no other.

    It shares parameter groups and state with the optimizer that it wraps, so a scheduler may be
    given either.

    Parameters
    ----------
    base : torch.optim.Optimizer
        Of parameters (r, ...): a :class:`StackedOptimizer` or, of torch's own, one that acts on
        each coordinate alone.
    radius : float
        rho, in units of the parameters.

    Raises
    ------
    ValueError
        If the radius is not positive and finite.
    """

    differentiates_again = True
    """Whether a step needs a closure that takes the gradient anew."""

    def __init__(self, base: torch.optim.Optimizer, *, radius: float = 0.05) -> None:
        if not 0 < radius < math.inf:
            raise ValueError(f"radius must be positive and finite, not {radius}.")
        super().__init__(base)
        self.radius = radius

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step, once the gradients at the parameters as they are have been computed.

        Parameters
        ----------
        closure : callable
            Clears the gradients and computes them anew, at the parameters as they are then and on
            the same rows. It is called once.

        Returns
        -------
        What the closure returned: the loss at the worst point nearby.

        Raises
        ------
        RuntimeError
            If there is no closure.
        """
        if closure is None:
            raise RuntimeError(
                "SAM takes the gradient a second time within a step: after loss.backward() call "
                "step(closure), with a closure that clears the gradients and computes them anew."
            )
        held = [p for group in self.param_groups for p in group["params"] if p.grad is not None]
        before = [p.detach().clone() for p in held]
        towards = unit_length([p.grad for p in held if p.grad is not None])
        for p, direction in zip(held, towards, strict=True):
            # Through the data: a loss may have been kept whose graph is none of this step's affair.
            p.data.add_(direction, alpha=self.radius)
        try:
            with torch.enable_grad():
                value = closure()
        finally:
            for p, old in zip(held, before, strict=True):
                p.data.copy_(old)
        for p in held:
            # The second gradient says nothing of it, but the step is one of what the first saw.
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        self.base.step()
        return value

    @override
    def state_dict(self) -> dict[str, Any]:
        """The wrapped optimizer's state; there is no other.

        Returns
        -------
        dict
        """
        return self.base.state_dict()

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a state.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict`.
        """
        self.base.load_state_dict(state_dict)
