"""Gibbs sampling from a Gaussian, an exponential or both on a polytope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.body import Body
from equipoise.sampling.columns import Columns
from equipoise.sampling.kernel import State
from equipoise.sampling.starts import slack_state

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class GaussianGibbs:
    """Draw coordinates in turn from a Gaussian, an exponential or both on a body.

    The density is proportional to ``exp(-|z - mean|^2 / (2 variance) + <tilt, z>)``. Each
    coordinate is drawn exactly from its distribution given the others, a normal or an exponential
    one between two bounds, so there is no step size and nothing is rejected. A step costs a column
    of the body. The order leaves the distribution invariant, but is not reversible.

    For a normal distribution of covariance C on a polytope, map the body first:
    ``body.mapped(cholesky(C), mean)`` makes it a standard normal one around the origin.

    Parameters
    ----------
    body : Body
    mean : array_like, shape (d,), optional
        In the body's coordinates, inside or outside; its centre by default.
    variance : float
        Infinity, the default, leaves the exponential factor alone; without a tilt that is the
        uniform distribution.
    tilt : array_like, shape (d,), optional
        In the body's coordinates: a tilt t in the polytope's own is ``body.basis.T @ t``. Zero
        by default.
    columns : {"auto", "dense", "sparse"}
        ``auto`` is sparse where at most 40 % of the entries are non-zero. The kinds may differ in
        the last bit.

    Raises
    ------
    ValueError
        If the variance is not positive, mean or tilt have another shape or are not finite, or
        columns are unknown.
    """

    body: Body
    mean: ArrayLike | None = None
    variance: float = np.inf
    tilt: ArrayLike | None = None
    columns: Literal["auto", "dense", "sparse"] = "auto"

    def __post_init__(self) -> None:
        if not self.variance > 0:
            raise ValueError(f"variance is positive, not {self.variance!r}")
        # All are computed, and so checked.
        _ = self._mean, self._tilt, self._columns

    @property
    def identity(self) -> str:
        """What it is, and all that decides its draws."""
        vectors = sha256(self._mean.tobytes() + self._tilt.tobytes()).hexdigest()[:16]
        kind = "sparse" if self._columns.sparse else "dense"
        variance = float(self.variance)
        return f"GaussianGibbs({self.body.fingerprint}, {variance!r}, {vectors}, {kind})"

    @property
    def counters(self) -> tuple[str, ...]:
        """What is counted."""
        return ("steps", "accepted", "rows_checked")

    def init(self, position: Array) -> State:
        """State of chains at the start; see :class:`Kernel`."""
        state = slack_state(self.body, position, self.counters)
        return {**state, "log_density": self.log_density(position)}

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        """State one step later; see :class:`Kernel`."""
        return self.draw(state, generators, 1, 1)[0]

    def draw(
        self, state: State, generators: Sequence[np.random.Generator], n_draws: int, thin: int
    ) -> tuple[State, Array, Array]:
        """Many steps; see :class:`BlockKernel`."""
        from equipoise.sampling.loops.gaussian import gibbs_dense, gibbs_sparse

        body, columns = self.body, self._columns
        positions = np.empty((len(generators), n_draws, body.dimension))
        after = {name: values.copy() for name, values in state.items()}
        target = self._mean, float(np.sqrt(self.variance)), self._tilt
        for chain, rng in enumerate(generators):
            where = after["position"][chain], after["slack"][chain], rng
            last = int(after["steps"][chain]), thin, positions[chain]
            if columns.sparse:
                csc = columns.csc
                parts = csc.indptr, csc.indices, csc.data
                gibbs_sparse(body.A, body.b, *parts, *target, *where, *last)
            else:
                gibbs_dense(body.A, body.b, columns.dense, *target, *where, *last)
        steps = n_draws * thin
        for name, more in zip(
            self.counters, (steps, steps, steps * columns.rows_a_step), strict=True
        ):
            after[name] += more
        densities = self.log_density(positions)
        after["log_density"] = densities[:, -1].copy()
        return after, positions, densities

    def log_density(self, z: Array) -> Array:
        """Log-density on the body, up to a constant.

        Parameters
        ----------
        z : ndarray, shape (..., d)

        Returns
        -------
        ndarray, shape (...)
        """
        # Sums of products by einsum: a matrix product of fewer rows may round otherwise.
        away = z - self._mean
        return np.asarray(
            -np.einsum("...i,...i->...", away, away) / (2 * self.variance)
            + np.einsum("...i,i->...", z, self._tilt)
        )

    @cached_property
    def _columns(self) -> Columns:
        return Columns(self.body, self.columns)

    @cached_property
    def _mean(self) -> Array:
        given = self.body.centre if self.mean is None else self.mean
        return _vector("mean", given, self.body.dimension)

    @cached_property
    def _tilt(self) -> Array:
        given = np.zeros(self.body.dimension) if self.tilt is None else self.tilt
        return _vector("tilt", given, self.body.dimension)


def _vector(name: str, values: ArrayLike, d: int) -> Array:
    vector = np.array(values, dtype=float)
    if vector.shape != (d,):
        raise ValueError(f"{name} has shape ({d},), that of the body's points, not {vector.shape}")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} has NaN or infinite entries")
    return vector
