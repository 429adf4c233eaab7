"""The posterior of Bayesian logistic regression, with its derivatives and its mode."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.densities.labels import checked_rows, signs
from equipoise.sampling.densities.priors import GaussianPrior, Prior

Array = NDArray[Any]

_CACHED = 50_000  # numbers of X, some 400 kB: both products with them find them in the cache
_NEWTON = 100  # steps: far from the mode they are halved, near it their error squares


class Mode(NamedTuple):
    """Where a posterior is highest.

    Attributes
    ----------
    position : ndarray, shape (d,)
    hessian : ndarray, shape (d, d)
        Of minus the log-density there.
    """

    position: Array
    hessian: Array


class LogisticPosterior:
    """Coefficients of logistic regression, given labels: a :class:`Target`.

    ``U(theta) = sum_i log(1 + exp(-s_i x_i . theta)) + sum_j prior(theta_j)``, where s_i is the
    label's sign.

    Parameters
    ----------
    X : array_like, shape (rows, d)
        Give it a column of ones where an intercept is wanted.
    y : array_like, shape (rows,)
        Of two values, the larger of which is the event.
    prior : Prior
        :class:`GaussianPrior`, :class:`HyperbolicPrior` or :class:`FlatPrior`.

    Raises
    ------
    ValueError
        If shapes do not fit, a value is not finite, or there are not two labels.
    """

    def __init__(self, X: ArrayLike, y: ArrayLike, prior: Prior = GaussianPrior(1.0)) -> None:  # noqa: B008
        rows = checked_rows(X)
        self.signed = np.ascontiguousarray(rows * signs(y, len(rows))[:, None])
        self.prior = prior

    @property
    def dimension(self) -> int:
        """How many coefficients there are."""
        return self.signed.shape[1]

    @cached_property
    def identity(self) -> str:
        """Prior, shape and digest of the data."""
        digest = hashlib.sha256(self.signed.tobytes()).hexdigest()[:16]
        return f"LogisticPosterior({self.signed.shape}:{digest}, {self.prior.identity})"

    def log_density(self, position: Array) -> Array:
        """The log-density alone; see :class:`Target`."""
        return self._of_rows(position, None) - self.prior.energy(position).sum(axis=1)

    def evaluate(self, position: Array) -> tuple[Array, Array]:
        """The log-density and its gradient; see :class:`Target`."""
        gradient = -self.prior.energy(position, 1)
        density = self._of_rows(position, gradient) - self.prior.energy(position).sum(axis=1)
        return density, gradient

    def _of_rows(self, position: Array, gradient: Array | None) -> Array:
        """The log-likelihood, whose gradient is added to what is given."""
        # Here, since loading numba takes longer than all of this room.
        from equipoise.sampling.loops.softplus import softplus_sums

        position = np.asarray(position, dtype=float)
        loss = np.zeros(len(position))
        at_once = max(64, _CACHED // self.dimension)
        for first in range(0, len(self.signed), at_once):
            rows = self.signed[first : first + at_once]
            margin = position @ rows.T
            wrong = np.empty_like(margin)
            softplus_sums(margin, wrong, loss)
            if gradient is not None:
                gradient += wrong @ rows
        return -loss

    def along(self, position: Array, direction: Array, order: int) -> Array:
        """Derivatives of U = -log density along lines, ``D^k U(theta)[u, ..., u]``.

        Parameters
        ----------
        position, direction : ndarray, shape (k, d)
        order : {2, 3, 4}

        Returns
        -------
        ndarray, shape (k,)
        """
        curved = _logistic(position @ self.signed.T, order)
        likelihood = (curved * (direction @ self.signed.T) ** order).sum(axis=1)
        return likelihood + (self.prior.energy(position, order) * direction**order).sum(axis=1)

    def hessian(self, theta: Array) -> Array:
        """Second derivatives of U.

        Parameters
        ----------
        theta : ndarray, shape (d,)

        Returns
        -------
        ndarray, shape (d, d)
        """
        weight = _logistic(self.signed @ theta, 2)
        return (self.signed.T * weight) @ self.signed + np.diag(self.prior.energy(theta, 2))

    def mode(self) -> Mode:
        """The most probable coefficients, by Newton's method with halved steps.

        Returns
        -------
        Mode

        Raises
        ------
        ValueError
            If there is none: the labels are separated, or columns depend on each other, and the
            prior is flat.
        """
        theta = np.zeros(self.dimension)
        for _ in range(_NEWTON):
            density, gradient = self._at(theta)
            try:
                move = scipy.linalg.solve(self.hessian(theta), gradient, assume_a="pos")
            except scipy.linalg.LinAlgError:
                break
            decrement = float(gradient @ move)
            if decrement < 1e-20 * (1 + abs(density)):
                if self._goes_on_for_ever(theta):
                    break
                theta = theta + move  # as far as rounding goes
                return Mode(theta, self.hessian(theta))
            scale, rounding = 1.0, 1e-13 * (1 + abs(density))
            while self._at(theta + scale * move)[0] < density + scale * decrement / 4 - rounding:
                scale /= 2
            theta = theta + scale * move
        raise ValueError(
            f"the posterior with {self.prior.identity} has no mode that can be found: a hyperplane "
            "separates the labels, or columns of X depend on each other. Give a proper prior"
        )

    def _goes_on_for_ever(self, theta: Array) -> bool:
        """Whether there is no curvature left in some direction, far out where nothing is gained."""
        if self.prior.most[0]:
            return False
        curvatures = np.linalg.eigvalsh(self.hessian(theta))
        return bool(curvatures[0] < 1e-10 * np.linalg.norm(self.signed, 2) ** 2)

    def _at(self, theta: Array) -> tuple[float, Array]:
        density, gradient = self.evaluate(theta[None])
        return float(density[0]), gradient[0]


def _logistic(margin: Array, order: int) -> Array:
    """Derivative of log(1 + exp(-m))."""
    p = scipy.special.expit(margin)
    if order == 2:
        return p * (1 - p)
    if order == 3:
        return p * (1 - p) * (1 - 2 * p)
    if order == 4:
        return p * (1 - p) * (1 - 6 * p * (1 - p))
    raise ValueError(f"order is 2, 3 or 4, not {order}")
