"""From a prior and an expectation to the closest law."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.discrete.box_newton import box_newton
from equipoise.maxent.discrete.coordinates import plain, whitened
from equipoise.maxent.discrete.distribution import MaxEntropy
from equipoise.maxent.discrete.dual import Dual
from equipoise.maxent.discrete.faces import (
    ExpectationError,
    levels_that_can_occur,
    rows_that_can_occur,
)
from equipoise.maxent.discrete.prior import Prior
from equipoise.maxent.discrete.solve import Descent, certify, newton

Array = NDArray[np.float64]

# Newton takes a handful of steps. Where there is no product law and it needs so many, the
# expectation may be at the edge of what the rows can have, which only a program tells.
_SUSPICIOUS = 15


def fit(
    prior: Prior,
    expectation: ArrayLike,
    *,
    solver: Literal["newton", "box"] = "newton",
    tolerance: float = 1e-10,
    max_steps: int = 200,
) -> MaxEntropy:
    """Find the law closest to a prior that has an expectation.

    It minimises KL(p || prior) over all laws p on the domain whose mean of the statistics is the
    expectation (Celis, Keswani, Vishnoi, ICML 2020, arXiv 1906.02164, program (1)), by the convex
    dual in as many variables as there are statistics.

    Parameters
    ----------
    prior : Prior
    expectation : array-like, shape (statistics,)
        In the order of :meth:`Domain.mean`.
    solver : {"newton", "box"}
        Newton's method with backtracking, or the method of the paper, which needs more than ten
        times as many steps and is kept for comparison.
    tolerance : float
        By how much an expectation may be missed: in standard deviations of the prior, or for
        ``"box"`` in the statistics' own units.
    max_steps : int

    Returns
    -------
    MaxEntropy

    Raises
    ------
    ExpectationError
        If no law on the support of the prior has the expectation.
    ValueError
        If it has another length or is not finite.
    FloatingPointError
        If the solver does not come within the tolerance.

    Examples
    --------
    >>> from equipoise.maxent.discrete import Attribute, Domain, Prior, fit
    >>> domain = Domain([Attribute.categories(2), Attribute.numbers([0, 1, 5])])
    >>> prior = Prior.of(domain, [[0, 0], [0, 1], [1, 1], [1, 2]], share=0.5)
    >>> closest = fit(prior, [0.5, 0.5, 2.0])
    >>> closest.expectation.round(9).tolist()
    [0.5, 0.5, 2.0]
    >>> closest.sample(3, seed=0).shape
    (3, 2)
    """
    wanted = np.asarray(expectation, np.float64)
    size = prior.domain.n_statistics
    if wanted.shape != (size,):
        raise ValueError(f"expectation must have shape ({size},), not {wanted.shape}.")
    if not np.isfinite(wanted).all():
        raise ValueError("expectation must be finite.")
    if solver not in ("newton", "box"):
        raise ValueError(f"solver must be 'newton' or 'box', not {solver!r}.")
    kept = levels_that_can_occur(prior, wanted)
    face, chance = (prior, 1.0) if kept.all() else prior.restricted(kept)
    if not chance:
        raise ExpectationError(
            "expectation: it lets only combinations of levels occur that the prior gives no mass; "
            "give the product law a share above 0."
        )
    if solver == "box":
        dual = Dual(face, plain(face, wanted))
        descent = box_newton(dual, tolerance, max_steps)
    else:
        dual = Dual(face, whitened(face, wanted))
        descent = newton(dual, tolerance, max_steps, _floor(face))
        slow = len(descent.residuals) > _SUSPICIOUS
        if face.share == 0 and (not descent.converged or slow):
            inside = rows_that_can_occur(face, wanted, found=descent.converged)
            if not inside.all():
                face, within = face.of_rows(inside)
                chance *= within
                dual = Dual(face, whitened(face, wanted))
                descent = newton(dual, tolerance, max_steps)
    if not descent.converged:
        raise FloatingPointError(
            f"the expectation is missed by {descent.residuals[-1]:.1e} after "
            f"{len(descent.residuals) - 1} steps: it is too close to the edge of what can be, or "
            "tolerance is below what rounding allows, or max_steps too small."
        )
    return _answer(prior, dual, descent, chance)


def _answer(prior: Prior, dual: Dual, descent: Descent, chance: float) -> MaxEntropy:
    state, face = descent.state, dual.prior
    domain = prior.domain
    row_law = state.row_law
    mass = state.product_mass
    if prior.rows is not None and not len(row_law):  # the face has none of the rows
        row_law = np.zeros(len(prior.rows))
    shares = mass * state.tilted
    if face.rows is not None and len(state.row_law):
        seen = domain.level_sums(face.rows.levels, row_law)
        shares = shares + (1 - mass) * seen
    certificate = certify(dual, state)
    moved = state.value - float(state.multipliers @ state.gradient)
    return MaxEntropy(
        prior,
        dual.coordinates.multipliers(state.multipliers),
        domain.mean_of_levels(shares),
        descent.residuals[-1],
        certificate.gap,
        max(-moved - float(np.log(chance)), 0.0),
        mass,
        state.tilted,
        row_law,
        descent.residuals,
    )


def _floor(prior: Prior) -> float:
    # A law on the rows is at most -log of the least weight away, which the dual cannot exceed.
    if prior.share > 0 or prior.rows is None:
        return -np.inf
    weights = prior.rows.weights
    return float(np.log(weights[weights > 0].min())) - 1.0
