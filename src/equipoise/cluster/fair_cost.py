"""What given centres cost if clusters are to be fair."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.cluster.bounds import Bounds, ShareBounds
from equipoise.coresets import Coreset
from equipoise.coresets.assignment import Assignment, assign_masses, assign_within
from equipoise.coresets.checks import as_centres
from equipoise.coresets.distances import all_costs
from equipoise.groups import Groups, How


def fair_cost(
    X: ArrayLike,
    centres: ArrayLike,
    sensitive_features: Any,
    *,
    at_least: Bounds | None = None,
    at_most: Bounds | None = None,
    balance: float | None = None,
    masses: ArrayLike | None = None,
    how: How = "each",
    sample_weight: ArrayLike | None = None,
    power: float = 2.0,
    tolerance: float = 1e-6,
) -> Assignment:
    """The least that rows cost at given centres, within bounds or with given masses.

    Parameters
    ----------
    X : array-like of float, shape (n, d)
    centres : array-like of float, shape (k, d)
    sensitive_features : Groups, array-like, mapping or dataframe
        One or several columns of n values.
    at_least, at_most, balance
        Bounds of each group's share of each cluster, as :class:`FairKMeans` has them.
    masses : array-like of float, shape (l, k), optional
        Instead of bounds: how much of each of the l groups, in the order of
        ``Groups.of(sensitive_features, how).names``, each centre is to have. The value is then
        K_z(X, F, C) of Huang, Jiang and Vishnoi (2019, section 2) with F these masses.
    how : {"each", "crossed", "lattice"}
        Of several sensitive columns.
    sample_weight : array-like of float, shape (n,), optional
    power : float
        z: 2 for squared distances, 1 for distances.
    tolerance : float
        The gap of the answer, as a share of it.

    Returns
    -------
    Assignment
        Its ``value`` is the cost, and ``lower`` what certainly no assignment costs less than. Rows
        may be divided; those of weight 0 have no part in it.

    Raises
    ------
    InfeasibleError
        If nothing keeps the bounds, or rows cannot be divided so.
    ValueError
        If shapes differ, something is not finite, or masses are given beside bounds.
    """
    groups = Groups.of(sensitive_features, how)
    codes, members = groups.patterns()
    rows = Coreset.from_block(X, sample_weight, codes, power=power)
    C = as_centres(centres, rows.points.shape[1])
    costs = all_costs(rows.points, C, power)
    if masses is not None:
        if at_least is not None or at_most is not None or balance is not None:
            raise ValueError("masses say what each centre has of each group; leave out the bounds.")
        return assign_masses(
            costs, rows.weights, rows.collections, members, masses, tolerance=tolerance
        )
    total = np.bincount(rows.collections, rows.weights, len(members))
    if not total.sum() > 0:
        raise ValueError("sample_weight is zero in every row; wanted a positive sum.")
    bounds = ShareBounds.of(
        groups.names,
        members.T.astype(np.float64) @ total / total.sum(),
        at_least=at_least,
        at_most=at_most,
        balance=balance,
    )
    return assign_within(
        costs,
        rows.weights,
        rows.collections,
        members,
        bounds.at_least,
        bounds.at_most,
        tolerance=tolerance,
    )
