"""A proportional-integral controller of multipliers, as a torch optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override


class NuPI(torch.optim.Optimizer):
    r"""The nuPI controller (Sohrabi et al. 2024, arXiv 2406.04558, algorithm 1).

    With the error e_t, here the negative of the gradient, and its moving average xi, ::

        xi_t    = nu xi_{t-1} + (1 - nu) e_t
        y_1     = y_0 + lr (kp xi_0 + ki e_0)
        y_{t+1} = y_t + lr (kp (xi_t - xi_{t-1}) + ki e_t) .

    Gradient ascent only integrates violations, so that a multiplier goes on growing until its
    constraint holds with room to spare, and the run oscillates. The proportional term answers to
    the change of the violation, and damps it.

    Special cases are gradient ascent (kp = 0), a PI controller (nu = 0), optimistic gradient
    ascent (nu = 0, kp = ki), and heavy-ball or Nesterov momentum beta at rate alpha (the paper's
    theorem 1: nu = beta, lr ki = alpha / (1 - beta), lr kp = -alpha beta / (1 - beta)^2, times beta
    for Nesterov's). The sign of the last tells why momentum makes multipliers oscillate more.

    It is the ``dual`` of a method: ``Lagrangian(base, 2, dual=lambda y: NuPI(y, lr=0.05))``.

    Parameters
    ----------
    multipliers : iterable of Tensor, or of dict
        What is moved.
    lr : float
        At least 0; scales both gains.
    kp : float
        Proportional gain. The noise of constraint values comes through with it; ``nu`` or an
        estimator takes it away.
    ki : float
        Integral gain. The default of both is optimistic gradient ascent.
    nu : float
        In (-1, 1), what share of the average is kept at each step.

    Raises
    ------
    ValueError
        If a number is out of its range, or if both gains are 0.
    """

    def __init__(
        self,
        multipliers: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        *,
        kp: float = 1.0,
        ki: float = 1.0,
        nu: float = 0.0,
    ) -> None:
        if not 0 <= lr < math.inf:
            raise ValueError(f"lr must be at least 0 and finite, not {lr}.")
        if not -1 < nu < 1:
            raise ValueError(f"nu must be in (-1, 1), not {nu}.")
        for name, gain in {"kp": kp, "ki": ki}.items():
            if not math.isfinite(gain):
                raise ValueError(f"{name} must be finite, not {gain}.")
        if kp == ki == 0:
            raise ValueError("kp and ki must not both be 0: the multipliers would never move.")
        super().__init__(multipliers, {"lr": lr, "kp": kp, "ki": ki, "nu": nu})

    @override
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Take one step.

        Parameters
        ----------
        closure : callable, optional
            Evaluates the loss and its gradient again, as torch's optimizers take one.

        Returns
        -------
        float or None
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for y in group["params"]:
                if y.grad is not None:
                    self._control(y, group)
        return loss

    def _control(self, y: Tensor, group: dict[str, Any]) -> None:
        rate, gradient, state = float(group["lr"]), y.grad, self.state[y]
        assert gradient is not None
        if "xi" in state:
            change = (1 - group["nu"]) * (gradient - state["xi"])
            state["xi"].add_(change)
            y.add_(change, alpha=-rate * group["kp"])
        else:
            # The paper leaves xi_0 open. With 0, as in its authors' code, the first step is one of
            # gradient ascent: a single value tells nothing of its change.
            state["xi"] = torch.zeros_like(y)
        y.add_(gradient, alpha=-rate * group["ki"])
