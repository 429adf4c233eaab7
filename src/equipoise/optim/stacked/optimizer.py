"""One optimizer for many replicates, each with a learning rate of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from equipoise.optim.stacked.rule import Rule, over_replicates


class StackedOptimizer(torch.optim.Optimizer):
    """Steps of stacked parameters, in which no replicate knows of another.

    Seeds and learning rates of one method train at once, as parameters of shape (r, ...): a search
    over five rates and twenty seeds is one training of a hundred networks. torch's own optimizers
    have one rate for all, and some of them (Muon, Adafactor) would mix replicates.

    Parameters
    ----------
    parameters : iterable of Tensor, each of shape (r, ...)
    rule : Rule
        The direction: :class:`SGD`, :class:`RMSProp`, :class:`Adam`, :class:`Muon`, ...
    rates : float, or sequence of float or Tensor, shape (r,)
        The learning rate, which is ``param_groups[0]["lr"]``; or that of each replicate, which
        ``param_groups[0]["lr"]``, 1 at the start, multiplies: schedulers act on all of them.
    weight_decay : float
    decoupled : bool
        Whether it shrinks parameters by rate * weight_decay (as in AdamW), or is part of the
        gradient.

    Raises
    ------
    ValueError
        If parameters are of different numbers of replicates, or a number is out of its range.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        rule: Rule,
        rates: float | Sequence[float] | Tensor,
        *,
        weight_decay: float = 0.0,
        decoupled: bool = False,
    ) -> None:
        held = list(parameters)
        if weight_decay < 0:
            raise ValueError(f"weight_decay must not be negative, but is {weight_decay}.")
        for_each = torch.as_tensor(rates).dim() > 0
        shared = 1.0 if for_each else float(rates)  # type: ignore[arg-type]
        super().__init__(
            held,
            {
                "lr": shared,
                "weight_decay": weight_decay,
                "decoupled_weight_decay": decoupled,
            },
        )
        sizes = {len(p) if p.dim() else 0 for p in held}
        if len(sizes) != 1 or 0 in sizes:
            raise ValueError(
                f"parameters must have an axis of as many replicates each, not {sorted(sizes)}."
            )
        r = sizes.pop()
        first = held[0]
        given = torch.as_tensor(rates, dtype=first.dtype, device=first.device)
        if given.dim() > 1 or (given.dim() == 1 and len(given) != r):
            raise ValueError(
                f"rates must be one number, or one for each of {r} replicates, not of shape "
                f"{tuple(given.shape)}."
            )
        if not bool((given > 0).all() and given.isfinite().all()):
            raise ValueError("rates must be positive and finite.")
        self.rule = rule
        self.rates = given if given.dim() else given.new_ones(r)
        self.n_steps = 0

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step of all replicates.

        Parameters
        ----------
        closure : callable, optional
            Computes gradients and returns what is returned.

        Returns
        -------
        What the closure returned, or None.
        """
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        (group,) = self.param_groups
        held = [p for p in group["params"] if p.grad is not None]
        gradients = [p.grad for p in held]
        decay, decoupled = group["weight_decay"], group["decoupled_weight_decay"]
        if decay and not decoupled:
            gradients = [torch.add(g, p, alpha=decay) for g, p in zip(gradients, held, strict=True)]
        self.n_steps += 1
        rates = self.rates * group["lr"]
        directions = self.rule.directions(
            gradients, held, [self.state[p] for p in held], self.n_steps, rates
        )
        for p, direction in zip(held, directions, strict=True):
            own = over_replicates(rates, p)
            if decay and decoupled:
                p.mul_(1 - own * decay)
            p.addcmul_(direction, own, value=-1)
        return value

    def state_dict(self) -> dict[str, Any]:
        """Torch's state of an optimizer, and how many steps were taken."""
        return {**super().state_dict(), "n_steps": self.n_steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a state.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict`.
        """
        own = dict(state_dict)
        self.n_steps = own.pop("n_steps")
        super().load_state_dict(own)
        # torch turns what it loads to the parameters' precision, and not all of it is of that.
        for number, p in enumerate(self.param_groups[0]["params"]):
            for name, value in own["state"].get(number, {}).items():
                if isinstance(value, Tensor):
                    self.state[p][name] = value.to(p.device, copy=True)
