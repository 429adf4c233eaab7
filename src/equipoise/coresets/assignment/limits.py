"""What is asked of the masses that centres have of kinds of points, as linear constraints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.coresets.assignment.inputs import Array, Points, as_numbers

_ROUNDING = 1e-9


class InfeasibleError(ValueError):
    """No assignment keeps what is asked."""


@dataclass(frozen=True, eq=False)
class Limits:
    """Constraints ``rows.T @ M = right`` or ``rows.T @ M <= right`` on masses M (kinds, k).

    A multiplier v (q, k) of them makes centres dearer by ``rows @ v``.

    Attributes
    ----------
    rows : ndarray, shape (kinds, q)
    right : ndarray, shape (q, k)
    equal : ndarray of bool, shape (q,)
        Where not, v must not be negative.
    """

    rows: Array
    right: Array
    equal: NDArray[np.bool_]

    def prices(self, multipliers: Array) -> Array:
        """What multipliers (q, k) add to costs, shape (kinds, k)."""
        return self.rows @ multipliers

    def broken(self, masses: Array) -> float:
        """By how much mass the worst constraint is broken by masses of shape (kinds, k)."""
        over = self.rows.T @ masses - self.right
        return float(np.where(self.equal[:, None], np.abs(over), over).max(initial=0.0))


def prescribed(points: Points, masses: ArrayLike) -> tuple[Limits, Array]:
    """Masses that each centre must have of each group.

    Parameters
    ----------
    points : Points
    masses : array-like, shape (l, k)

    Returns
    -------
    limits : Limits
    found : ndarray, shape (kinds, k)
        Masses of kinds that keep them.

    Raises
    ------
    InfeasibleError
        If points cannot be divided so.
    ValueError
        If masses are not finite, negative or of another shape.
    """
    table = as_numbers(masses, "masses", 2)
    shape = (points.members.shape[1], points.n_centres)
    if table.shape != shape:
        raise ValueError(
            f"masses must have one row for each of {shape[0]} groups and one column for each of "
            f"{shape[1]} centres, but has shape {table.shape}."
        )
    if table.size and table.min() < 0:
        i, j = np.unravel_index(np.argmin(table), table.shape)
        raise ValueError(f"masses must not be negative, but masses[{i}, {j}] is {table[i, j]:g}.")
    there = points.group_masses
    off = np.abs(table.sum(axis=1) - there)
    if (off > _ROUNDING * points.mass).any():
        worst = int(np.argmax(off))
        raise InfeasibleError(
            f"masses asks for {table[worst].sum():.10g} of group {worst} in all, but its points "
            f"have {there[worst]:.10g}; let the row add up to that."
        )
    rows = points.members.astype(np.float64)
    found = _masses_that_fit(points, table)
    # Rounding apart these are the masses asked for; of these it is certain that they can be had.
    return Limits(rows, rows.T @ found, np.ones(len(table), bool)), found


def shares(points: Points, at_least: ArrayLike, at_most: ArrayLike) -> Limits:
    """Shares that groups must and may have of each centre's mass.

    There is an assignment that keeps them exactly when each group's share of all mass lies within
    its bounds: this is necessary, as the share of all is a mean of the shares at centres, and
    sufficient, as all points at one centre have just these shares.

    Parameters
    ----------
    points : Points
    at_least, at_most : array-like, shape (l,)

    Returns
    -------
    Limits

    Raises
    ------
    InfeasibleError
        If the share of a group in all mass is out of its bounds.
    ValueError
        If bounds are not finite, of another shape, or the wrong way round.
    """
    least, most = as_bounds(at_least, at_most, points.members.shape[1])
    share = points.group_masses / points.mass
    for low, high, side, sign in ((least, share, "at_least", 1), (share, most, "at_most", -1)):
        if (low > high + _ROUNDING).any():
            worst = int(np.argmax(low - high))
            asked, cure = (least[worst], "lower it") if sign > 0 else (most[worst], "raise it")
            raise InfeasibleError(
                f"{side}[{worst}] is {asked:.6g}, but group {worst} has {share[worst]:.6g} of all "
                f"mass, so that not every centre can keep it; {cure}."
            )
    inside = points.members.astype(np.float64)
    # A bound that all mass just keeps is kept with equality by every centre; left as an
    # inequality, its multiplier could grow for ever.
    tight = (least >= share - _ROUNDING) | (most <= share + _ROUNDING)
    lower, upper = ~tight & (least > 0), ~tight & (most < 1)
    rows = np.hstack(
        [
            inside[:, tight] - share[tight],
            least[lower] - inside[:, lower],
            inside[:, upper] - most[upper],
        ]
    )
    equal = np.arange(rows.shape[1]) < tight.sum()
    return Limits(rows, np.zeros((rows.shape[1], points.n_centres)), equal)


def as_bounds(at_least: ArrayLike, at_most: ArrayLike, n_groups: int) -> tuple[Array, Array]:
    """Take the shares that groups must and may have.

    Parameters
    ----------
    at_least, at_most : array-like, shape (l,)
    n_groups : int

    Returns
    -------
    least, most : ndarray, shape (l,)

    Raises
    ------
    ValueError
        If they are not finite, of another length, or the wrong way round.
    """
    least, most = as_numbers(at_least, "at_least", 1), as_numbers(at_most, "at_most", 1)
    for bound, name in ((least, "at_least"), (most, "at_most")):
        if len(bound) != n_groups:
            raise ValueError(
                f"{name} must have one share for each of {n_groups} groups, not {len(bound)}."
            )
    if (least > most + _ROUNDING).any():
        i = int(np.argmax(least - most))
        raise InfeasibleError(
            f"at_least[{i}] is {least[i]:g} and at_most[{i}] is {most[i]:g}: no share is both."
        )
    return np.minimum(least, most), most


def _masses_that_fit(points: Points, asked: Array) -> Array:
    """Masses (kinds, k) that give groups what is asked, or the error that says what is missing."""
    inside = points.members.astype(np.float64)
    if (inside.sum(axis=1) == 1).all() and len(inside) == inside.shape[1]:
        found = inside @ asked  # a kind is a group
        total = found.sum(axis=1, keepdims=True)
        by = np.divide(points.kind_masses[:, None], total, out=np.ones_like(total), where=total > 0)
        return found * by
    found = _nearest(points, asked)
    off = np.abs(inside.T @ found - asked)
    if off.max(initial=0.0) > 10 * _ROUNDING * points.mass:
        i, j = np.unravel_index(np.argmax(off), off.shape)
        raise InfeasibleError(
            f"masses cannot all be had at once: the groups overlap so that group {i} can have "
            f"{(inside.T @ found)[i, j]:.10g} at centre {j}, not {asked[i, j]:.10g}, where as "
            "little as possible is changed; take masses of a whole assignment, or change these."
        )
    return found


def _nearest(points: Points, asked: Array) -> Array:
    """Masses (kinds, k) of which as little as possible is in another place than asked."""
    from scipy import sparse  # these take a while to load
    from scipy.optimize import linprog

    n_kinds, k = len(points.members), points.n_centres
    unit = points.mass / len(points.weights)
    inside = sparse.csr_array(points.members.T.astype(np.float64))
    columns = sparse.eye_array(k)
    apart = sparse.eye_array(asked.size)
    total = sparse.kron(sparse.eye_array(n_kinds), np.ones((1, k)))
    nothing = sparse.csr_array((n_kinds, 2 * asked.size))
    solved = linprog(
        np.concatenate([np.zeros(n_kinds * k), np.ones(2 * asked.size)]),
        A_eq=sparse.block_array(
            [
                [sparse.hstack([sparse.kron(inside, columns), apart, -apart])],
                [sparse.hstack([total, nothing])],
            ],
            format="csr",
        ),
        b_eq=np.concatenate([asked.ravel(), points.kind_masses]) / unit,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if solved.x is None:
        raise RuntimeError(f"the program of masses was not solved: {solved.message}")
    found = np.maximum(solved.x[: n_kinds * k].reshape(n_kinds, k), 0.0) * unit
    total_found = found.sum(axis=1, keepdims=True)
    by = np.divide(
        points.kind_masses[:, None], total_found, out=np.ones_like(total_found),
        where=total_found > 0,
    )  # fmt: skip
    return found * by
