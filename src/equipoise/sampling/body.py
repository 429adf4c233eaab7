"""A polytope in full dimension, ready to be sampled, with the map back."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Body:
    """{z : A z <= b} with points inside it, and x = shift + basis z.

    Attributes
    ----------
    A : ndarray, shape (m, d)
        Rows of length one.
    b : ndarray, shape (m,)
    centre : ndarray, shape (d,)
        Well inside.
    basis : ndarray or scipy.sparse.csr_array, shape (n, d)
    shift : ndarray, shape (n,)
    log_det : float
        Log of a volume in x over that in z (d-dimensional in both): half of
        log det basis' basis.
    names : tuple of str, length n
        Of the coordinates of x.
    """

    A: Array
    b: Array
    centre: Array
    basis: Any
    shift: Array
    log_det: float
    names: tuple[str, ...]

    @property
    def dimension(self) -> int:
        """How many coordinates z has."""
        return self.A.shape[1]

    @cached_property
    def columns(self) -> scipy.sparse.csc_array:
        """A by columns, zeros left out."""
        return scipy.sparse.csc_array(self.A)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of A, b and the map: the same body, bit for bit."""
        digest = sha256()
        basis = self.basis.toarray() if scipy.sparse.issparse(self.basis) else self.basis
        for array in (self.A, self.b, basis, self.shift):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def radius(self) -> float:
        """Radius of the largest ball around the centre."""
        return float((self.b - self.A @ self.centre).min())

    def to_x(self, z: ArrayLike) -> Array:
        """Points in the coordinates that the user knows.

        Parameters
        ----------
        z : array_like, shape (..., d)

        Returns
        -------
        ndarray, shape (..., n)
        """
        points = np.asarray(z, dtype=float)
        flat = points.reshape(-1, self.dimension)
        return (flat @ self.basis.T + self.shift).reshape(*points.shape[:-1], len(self.shift))

    def to_z(self, x: ArrayLike) -> Array:
        """Points in the body's coordinates; those off its plane are projected on it.

        Parameters
        ----------
        x : array_like, shape (..., n)

        Returns
        -------
        ndarray, shape (..., d)
        """
        points = np.asarray(x, dtype=float)
        flat = points.reshape(-1, len(self.shift)) - self.shift
        basis = self.basis.toarray() if scipy.sparse.issparse(self.basis) else self.basis
        found = np.linalg.lstsq(basis, flat.T, rcond=None)[0].T
        return found.reshape(*points.shape[:-1], self.dimension)

    def slack(self, z: Array) -> Array:
        """Distances to all rows, shape (..., m); negative outside."""
        return self.b - z @ self.A.T

    def save(self, path: str | Path) -> None:
        """Write the body to one ``.npz`` file, without pickle, beside chains that walk on it.

        Preparing a polytope again may give other last bits where a product is summed otherwise,
        on another machine or by another number of threads, and chains go on only on the same body.

        Parameters
        ----------
        path : str or Path
        """
        basis = scipy.sparse.coo_array(self.basis)
        with Path(path).open("wb") as file:
            np.savez(
                file,
                A=self.A,
                b=self.b,
                centre=self.centre,
                basis=basis.data,
                at=np.stack(basis.coords),
                shift=self.shift,
                head=np.array(
                    json.dumps(
                        {
                            "log_det": self.log_det,
                            "names": self.names,
                            "sparse": scipy.sparse.issparse(self.basis),
                        }
                    )
                ),
            )

    @classmethod
    def load(cls, path: str | Path) -> Body:
        """Read a body from a file that :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Body

        Raises
        ------
        ValueError
            If the file is not of a body.
        """
        with np.load(path, allow_pickle=False) as file:
            if not {"A", "b", "head", "at"} <= set(file.files):
                raise ValueError(f"{path} was not written by Body.save")
            head = json.loads(str(file["head"]))
            shape = (len(file["shift"]), file["A"].shape[1])
            basis = scipy.sparse.csr_array((file["basis"], tuple(file["at"])), shape=shape)
            return cls(
                file["A"],
                file["b"],
                file["centre"],
                basis if head["sparse"] else basis.toarray(),
                file["shift"],
                head["log_det"],
                tuple(head["names"]),
            )

    def mapped(self, matrix: Array, origin: Array) -> Body:
        """The same set in coordinates w, where z = origin + matrix w.

        Parameters
        ----------
        matrix : ndarray, shape (d, d)
            Not singular.
        origin : ndarray, shape (d,)

        Returns
        -------
        Body
        """
        A = self.A @ matrix
        lengths = np.linalg.norm(A, axis=1)
        return replace(
            self,
            A=A / lengths[:, None],
            b=(self.b - self.A @ origin) / lengths,
            centre=np.linalg.solve(matrix, self.centre - origin),
            basis=np.asarray(self.basis @ matrix),
            shift=self.shift + self.basis @ origin,
            log_det=self.log_det + float(np.linalg.slogdet(matrix)[1]),
        )
