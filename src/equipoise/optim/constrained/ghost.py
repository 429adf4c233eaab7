"""The Stochastic Ghost method: sequential quadratic programming with an unbiased direction."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from typing_extensions import override

from equipoise.optim.constrained.estimator import Batch
from equipoise.optim.constrained.evaluations import Closure, Evaluations, require_finite
from equipoise.optim.constrained.ghost_direction import ghost_direction
from equipoise.optim.constrained.ghost_gradients import Gradients, together
from equipoise.optim.constrained.method import ConstrainedOptimizer
from equipoise.optim.constrained.ratios import Constraints, Ratios

Array = NDArray[np.float64]
Unit = tuple[Tensor, Constraints]
Linearised = tuple[Array, Array]
"""Constraints (r, m), and gradients of the objective and of them (1 + m, r, n)."""

_LEVELS_AT_ONCE = 256


class StochasticGhost(ConstrainedOptimizer):
    r"""Stochastic Ghost method of Facchinei and Kungurtsev (2023, arXiv 2307.02943).

    With g, c and J the gradient of the objective, the constraints and their Jacobian on some
    batch, the direction d is the solution of ::

        min_d g^T d + (tau / 2) |d|^2   subject to   c + J d <= kappa ,  |d|_inf <= beta ,
        kappa = (1 - lambda) max_i [c_i]_+ + lambda min_{|d|_inf <= rho} max_i [c_i + J_i d]_+ .

    There are neither penalties nor multipliers to tune; kappa is what makes the linearised
    constraints compatible. Since d is no linear function of the batch, that of one batch is
    biased, and the step goes along a randomised multilevel estimate instead. A level N is drawn
    with P(N) = p0 (1 - p0)^N, N = 0, 1, ..., and ::

        d~ = d(one unit) + [d(2^(N+1) units) - (d(even ones) + d(odd ones)) / 2] / P(N) ,

    where units are independent batches. The wrapped optimizer is given -d~ as gradient: SGD with
    learning rate gamma_k takes the paper's step x + gamma_k d~, for which theory wants
    sum gamma_k = infinity and sum gamma_k^2 < infinity; schedulers give gamma_k.

    Parameters
    ----------
    base : torch.optim.Optimizer
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
        r, where independent problems are trained as one. The level is one for all: whichever is
        drawn, the estimate of each is unbiased, and one alone with the same seed draws the same.
    p0 : float
        A step evaluates 1 + 2 p0 / (2 p0 - 1) units in expectation, which is 7 at 0.6 and 12 at
        0.55, and infinitely many at 0.5 and below. The lower it is, the lower is the variance.
    rho : float
        The largest coordinate of the steps by which is judged what violation can be undone, in
        units of the parameters.
    beta : float
        The largest coordinate of d; larger than rho.
    lambda_ : float
        lambda, between 0 and 1: the share of the violation that can be undone which d undoes.
    tau : float
        Curvature of the model, in units of the objective per squared unit of the parameters.
    max_level : int, optional
        L, the largest level. It bounds the cost and the variance, at the price of a small bias,
        and p0 may then be anything between 0 and 1.
    equalities : collection of str
        Must be empty.
    seed : int
        Of the levels.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or there are equalities.

    Notes
    -----
    What is unbiased for what: the levels telescope, E d~ = lim_k E d(2^k units), which is the
    direction at the means of g, c and J wherever it is a continuous function of them. With
    ``max_level`` P(N) is divided by its sum over 0, ..., L, and exactly E d~ = E d(2^(L+1) units):
    what bias is left is that of one batch of 2^(L+1) units, and no step evaluates more than
    1 + 2^(L+1). All this is for units that are drawn anew each step.

    The variance of d~ is finite for p0 < 0.75 where d is smooth around the means, since what the
    levels add falls as 2^-N there. But where a constraint is just met, kappa and d have a kink,
    it falls as 2^(-N/2), and the variance is infinite for every p0 above 0.5: a few steps are
    very long ones, of up to 2 beta / P(N). The theory assumes a finite variance; ``max_level``
    makes it one.

    The closure's number i is the i-th unit: 0 is the one for the first term, 1, ..., 2^(N+1) are
    the others. The level of the next step is drawn at the end of a step, so that ``n_batches``
    tells beforehand how many units it takes; it differs from step to step. A step costs one
    forward pass for each unit and three backward passes, for the first unit, the even and the odd
    ones, and a fourth for all together if the constraints are ratios, in which nothing else is
    linear. Each carries 1 + m gradients. The graphs of all units are kept meanwhile.
    The sub-problems are solved on the CPU in float64. The gradients do not pass through hooks of
    ``DistributedDataParallel``, and no other estimator takes part: the levels remove the bias that
    estimators are there to lessen.
    """

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        p0: float = 0.6,
        rho: float = 0.8,
        beta: float = 10.0,
        lambda_: float = 0.5,
        tau: float = 1.0,
        max_level: int | None = None,
        equalities: Collection[str] = (),
        seed: int = 0,
    ) -> None:
        if max_level is not None and (not isinstance(max_level, int) or max_level < 0):
            raise ValueError(f"max_level must be a whole number of at least 0, not {max_level!r}.")
        if not (0.5 if max_level is None else 0) < p0 < 1:
            raise ValueError(
                f"p0 must be above 0.5 and below 1, not {p0}: at 0.5 and below the expected number "
                "of units in a step is infinite. With a max_level it may be any between 0 and 1."
            )
        if not 0 < rho < beta < math.inf:
            raise ValueError(
                f"rho must be positive and beta larger, and finite, not rho={rho} and beta={beta}."
            )
        if not 0 < lambda_ < 1:
            raise ValueError(f"lambda_ must be above 0 and below 1, not {lambda_}.")
        if not 0 < tau < math.inf:
            raise ValueError(f"tau must be positive and finite, not {tau}.")
        if equalities:
            raise ValueError(
                f"StochasticGhost knows no equalities, but {equalities!r} were given: give each "
                "equation c = 0 as the two inequalities c <= 0 and -c <= 0."
            )
        super().__init__(base, n_constraints, n_replicates, estimator=Batch())
        if getattr(base, "differentiates_again", False):
            raise ValueError(
                f"base is {type(base).__name__}, which takes a gradient a second time, but the "
                "direction of StochasticGhost is no gradient: give it the optimizer inside, or "
                "take another method."
            )
        self.p0 = p0
        self.rho = rho
        self.beta = beta
        self.lambda_ = lambda_
        self.tau = tau
        self.max_level = max_level
        self._gradients = Gradients()
        # The state and not the generator, which not every torch from 2.4 on can copy.
        self._random = torch.Generator().manual_seed(seed).get_state()
        self._levels: list[int] = []
        self._next_level()

    @property
    @override
    def n_batches(self) -> int:
        """How many units the next step evaluates, 1 + 2^(N+1)."""
        return 1 + 2 ** (self._levels[0] + 1)

    def probability(self, level: int) -> float:
        """P(N) of a level.

        Parameters
        ----------
        level : int

        Returns
        -------
        float
            0 for levels that do not occur.
        """
        if level < 0 or (self.max_level is not None and level > self.max_level):
            return 0.0
        return self.p0 * (1 - self.p0) ** level / self._mass

    @property
    def _mass(self) -> float:
        return 1.0 if self.max_level is None else 1 - (1 - self.p0) ** (self.max_level + 1)

    def _next_level(self) -> None:
        self._levels = self._levels[1:]
        if self._levels:
            return
        generator = torch.Generator()
        generator.set_state(self._random)
        uniform = torch.rand(_LEVELS_AT_ONCE, generator=generator, dtype=torch.float64)
        self._random = generator.get_state()
        # P(N >= k) is (1 - p0)^k where levels are not cut off.
        levels = (torch.log1p(-uniform * self._mass) / math.log1p(-self.p0)).long()
        if self.max_level is not None:  # beyond which rounding must not lead
            levels = levels.clamp(max=self.max_level)
        self._levels = levels.tolist()

    @override
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        """There is none: the direction is no gradient.

        Raises
        ------
        NotImplementedError
        """
        raise NotImplementedError("StochasticGhost's direction is the solution of a sub-problem.")

    @override
    @torch.no_grad()
    def step(self, closure: Closure | None = None) -> Tensor:  # type: ignore[override]
        """Take one step.

        Parameters
        ----------
        closure : callable
            ``closure(i)`` evaluates the i-th independent unit, for i from 0 to n_batches - 1, and
            returns the objective, shape () or (r,), and the constraints, shape (m,) or (r, m) or
            by name, without calling backward.

        Returns
        -------
        Tensor
            The objective on the first unit, detached.

        Raises
        ------
        FloatingPointError
            If the objective, a constraint or a gradient is not finite, or a sub-problem is too
            badly scaled to be solved; parameters, the wrapped optimizer and the level are left as
            they were before the step.
        ValueError
            If there is no closure, or shapes do not go together.
        """
        if closure is None:
            raise ValueError(
                "StochasticGhost evaluates a step more than once: give step a closure."
            )
        parameters = self._trained()
        step = Evaluations(closure, self.layout)
        with torch.enable_grad():
            units = [step.look(number, with_gradient=True) for number in range(self.n_batches)]
        gradient = torch.from_numpy(-self._estimate(units, parameters)).to(parameters[0])
        sizes = [p.numel() // len(gradient) for p in parameters]
        for p, part in zip(parameters, gradient.split(sizes, dim=1), strict=True):
            p.grad = part.reshape(p.shape).to(p)
        self.base.step()
        self._next_level()
        return units[0][0].detach()

    step.hooked = True  # type: ignore[attr-defined]

    def _trained(self) -> list[Tensor]:
        parameters = [p for p in self._parameters() if p.requires_grad]
        if self.n_replicates is not None:
            for p in parameters:
                if p.shape[:1] != (self.n_replicates,):
                    raise ValueError(
                        f"with n_replicates={self.n_replicates} the first axis of every parameter "
                        f"must be of that length, but one has shape {tuple(p.shape)}."
                    )
        return parameters

    def _estimate(self, units: Sequence[Unit], parameters: Sequence[Tensor]) -> Array:
        """The direction d~ of each replicate, shape (r, n)."""
        batches = [units[:1], units[2::2], units[1::2]]
        if isinstance(units[0][1], Ratios):
            batches.append(units[1:])
        one, even, odd, *fine = self._linearised(batches, parameters)
        if not fine:
            fine = [(0.5 * (even[0] + odd[0]), 0.5 * (even[1] + odd[1]))]
        first, finest, half, other = (self._solutions(*x) for x in (one, *fine, even, odd))
        return first + (finest - (half + other) / 2) / self.probability(self._levels[0])

    def _linearised(
        self, batches: Sequence[Sequence[Unit]], parameters: Sequence[Tensor]
    ) -> list[Linearised]:
        groups = [([f for f, _ in units], together([c for _, c in units])) for units in batches]
        for objectives, constraints in groups:
            for objective in objectives:
                self._require_shapes(objective, constraints[0])
            for c in constraints:
                self._require_shapes(objectives[0], c)
        each = [c.detach() for _, constraints in groups for c in constraints]
        values = torch.stack(each).cpu().double()
        require_finite("constraints", values, self.layout)
        gradients = self._gradients(groups, parameters)
        require_finite("gradients", gradients)
        r = self.n_replicates or 1
        rows = gradients.cpu().double()[:, :, None]
        if r > 1:
            # Each parameter has the replicates first; here they come before the parameters.
            parts = rows.split([p.numel() for p in parameters], dim=-1)
            rows = torch.cat([part.reshape(*rows.shape[:2], r, -1) for part in parts], dim=-1)
        of_each, means, start = values.reshape(len(each), r, -1).numpy(), [], 0
        for _, constraints in groups:
            k = len(constraints)
            means.append(of_each[start : start + k].sum(0) / k)
            start += k
        return list(zip(means, rows.numpy(), strict=True))

    def _solutions(self, constraints: Array, gradients: Array) -> Array:
        """The directions d of the replicates on one batch, shape (r, n)."""
        solve = partial(
            ghost_direction, lambda_=self.lambda_, rho=self.rho, beta=self.beta, tau=self.tau
        )
        own = gradients.swapaxes(0, 1)
        return np.stack([solve(g[0], c, g[1:]) for c, g in zip(constraints, own, strict=True)])

    @override
    def _own_state(self) -> dict[str, Any]:
        return {"levels": list(self._levels), "random": self._random.clone()}

    @override
    def _load_own_state(self, state: dict[str, Any]) -> None:
        self._levels = [int(level) for level in state["levels"]]
        self._random = state["random"].cpu().clone()
