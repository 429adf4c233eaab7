"""The Harish-Chandra-Itzykson-Zuber integral of projections, by polynomials on a contour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.maxent.continuous.contour import paired, parabola, saddles
from equipoise.maxent.continuous.domain import Moments

Array = NDArray[Any]

# A polynomial of degree l takes 2 l factors off the weight's fall; on average over degrees, and
# found by experiment to be best, three quarters of k of the n poles. With n = 40 and k = 20 the
# error is 2e-13, where the saddle of the weight alone gives 1e-8.
_SHARE = 0.75
_FAR = 60.0  # between parameters, in their logarithms' units
_LOST = 1e-10  # relative error of a norm beyond which more digits are needed


def projection_moments(parameter: Array, k: int) -> Moments | None:
    """Of the diagonal of a Haar projection of rank k: log E exp sum(parameter * diagonal).

    The normaliser is a constant times the determinant of the moments of the weight
    exp(z) / prod (z - parameter_i), hence times the product of the norms of its monic orthogonal
    polynomials, which Stieltjes' procedure finds at the nodes of a contour. Gradient and Hessian
    are those of the logarithm of that determinant, on the same nodes.

    Leading parameters that are more than 60 above the rest are zeros of all polynomials but the
    first few, to a relative exp(-60). Those zeros are taken into the weight, where they turn its
    poles around, and the other polynomials are found on a contour of their own.

    Parameters
    ----------
    parameter : ndarray, shape (n,)
    k : int
        Up to about n / 2; of larger ones take the complement.

    Returns
    -------
    Moments or None
        None where leading parameters are so far apart that the norms cancel, and not farther.
    """
    n = len(parameter)
    order = np.argsort(-parameter, kind="stable")
    nodes = parameter[order]
    log = float(
        special.gammaln(np.arange(n - k, n) + 1).sum() - special.gammaln(np.arange(1, k) + 1).sum()
    )
    mean, covariance = np.zeros(n), np.zeros((n, n))
    breaks = np.flatnonzero(nodes[:-1] - nodes[1:] > _FAR) + 1
    first = 0
    for last in (*breaks, n):
        found = _block(nodes, first, min(int(last), k) - first)
        if found is None:
            return None
        log += found.log_normaliser
        mean[order] += found.mean
        covariance[np.ix_(order, order)] += found.covariance
        first = int(last)
        if first >= k:
            break
    return Moments(log, mean, covariance)


def _block(nodes: Array, first: int, k: int) -> Moments | None:
    """Log of the product of k norms, with nodes before the first as zeros of the weight."""
    top = float(nodes[first])
    sign = np.where(np.arange(len(nodes)) < first, -1.0, 1.0)
    below = top - nodes[first:]
    power = 1 - _SHARE * (k - 1) / len(below)
    s = float(saddles(below, power))
    if first and s > (nodes[first - 1] - top) / 2:
        return None
    rates = s + (top - nodes)  # negative to zeros
    width = float((power * (rates[first:] ** -2).sum()) ** -0.5)
    contour = parabola(
        lambda move: move - (sign * np.log1p(move[:, None] / rates)).sum(axis=1),
        s,
        width,
        s - float((sign * np.log(np.abs(rates))).sum()),
        degree=2 * (k - 1),
        fine=1.5,
    )
    x, weight = contour.move / width, contour.weight
    polynomials = np.empty((k, len(x)), dtype=complex)
    norms = np.empty(k)
    before, now = np.zeros_like(x), np.ones_like(x)
    for degree in range(k):
        terms = weight * now**2
        norm = float(terms.real.sum())
        # Norms alternate in sign, since x is nearly imaginary; and a sum is as good as its terms.
        lost = np.finfo(float).eps * np.abs(terms).sum() > _LOST * abs(norm)
        if lost or norm * (-1) ** degree <= 0:
            return None
        polynomials[degree], norms[degree] = now, norm
        ratio = norm / norms[degree - 1] if degree else 0.0
        slope = float((terms * x).real.sum()) / norm
        before, now = now, (x - slope) * now - ratio * before
    log = (
        k * (contour.log_scale + top)
        + float(np.log(np.abs(norms)).sum())
        + k * (k - 1) * float(np.log(width))
    )
    poles = sign / (contour.move[:, None] + rates)
    return Moments(log, *_derivatives(poles, sign, weight, polynomials, norms))


def _derivatives(
    poles: Array, sign: Array, weight: Array, polynomials: Array, norms: Array
) -> tuple[Array, Array]:
    k, n = len(norms), poles.shape[1]
    density = weight * (polynomials**2 / norms[:, None]).sum(axis=0)
    mean = (density @ poles).real
    second = paired(density, poles)
    second[np.diag_indices(n)] *= 1 + sign  # of a pole twice its square; a zero is linear
    pairs = (polynomials[:, None] * polynomials * weight).reshape(k * k, -1)
    slopes = (pairs @ poles).real.reshape(k, k, n) / norms[:, None, None]
    across = slopes.swapaxes(0, 1).reshape(k * k, n).T @ slopes.reshape(k * k, n)
    return mean, second - across
