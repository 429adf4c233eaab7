"""The Moreau envelope: every step is pulled towards an average of where the parameters were."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.wrapper import OptimizerWrapper


class Moreau(OptimizerWrapper):
    r"""Another optimizer's step with a proximal term whose centre follows the parameters.

    ::

        x_{t+1} = step(x_t) - lr mu (x_t - z_t)
        z_{t+1} = z_t + beta (x_t - z_t)

    It descends, inexactly, on the Moreau envelope of what is minimised, which is smooth where
    that is not, and has the same stationary points. Around SGD it is the update of x and z of
    Huang, Zhang, Alacaoglu (2025, arXiv 2504.07607), algorithm 1. The centre moves towards x_t
    and not towards x_{t+1} as in Zhang and Luo (2022): section 2 of the paper names it as the
    change that lets unbounded domains be analysed.

    The proximal term is a step of its own, as decoupled weight decay is (Loshchilov and Hutter
    2019, arXiv 1711.05101): added to the gradient it would be preconditioned by Adam or RMSprop
    and gathered by momentum, and would no longer be the gradient of an envelope.

    It shares parameter groups and state with the optimizer that it wraps, so a learning-rate
    scheduler may be given either, and either may be loaded. A parameter without gradient is left
    alone by the step, its centre too.

    Parameters
    ----------
    base : torch.optim.Optimizer
        Takes the step; each of its parameter groups has a learning rate ``"lr"``.
    smoothing : float
        mu >= 0, in units of the objective per squared unit of parameter; 0 is the base itself.
    averaging : float
        beta in (0, 1], the share of the way that the centre goes in a step.
    """

    def __init__(
        self, base: torch.optim.Optimizer, *, smoothing: float = 2.0, averaging: float = 0.5
    ) -> None:
        if not isinstance(base, torch.optim.Optimizer):
            raise TypeError(f"base must be a torch optimizer, not {type(base).__name__}.")
        if not 0 <= smoothing < math.inf:
            raise ValueError(f"smoothing must be at least 0 and finite, not {smoothing}.")
        if not 0 < averaging <= 1:
            raise ValueError(f"averaging must be in (0, 1], not {averaging}.")
        if not all("lr" in group for group in base.param_groups):
            raise ValueError(
                f"base must have a learning rate 'lr' in each parameter group, by which the "
                f"proximal step is scaled; {type(base).__name__} has none."
            )
        super().__init__(base)
        self.smoothing = smoothing
        self.averaging = averaging
        # Not in the shared state, which Adam and others take for their own once it has an entry.
        self._centres: dict[Tensor, Tensor] = {}

    @property
    def differentiates_again(self) -> bool:
        """Whether the wrapped optimizer takes the gradient a second time, as SAM does."""
        return bool(getattr(self.base, "differentiates_again", False))

    @property
    def centres(self) -> list[Tensor]:
        """The z, in the order of the parameters; where no step has been taken, the parameters."""
        return [self._centres.get(p, p.detach()) for p in self._parameters()]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take one step.

        Parameters
        ----------
        closure : callable, optional
            Evaluates the loss and its gradient anew, once. It goes to the wrapped optimizer where
            that one takes the gradient a second time.

        Returns
        -------
        Tensor, float or None
            What the closure returns.
        """
        loss = None
        if closure is not None and not self.differentiates_again:
            with torch.enable_grad():
                loss = closure()
        pulls = [] if self.smoothing == 0 else [self._pull(group) for group in self.param_groups]
        if self.differentiates_again:
            loss = self.base.step(closure)
        else:
            self.base.step()
        for rate, parameters, centres, away in pulls:
            if parameters:
                torch._foreach_add_(parameters, away, alpha=-rate * self.smoothing)
                torch._foreach_add_(centres, away, alpha=self.averaging)
        return loss

    def _pull(
        self, group: dict[str, Any]
    ) -> tuple[float, list[Tensor], list[Tensor], tuple[Tensor, ...]]:
        # Learning rate, parameters, centres, and how far they are apart before the step.
        moving = [p for p in group["params"] if p.grad is not None]
        centres = [self._centre_of(p) for p in moving]
        away = tuple(torch._foreach_sub(moving, centres)) if moving else ()
        return float(group["lr"]), moving, centres, away

    def _centre_of(self, parameter: Tensor) -> Tensor:
        # The first step finds z at x; that is also how parameters that come later get theirs.
        if parameter not in self._centres:
            self._centres[parameter] = parameter.detach().clone()
        return self._centres[parameter]

    @override
    def state_dict(self) -> dict[str, Any]:
        """A snapshot of the wrapped optimizer and of the centres.

        Returns
        -------
        dict
            Of tensors, numbers, strings, lists and dicts alone.
        """
        centres = [self._centres.get(p) for p in self._parameters()]
        return {
            # torch gives its live tensors, which the next step would change.
            "base": deepcopy(self.base.state_dict()),
            "centres": [None if z is None else z.clone() for z in centres],
        }

    @override
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict`, around the same kind of optimizer.

        Raises
        ------
        ValueError
            If it is another optimizer's, or of other parameters.
        """
        if state_dict.keys() != {"base", "centres"}:
            raise ValueError(f"the state is not one of Moreau: it has {sorted(state_dict)}.")
        parameters, centres = self._parameters(), state_dict["centres"]
        shapes = [None if z is None else z.shape for z in centres]
        if len(shapes) != len(parameters) or any(
            shape not in (None, p.shape) for shape, p in zip(shapes, parameters, strict=True)
        ):
            raise ValueError(
                f"the state has centres of shapes {[x and tuple(x) for x in shapes]}, but the "
                f"parameters have {[tuple(p.shape) for p in parameters]}."
            )
        self.base.load_state_dict(deepcopy(state_dict["base"]))
        self._centres = {
            p: z.to(p, copy=True) for p, z in zip(parameters, centres, strict=True) if z is not None
        }
