"""Who competes, and with which settings: the paper's, and grids of equal size for our own part."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from typing_extensions import override

from equipoise.constraints import Constraint
from equipoise.learn import METHODS, Method, Setting
from equipoise.optim.constrained import (
    SSLALM,
    ConstrainedOptimizer,
    MovingAverage,
    Penalty,
    SecondBatch,
    StochasticGhost,
    Switching,
    Unconstrained,
)
from equipoise.reproduce.group_dro import GroupDRO

Wrapped = Callable[[torch.optim.Optimizer, Setting], ConstrainedOptimizer]


@dataclass(frozen=True)
class Configuration:
    """One setting of one way of training.

    Attributes
    ----------
    label : str
        What sets it apart from the others of its grid.
    method : Method
    asked : float
        The share of the promised bound that training is asked for: 1 is the promise itself.
    training : dict
        Of :class:`equipoise.learn.TrainingSettings`, where it differs from the common ones.
    aim : str
        A constraint that training is given in place of the promise; empty for none.
    thresholds : bool
        Whether each group gets a threshold afterwards, chosen on the validation rows.
    """

    label: str
    method: Method
    asked: float = 1.0
    training: dict[str, Any] = field(default_factory=dict)
    aim: str = ""
    thresholds: bool = False

    def target(self, promise: Constraint) -> Constraint:
        """What training is given.

        Parameters
        ----------
        promise : Constraint

        Returns
        -------
        Constraint
        """
        if self.aim:
            return Constraint.parse(self.aim)
        room = promise.bound if promise.sense == "<=" else 1 - promise.bound
        return promise.tightened((1 - self.asked) * room)


@dataclass(frozen=True)
class Contender:
    """A way of training with the grid that it is tuned over.

    Attributes
    ----------
    name, title : str
    grid : tuple of Configuration
        All contenders have as many.
    constrained : bool
        Whether it is told of the promise and trains for it, with a level.
    """

    name: str
    title: str
    grid: tuple[Configuration, ...]
    constrained: bool

    def enters(self, promise: Constraint) -> bool:
        """Whether there is anything that it can do about the promise.

        Parameters
        ----------
        promise : Constraint

        Returns
        -------
        bool
        """
        return not (self.grid[0].thresholds and promise.disparity.rate.of_loss)


GRID = 3
"""How many settings each contender is tuned over."""

_RATES = (0.001, 0.003, 0.01)
_ASKED = (1.0, 0.75, 0.5)


def contenders(most_evaluations: float = math.inf) -> Sequence[Contender]:
    """Everybody who competes: all registered methods, and the baselines.

    Parameters
    ----------
    most_evaluations : float
        Methods whose steps evaluate more batches than this are left out, and so are those that are
        no optimizer's direction.

    Returns
    -------
    sequence of Contender
        A method that a user has registered is among them, tuned as ours are: over how much more
        than the promise it is asked for, or over learning rates if it does not heed promises.
    """
    methods = [
        one
        for one in METHODS.values()
        if one.wrap is not None and one.evaluations <= most_evaluations
    ]
    return (*map(_registered, methods), *_baselines())


def _registered(method: Method) -> Contender:
    if method.heeds_constraint:
        grid = tuple(Configuration(f"ask {a:g}", method, a) for a in _ASKED)
    else:
        grid = tuple(
            Configuration(f"rate {rate:g}", method, training={"learning_rate": rate})
            for rate in _RATES
        )
    return Contender(method.name, method.title, grid, method.heeds_constraint)


def _baselines() -> tuple[Contender, ...]:
    # The regularised loss knows no level: a constraint of 0 with a weight that is tuned.
    regularised = tuple(
        Configuration(f"weight {s:g}", _method("regularised", _penalised(s)), asked=0.0)
        for s in (0.2, 1.0, 5.0)
    )
    robust = tuple(
        Configuration(f"rate {eta:g}", _method("group-dro", _dro(eta)), aim='worst("loss") <= 0')
        for eta in (0.03, 0.3, 3.0)
    )
    after = _method("thresholds", _unconstrained, heeds_constraint=False)
    thresholds = tuple(Configuration(f"ask {a:g}", after, a, thresholds=True) for a in _ASKED)
    return (
        Contender("regularised", "the disparity added to the loss, its weight tuned", regularised,
                  constrained=False),
        Contender("group-dro", "the loss of the worst group, by exponentiated weights", robust,
                  constrained=False),
        Contender("thresholds", "erm, then a threshold for each group, which decides by group",
                  thresholds, constrained=False),
    )  # fmt: skip


def _method(name: str, wrap: Wrapped, evaluations: float = 1, **more: Any) -> Method:
    return Method(name, name, wrap, evaluations=evaluations, **more)


def _penalised(strength: float) -> Wrapped:
    return lambda base, of: Penalty(
        base, of.n_constraints, of.n_replicates, strength=strength, estimator=MovingAverage(0.97)
    )


def _dro(rate: float) -> Wrapped:
    return lambda base, of: GroupDRO(base, of.n_constraints, of.n_replicates, rate=rate)


def _unconstrained(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    return Unconstrained(base, of.n_constraints, of.n_replicates)


# The paper's two inequalities are l_1 - l_2 - delta and l_2 - l_1 - delta. Ours for two groups
# are half of each, twice over: with the rate and the penalty doubled the multipliers and the pull
# are the same (the slacks move twice as fast), and the norm of twice as many multipliers is
# larger by the square root of two.
_TWICE = 2.0
_GHOST_LEVELS = 6


def _paper_alm(
    smoothing: float, averaging: float, multiplier_rate: float, multiplier_bound: float
) -> Wrapped:
    return lambda base, of: SSLALM(
        base,
        of.n_constraints,
        of.n_replicates,
        penalty=1.0 * _TWICE,
        multiplier_rate=multiplier_rate * _TWICE,
        smoothing=smoothing,
        averaging=averaging,
        multiplier_bound=multiplier_bound * _TWICE**0.5,
    )


def _paper_ghost(p0: float, rho: float, beta: float) -> Wrapped:
    return lambda base, of: StochasticGhost(
        base,
        of.n_constraints,
        of.n_replicates,
        p0=p0,
        rho=rho,
        beta=beta,
        lambda_=0.5,
        tau=1.0,
        max_level=_GHOST_LEVELS,
        seed=of.seed,
    )


def _paper_switching(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    # eta_c = 0.05 against eta_f = 0.5, on constraints half as large.
    return Switching(
        base,
        of.n_constraints,
        of.n_replicates,
        tolerance=1e-4 / _TWICE,
        constraint_rate=0.05 / 0.5 * _TWICE,
        estimator=SecondBatch(),
        seed=of.seed,
    )


class _SlowingSwitching(Switching):
    """Steps on the constraint fall with the root of their number, those on the objective do not."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._first_rate = self.constraint_rate
        self._taken = 0

    @override
    def lagrangian(self, objective: torch.Tensor, constraints: torch.Tensor) -> torch.Tensor:
        self._taken += 1
        self.constraint_rate = self._first_rate / self._taken**0.5
        return super().lagrangian(objective, constraints)


def _second_switching(base: torch.optim.Optimizer, of: Setting) -> ConstrainedOptimizer:
    # eta_c = 0.25 / sqrt(k) against eta_f = 0.05, and the batch that is judged is stepped on.
    return _SlowingSwitching(
        base,
        of.n_constraints,
        of.n_replicates,
        tolerance=0.01 / _TWICE,
        tolerance_decay=0.5,
        constraint_rate=0.25 / 0.05 * _TWICE,
        seed=of.seed,
    )


def ghost_units(p0: float) -> float:
    """How many units a step of Ghost evaluates on average, its levels cut at 6.

    Parameters
    ----------
    p0 : float

    Returns
    -------
    float
    """
    p = [p0 * (1 - p0) ** n for n in range(_GHOST_LEVELS + 1)]
    return 1 + sum(share * 2 ** (n + 1) for n, share in enumerate(p)) / sum(p)


@dataclass(frozen=True)
class PaperMethod:
    """A method with the paper's settings.

    Attributes
    ----------
    method : Method
    learning_rate : float
    unit : int
        Rows of one of the batches of a step.
    """

    method: Method
    learning_rate: float
    unit: int


PAPER_METHODS: dict[str, PaperMethod] = {
    "sgd": PaperMethod(_method("paper-sgd", _unconstrained, heeds_constraint=False), 0.005, 8),
    # The paper's unit is one row of each group; a group may be absent from four rows of ours.
    "ghost": PaperMethod(
        _method("paper-ghost", _paper_ghost(0.4, 0.8, 10.0), ghost_units(0.4)), 0.05, 4
    ),
    "alm": PaperMethod(_method("paper-alm", _paper_alm(0.0, 1.0, 0.05, 10), 2), 0.01, 8),
    "ssl-alm": PaperMethod(_method("paper-ssl-alm", _paper_alm(2.0, 0.5, 0.05, 10), 2), 0.01, 8),
    "switching": PaperMethod(_method("paper-switching", _paper_switching, 2), 0.5, 8),
}
"""The methods of the paper's first version, by the names of its rows here."""

SECOND_METHODS: dict[str, PaperMethod] = {
    "sgd": PaperMethod(_method("paper-sgd", _unconstrained, heeds_constraint=False), 0.005, 32),
    "ssl-alm": PaperMethod(_method("second-ssl-alm", _paper_alm(2.0, 0.5, 0.01, 50), 2), 0.05, 32),
    "switching": PaperMethod(_method("second-switching", _second_switching), 0.05, 32),
    # Again a few rows of each group make a unit.
    "ghost": PaperMethod(
        _method("second-ghost", _paper_ghost(0.3, 0.1, 1.0), ghost_units(0.3)), 0.005, 10
    ),
}
"""Those of its second version, for many groups."""
