"""A polytope as a user states it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.polytope_errors import EmptyPolytopeError

if TYPE_CHECKING:
    from equipoise.sampling.body import Body

Array = NDArray[Any]


class Polytope:
    """{x : A_ub x <= b_ub, A_eq x = b_eq, bounds}, in the names of ``scipy.optimize.linprog``.

    One thing is otherwise than in ``linprog``: a variable without bounds is free, since a
    polytope is what its inequalities say.

    Parameters
    ----------
    A_ub, A_eq : array_like or sparse matrix, shape (m, n) and (k, n), optional
    b_ub, b_eq : array_like, shape (m,) and (k,), optional
        Infinite entries of ``b_ub`` are no constraint.
    bounds : sequence of (low, high) or one pair for all, optional
        None or an infinity for no bound.
    names : sequence of str, optional
        Of the variables.

    Attributes
    ----------
    A_ub, A_eq : scipy.sparse.csr_array, shape (m, n) and (k, n)
    b_ub, b_eq : ndarray, shape (m,) and (k,)
    lower, upper : ndarray, shape (n,)
        Infinite where there is no bound.
    names : tuple of str, length n

    Raises
    ------
    EmptyPolytopeError
        If a lower bound is above its upper one.
    ValueError
        If shapes do not fit, a number is NaN, or it is not known how many variables there are.
    """

    def __init__(
        self,
        A_ub: Any = None,
        b_ub: ArrayLike | None = None,
        A_eq: Any = None,
        b_eq: ArrayLike | None = None,
        bounds: Any = None,
        *,
        names: Sequence[str] = (),
    ) -> None:
        n = _width(A_ub, A_eq, bounds, names)
        self.A_ub, self.b_ub = _rows("ub", A_ub, b_ub, n)
        self.A_eq, self.b_eq = _rows("eq", A_eq, b_eq, n)
        if not np.isfinite(self.b_eq).all():
            raise ValueError("b_eq has infinite entries: no point satisfies such an equation")
        if (self.b_ub == -np.inf).any():
            raise EmptyPolytopeError("b_ub has an entry of minus infinity: no point satisfies it")
        binding = np.isfinite(self.b_ub)
        self.A_ub, self.b_ub = self.A_ub[binding], self.b_ub[binding]
        self.lower, self.upper = _limits(bounds, n)
        self.names = tuple(names) or tuple(f"x[{i}]" for i in range(n))
        if len(self.names) != n:
            raise ValueError(f"names are {n}, one a variable, not {len(self.names)}")

    @property
    def n(self) -> int:
        """How many variables there are."""
        return len(self.lower)

    def __repr__(self) -> str:
        limits = int(np.isfinite(self.lower).sum() + np.isfinite(self.upper).sum())
        return (
            f"Polytope({self.n} variables, {len(self.b_ub)} inequalities, "
            f"{len(self.b_eq)} equations, {limits} bounds)"
        )

    def inequalities(self) -> tuple[scipy.sparse.csr_array, Array]:
        """Inequalities and bounds alike as rows a x <= b.

        Returns
        -------
        A : scipy.sparse.csr_array, shape (m, n)
        b : ndarray, shape (m,)
        """
        identity = scipy.sparse.csr_array(scipy.sparse.eye(self.n))
        above, below = np.isfinite(self.upper), np.isfinite(self.lower)
        A = scipy.sparse.vstack([self.A_ub, identity[above], -identity[below]], format="csr")
        return scipy.sparse.csr_array(A), np.concatenate(
            [self.b_ub, self.upper[above], -self.lower[below]]
        )

    def violation(self, x: ArrayLike) -> Array:
        """By how much points break their worst constraint, in units of x.

        Parameters
        ----------
        x : array_like, shape (..., n)

        Returns
        -------
        ndarray, shape (...)
            Zero or less inside: then minus the distance to the nearest constraint, where there
            are no equations.
        """
        points = np.asarray(x, dtype=float)
        flat = points.reshape(-1, self.n)
        A, b = self.inequalities()
        worst = np.full(len(flat), -np.inf)
        for matrix, right, both in ((A, b, False), (self.A_eq, self.b_eq, True)):
            if len(right):
                lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
                over = (flat @ matrix.T - right) / np.where(lengths > 0, lengths, 1)
                worst = np.maximum(worst, (np.abs(over) if both else over).max(axis=1))
        return worst.reshape(points.shape[:-1])

    def prepare(
        self,
        *,
        rounding: Literal["ellipsoid", "none"] = "ellipsoid",
        remove_redundant: bool = False,
    ) -> Body:
        """The same set in full dimension and good shape, with the map back.

        Equations, fixed variables and inequalities that can only hold with equality are solved
        for; parallel rows are merged; a centre is found; and, unless rounding is ``none``, the
        ellipsoid of the log-barrier's Hessian at the analytic centre is made a ball, which undoes
        any skew.

        Parameters
        ----------
        rounding : {"ellipsoid", "none"}
            ``none`` keeps sparse columns sparse.
        remove_redundant : bool
            Whether rows that the others imply are looked for: up to one linear program a row.
            They cost time in every step, and never correctness.

        Returns
        -------
        Body

        Raises
        ------
        EmptyPolytopeError, UnboundedPolytopeError, SinglePointError
        """
        from equipoise.sampling.prepare import prepare

        return prepare(self, rounding=rounding, remove_redundant=remove_redundant)


def _width(A_ub: Any, A_eq: Any, bounds: Any, names: Sequence[str]) -> int:
    for name, matrix in (("A_ub", A_ub), ("A_eq", A_eq)):
        if matrix is not None:
            shape = matrix.shape if scipy.sparse.issparse(matrix) else np.shape(matrix)
            if len(shape) != 2 or not shape[1]:
                raise ValueError(f"{name} has shape (rows, variables), not {shape}")
            return int(shape[1])
    if bounds is not None and np.ndim(np.array(bounds, dtype=object)) == 2:
        return len(bounds)
    if names:
        return len(names)
    raise ValueError("give A_ub, A_eq or one pair of bounds a variable: else their number is open")


def _rows(kind: str, A: Any, b: ArrayLike | None, n: int) -> tuple[scipy.sparse.csr_array, Array]:
    if (A is None) != (b is None):
        raise ValueError(f"give A_{kind} and b_{kind} together")
    if A is None:
        return scipy.sparse.csr_array((0, n)), np.empty(0)
    matrix = scipy.sparse.csr_array(
        A if scipy.sparse.issparse(A) else np.asarray(A, dtype=float)
    ).astype(float)
    right = np.array(b, dtype=float).ravel()
    if matrix.shape[1] != n:
        raise ValueError(f"A_{kind} has {n} columns, one a variable, not {matrix.shape[1]}")
    if matrix.shape[0] != len(right):
        raise ValueError(
            f"b_{kind} has {matrix.shape[0]} entries, one a row of A_{kind}, not {len(right)}"
        )
    if not np.isfinite(matrix.data).all():
        raise ValueError(f"A_{kind} has NaN or infinite entries")
    if np.isnan(right).any():
        raise ValueError(f"b_{kind} has NaN entries")
    matrix.eliminate_zeros()
    return matrix, right


def _limits(bounds: Any, n: int) -> tuple[Array, Array]:
    if bounds is None:
        return np.full(n, -np.inf), np.full(n, np.inf)
    pairs = np.array(bounds, dtype=object)
    if pairs.shape == (2,):
        pairs = np.tile(pairs, (n, 1))
    if pairs.shape != (n, 2):
        raise ValueError(f"bounds are one (low, high) or {n} of them, not of shape {pairs.shape}")
    lower = np.array([-np.inf if low is None else low for low in pairs[:, 0]], dtype=float)
    upper = np.array([np.inf if high is None else high for high in pairs[:, 1]], dtype=float)
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ValueError("bounds have NaN entries: write None for no bound")
    wrong = np.flatnonzero((lower > upper) | (lower == np.inf) | (upper == -np.inf))
    if len(wrong):
        i = wrong[0]
        raise EmptyPolytopeError(
            f"variable {i} has bounds ({lower[i]}, {upper[i]}), and no value is within them"
        )
    return lower, upper
