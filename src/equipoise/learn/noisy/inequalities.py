"""Promises as linear inequalities in moments, at a level of the rates.

That all rates lie within a ratio tau of each other, Gamma_i >= tau Gamma_j for all i and j, is that
some level l has l <= Gamma_i <= l / tau for all i: 2 p inequalities in place of the p (p - 1) of
pairs. Where denominators are fixed, N_i - l D_i >= 0 is linear in f and l together, so the level is
one more variable. Where they move with f (linear-fractional rates) it is linear in f for each l,
and the program is solved at levels that are searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.noisy.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Inequalities:
    """m inequalities: on_moments M + on_levels l >= at_least, with l in [0, 1].

    Attributes
    ----------
    on_moments : ndarray, shape (m, 2 c p)
        M is flattened from (2 c, p).
    on_levels : ndarray, shape (m, c)
    at_least : ndarray, shape (m,)
    """

    on_moments: Array
    on_levels: Array
    at_least: Array


@dataclass(frozen=True)
class Asked:
    """What is asked of rates.

    Attributes
    ----------
    promises : tuple of Constraint
    floor : float
        lambda: what P(event, condition, group) is at least in each group, where ratios are
        promised; where gaps or worst rates are, P(condition, group) of a denominator that moves.
    slack : float
        delta, by which floors and bounds are relaxed for the noise of the sample.
    """

    promises: tuple[Constraint, ...]
    floor: float
    slack: float

    def at(
        self, moments: Moments, rest: Array, shares: Array, level: float | None = None
    ) -> Inequalities:
        """The inequalities, at a level where one is needed.

        Parameters
        ----------
        moments : Moments
            Of the promises.
        rest : ndarray, shape (2 c, p)
            The moments when nobody is decided 1, which fixed denominators keep.
        shares : ndarray, shape (p,)
            Of the groups: what rows are scaled by.
        level : float, optional
            Of a linear-fractional component.

        Returns
        -------
        Inequalities
        """
        c, p = moments.n_components, len(shares)
        rows = _Rows(c, p)
        component = 0
        for promise in self.promises:
            for _ in range(promise.disparity.rate.n_components(2)):
                fractional = bool(moments.fractional[component])
                for group in range(p):
                    size = rest[c + component, group]
                    own = _Own(rows, component, group, shares[group] if fractional else size)
                    self._of_group(promise, own, fractional, float(size), level)
                component += 1
        return rows.stacked()

    def _of_group(
        self, promise: Constraint, own: _Own, fractional: bool, size: float, level: float | None
    ) -> None:
        kind, bound = promise.disparity.kind, promise.bound
        if kind == "worst":
            sign = 1.0 if promise.sense == ">=" else -1.0
            loosened = bound - sign * self.slack
            if fractional:
                own.add(sign, -sign * loosened, 0.0, 0.0)
            else:
                own.add(sign, 0.0, 0.0, sign * loosened * size)
        elif kind == "ratio":
            tau = max(bound - self.slack, 0.0)
            if fractional:
                assert level is not None
                own.add(1.0, -level, 0.0, 0.0)
                own.add(-tau, level, 0.0, 0.0)
            else:
                own.add(1.0, 0.0, -size, 0.0)
                own.add(-tau, 0.0, size, 0.0)
        else:
            width = bound + self.slack
            if fractional:
                assert level is not None
                own.add(1.0, -level, 0.0, 0.0)
                own.add(-1.0, level + width, 0.0, 0.0)
            else:
                own.add(1.0, 0.0, -size, 0.0)
                own.add(-1.0, 0.0, size, -width * size)
        floor = self.floor - self.slack
        # The paper bounds the numerator whatever is promised. A ratio needs it, as 0 over 0 is
        # undefined; a gap or a worst rate does not, and of an error it would ask for errors.
        if floor > 0 and kind == "ratio":
            own.add(1.0, 0.0, 0.0, floor)
        elif floor > 0 and fractional:
            own.add(0.0, 1.0, 0.0, floor)


class _Rows:
    def __init__(self, n_components: int, n_groups: int) -> None:
        self.shape = (2 * n_components, n_groups)
        self.moments: list[Array] = []
        self.levels: list[Array] = []
        self.least: list[float] = []

    def stacked(self) -> Inequalities:
        return Inequalities(np.stack(self.moments), np.stack(self.levels), np.array(self.least))


@dataclass(frozen=True)
class _Own:
    rows: _Rows
    component: int
    group: int
    scale: float

    def add(self, numerator: float, denominator: float, level: float, least: float) -> None:
        c = self.rows.shape[0] // 2
        moments, levels = np.zeros(self.rows.shape), np.zeros(c)
        moments[self.component, self.group] = numerator / self.scale
        moments[c + self.component, self.group] = denominator / self.scale
        levels[self.component] = level / self.scale
        self.rows.moments.append(moments.ravel())
        self.rows.levels.append(levels)
        self.rows.least.append(least / self.scale)


def needs_level(promises: Sequence[Constraint], moments: Moments) -> bool:
    """Whether the program is linear only at a level that is to be searched.

    Parameters
    ----------
    promises : sequence of Constraint
    moments : Moments

    Returns
    -------
    bool

    Raises
    ------
    ValueError
        If it is so for more than one component, for which no search is made.
    """
    of = [
        promise.disparity
        for promise in promises
        for _ in range(promise.disparity.rate.n_components(2))
    ]
    searched = [
        one
        for one, moves in zip(of, moments.fractional, strict=True)
        if moves and one.kind != "worst"
    ]
    if len(searched) > 1:
        raise ValueError(
            f"{' and '.join(map(str, searched))} have denominators that move with decisions, and "
            "only one such gap or ratio can be promised at once."
        )
    return bool(searched)
