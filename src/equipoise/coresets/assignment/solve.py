"""The cheapest way to divide points over centres under constraints on groups."""

from __future__ import annotations

from typing import Literal, get_args

from numpy.typing import ArrayLike

from equipoise.coresets.assignment.flow import by_flow, is_rigid
from equipoise.coresets.assignment.inputs import Array, Points, as_numbers, as_points, as_tolerance
from equipoise.coresets.assignment.limits import prescribed, shares
from equipoise.coresets.assignment.overlapping import by_dual
from equipoise.coresets.assignment.program import by_program
from equipoise.coresets.assignment.result import Assignment

Method = Literal["auto", "flow", "dual", "program"]


def assign_masses(
    costs: ArrayLike,
    weights: ArrayLike | None,
    collections: ArrayLike,
    members: ArrayLike,
    masses: ArrayLike,
    *,
    tolerance: float = 1e-6,
    method: Method = "auto",
) -> Assignment:
    """Give each centre the mass of each group that is asked for, as cheaply as can be.

    The value is the fair cost K_z(X, F, C) of Huang, Jiang and Vishnoi (2019, section 2) where
    costs are distances to the power z and masses are F. Points may be divided.

    Parameters
    ----------
    costs : array-like, shape (n, k)
        Of a unit of each point's mass at each centre, not negative.
    weights : array-like, shape (n,), or None
        Masses of points; 1 each if None.
    collections : array-like of int, shape (n,)
        The row of `members` that says in which groups a point is.
    members : array-like of bool, shape (collections, l)
        Groups may overlap, and points may be in none: these go where it is cheapest. The identity
        makes every collection a group of its own.
    masses : array-like, shape (l, k)
        Of each group at each centre, F. Rows add up to the masses of groups.
    tolerance : float, default=1e-6
        How large a share of the value the gap to its lower bound may be; it is hardly ever so
        large. Not of use for ``"flow"`` and ``"program"``, which are exact.
    method : {"auto", "flow", "dual", "program"}, default="auto"
        ``"flow"``: successive shortest paths for each collection, where masses of groups leave no
        choice of those of collections, as disjoint groups do. ``"dual"``: an annealed dual, then
        a linear program of the points that it leaves undecided. ``"program"``: one linear program
        with n k variables, to compare with. ``"auto"`` takes the first if it can be, else the
        second.

    Returns
    -------
    Assignment

    Raises
    ------
    InfeasibleError
        If masses of a group do not add up to what it has, or groups overlap so that not all can
        be had at once.
    ValueError
        If something is not a finite number, negative, of another shape, or not known.
    """
    _check(method, get_args(Method))
    points = as_points(costs, weights, collections, members)
    precision = as_tolerance(tolerance)
    limits, of_kinds = prescribed(points, masses)
    rigid = is_rigid(points)
    if method == "flow" and not rigid:
        raise ValueError(
            'method "flow" needs groups that leave no choice of the masses of collections, but '
            'these overlap; take "auto", or give masses of collections, with the identity as '
            "members."
        )
    if rigid and method in ("auto", "flow"):
        return by_flow(points, of_kinds)
    return by_program(points, limits) if method == "program" else by_dual(points, limits, precision)


def assign_within(
    costs: ArrayLike,
    weights: ArrayLike | None,
    collections: ArrayLike,
    members: ArrayLike,
    at_least: ArrayLike,
    at_most: ArrayLike,
    *,
    tolerance: float = 1e-6,
    start: Assignment | ArrayLike | None = None,
    method: Literal["auto", "dual", "program"] = "auto",
) -> Assignment:
    """Keep the share of each group at each centre within bounds, as cheaply as can be.

    This is the fair assignment problem of Bera et al. (2019, "Fair algorithms for clustering"),
    with points that may be divided: their linear program, solved to the end.

    Parameters
    ----------
    costs : array-like, shape (n, k)
    weights : array-like, shape (n,), or None
    collections : array-like of int, shape (n,)
    members : array-like of bool, shape (collections, l)
        As of `assign_masses`.
    at_least, at_most : array-like, shape (l,)
        Shares alpha and beta that each group must and may have of the mass at every centre. They
        can be kept exactly when the group's share of all mass lies between them.
    tolerance : float, default=1e-6
    start : Assignment or array-like of shape (collections, k), optional
        An assignment that is alike, or its prices: of a coreset, or of centres near these.
    method : {"auto", "dual", "program"}, default="auto"
        As of `assign_masses`; ``"auto"`` is ``"dual"``.

    Returns
    -------
    Assignment

    Raises
    ------
    InfeasibleError
        If the share of a group in all mass is out of its bounds.
    ValueError
        If something is not a finite number, negative, of another shape, or not known.
    """
    _check(method, ("auto", "dual", "program"))
    points = as_points(costs, weights, collections, members)
    precision = as_tolerance(tolerance)
    limits = shares(points, at_least, at_most)
    prices = None if start is None else _prices(points, start)
    if method == "program":
        return by_program(points, limits)
    return by_dual(points, limits, precision, prices)


def _prices(points: Points, start: Assignment | ArrayLike) -> Array:
    """Prices to start from, shape (collections, k)."""
    given = start.prices if isinstance(start, Assignment) else start
    prices = as_numbers(given, "start", 2)
    shape = (len(points.kind_of), points.n_centres)
    if prices.shape != shape:
        raise ValueError(
            f"start must have prices of {shape[0]} collections at {shape[1]} centres, but has "
            f"shape {prices.shape}."
        )
    return prices


def _check(method: str, known: tuple[str, ...]) -> None:
    """Refuse a method that is not known."""
    if method not in known:
        raise ValueError(f"method must be one of {', '.join(known)}, not {method!r}.")
