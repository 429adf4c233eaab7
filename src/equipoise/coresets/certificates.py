"""What a cost on a coreset proves about the cost of the rows that it stands for."""

from __future__ import annotations

from typing import NamedTuple

from equipoise.coresets.coreset import Coreset

_ROUNDING = 1e-9


class Bounds(NamedTuple):
    """Between what a cost is."""

    low: float
    high: float


def bounds(coreset: Coreset, cost: float) -> Bounds:
    """Bounds of the rows' cost, from the cost on a coreset whose points were moved.

    They hold for any centres, and for any constraint on masses of collections in clusters: where
    each row goes with the point that it was moved to, no mass of any collection in any cluster
    changes, and no distance by more than the row was moved. So by Minkowski's inequality the
    z-th roots of both costs differ by no more than the z-th root of the movement,

        | K(X, F, C)^(1/z) - K(S, F, C)^(1/z) | <= M_z^(1/z);

    for z = 1 costs differ by no more than M_1. Where all points are means of what they stand for
    (z = 2 and :class:`equipoise.coresets.Snap` alone, in as many steps as there were) also
    K(X, F, C) <= K(S, F, C) + M_2, for the rows may be divided among clusters as their mean is.

    Parameters
    ----------
    coreset : Coreset
        Made by moving points: all rows themselves, `Snap`, `Lines`, `LinesAsCoded`, or several
        such steps.
    cost : float
        Of some centres on the coreset with its offset, such as :meth:`Coreset.cost` gives, or the
        least cost of a constrained assignment of its points plus `coreset.offset`. Infinite for
        constraints that no assignment satisfies: then none of the rows does.

    Returns
    -------
    Bounds
        Low and high. Nothing was estimated: if `cost` is that of an optimal assignment, they hold
        up to rounding. Of one that is only nearly optimal its cost gives the high end, and what
        is known to be a lower bound of the optimum gives the low end.

    Raises
    ------
    ValueError
        If the coreset is a sample, for which no such bounds exist; or the cost is NaN or less
        than the offset.

    Notes
    -----
    Bounds are as loose as movement is large: typically a few to 20 % of the cost for k-median with
    some thousand points, and twice that for k-means, where what is observed is ten times nearer.
    See :func:`equipoise.coresets.observed_distortion`.
    """
    if coreset.movement is None:
        raise ValueError(
            "this coreset is a sample: its points stand for rows that are elsewhere, and no bound "
            "holds for all centres. Make it by Snap or Lines, or see observed_distortion for what "
            "its errors are in fact."
        )
    rounding = _ROUNDING * coreset.offset
    try:
        found = float(cost) - coreset.offset
    except (TypeError, ValueError) as error:
        raise ValueError(f"cost must be a number, not {cost!r}.") from error
    if not found >= -rounding:
        raise ValueError(
            f"cost must be a number no less than the coreset's offset, {coreset.offset:g}, which "
            f"is part of it, not {cost!r}."
        )
    found = max(found, 0.0)
    z = coreset.power
    root, moved = found ** (1 / z), coreset.movement ** (1 / z)
    high = (root + moved) ** z
    if coreset.has_means:
        high = min(high, found + coreset.offset)
    return Bounds(max(root - moved, 0.0) ** z, high)
