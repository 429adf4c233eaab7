"""The ways of training, by the name under which a user asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from equipoise.optim.constrained import (
    ALM,
    ConstrainedOptimizer,
    Constraints,
    MovingAverage,
    Penalty,
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
    """

    n_constraints: int
    n_replicates: int
    steps: int
    everything: Callable[[], Constraints]
    seed: int


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
    wrap : callable
        Puts the method around a torch optimizer.
    heeds_constraint : bool
        Whether it looks at the promise at all; if not, nothing is spent on it in training.
    evaluations : float
        How many batches a step evaluates, on average. The rows of a step are divided among them,
        so that a step of any method sees as many.
    """

    name: str
    title: str
    wrap: Wrap
    heeds_constraint: bool = True
    evaluations: float = 1.0


# Disparities are differences of shares and losses are in nats: with both of order one, these
# settings act within a few hundred steps on every table that the benchmarks train on.
_PENALTY_STRENGTH = 1.0
_ALM_PENALTY = 5.0
_ALM_MULTIPLIER_RATE = 0.05
_LOOK_BACK = 0.985


def _erm(base: torch.optim.Optimizer, of: Setting) -> Unconstrained:
    return Unconstrained(base, of.n_constraints, of.n_replicates)


def _penalty(base: torch.optim.Optimizer, of: Setting) -> Penalty:
    return Penalty(
        base,
        of.n_constraints,
        of.n_replicates,
        strength=_PENALTY_STRENGTH,
        estimator=MovingAverage(_LOOK_BACK),
    )


def _alm(base: torch.optim.Optimizer, of: Setting) -> ALM:
    return ALM(
        base,
        of.n_constraints,
        of.n_replicates,
        penalty=_ALM_PENALTY,
        multiplier_rate=_ALM_MULTIPLIER_RATE,
        estimator=MovingAverage(_LOOK_BACK),
    )


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            "erm",
            "empirical risk minimisation: accuracy alone",
            _erm,
            heeds_constraint=False,
        ),
        Method("penalty", "exact penalty: the violation is added to the loss", _penalty),
        Method("alm", "augmented Lagrangian: multipliers learn what the promise costs", _alm),
    )
}
"""The methods, in the order in which they are listed to a user."""


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
