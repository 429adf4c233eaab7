"""The denoised program, solved and certified.

Celis, Huang, Keswani and Vishnoi (ICML 2021, arXiv 2006.04778): the fewest errors such that

    (H^-T u)_i >= lambda - delta  and  Gamma_i >= (tau - delta) Gamma_j  for all groups i, j,

where H^-T u are the numerators P(event, condition, group) and Gamma the rates, both counted with
the signed membership W = onehot(zhat) H^-1.

Models say which rule is best for given multipliers; rows say whether a promise is kept. Where the
two disagree on moments, the program of the models is shifted by their difference at the rule found,
until the rule keeps the promise by the rows' own counts and is, up to a gap that is reported, the
best rule of the features by the models so shifted. With models that are saturated (the mean of each
cell of equal rows) there is nothing to shift, and it is the linear program over cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.noisy.errors import UnreachablePromiseError
from equipoise.learn.noisy.generate import Program
from equipoise.learn.noisy.inequalities import Asked, needs_level
from equipoise.learn.noisy.levels import best_level
from equipoise.learn.noisy.moments import Moments
from equipoise.learn.noisy.pool import Pool, Scored
from equipoise.learn.noisy.rules import RandomRule
from equipoise.learn.noisy.search import KEPT, Search

Array = NDArray[np.float64]

_HALVINGS = 12


@dataclass(frozen=True, eq=False)
class Task:
    """A program before any rule is tried.

    Attributes
    ----------
    scored : Scored
    moments : Moments
    rest : ndarray, shape (2 c, p)
        Moments when nobody is decided 1, counted.
    shares : ndarray, shape (p,)
        Of the groups.
    asked : Asked
    """

    scored: Scored
    moments: Moments
    rest: Array
    shares: Array
    asked: Asked

    def program(self, level: float | None = None) -> Program:
        """Its inequalities in moving moments.

        Parameters
        ----------
        level : float, optional
            Of rates whose denominators move.

        Returns
        -------
        Program
        """
        found = self.asked.at(self.moments, self.rest, self.shares, level)
        moving = np.repeat(self.moments.moving, len(self.shares))
        return Program(
            found.on_moments[:, moving],
            found.on_levels,
            found.at_least - found.on_moments @ self.rest.ravel(),
        )

    @property
    def searched(self) -> bool:
        """Whether a level is to be searched."""
        return needs_level(self.asked.promises, self.moments)


@dataclass(frozen=True, eq=False)
class Solved:
    """A rule that keeps the promise on the rows.

    Attributes
    ----------
    rule : RandomRule
    error : float
        Modelled.
    gap : float
        By how much, at most, another rule of the features could have fewer modelled errors, where
        moments are modelled and shifted to agree with the rows at this rule; at the level found,
        where one is searched.
    n_rules : int
        How many rules were tried.
    """

    rule: RandomRule
    error: float
    gap: float
    n_rules: int


def solve(
    task: Task, pool: Pool | None = None, *, tolerance: float = 1e-5, max_rules: int = 500
) -> Solved:
    """Find the rule with the fewest modelled errors that keeps the promise on the rows.

    Parameters
    ----------
    task : Task
    pool : Pool, optional
        Of rules tried before on the same scored rows, for other bounds of the same promises; it
        grows.
    tolerance : float
        Wanted gap, as a share of the rows.
    max_rules : int
        How many rules are tried at most for each level and shift.

    Returns
    -------
    Solved

    Raises
    ------
    UnreachablePromiseError
        If no rule keeps the promise.
    """
    search = Search(Pool(task.scored) if pool is None else pool, tolerance, max_rules)
    if task.searched:
        found = best_level(lambda level: search.at(task.program(level)), lambda one: one.cost)
    else:
        found = search.at(task.program())
    if found.missing > KEPT:
        raise _unreachable(task, search)
    return Solved(search.pool.mixed(found.chances), found.error, found.gap, len(search.pool.rules))


def _unreachable(task: Task, search: Search) -> UnreachablePromiseError:
    asked = task.asked

    def kept(promises: tuple[Constraint, ...], floor: float) -> bool:
        eased = replace(task, asked=replace(asked, promises=promises, floor=floor))
        if not eased.searched:
            return search.least_missing(eased.program()) <= KEPT
        missing = best_level(lambda level: search.least_missing(eased.program(level)), lambda x: x)
        return missing <= KEPT

    said = " and ".join(map(str, asked.promises))
    trivial = _eased(asked.promises, 0.0)
    if not kept(trivial, asked.floor):
        floor = asked.floor * _largest(lambda part: kept(trivial, asked.floor * part))
        return UnreachablePromiseError(
            "no rule of the features was found with a share of at least floor = "
            f"{asked.floor:g} of the rows in what {said} is about in every group, whatever the "
            f"bound; about {floor:.3g} can be reached.",
            (),
            floor,
        )
    reached = _eased(
        asked.promises, _largest(lambda part: kept(_eased(asked.promises, part), asked.floor))
    )
    return UnreachablePromiseError(
        f"no rule of the features was found to keep {said} on these rows; what can be kept is "
        f"about {' and '.join(map(str, reached))}. Promise less, lower the floor "
        f"({asked.floor:g}), or add features.",
        reached,
        asked.floor,
    )


def _eased(promises: tuple[Constraint, ...], part: float) -> tuple[Constraint, ...]:
    # From no promise at all (0) to what is asked (1), rounded to the easier side.
    eased = []
    for promise in promises:
        free = 1.0 if promise.sense == "<=" else 0.0
        bound = free + part * (promise.bound - free)
        up = np.ceil if promise.sense == "<=" else np.floor
        eased.append(replace(promise, bound=float(up(bound * 1e4) / 1e4)))
    return tuple(eased)


def _largest(kept: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low
