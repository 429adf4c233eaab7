"""Third- and fourth-order regularity of logistic posteriors, and the step sizes they allow.

Mangoubi and Vishnoi (arXiv 1902.08452) bound derivatives of U not by |u| but by what the data see
of u:

    |D^3 U(x)[u, u, u]| <= C3 |Xu|_inf^2 |Xu|_2,    |D^4 U(x)[u, u, u, u]| <= C4 |Xu|_inf^4.

Where rows are incoherent, a random u has an |Xu|_inf that is smaller by far than |X| |u|_2, by
which Euclidean bounds go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.densities.logistic import LogisticPosterior

Array = NDArray[Any]

_LOGISTIC = (0.25, 1 / (6 * np.sqrt(3)), 0.125)  # largest |f''|, |f'''|, |f''''| of log(1 + e^-m)


@dataclass(frozen=True)
class Regularity:
    """Constants of a posterior ``U(theta) = sum_i f_i(r_i . theta)``.

    The rows r_i are those of X and, where the prior has third derivatives, the coordinate axes.

    Attributes
    ----------
    dimension : int
    curvature : float
        L, the largest eigenvalue of the Hessian.
    third, fourth : float
        C3 and C4. They have no unit.
    seen_most : float
        Mean of ``|Xu|_inf`` for normal u, in units of 1 / theta.
    seen : float
        Root mean square of ``|Xu|_2`` for normal u, the Frobenius norm.
    operator : float
        Largest ``|Xu|_2`` for ``|u|_2 = 1``.
    """

    dimension: int
    curvature: float
    third: float
    fourth: float
    seen_most: float
    seen: float
    operator: float

    @property
    def coherence(self) -> float:
        """``d |X|^2 / |X|_F^2``: 1 for rows spread evenly over directions, d for rows all alike."""
        return self.dimension * (self.operator / self.seen) ** 2


def bound_regularity(posterior: LogisticPosterior, *, seed: int = 0) -> Regularity:
    """Constants that hold everywhere: from the largest derivatives of each term.

    ``C3 = |b|_2`` and ``C4 = |c|_1``, where b_i and c_i are the largest third and fourth derivative
    of term i (Cauchy and Schwarz; the triangle inequality).

    Parameters
    ----------
    posterior : LogisticPosterior
    seed : int
        Of the directions over which ``seen_most`` is a mean.

    Returns
    -------
    Regularity
    """
    X, d = posterior.signed, posterior.dimension
    second, third, fourth = posterior.prior.most
    bent = d if third or fourth else 0
    rows = _rows(posterior)
    return _with_directions(
        posterior,
        seed,
        curvature=_LOGISTIC[0] * float(np.linalg.norm(X, 2)) ** 2 + second,
        third=float(np.sqrt(len(X) * _LOGISTIC[1] ** 2 + bent * third**2)),
        fourth=len(X) * _LOGISTIC[2] + bent * fourth,
        rows=rows,
    )


def estimate_regularity(
    posterior: LogisticPosterior,
    positions: ArrayLike | None = None,
    *,
    n_directions: int = 100,
    seed: int = 0,
) -> Regularity:
    """Constants as they are met: the largest over some positions and random directions.

    A maximum over samples is a lower estimate of the constants that hold everywhere, for which see
    :func:`bound_regularity`; but a chain meets samples.

    Parameters
    ----------
    posterior : LogisticPosterior
    positions : array_like, shape (k, d), optional
        Draws from it, say; by default its mode.
    n_directions : int
        At each.
    seed : int

    Returns
    -------
    Regularity

    Raises
    ------
    ValueError
        If positions have another shape, or there are no directions.
    """
    if n_directions < 1:
        raise ValueError(f"n_directions is 1 or more, not {n_directions}")
    d = posterior.dimension
    given = posterior.mode().position[None] if positions is None else np.asarray(positions, float)
    if given.ndim != 2 or given.shape[1] != d or not len(given):
        raise ValueError(f"positions have shape (k, {d}), not {given.shape}")
    rng = np.random.default_rng(seed)
    rows = _rows(posterior)
    third = fourth = curvature = 0.0
    for theta in given:
        u = rng.standard_normal((n_directions, d))
        at = np.broadcast_to(theta, u.shape)
        seen = np.abs(u @ rows.T)
        most, length = seen.max(axis=1), np.sqrt((seen**2).sum(axis=1))
        third = max(third, float(np.max(np.abs(posterior.along(at, u, 3)) / (most**2 * length))))
        fourth = max(fourth, float(np.max(np.abs(posterior.along(at, u, 4)) / most**4)))
        curvature = max(curvature, float(np.linalg.eigvalsh(posterior.hessian(theta))[-1]))
    return _with_directions(
        posterior, seed, curvature=curvature, third=third, fourth=fourth, rows=rows
    )


def curvature_step(curvature: float, n: int) -> float:
    """A step size for MALA from curvature alone: ``2 n^(-1/3) / L``.

    At stationarity the error of energy has variance about ``eta^6 L^3 n / 16`` to leading order, so
    that ``h ~ n^(-1/3) / L`` keeps it of order one. The factor 2 is measured: with it MALA accepts
    .54 to .58 of its proposals on posteriors of logistic regression whose curvatures differ by a
    factor of two or three, which is where effective draws a step are most. Where all curvatures
    are the same it is 1.36 (:meth:`MALA.usual_step`). All of this is so where the density mostly
    is: from the mode itself, in many dimensions, nearly all such steps are refused, so let chains
    start spread out.

    Parameters
    ----------
    curvature : float
        L, the largest eigenvalue of the Hessian of -log density where the draws will be.
    n : int
        Coordinates.

    Returns
    -------
    float
        h.

    Raises
    ------
    ValueError
        If the curvature is not positive, or there is no coordinate.
    """
    if not (np.isfinite(curvature) and curvature > 0):
        raise ValueError(f"curvature is a positive number, not {curvature!r}")
    if n < 1:
        raise ValueError(f"n is 1 or more, not {n}")
    return float(2.0 * n ** (-1 / 3) / curvature)


def regularity_step(regularity: Regularity) -> float:
    """The paper's step size for MALA: ``h = eta^2 / 2`` with eta the least of three.

    - ``(C3 |Xv|_inf^2 |Xv|_2)^(-1/3)``: the third-order error of energy is of order one;
    - ``d^(-1/3) L^(-1/2)``: so is what curvature does to the drift;
    - ``(C4 |Xv|_inf^4)^(-1/4)``: so is the fourth-order error.

    With rows scaled to ``|X| = 1`` and ``|Xv|_inf`` of order one these are the paper's
    ``C3^(-1/3) d^(-1/6)``, ``d^(-1/3)`` and ``C4^(-1/4)``, as we know them at second hand. Its
    logarithms and constant factors are left out, and the units are put in here, because the
    theorem is for scaled data. It is of worst cases: the step that a warm-up finds is larger.

    Parameters
    ----------
    regularity : Regularity

    Returns
    -------
    float
        h.
    """
    one = regularity
    allowed = [one.dimension ** (-1 / 3) * one.curvature**-0.5]
    if one.third:
        allowed.append((one.third * one.seen_most**2 * one.seen) ** (-1 / 3))
    if one.fourth:
        allowed.append((one.fourth * one.seen_most**4) ** (-1 / 4))
    return min(allowed) ** 2 / 2


def _rows(posterior: LogisticPosterior) -> Array:
    if any(posterior.prior.most[1:]):
        return np.concatenate([posterior.signed, np.eye(posterior.dimension)])
    return posterior.signed


def _with_directions(
    posterior: LogisticPosterior,
    seed: int,
    *,
    curvature: float,
    third: float,
    fourth: float,
    rows: Array,
) -> Regularity:
    u = np.random.default_rng([seed, 1]).standard_normal((200, posterior.dimension))
    return Regularity(
        posterior.dimension,
        curvature,
        third,
        fourth,
        float(np.abs(u @ rows.T).max(axis=1).mean()),
        float(np.linalg.norm(rows)),
        float(np.linalg.norm(rows, 2)),
    )
