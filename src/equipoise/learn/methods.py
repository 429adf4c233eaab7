"""The ways of training, by the name under which a user asks for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from equipoise.constraints import Constraint
from equipoise.learn.optimizers import TWO_GRADIENTS
from equipoise.optim.constrained import (
    ALM,
    SSLALM,
    ConstrainedOptimizer,
    Constraints,
    FullPass,
    Lagrangian,
    MovingAverage,
    NuPI,
    Penalty,
    PenaltyBarrier,
    SmoothedPenalty,
    StochasticGhost,
    Switching,
    Unconstrained,
)


@dataclass(frozen=True)
class Setting:
    """What a method may know of the problem that it is made for.

    Attributes
    ----------
    n_constraints : int
        m.
    n_replicates : int
        r.
    steps : int
        How many there will be.
    everything : callable
        Evaluates the constraints on all rows, without gradient.
    seed : int
        For what a method draws itself.
    rows_behind : float
        On how many rows of a batch the rarest rate rests in the mean.
    """

    n_constraints: int
    n_replicates: int
    steps: int
    everything: Callable[[], Constraints]
    seed: int
    rows_behind: float = math.inf


Wrap = Callable[[torch.optim.Optimizer, Setting], ConstrainedOptimizer]
"""Puts a method around the base optimizer."""


@dataclass(frozen=True)
class Method:
    """A way of training.

    Attributes
    ----------
    name : str
    title : str
        What a reader of a report is told that it is.
    wrap : callable, optional
        Puts the method around a torch optimizer.
    heeds_constraint : bool
        Whether it looks at the promise at all; if not, nothing is spent on it in training.
    evaluations : float
        How many batches a step evaluates, on average. The rows of a step are divided among them,
        so that a step of any method sees as many.
    train : callable, optional
        Of a method that is no wrapper around an optimizer: trains in place of
        :func:`equipoise.learn.train`, which passes on its rows, number of classes, seeds,
        settings, promises, watched and validation rows, and progress.
    disjoint_groups : bool
        Whether it needs groups of which no row belongs to two.
    require : callable, optional
        Of promises and the number of classes: raises ValueError where it cannot work towards them.
    refuses : tuple of str
        Optimizers that ask for more in a step than it gives them.
    """

    name: str
    title: str
    wrap: Wrap | None = None
    heeds_constraint: bool = True
    evaluations: float = 1.0
    train: Callable[..., Any] | None = None
    disjoint_groups: bool = False
    require: Callable[[Sequence[Constraint], int], object] | None = None
    refuses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.wrap is None) == (self.train is None):
            raise ValueError(f"method {self.name!r} needs one of wrap and train.")


# Disparities are differences of shares and losses are in nats: with both of order one, these
# settings act within a few hundred steps on every table that the benchmarks train on.
_STRENGTH = 1.0
_PENALTY = 5.0
_MULTIPLIER_RATE = 0.05
_LOOK_BACK = 0.98
# With fewer rows of a rate in a batch its gradient is the more noise, in units of which Adam steps:
# by the root of how many are missing what pulls at it must be stronger to get as far.
_ENOUGH_ROWS, _FEWEST_ROWS = 16.0, 1.0
# Multipliers that sum up what batches say average it by that alone. Where nothing else answers to
# a violation, another average before them would only come late: gaps of losses have no saddle
# point once a group counts less than nothing, and until its multiplier is told, its loss grows.
# Over a whole run they can become as large as 25 times the mean violation, or they would come too
# late in a short one.
_UNDAMPED_REACH = 25.0
_MOST_UNDAMPED_RATE = 0.1
_EXTRAPOLATED_RATE = 0.05
# The proportional part is to the integral one what half the penalty is to the rate in ALM: noise
# comes through with it, of which inequalities keep what raises their multipliers.
_KP, _NU = 0.5 * _PENALTY / _MULTIPLIER_RATE, 0.95
# Multipliers of the barrier grow by the ratio of violation and width in each step: disparities are
# broken by a twentieth or a tenth, at which the widest barrier of the paper, 1, hardly bends.
_BARRIER: dict[str, Any] = {
    "multiplier_floor": 0.03,
    "multiplier_decay": 0.97,
    "penalty_decay": 0.97,
    "penalty_range": (0.1, 0.2),
}
# And they do so the faster, the longer they hear of what is mended already.
_BARRIER_LOOK_BACK = 0.9


def _around(
    base: torch.optim.Optimizer,
    of: Setting,
    method: Callable[..., ConstrainedOptimizer],
    **settings: Any,
) -> ConstrainedOptimizer:
    return method(base, of.n_constraints, of.n_replicates, **settings)


def _tracking(
    base: torch.optim.Optimizer,
    of: Setting,
    method: Callable[..., ConstrainedOptimizer],
    **settings: Any,
) -> ConstrainedOptimizer:
    return _around(base, of, method, estimator=MovingAverage(_LOOK_BACK), **settings)


def _alm(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    rows = min(max(of.rows_behind, _FEWEST_ROWS), _ENOUGH_ROWS)
    pull = math.sqrt(_ENOUGH_ROWS / rows)
    return _tracking(
        base, of, ALM, penalty=pull * _PENALTY, multiplier_rate=pull * _MULTIPLIER_RATE
    )


def _lagrangian(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    rate = min(_UNDAMPED_REACH / of.steps, _MOST_UNDAMPED_RATE)
    return _around(base, of, Lagrangian, multiplier_rate=rate)


def _nupi(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    return _around(
        base, of, Lagrangian, dual=lambda y: NuPI(y, lr=_MULTIPLIER_RATE, kp=_KP, nu=_NU)
    )


def _barrier(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    values = MovingAverage(_BARRIER_LOOK_BACK)
    return _around(base, of, PenaltyBarrier, estimator=values, **_BARRIER)


def _switching(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    return _tracking(base, of, Switching, tolerance=0.0, seed=of.seed)


def _spider(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    values = FullPass(of.everything, 25, recursive=True)
    return _around(base, of, SmoothedPenalty, strength=_STRENGTH, estimator=values)


def _ghost(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    return _around(base, of, StochasticGhost, p0=_GHOST_P0, max_level=_GHOST_LEVELS, seed=of.seed)


_GHOST_P0, _GHOST_LEVELS = 0.6, 4
_GHOST_UNITS = 1 + sum(
    _GHOST_P0 * (1 - _GHOST_P0) ** n * 2 ** (n + 1) for n in range(_GHOST_LEVELS + 1)
) / (1 - (1 - _GHOST_P0) ** (_GHOST_LEVELS + 1))

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "erm",
            "empirical risk minimisation: accuracy alone",
            partial(_around, method=Unconstrained),
            heeds_constraint=False,
        ),
        Method(
            "penalty",
            "exact penalty: the violation is added to the loss",
            partial(_tracking, method=Penalty, strength=_STRENGTH),
        ),
        Method(
            "alm",
            "augmented Lagrangian: multipliers learn what the promise costs",
            _alm,
        ),
        Method(
            "lagrangian",
            "gradient descent on the model, ascent on multipliers",
            _lagrangian,
        ),
        Method("nupi", "multipliers moved by a proportional-integral controller", _nupi),
        Method(
            "extragradient",
            "multipliers extrapolated before each step",
            partial(
                _around, method=Lagrangian, multiplier_rate=_EXTRAPOLATED_RATE, extragradient=True
            ),
            evaluations=2,
        ),
        Method(
            "ssl-alm",
            "smoothed and linearised augmented Lagrangian with two independent batches",
            partial(_around, method=SSLALM, penalty=_PENALTY, multiplier_rate=_MULTIPLIER_RATE),
            evaluations=2,
        ),
        Method(
            "switching",
            "steps on the loss while the promise holds, otherwise on the worst violation",
            _switching,
        ),
        Method(
            "barrier",
            "penalty-barrier: multipliers follow the violation's slope",
            _barrier,
        ),
        Method(
            "spider",
            "rounded exact penalty on violations tracked by differences between full passes",
            _spider,
            evaluations=2,
        ),
        Method(
            "ghost",
            "stochastic ghost: directions from quadratic programs on batches of random size",
            _ghost,
            evaluations=_GHOST_UNITS,
            refuses=TWO_GRADIENTS,
        ),
    )
}
"""The methods, in the order in which they are listed to a user."""


def register_method(method: Method) -> Method:
    """Add a way of training under a name of its own.

    From then on :class:`FairClassifier`, ``compare`` and the benchmarks know it by that name.

    Parameters
    ----------
    method : Method

    Returns
    -------
    Method
        The same.

    Raises
    ------
    ValueError
        If the name is taken.
    """
    if method.name in METHODS:
        raise ValueError(f"there is a method {method.name!r} already.")
    METHODS[method.name] = method
    return method


def find_method(name: str) -> Method:
    """Look a method up.

    Parameters
    ----------
    name : str

    Returns
    -------
    Method

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in METHODS:
        raise ValueError(f"unknown method {name!r}; the methods are {', '.join(METHODS)}.")
    return METHODS[name]


def require_together(method: Method, optimizer: str) -> None:
    """Refuse a method and an optimizer that do not go together.

    Parameters
    ----------
    method : Method
    optimizer : str
        As it is listed.

    Raises
    ------
    ValueError
    """
    if optimizer in method.refuses:
        others = ", ".join(name for name, one in METHODS.items() if optimizer not in one.refuses)
        raise ValueError(
            f"optimizer {optimizer!r} asks for more in a step than the gradients that method "
            f"{method.name!r} gives it: take another optimizer, or one of the methods {others}."
        )
