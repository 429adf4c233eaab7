r"""How sure a rate is that was corrected for errors in the groups.

A corrected rate is A/B, both sums over rows of the signed membership of the group. If the rate were
r, A - rB would have mean 0 and variance V(r), the mean square of its rows: each row of observed
group j counts inv(H)_jg^2, times (1-r)^2 where it is of the event and r^2 where it is only of the
condition. The rows of the event in V are those that there would be if the group's rate were r, so
that without noise V(r) = B r (1-r). The values r with (A - rB)^2 <= z^2 V(r) are then Wilson's
interval, and with noise what takes its place; they lie between the roots of a quadratic, since V
is one. Where flips are estimated their errors add to V a quadratic of their own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.noisy_counts import NoisyCounts
from equipoise.noise.effects import effects
from equipoise.rates import Rate

Array = NDArray[np.float64]

IMPOSSIBLE = 4.0
"""So many standard errors outside 0 and 1 are no chance, of however many rates."""

# A row of each label and prediction counts half more than there are, in each observed group: what
# happens not to occur in few rows is not known never to.
_HALF = 0.5


def score_interval(counts: NoisyCounts, rate: Rate, z: float) -> tuple[Array, Array]:
    """The interval of each group's rate by its score.

    Parameters
    ----------
    counts : NoisyCounts
    rate : Rate
    z : float
        So many standard errors.

    Returns
    -------
    low, high : ndarray, shape (c, p)
        Cut to 0 and 1, between which the truth lies, but not short of the estimate. From 0 to 1
        where the group's rows are too few to exclude anything; NaN where the rate is undefined.
    """
    top, bottom, spread = _score(counts, rate)
    value = counts.rates(rate)
    a = bottom**2 - z**2 * spread[2]
    b = -2 * top * bottom - z**2 * spread[1]
    c = top**2 - z**2 * spread[0]
    root = b**2 - 4 * a * c
    bounded = (a > 0) & (root >= 0)
    half = np.sqrt(np.where(bounded, root, 0.0))
    twice = np.where(bounded, 2 * a, 1.0)
    low = np.where(bounded, (-b - half) / twice, 0.0)
    high = np.where(bounded, (-b + half) / twice, 1.0)
    # Rounding must not stop short of the ends, nor of the rate itself.
    low = np.where(top <= 0, 0.0, np.clip(low, 0.0, 1.0))
    high = np.where(top >= bottom, 1.0, np.clip(high, 0.0, 1.0))
    return np.minimum(low, value), np.maximum(high, value)


def beyond(counts: NoisyCounts, rate: Rate, z: float) -> NDArray[np.bool_]:
    """Which groups' rates lie farther outside 0 and 1 than chance would have it.

    Parameters
    ----------
    counts : NoisyCounts
    rate : Rate
    z : float
        Beyond so many standard errors it is not chance.

    Returns
    -------
    ndarray of bool, shape (c, p)
        True where the flips cannot be right.
    """
    top, bottom, (v0, v1, v2) = _score(counts, rate)
    below = (top < 0) & (top**2 > z**2 * np.maximum(v0, 0.0))
    above = (top > bottom) & ((top - bottom) ** 2 > z**2 * np.maximum(v0 + v1 + v2, 0.0))
    return (bottom > 0) & (below | above)


def _score(counts: NoisyCounts, rate: Rate) -> tuple[Array, Array, tuple[Array, Array, Array]]:
    """Numerator, denominator, and the coefficients of the variance V(r), each (c, p)."""
    seen, squares, (top, bottom) = counts.moments(rate)
    of_all, below = top.sum(axis=0), bottom.sum(axis=0)
    share = np.divide(bottom, below, out=np.zeros_like(bottom), where=below != 0)
    v0, v1, v2 = (np.zeros(below.shape) for _ in range(3))
    # What a row's square counts for beside its weight: 1 where rows weigh the same.
    scale = squares[1].sum() / max(float(seen[1].sum()), 1e-300)
    for s, flips in enumerate(counts.flips):
        inverse = flips.inverse**2
        # Rows of the event in observed group j if the rate of g were r: fixed + r * moving.
        moving = scale * np.einsum("gj,cg->cgj", flips.p_flip, share[s] * below)
        fixed = squares[0][s][:, None] - scale * np.einsum(
            "gj,cg->cgj", flips.p_flip, share[s] * of_all
        )
        every = squares[1][s][:, None]
        for v, of_row in ((v0, fixed), (v1, moving - 2 * fixed), (v2, every - 2 * moving)):
            v += np.einsum("jg,cgj->cg", inverse, np.broadcast_to(of_row, fixed.shape))
        # In errors of the flips, too, a group's own moments are those that it would have.
        own = top[s] - share[s] * of_all
        parts = effects(flips, top[s], own), effects(flips, bottom[s], np.zeros_like(own))
        for a, b in zip(*parts, strict=True):
            v0 += np.einsum("cge,ef,cgf->cg", a.slopes, a.covariance, a.slopes)
            v1 -= 2 * np.einsum("cge,ef,cgf->cg", a.slopes, a.covariance, b.slopes)
            v2 += np.einsum("cge,ef,cgf->cg", b.slopes, b.covariance, b.slopes)
    return of_all, below, (v0, v1, v2)


def covariance(counts: NoisyCounts, rate: Rate) -> Array:
    """The covariance of the errors of all groups' rates (delta method).

    Parameters
    ----------
    counts : NoisyCounts
    rate : Rate

    Returns
    -------
    ndarray, shape (c * p, c * p)
        Rates of one group after another within a component; NaN where one is undefined.
    """
    cells = rate.cells(len(counts.classes))
    values = counts.rates(rate)
    _, _, (top, bottom) = counts.moments(rate)
    below = bottom.sum(axis=0)
    below = np.where(below > 0, below, np.nan)
    size = values.size
    total = np.zeros((size, size))
    imaginary = _HALF * _usual_square(counts)
    # What a row of each label and prediction brings into A - rB, by group: (c, p, k, k).
    brings = cells.numerator[:, None] - values[..., None, None] * cells.denominator[:, None]
    for s, flips in enumerate(counts.flips):
        rows = counts.squares[s] + imaginary  # (p, k, k)
        slopes = np.einsum("jg,cgyd->cgjyd", flips.inverse, brings / below[..., None, None])
        flat = slopes.reshape(size, -1)
        total += (flat * rows.reshape(-1)) @ flat.T
        for part in effects(flips, top[s][:, None] - values[..., None] * bottom[s][:, None]):
            # Of group g only its own residuals matter: (c, g, g, e) to (c, g, e).
            own = np.einsum("cgge->cge", part.slopes) / below[..., None]
            own = own.reshape(size, -1)
            total += own @ part.covariance @ own.T
    return total


def price(counts: NoisyCounts, rate: Rate) -> Array:
    """How many times as many rows a group's rate takes as it would if groups were known.

    Parameters
    ----------
    counts : NoisyCounts
    rate : Rate

    Returns
    -------
    ndarray, shape (c, p)
        The variance over that without noise, 1 where there is none.
    """
    values = counts.rates(rate)
    noisy = np.diag(covariance(counts, rate)).reshape(values.shape)
    cells = rate.cells(len(counts.classes))
    _, below = rate.fractions(counts.by_group)
    inverses = np.stack([one.inverse for one in counts.flips])
    rows = np.maximum(np.einsum("sjyd,sjg->gyd", counts.squares, inverses), 0.0)
    rows += _HALF * _usual_square(counts)
    brings = cells.numerator[:, None] - values[..., None, None] * cells.denominator[:, None]
    clean = np.einsum("gyd,cgyd->cg", rows, brings**2)
    return np.divide(noisy * below**2, clean, out=np.full(values.shape, np.nan), where=clean > 0)


def _usual_square(counts: NoisyCounts) -> float:
    # Of the weight in which a unit of weight lies on average; 1 where rows weigh the same.
    if counts.weight is None:
        return 1.0
    total, squares = counts.weight.reshape(2, -1).sum(axis=1)
    return float((squares / total) ** 2) if total else 1.0
