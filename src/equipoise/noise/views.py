"""Flips of two columns from a third that says something of the true groups."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from equipoise.noise.copies import count_views
from equipoise.noise.flips import FlipMatrix

Array = NDArray[np.float64]

# The likelihood of a row, in the mean, no longer rises by more.
_STILL = 1e-10
_MOST_STEPS = 20_000
# The third column tells two groups apart where it differs by so many standard errors. Fewer come
# about where it says nothing: what fits best then makes the most of what chance did.
_APART = 4.0
# EM never leaves a probability of 0, so that it starts no nearer.
_INSIDE = 0.01


class ThreeViews(NamedTuple):
    """What three columns tell of flips.

    Attributes
    ----------
    first, second : FlipMatrix
        Of the first and of the second column, with their covariances.
    shares : ndarray, shape (p,)
        Of the true groups.
    third : ndarray, shape (p, k)
        How often each value of the third column occurs in each true group.
    """

    first: FlipMatrix
    second: FlipMatrix
    shares: Array
    third: Array


class _Model(NamedTuple):
    # Leading axes are of resamples.
    shares: Array  # (..., p)
    first: Array  # (..., p, p)
    second: Array  # (..., p, p)
    third: Array  # (..., p, k)


def flips_from_three_views(
    first: ArrayLike,
    second: ArrayLike,
    third: ArrayLike,
    *,
    n_boot: int = 200,
    random_state: int = 0,
) -> ThreeViews:
    """Estimate the flips of two columns that err independently, with a third column's help.

    Given the true group all three must be independent, and the third must occur in a different way
    in each true group. Let J be how often the first two say what, and J_t the same with each row
    counting a figure t of its third column: then J_t J^-1 = H1^T diag(E[t | group]) H1^-T, whose
    eigenvectors are the flips of the first (Hu 2008, J. Econometrics 144, 27). From there on the
    likelihood is climbed (EM), which keeps probabilities positive and makes more of the rows.

    Parameters
    ----------
    first, second : array-like, shape (n,)
        Each says to which of p groups a row belongs, and is right oftener than it says anything
        else of a group.
    third : array-like, shape (n,)
        Any column of few values, such as the label.
    n_boot : int
        Samples of the fitted model from which the covariances are taken.
    random_state : int

    Returns
    -------
    ThreeViews

    Raises
    ------
    ValueError
        If lengths differ, or the columns do not identify the flips: the third hardly differs
        between true groups, or the first two hardly agree.
    """
    if n_boot < 50:
        raise ValueError(f"n_boot must be at least 50, not {n_boot}.")
    tables, names = count_views(first, second, third)
    p, k = len(names), len(tables)
    if p < 2 or k < 2:
        what = "first and second name one group only" if p < 2 else "third has one value only"
        raise ValueError(f"{what}, so that there is nothing to be told by it.")
    rows = int(tables.sum())
    model = _climb(tables / rows, _from_moments(tables / rows))
    random = np.random.default_rng(random_state)
    law = _joint(model).sum(axis=0)
    drawn = random.multinomial(rows, (law / law.sum()).ravel(), n_boot).reshape(-1, k, p, p)
    inside = (np.broadcast_to(_proper(x, _INSIDE), (n_boot, *x.shape)) for x in model)
    again = _climb(drawn / rows, _Model(*inside))
    _require_apart(model.third, again.third, names)
    covariances = [
        np.cov(estimates.reshape(n_boot, -1), rowvar=False).reshape(p, p, p, p)
        for estimates in (again.first, again.second)
    ]
    flips = [
        FlipMatrix(matrix / matrix.sum(axis=1, keepdims=True), names, covariance)
        for matrix, covariance in zip((model.first, model.second), covariances, strict=True)
    ]
    return ThreeViews(flips[0], flips[1], model.shares, model.third)


def _from_moments(tables: Array) -> _Model:
    """Start from eigenvectors, of that figure of the third column that tells groups apart best."""
    together = tables.sum(axis=0)
    k = len(tables)
    if np.linalg.cond(together) > 1e6:
        raise ValueError(
            "first and second do not tell the groups apart: what one says hardly depends on what "
            "the other does."
        )
    best, apart = None, -1.0
    # Each value alone, and their number: one of them must differ between all groups.
    for figure in [*np.eye(k), np.arange(k) / max(1, k - 1)]:
        product = np.tensordot(figure, tables, axes=1) @ np.linalg.inv(together)
        values, vectors = np.linalg.eig(product)
        if np.abs(values.imag).max() > 0.1:
            continue
        gaps = np.abs(values[:, None] - values[None])
        np.fill_diagonal(gaps, np.inf)
        if gaps.min() > apart:
            best, apart = vectors.real, float(gaps.min())
    if best is None:
        raise ValueError("the three columns fit no flips: are they independent given the group?")
    total = best.sum(axis=0)
    rows = (best / np.where(np.abs(total) < 1e-9, 1.0, total)).T
    order = linear_sum_assignment(-rows)
    flips = np.empty_like(rows)
    flips[order[1]] = rows[order[0]]
    flips = _proper(flips)
    rest = np.linalg.lstsq(flips.T, together, rcond=None)[0]  # diag(shares) @ second
    of_third = np.stack([np.linalg.lstsq(flips.T, t.sum(axis=1), rcond=None)[0] for t in tables])
    return _Model(_proper(rest.sum(axis=1)), flips, _proper(rest), _proper(of_third.T))


def _proper(x: Array, least: float = 1e-3) -> Array:
    # Within the simplex, from where EM can move in any direction.
    floor = np.maximum(x, least)
    return np.asarray(floor / floor.sum(axis=-1, keepdims=True))


def _require_apart(third: Array, drawn: Array, names: tuple[str, ...]) -> None:
    for i, k in combinations(range(len(names)), 2):
        error = (drawn[:, i] - drawn[:, k]).std(axis=0)
        if (np.abs(third[i] - third[k]) <= _APART * error).all():
            raise ValueError(
                f"the three columns do not tell the flips: the third hardly differs between the "
                f"true groups {names[i]!r} and {names[k]!r}, as far as these rows show. Take "
                "another column, more rows, or gold rows (flips_from_gold)."
            )


def _joint(model: _Model) -> Array:
    # (p, ..., k, p, p): true group first, so that it is summed over cheaply.
    return np.einsum(
        "...i,...ia,...ib,...iy->i...yab", model.shares, model.first, model.second, model.third
    )


def _climb(tables: Array, model: _Model) -> _Model:
    """EM to the largest likelihood near a start, of one table or of many at once."""
    last = -np.inf
    for _ in range(_MOST_STEPS):
        joint = _joint(model)
        total = joint.sum(axis=0)
        likelihood = (tables * np.log(np.where(tables > 0, total, 1.0))).sum(axis=(-3, -2, -1))
        if np.all(likelihood - last < _STILL):
            break
        last = likelihood
        part = joint * np.divide(tables, total, out=np.zeros_like(total), where=total > 0)
        of_group = np.moveaxis(part, 0, -4)  # (..., p, k, p, p)
        weight = np.maximum(of_group.sum(axis=(-3, -2, -1)), 1e-300)
        model = _Model(
            weight / weight.sum(axis=-1, keepdims=True),
            of_group.sum(axis=(-3, -1)) / weight[..., None],
            of_group.sum(axis=(-3, -2)) / weight[..., None],
            of_group.sum(axis=(-2, -1)) / weight[..., None],
        )
    return model
