"""A ball that has been mapped with the body around it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """``{w : |matrix w + origin| <= radius}``.

    Parameters
    ----------
    matrix : ndarray, shape (d, d)
        Lower triangular.
    origin : ndarray, shape (d,)
    radius : float

    Raises
    ------
    ValueError
        If shapes do not fit, the matrix is not lower triangular, or the radius is not positive.
    """

    matrix: Array
    origin: Array
    radius: float

    def __post_init__(self) -> None:
        d = len(self.origin)
        if self.matrix.shape != (d, d):
            raise ValueError(
                f"matrix has shape ({d}, {d}), as origin says, not {self.matrix.shape}"
            )
        if np.triu(self.matrix, 1).any():
            raise ValueError("matrix is lower triangular: factor it as L Q, and turn w by Q")
        if not self.radius > 0:
            raise ValueError(f"radius is above 0, not {self.radius}")

    @property
    def dimension(self) -> int:
        """How many coordinates w has."""
        return len(self.origin)

    @cached_property
    def fingerprint(self) -> str:
        """Digest: the same ellipsoid, bit for bit."""
        digest = sha256(np.float64(self.radius).tobytes())
        for array in (self.matrix, self.origin):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def norms(self, w: Array) -> Array:
        """How far the ball's own points are from its centre.

        Parameters
        ----------
        w : ndarray, shape (..., d)

        Returns
        -------
        ndarray, shape (...)
            At most the radius inside.
        """
        return np.asarray(np.linalg.norm(w @ self.matrix.T + self.origin, axis=-1))

    def holds(self, w: Array) -> Array:
        """Whether points are inside, shape (...)."""
        return np.asarray(self.norms(w) <= self.radius)
