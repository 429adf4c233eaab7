"""The largest of the bounds of all pairs of groups, without computing those of all pairs.

A bound of one pair takes more than a thousand incomplete beta functions, and there are nearly g^2
ordered pairs. So each pair first gets a ceiling, from tables of each group alone that are combined
by sums and roots, and bounds are computed from the highest ceiling on, until the largest of them
is above the ceilings that are left.

Whether shares (p_a, p_b) are accepted is the sign of s_a z_a + s_b z_b + t sqrt(s_a^2 + s_b^2), in
which z_a and s_a depend on p_a alone, and z_a falls with it. Over a cell of shares each of the
terms therefore has an end that its ends tell, and so has their sum:

- A cell in which the sum is below 0 throughout is not accepted. What is accepted lies within the
  other cells, and the corners of these are a ceiling of an upper bound.
- At one p_b, cells in which the sum is at least 0 throughout, one after the other from p_a = 0 on,
  are accepted. They are a floor of the upper bound, which with samples changed round is a ceiling
  of a lower one.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from equipoise.audit.pairs import (
    CUT,
    HALVINGS,
    SCAN_POINTS,
    Kind,
    exact_lower,
    exact_upper,
    extent_of,
    nuisance_grid,
    pair_bound,
    score_of_at_most,
    weight_variance,
)

Array = NDArray[np.float64]

_CELLS = 16
# Mostly a few pairs tell; where they do not, more at a time cost less each.
_AT_ONCE = 8
# Not below 0 even where it is rounded.
_FIRST_SCORE = 0.05
# So many pairs have their cells looked at together: what is held then fits a processor's cache.
_BLOCK = 8192


def largest_pair_bound(
    success: NDArray[Any],
    trials: NDArray[Any],
    alpha: float,
    kind: Kind,
    side: Literal["upper", "lower"],
    independent: bool = True,
) -> float:
    """The largest of the bounds of all ordered pairs of two groups, in any component.

    Parameters
    ----------
    success, trials : ndarray, shape (c, g)
        With at least two groups, and trials everywhere.
    alpha : float
        Of each bound.
    kind : {"gap", "ratio"}
    side : {"upper", "lower"}
    independent : bool
        As :func:`equipoise.audit.pairs.pair_bound` has it.

    Returns
    -------
    float
        The same as if that function were asked for each pair.
    """
    best = -np.inf
    for row, of in zip(success, trials, strict=True):
        # Groups with the same figures have the same bounds.
        distinct, times = np.unique(np.stack([row, of]), axis=1, return_counts=True)
        x, n = distinct.astype(np.float64)
        apart = ~np.eye(len(x), dtype=bool)
        apart[np.diag_indices(len(x))] = times > 1
        a, b = np.nonzero(apart)
        if independent:
            best = _largest(x, n, a, b, alpha, kind, side, best)
        else:
            bounds = _dependent(x, n, alpha, kind, side)
            best = max(best, float(bounds[a, b].max()))
    return best


def _dependent(x: Array, n: Array, alpha: float, kind: Kind, side: str) -> Array:
    # Each of the two exact bounds is one group's, so that all pairs cost two of each.
    top, low = exact_upper(x, n, alpha / 2), exact_lower(x, n, alpha / 2)
    one, other = np.broadcast_arrays(top[:, None], low[None, :])
    upper = extent_of(one, other, kind)
    if side == "upper":
        return upper
    return -upper.T if kind == "gap" else 1 / upper.T


def _largest(
    x: Array,
    n: Array,
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    alpha: float,
    kind: Kind,
    side: Literal["upper", "lower"],
    best: float,
) -> float:
    """The largest bound of some pairs, or what is the best so far."""
    ceiling = _ceilings(x, n, a, b, alpha, kind, side)
    order = np.argsort(-ceiling, kind="stable")
    at_once = _AT_ONCE
    while len(order):
        some, order = order[:at_once], order[at_once:]
        some = some[ceiling[some] > best]
        if not len(some):
            break
        at_once *= 2
        one, other = a[some], b[some]
        bounds = pair_bound(x[one], n[one], x[other], n[other], alpha, kind, side)
        best = max(best, float(bounds.max()))
    return best


def _ceilings(
    x: Array,
    n: Array,
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    alpha: float,
    kind: Kind,
    side: Literal["upper", "lower"],
) -> Array:
    threshold = float(stats.norm.isf(alpha * (1 - 3 * CUT)))
    blocks = [slice(start, start + _BLOCK) for start in range(0, len(a), _BLOCK)]
    if side == "upper":
        of_a, of_b = _cells_of_a(x, n, alpha, kind), _cells_of_b(x, n, alpha, kind)
        return np.concatenate([_at_most(of_a, of_b, a[s], b[s], threshold, kind) for s in blocks])
    if threshold <= 0:
        # At an error above one half what is accepted need not begin at 0: nothing is spared.
        return np.full(len(a), np.inf)
    of_a, points = _cells_of_a(x, n, alpha, kind), _points_of_b(x, n, alpha, kind)
    floor = np.concatenate([_at_least(of_a, points, b[s], a[s], threshold, kind) for s in blocks])
    if kind == "gap":
        return -floor
    return np.divide(1, floor, out=np.full_like(floor, np.inf), where=floor > 0)


class _Cells(NamedTuple):
    """Stretches of each group's share, with the ends of what depends on it.

    All of shape (k, g), but for edges, of shape (k + 1, g), which rise.
    """

    edges: Array
    z_high: Array
    z_low: Array
    v_high: Array
    v_low: Array


def _cells_of_a(x: Array, n: Array, alpha: float, kind: Kind) -> _Cells:
    """From 0 to the exact bound; from where the score is nearly 0 on, by even steps of it."""
    cut = alpha * CUT
    top = exact_upper(x, n, cut)
    z = np.linspace(_FIRST_SCORE, -stats.norm.isf(cut), _CELLS)[:-1, None]
    # P(X <= x) is the upper tail of this beta distribution at p.
    inner = special.betaincinv(x + 1, np.maximum(n - x, 1), special.ndtr(-z))
    inner = np.minimum(np.where(x < n, inner, top), top)
    edges = np.concatenate([np.zeros((1, len(x))), inner, top[None]])
    scores = score_of_at_most(x, n, edges)
    return _Cells(edges, scores[:-1], scores[1:], *_ends_of_variance(edges, n, kind))


def _cells_of_b(x: Array, n: Array, alpha: float, kind: Kind) -> _Cells:
    """The shares within the exact bounds."""
    edges = nuisance_grid(x, n, alpha * CUT)[:, ::2].T
    scores = score_of_at_most(n - x, n, 1 - edges)
    return _Cells(edges, scores[1:], scores[:-1], *_ends_of_variance(edges, n, kind))


def _ends_of_variance(edges: Array, n: Array, kind: Kind) -> tuple[Array, Array]:
    v = weight_variance(edges, n, kind)
    high, low = np.maximum(v[:-1], v[1:]), np.minimum(v[:-1], v[1:])
    if kind == "gap":  # has its peak at one half, that of a ratio only falls
        peak = (edges[:-1] < 0.5) & (edges[1:] > 0.5)
        high = np.where(peak, weight_variance(np.full_like(n, 0.5), n, kind), high)
    return high, low


def _highest_term(cells: _Cells) -> Array:
    """The most that s z can be."""
    weight = np.where(cells.z_high > 0, cells.v_high, cells.v_low)
    return np.sqrt(weight) * cells.z_high


def _at_most(
    of_a: _Cells,
    of_b: _Cells,
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    threshold: float,
    kind: Kind,
) -> Array:
    """Ceilings of the upper bounds of pairs."""
    term_a, term_b = _highest_term(of_a)[:, a], _highest_term(of_b)[:, b]
    sign = 1 if threshold > 0 else -1
    v_a = (of_a.v_high if sign > 0 else of_a.v_low)[:, a] * threshold**2
    v_b = (of_b.v_high if sign > 0 else of_b.v_low)[:, b] * threshold**2
    edge_a, edge_b = of_a.edges[:, a], of_b.edges[:, b]
    # Bounds are the outer ends of a bisection.
    beyond = edge_a[-1] / SCAN_POINTS / 2**HALVINGS
    ceiling = np.full(len(a), -np.inf)
    for k in range(len(term_b)):
        total = term_a + term_b[k] + sign * np.sqrt(v_a + v_b[k])
        # The first cell, where p_a may be 0, always may.
        last = len(total) - (total[::-1] >= 0).argmax(axis=0)
        outer = np.take_along_axis(edge_a, last[None], 0)[0] + beyond
        ceiling = np.maximum(ceiling, extent_of(outer, edge_b[k], kind))
    return ceiling


class _Points(NamedTuple):
    """Some of the shares of each group at which its bounds are sought, all of shape (k, g)."""

    p: Array
    z: Array
    v: Array


def _points_of_b(x: Array, n: Array, alpha: float, kind: Kind) -> _Points:
    p = nuisance_grid(x, n, alpha * CUT).T
    return _Points(p, score_of_at_most(n - x, n, 1 - p), weight_variance(p, n, kind))


def _at_least(
    of_a: _Cells,
    points: _Points,
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    threshold: float,
    kind: Kind,
) -> Array:
    """Floors of the upper bounds of pairs; where none is known, the lowest that there can be."""
    # In large samples the extreme has scores in proportion to the weights.
    middle_a, middle_b = of_a.v_high[1, a], points.v[len(points.v) // 2, b]
    wanted = -threshold * np.sqrt(middle_b / (middle_a + middle_b))
    k = np.abs(points.z[:, b] - wanted).argmin(axis=0)
    p, z, v = points.p[k, b], points.z[k, b], points.v[k, b]
    low_z = of_a.z_low[1:, a]
    weight = np.where(low_z > 0, of_a.v_low[1:, a], of_a.v_high[1:, a])
    total = np.sqrt(weight) * low_z + np.sqrt(v) * z
    total = total + threshold * np.sqrt(of_a.v_low[1:, a] + v)
    # Below the first edge z_a is not below 0, so that with z_b > -t all is accepted.
    began = (z >= -threshold) & (of_a.z_low[0, a] >= 0)
    accepted = np.logical_and.accumulate(total >= 0, axis=0)
    reached = np.where(began, 1 + accepted.sum(axis=0), 0)
    inner = np.take_along_axis(of_a.edges[:, a], reached[None], 0)[0]
    return extent_of(inner, p, kind)
