"""Expectations at the edge of what can be: levels and rows that then cannot occur."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, hstack, vstack

from equipoise.maxent.discrete.domain import Attribute, Domain
from equipoise.maxent.discrete.prior import Prior

Array = NDArray[np.float64]

# Shares below it are none: a law that gave them would differ by less than rounding.
_NOTHING = 1e-12
# Rows times statistics of which a linear program is still solved.
_LARGEST_PROGRAM = 20_000_000


class ExpectationError(ValueError):
    """No law on the support of the prior has the expectation that is asked for."""


def levels_that_can_occur(prior: Prior, expectation: Array) -> NDArray[np.bool_]:
    """Which levels some law with the expectation gives mass to, attribute by attribute.

    An expectation on the boundary of what the levels of an attribute can have, such as a share of
    0, sends multipliers to infinity. The closest law is then the closest on the face: the levels
    outside do not occur.

    Parameters
    ----------
    prior : Prior
    expectation : ndarray, shape (statistics,)

    Returns
    -------
    ndarray of bool, shape (all levels,)

    Raises
    ------
    ExpectationError
        If no law on the levels that the prior has can have the expectation.
    """
    domain, shares = prior.domain, prior.level_shares
    kept = np.zeros(domain.n_levels, np.bool_)
    for j, (one, at, own) in enumerate(
        zip(domain.attributes, domain.level_slices, domain.slices, strict=True)
    ):
        kept[at] = _of_attribute(j, one, shares[at] > 0, expectation[own])
    return kept


def rows_that_can_occur(prior: Prior, expectation: Array, *, found: bool) -> NDArray[np.bool_]:
    """Which rows some law on the rows that has the expectation gives mass to.

    Parameters
    ----------
    prior : Prior
        Without a product law.
    expectation : ndarray, shape (statistics,)
    found : bool
        Whether weights that have it, to rounding, are known. A program that then finds none, or is
        too large, does not count: its own tolerance is coarser.

    Returns
    -------
    ndarray of bool, shape (u,)
        All, where nothing else can be told.

    Raises
    ------
    ExpectationError
        If none has it, or there are too many rows to tell.
    """
    rows, domain = prior.rows, prior.domain
    assert rows is not None
    some = np.flatnonzero(rows.weights > 0)
    small = len(some) * domain.n_statistics <= _LARGEST_PROGRAM
    inside = _support(_row_statistics(domain, rows.levels[some]), expectation) if small else None
    if inside is None and found:
        return np.ones(len(rows), np.bool_)
    if inside is None:
        why = (
            "it is outside their convex hull"
            if small
            else f"none was found, and {len(some):,} rows are too many to tell whether it is inside"
        )
        raise ExpectationError(
            f"expectation: no weights of the rows have it: {why}; give the product law a share "
            "above 0, or ask for another."
        )
    kept = np.zeros(len(rows), np.bool_)
    kept[some] = inside
    return kept


def _of_attribute(
    j: int, one: Attribute, possible: NDArray[np.bool_], wanted: Array
) -> NDArray[np.bool_]:
    if one.categorical:
        missing = ~possible & (wanted > _NOTHING)
        if missing.any():
            level = int(np.flatnonzero(missing)[0])
            raise ExpectationError(
                f"expectation: level {level} of attribute {j} is to have the share "
                f"{wanted[level]:g}, but the prior gives it none."
            )
        if (wanted < -_NOTHING).any():
            raise ExpectationError(f"expectation: attribute {j} is to have a negative share.")
        return possible & (wanted > _NOTHING)
    values = one.values
    low, high = values[possible].min(axis=0), values[possible].max(axis=0)
    near = _NOTHING * np.maximum(high - low, np.abs(high))
    outside = (wanted < low - near) | (wanted > high + near)
    if outside.any():
        c = int(np.flatnonzero(outside)[0])
        raise ExpectationError(
            f"expectation: the mean {wanted[c]:g} of attribute {j} is outside the range of its "
            f"values, from {low[c]:g} to {high[c]:g}."
        )
    if values.shape[1] == 1:
        if wanted[0] <= low[0] + near[0]:
            return possible & (values[:, 0] == low[0])
        if wanted[0] >= high[0] - near[0]:
            return possible & (values[:, 0] == high[0])
        return possible
    inside = _support(csr_matrix(values[possible]), wanted)
    if inside is None:
        raise ExpectationError(
            f"expectation: the mean of attribute {j} is outside the convex hull of its values."
        )
    kept = np.zeros(len(one), np.bool_)
    kept[possible] = inside
    return kept


def _support(values: csr_matrix, wanted: Array) -> NDArray[np.bool_] | None:
    # The largest support of weights x with x'values = wanted, by one program: x is scaled by t so
    # that whatever can be positive can be 1 or more, and s = min(x, 1) has the largest sum.
    n, k = values.shape
    scale = np.maximum(np.abs(values).max(axis=0).toarray().ravel(), np.abs(wanted))
    scale[scale == 0] = 1.0
    block = vstack([values.multiply(1 / scale).T, np.ones((1, n))])
    target = csr_matrix(-np.append(wanted / scale, 1.0)[:, None])
    found = linprog(
        np.concatenate([-np.ones(n), np.zeros(n + 1)]),
        A_eq=hstack([block, block, target]),
        b_eq=np.zeros(k + 1),
        bounds=[(0, 1)] * n + [(0, None)] * (n + 1),
        method="highs",
    )
    if found.x is None or -found.fun < 0.5:
        return None
    return np.asarray(found.x[:n] > 0.5)


def _row_statistics(domain: Domain, levels: NDArray[np.integer]) -> csr_matrix:
    return csr_matrix(
        hstack([csr_matrix(one.values)[levels[:, j]] for j, one in enumerate(domain.attributes)])
    )
