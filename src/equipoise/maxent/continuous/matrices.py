"""Sets of Hermitian matrices with a prior that no rotation changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous.columns import orbit_columns, projection_columns, unit_vectors
from equipoise.maxent.continuous.diagonals import Diagonals
from equipoise.maxent.continuous.domain import Domain
from equipoise.maxent.continuous.errors import require_whole
from equipoise.maxent.continuous.faces import Face
from equipoise.maxent.continuous.simplex import Simplex

Array = NDArray[Any]


@runtime_checkable
class MatrixDomain(Protocol):
    """All rotations U diag(spectrum) U* of a matrix, with U from Haar measure, a probability.

    The best parameter commutes with the mean, so that all there is to know is the law of the
    diagonal of a matrix in the mean's frame.
    """

    @property
    def n(self) -> int:
        """Rows of a matrix."""

    @property
    def field(self) -> Literal["complex", "real"]:
        """Of its entries."""

    @property
    def values(self) -> Array:
        """Eigenvalues of the columns that are drawn, shape (k,); others are zero."""

    @property
    def diagonal(self) -> Domain:
        """The law of the diagonal."""

    def columns(
        self, law: Domain, parameter: Array, number: int, rng: np.random.Generator
    ) -> Array:
        """Draw eigenvectors, shape (number, n, k), where the density is exp tr(diag(parameter) X).

        ``law`` is ``diagonal``, or a face of it.
        """


@dataclass(frozen=True)
class RankOneProjections:
    """Projections vv* on lines, with v uniform on the unit sphere: pure states.

    The squared moduli of the entries of v have a Dirichlet law, so that this is
    :class:`Simplex` in the mean's frame. The law of v is Bingham's.

    Parameters
    ----------
    n : int
        Entries of v.
    field : {"complex", "real"}
    """

    n: int
    field: Literal["complex", "real"] = "complex"

    def __post_init__(self) -> None:
        require_whole("n", self.n, 2)
        if self.field not in ("complex", "real"):
            raise ValueError(f"field is 'complex' or 'real', not {self.field!r}")

    @property
    def values(self) -> Array:
        """See :class:`MatrixDomain`."""
        return np.ones(1)

    @property
    def diagonal(self) -> Simplex:
        """See :class:`MatrixDomain`."""
        return Simplex(self.n, 1.0 if self.field == "complex" else 0.5)

    def columns(
        self, law: Domain, parameter: Array, number: int, rng: np.random.Generator
    ) -> Array:
        """See :class:`MatrixDomain`; exact."""
        if isinstance(law, Face):
            drawn = unit_vectors(parameter[law.open], self.field, number, rng)
            return _widened(drawn, law, self.n)
        return unit_vectors(parameter, self.field, number, rng)


@dataclass(frozen=True)
class Projections:
    """Complex orthogonal projections of rank k, uniform.

    Parameters
    ----------
    n : int
        Rows.
    k : int
        1 to n - 1.
    """

    n: int
    k: int

    def __post_init__(self) -> None:
        require_whole("n", self.n, 2)
        require_whole("k", self.k, 1)
        if not self.k < self.n:
            raise ValueError(f"k is from 1 to n - 1, not {self.k} with n = {self.n}")

    @property
    def field(self) -> Literal["complex", "real"]:
        """See :class:`MatrixDomain`."""
        return "complex"

    @property
    def values(self) -> Array:
        """See :class:`MatrixDomain`."""
        return np.ones(self.k)

    @property
    def diagonal(self) -> Diagonals:
        """See :class:`MatrixDomain`."""
        return Diagonals((1.0,) * self.k + (0.0,) * (self.n - self.k))

    def columns(
        self, law: Domain, parameter: Array, number: int, rng: np.random.Generator
    ) -> Array:
        """See :class:`MatrixDomain`; exact for k = 1, else by Gibbs sampling of columns."""
        if not isinstance(law, Face):
            return projection_columns(parameter, self.k, number, rng)
        certain = np.flatnonzero(law.fixed == 1)
        drawn = projection_columns(parameter[law.open], self.k - len(certain), number, rng)
        sure = np.zeros((number, self.n, len(certain)), dtype=complex)
        sure[:, certain, np.arange(len(certain))] = 1
        return np.concatenate([_widened(drawn, law, self.n), sure], axis=2)


@dataclass(frozen=True)
class UnitaryOrbit:
    """All Hermitian matrices with given eigenvalues: an adjoint orbit of the unitary group.

    Evaluated in as many digits as it takes: seconds beyond some twenty rows. For projections
    :class:`Projections` is the same, and faster.

    Parameters
    ----------
    spectrum : sequence of float
        Eigenvalues, not all equal.
    """

    spectrum: tuple[float, ...]

    def __init__(self, spectrum: Sequence[float]) -> None:
        values = tuple(sorted(map(float, spectrum), reverse=True))
        if not np.isfinite(values).all():
            raise ValueError("spectrum has NaN or infinite entries")
        if len(values) < 2 or values[0] == values[-1]:
            raise ValueError("spectrum has at least two different eigenvalues")
        object.__setattr__(self, "spectrum", values)

    @property
    def n(self) -> int:
        """Rows of a matrix."""
        return len(self.spectrum)

    @property
    def field(self) -> Literal["complex", "real"]:
        """See :class:`MatrixDomain`."""
        return "complex"

    @property
    def values(self) -> Array:
        """See :class:`MatrixDomain`."""
        return np.array(self.spectrum)

    @property
    def diagonal(self) -> Diagonals:
        """See :class:`MatrixDomain`."""
        return Diagonals(self.spectrum)

    def columns(
        self, law: Domain, parameter: Array, number: int, rng: np.random.Generator
    ) -> Array:
        """See :class:`MatrixDomain`; by Gibbs sampling of pairs of columns."""
        return orbit_columns(parameter, self.spectrum, number, rng)


def _widened(columns: Array, law: Face, n: int) -> Array:
    wide = np.zeros((columns.shape[0], n, columns.shape[2]), dtype=columns.dtype)
    wide[:, law.open] = columns
    return wide
