"""The penalty-barrier method: a penalty where constraints are violated, a barrier where not."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, Literal

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch, Estimator
from equipoise.optim.constrained.method import ConstrainedOptimizer
from equipoise.optim.constrained.multipliers import Multipliers, gradient_ascent


class PenaltyBarrier(ConstrainedOptimizer):
    r"""Stochastic penalty-barrier method, SPBM (Bosak et al. 2026, arXiv 2605.18618).

    The surrogate is that of Ben-Tal and Zibulevsky (1997), ::

        f + sum_j lambda_j p_j phi(c_j / p_j) ,

    where phi(t) = t + t^2 / 2, a penalty, until a junction at which it turns into a barrier that
    flattens out as there is room to spare: ``"logarithmic"``, -log(-2 t) / 4 - 3 / 8 below -1 / 2,
    or ``"reciprocal"``, (32 / 27) / (1 - t) - 7 / 6 below -1 / 3. The gradient of c_j is weighed by
    lambda_j phi'(c_j / p_j). After the step multipliers are averaged with what the surrogate says
    that they should be, ::

        lambda <- gamma_t lambda + (1 - gamma_t) lambda phi'(c / p)

    within [floor, bound]. The penalties p, the widths over which a barrier bends, follow ::

        p <- K_t p                                              "diminishing"
        p <- K_t p + (1 - K_t) p / (s phi'(c / p))              "adaptive"

    within their range, where s is ``shrinkage`` for violated constraints and 1 for others. All
    three take phi' at the penalties before the update, and the surrogate the multipliers before it.

    Both averages grow longer as the run goes on, ::

        1 - gamma_t = (1 - gamma) / (1 + (1 - gamma) sqrt(t / T)) ,    and K_t likewise,

    which is the paper's annealing with epochs counted as t / T: t is this method's own number of
    steps, so nothing need be known of an epoch. A schedule of :attr:`dual`, whose rate is
    1 - gamma, comes on top. The paper's smoothing of the parameters is :class:`Moreau` around the
    wrapped optimizer.

    The weight is computed from the estimated value and held fixed in the gradient, as in
    :class:`ALM`.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
        r, where independent problems are trained as one.
    barrier : {"logarithmic", "reciprocal"}
        What phi is below its junction.
    multiplier_decay : float
        gamma in [0, 1), what share of a multiplier is kept at the first step. With the 0.1 of the
        authors' code, and the same for penalties, multipliers swing between floor and bound where
        the wrapped optimizer has momentum. An estimator that lags wants more of both.
    multiplier_floor : float
        The smallest that a multiplier may become, and the first value of all. The update is a
        product, which finds no way back from 0 and takes long from next to it. A constraint with
        room to spare is weighed by less than this.
    multiplier_bound : float
        The largest that a multiplier may become.
    penalty_update : {"adaptive", "diminishing"}
    penalty_decay : float
        K in [0, 1], what share of a penalty is kept at the first step; 1 keeps penalties constant.
    penalty_range : tuple of float
        Smallest and largest penalty, in units of the constraints. They begin at the largest.
    shrinkage : float
        s > 0; above 1, penalties of violated constraints shrink faster.
    annealing_steps : int, optional
        T, the paper's epoch; None keeps gamma and K constant.
    equalities : collection of str
        None: a barrier has an inside.
    estimator : Estimator, optional
        The batch's own value by default.

    Raises
    ------
    ValueError
        If a number is out of its range, or if there are equalities.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        barrier: Literal["logarithmic", "reciprocal"] = "logarithmic",
        multiplier_decay: float = 0.9,
        multiplier_floor: float = 0.01,
        multiplier_bound: float = 100.0,
        penalty_update: Literal["adaptive", "diminishing"] = "adaptive",
        penalty_decay: float = 0.99,
        penalty_range: tuple[float, float] = (0.1, 1.0),
        shrinkage: float = 1.0,
        annealing_steps: int | None = 500,
        equalities: Collection[str] = (),
        estimator: Estimator | None = None,
    ) -> None:
        if barrier not in _SLOPES:
            raise ValueError(f"barrier must be one of {list(_SLOPES)}, not {barrier!r}.")
        if penalty_update not in ("adaptive", "diminishing"):
            raise ValueError(
                f"penalty_update must be 'adaptive' or 'diminishing', not {penalty_update!r}."
            )
        if not 0 <= multiplier_decay < 1:
            raise ValueError(f"multiplier_decay must be in [0, 1), not {multiplier_decay}.")
        if not 0 <= penalty_decay <= 1:
            raise ValueError(f"penalty_decay must be in [0, 1], not {penalty_decay}.")
        if not 0 < multiplier_floor < multiplier_bound:
            raise ValueError(
                f"multiplier_floor must be positive and below multiplier_bound = "
                f"{multiplier_bound}, not {multiplier_floor}."
            )
        smallest, largest = penalty_range
        if not 0 < smallest <= largest < math.inf:
            raise ValueError(
                f"penalty_range must be two positive numbers in order, not {penalty_range}."
            )
        if not 0 < shrinkage < math.inf:
            raise ValueError(f"shrinkage must be positive and finite, not {shrinkage}.")
        if annealing_steps is not None and not annealing_steps >= 1:
            raise ValueError(f"annealing_steps must be at least 1, not {annealing_steps}.")
        if equalities:
            raise ValueError(
                f"equalities must be empty, not {equalities!r}: PenaltyBarrier knows inequalities "
                "only. Write h = 0 as h <= tolerance and -h <= tolerance."
            )
        super().__init__(base, n_constraints, n_replicates, estimator=estimator or Batch())
        self.multiplier_decay = multiplier_decay
        self.multiplier_floor = multiplier_floor
        self.penalty_update = penalty_update
        self.penalty_decay = penalty_decay
        self.penalty_range = (smallest, largest)
        self.shrinkage = shrinkage
        self.annealing_steps = annealing_steps
        self._slope = _SLOPES[barrier]
        # gamma lambda + (1 - gamma) lambda phi' is an ascent along lambda (phi' - 1).
        self._multipliers = Multipliers(
            self.layout,
            n_replicates,
            self._parameters()[0],
            gradient_ascent(1 - multiplier_decay),
            multiplier_bound,
        )
        self._multipliers.value.fill_(multiplier_floor)
        self._penalties = torch.full_like(self._multipliers.value, largest)
        self._steps = 0

    @property
    def penalties(self) -> Tensor:
        """The widths p over which barriers bend, shape (m,) or (r, m)."""
        return self._penalties

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        assert self._multipliers is not None
        slope = self._slope(constraints.detach() / self._penalties)
        return objective + (self._multipliers.value * slope * constraints).sum(-1)

    @override
    def ascend(self, constraints: Tensor) -> None:
        assert self._multipliers is not None
        multipliers = self._multipliers
        slope = self._slope(constraints / self._penalties)
        rate = 1 - self.multiplier_decay
        multipliers.ascend(multipliers.value * (slope - 1) * (self._annealed(rate) / rate))
        multipliers.value.clamp_(min=self.multiplier_floor)
        self._update_penalties(slope)
        self._steps += 1

    def _update_penalties(self, slope: Tensor) -> None:
        if self.penalty_decay == 1:
            return
        change = self._annealed(1 - self.penalty_decay)
        factor: float | Tensor = 1 - change
        if self.penalty_update == "adaptive":
            factor = factor + change / torch.where(slope >= 1, slope * self.shrinkage, slope)
        self._penalties.mul_(factor).clamp_(*self.penalty_range)

    def _annealed(self, rate: float) -> float:
        if self.annealing_steps is None:
            return rate
        return rate / (1 + rate * math.sqrt(self._steps / self.annealing_steps))

    @override
    def _own_state(self) -> dict[str, Any]:
        return {"penalties": self._penalties.clone(), "steps": self._steps}

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        self._penalties.copy_(state["penalties"])
        self._steps = int(state["steps"])


# Slope and curvature agree at the junction b, where those of t + t^2 / 2 are 1 + b and 1. Those of
# -a log(-t) are -a / b and a / b^2: so a = b^2, and 1 + b = -b. Those of a / (1 - t) are
# a / (1 - b)^2 and 2 a / (1 - b)^3: so 2 a = (1 - b)^3, and 1 + b = (1 - b) / 2.


def _logarithmic(t: Tensor) -> Tensor:
    return torch.where(t >= -1 / 2, 1 + t, -1 / (4 * t))


def _reciprocal(t: Tensor) -> Tensor:
    return torch.where(t >= -1 / 3, 1 + t, 32 / 27 / (1 - t).square())


_SLOPES = {"logarithmic": _logarithmic, "reciprocal": _reciprocal}
