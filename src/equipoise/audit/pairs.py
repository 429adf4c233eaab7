"""Confidence bounds for the difference, or the ratio, of two shares, at any sample sizes.

For shares p_a and p_b that are hypothesised, the p-values P(X_a <= x_a) and P(X_b >= x_b) are at
least as large as uniform ones, so their normal scores z_a and z_b are at least as large as
standard normal ones, and so is any sum w_a z_a + w_b z_b with w_a^2 + w_b^2 = 1 (Stouffer). The
pairs (p_a, p_b) for which that sum is not too small are therefore a confidence set, whatever the
sizes of the samples; with weights in proportion to the standard errors (of the logarithms, for a
ratio) its extent in p_a - p_b, or p_a / p_b, is close to that of the best test. The set is cut by
exact bounds of each share, at a thirtieth of the error each (Berger and Boos 1994, JASA 89), so
that shares which the data rule out do not widen it.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Kind = Literal["gap", "ratio"]

CUT = 1 / 30
"""Share of the error spent on each of the three exact bounds that cut the set."""
SCAN_POINTS = 20
"""Steps by which the end of what is accepted is sought at first."""
HALVINGS = 20
"""How often the step in which it lies is halved then."""

# Of weighted rows successes are no whole numbers. Less than one excludes no share, however small;
# rounding must not make less of one.
_ONE = 1 - 1e-9
_NUISANCE_POINTS = 33
_REFINED_POINTS = 9


def pair_bound(
    x_a: NDArray[Any],
    n_a: NDArray[Any],
    x_b: NDArray[Any],
    n_b: NDArray[Any],
    alpha: float,
    kind: Kind,
    side: Literal["upper", "lower"],
    independent: bool = True,
) -> NDArray[np.float64]:
    """One-sided confidence bound, pair by pair.

    Parameters
    ----------
    x_a, n_a, x_b, n_b : ndarray, shape (p,)
        Successes and trials (at least 1) of the two samples of each pair.
    alpha : float
        The bound fails with at most this probability.
    kind : {"gap", "ratio"}
        Of p_a - p_b, or of p_a / p_b.
    side : {"upper", "lower"}
    independent : bool
        Whether the samples share no row. If they may, the two exact bounds at half the error each
        are combined, which holds under any dependence.

    Returns
    -------
    ndarray of float64, shape (p,)
        The upper bound of a ratio is infinite where p_b may be 0. The extreme over the shares of
        b is sought on a grid that is refined around its best point, so a bound may lie short of
        the set's true extreme by about a thousandth on samples of dozens; enumeration finds no
        coverage below what is asked.
    """
    if side == "lower":
        flipped = pair_bound(x_b, n_b, x_a, n_a, alpha, kind, "upper", independent)
        return -flipped if kind == "gap" else 1 / flipped
    if not independent:
        return extent_of(exact_upper(x_a, n_a, alpha / 2), exact_lower(x_b, n_b, alpha / 2), kind)
    cut = alpha * CUT
    threshold = stats.norm.isf(alpha - 3 * cut)
    top_a = exact_upper(x_a, n_a, cut)[:, None]
    samples = x_a[:, None], n_a[:, None], x_b[:, None], n_b[:, None]
    p_b = nuisance_grid(x_b, n_b, cut)
    extent = extent_of(_accepted_up_to(samples, p_b, top_a, threshold, kind), p_b, kind)
    best = extent.argmax(axis=1)[:, None]
    near = [np.take_along_axis(p_b, np.clip(best + d, 0, p_b.shape[1] - 1), 1) for d in (-1, 1)]
    finer = near[0] + (near[1] - near[0]) * np.linspace(0, 1, _REFINED_POINTS)
    refined = extent_of(_accepted_up_to(samples, finer, top_a, threshold, kind), finer, kind)
    return np.maximum(extent.max(axis=1), refined.max(axis=1))


def nuisance_grid(x: NDArray[Any], n: NDArray[Any], alpha: float) -> NDArray[np.float64]:
    """The shares of b at which the extreme is sought first, rising, shape (p, k)."""
    low, top = exact_lower(x, n, alpha), exact_upper(x, n, alpha)
    # Even steps of b's normal score: where few successes leave p_b near 0, even steps of p_b
    # itself would miss what happens there.
    scores = np.linspace(-1, 1, _NUISANCE_POINTS - 2) * stats.norm.isf(alpha)
    inner = special.betaincinv(
        np.maximum(x, 1)[:, None], (n - x + 1)[:, None], special.ndtr(scores)
    )
    grid = np.concatenate([low[:, None], inner, top[:, None]], axis=1)
    return np.clip(grid, low[:, None], top[:, None])


def _accepted_up_to(
    samples: tuple[NDArray[Any], ...],
    p_b: NDArray[np.float64],
    top_a: NDArray[np.float64],
    threshold: float,
    kind: Kind,
) -> NDArray[np.float64]:
    """The largest p_a that is accepted with each p_b."""
    x_a, n_a, x_b, n_b = samples
    z_b, v_b = score_of_at_most(n_b - x_b, n_b, 1 - p_b), weight_variance(p_b, n_b, kind)

    def accepts(p_a: NDArray[np.float64]) -> NDArray[np.bool_]:
        z_a, v_a = score_of_at_most(x_a, n_a, p_a), weight_variance(p_a, n_a, kind)
        # A share of 0 or n successes has p-value 1 whatever is hypothesised: it excludes nothing,
        # and what the other sample excludes is left to the cuts.
        nothing = np.isposinf(z_a) | np.isposinf(z_b)
        with np.errstate(invalid="ignore"):
            total = np.sqrt(v_a) * z_a + np.sqrt(v_b) * z_b
        return nothing | (total >= -threshold * np.sqrt(v_a + v_b))

    # The weights change with p_a, so what is accepted need not begin at 0: a scan finds the last
    # stretch that is, and only its end is bisected.
    last = np.full(p_b.shape, -1.0)
    for step in range(SCAN_POINTS + 1):
        last = np.where(accepts(top_a * step / SCAN_POINTS), float(step), last)
    inside = top_a * np.maximum(last, 0) / SCAN_POINTS
    outside = top_a * np.minimum(last + 1, SCAN_POINTS) / SCAN_POINTS
    for _ in range(HALVINGS):
        middle = (inside + outside) / 2
        accepted = accepts(middle)
        inside, outside = np.where(accepted, middle, inside), np.where(accepted, outside, middle)
    # The outer end of the bisection: too wide by less than 1e-7 for the given shares of b.
    return outside


def score_of_at_most(
    x: NDArray[Any], n: NDArray[Any], p: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The normal score of P(X <= x), from the smaller tail: 1 - 1e-20 is 1, but 1e-20 is not 0."""
    above = n * p < x
    short, long = np.maximum(n - x, 1), x + 1
    tail = special.betainc(
        np.where(above, long, short), np.where(above, short, long), np.where(above, p, 1 - p)
    )
    score = np.where(above, -1.0, 1.0) * special.ndtri(tail)
    vanished = above & (tail == 0) & (p > 0)
    if vanished.any():
        # A huge sample against a tiny one is judged this far out. One term of the tail is less
        # than the tail, which errs on the safe side.
        first = (
            special.gammaln(n + 1)
            - special.gammaln(x + 2)
            - special.gammaln(short)
            + special.xlogy(x + 1, p)
            + special.xlog1py(short - 1, -p)
        )
        score = np.where(vanished, -special.ndtri_exp(first), score)
    return np.where(n - x < _ONE, np.inf, score)


def weight_variance(p: NDArray[np.float64], n: NDArray[Any], kind: Kind) -> NDArray[np.float64]:
    """To which the square of a sample's weight is in proportion."""
    # Two imaginary successes and failures keep a weight positive where p is 0 or 1.
    shrunk = (n * p + 2) / (n + 4)
    return (shrunk if kind == "gap" else 1 / shrunk) * (1 - shrunk) / n


def exact_upper(x: NDArray[Any], n: NDArray[Any], alpha: float) -> NDArray[np.float64]:
    """The exact upper bound of a share (Clopper and Pearson 1934)."""
    bound = stats.beta.isf(alpha, x + 1, np.maximum(n - x, 1))
    return np.where(n - x >= _ONE, bound, 1.0)


def exact_lower(x: NDArray[Any], n: NDArray[Any], alpha: float) -> NDArray[np.float64]:
    """The exact lower bound of a share."""
    bound = stats.beta.ppf(alpha, np.maximum(x, 1), n - x + 1)
    return np.where(x >= _ONE, bound, 0.0)


def extent_of(
    p_a: NDArray[np.float64], p_b: NDArray[np.float64], kind: Kind
) -> NDArray[np.float64]:
    """The difference of shares, or their ratio, which is infinite where p_b is 0."""
    if kind == "gap":
        return p_a - p_b
    return np.divide(p_a, p_b, out=np.full(np.shape(p_a), np.inf), where=p_b > 0)
