"""Draws of eigenvectors under the density exp tr(diag(parameter) X), X = sum of value u u*.

Of one column, exactly. Of more by Gibbs sampling: each step draws from the exact law of some
columns given the others, and draws are ends of separate chains that begin with Haar measure, so
that they are independent of each other, and their law is nearer to the wanted one by a factor
with every sweep.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.continuous.envelope import draw_dirichlet
from equipoise.maxent.continuous.errors import NoConvergenceError

Array = NDArray[Any]

# A column given the others is all but independent of itself one sweep ago (effective draws are
# as many as sweeps with n = 5 and k = 2), so that this many leave nothing that could be measured.
_COLUMN_SWEEPS = 12
# A direction that is all but certain to be in the range stays in the plane of the columns, which
# moves only when a column happens to be that direction: once in a time that grows with the gap.
_SWEEPS_A_UNIT = 0.25
_PAIR_SWEEPS_A_UNIT = 0.1
_LARGEST_GAP = 2000.0
_PAIR_SWEEPS = 30


def unit_vectors(
    parameter: Array, field: Literal["complex", "real"], number: int, rng: np.random.Generator
) -> Array:
    """Draw unit vectors exactly: the complex, or real, Bingham distribution.

    Parameters
    ----------
    parameter : ndarray, shape (n,)
    field : {"complex", "real"}
    number : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray, shape (number, n, 1)
    """
    squares = draw_dirichlet(parameter, 1.0 if field == "complex" else 0.5, rng, number)
    if field == "complex":
        return (np.sqrt(squares) * _phases(squares.shape, rng))[:, :, None]
    signs = np.where(rng.random(squares.shape) < 0.5, -1.0, 1.0)
    return (np.sqrt(squares) * signs)[:, :, None]


def projection_columns(parameter: Array, k: int, number: int, rng: np.random.Generator) -> Array:
    """Draw orthonormal bases of the ranges of projections of rank k, by Gibbs sampling.

    Given the others, a column is complex Bingham on their orthogonal complement.

    Parameters
    ----------
    parameter : ndarray, shape (n,)
    k : int
    number : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of complex, shape (number, n, k)

    Raises
    ------
    NoConvergenceError
        If a parameter is so far above the k + 1st that chains would not forget where they began.
    """
    n = len(parameter)
    if k == 1:
        return unit_vectors(parameter, "complex", number, rng)
    if 2 * k > n:
        rest = projection_columns(-parameter, n - k, number, rng)
        return np.linalg.qr(rest, mode="complete")[0][:, :, n - k :]
    ordered = np.sort(parameter)[::-1]
    gap = float(ordered[0] - ordered[k])
    if gap > _LARGEST_GAP:
        raise NoConvergenceError(
            f"columns of projections mix too slowly where a direction is as certain as here (a gap "
            f"of {gap:.3g} in the parameter, over {_LARGEST_GAP:g}): move the mean inside, or take "
            "eigenvalues near one to be one, with on_singular='face'"
        )
    columns = _haar(n, k, number, rng)
    for _ in range(_COLUMN_SWEEPS + int(_SWEEPS_A_UNIT * gap)):
        columns = columns @ _haar(k, k, number, rng)  # another basis of the same plane
        for j in range(k):
            others = np.delete(columns, j, axis=2)
            around = np.linalg.qr(others, mode="complete")[0][:, :, k - 1 :]
            within = around.conj().swapaxes(1, 2) @ (parameter[:, None] * around)
            levels, axes = np.linalg.eigh(within)
            squares = draw_dirichlet(levels, 1.0, rng)
            weights = np.sqrt(squares) * _phases(squares.shape, rng)
            columns[:, :, j] = (around @ (axes @ weights[:, :, None]))[:, :, 0]
    return columns


def orbit_columns(
    parameter: Array, values: Sequence[float], number: int, rng: np.random.Generator
) -> Array:
    """Draw the unitary matrices of U diag(values) U*, by Gibbs sampling of pairs of columns.

    Two columns are turned within the plane that they span: there the matrix is a multiple of one
    plus a multiple of a projection of rank one, whose law is complex Bingham.

    Parameters
    ----------
    parameter : ndarray, shape (n,)
    values : sequence of float, length n
    number : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of complex, shape (number, n, n)

    Raises
    ------
    NoConvergenceError
        If parameters are so far apart that chains would not forget where they began.
    """
    n = len(parameter)
    gap = float(np.ptp(parameter) * np.ptp(values))
    if gap > _LARGEST_GAP:
        raise NoConvergenceError(
            f"columns of matrices mix too slowly where a direction is as certain as here (a range "
            f"of {gap:.3g} in the exponent, over {_LARGEST_GAP:g}): move the mean inside"
        )
    columns = _haar(n, n, number, rng)
    pairs = [(i, j) for i in range(n) for j in range(i) if values[i] != values[j]]
    for _ in range(_PAIR_SWEEPS + int(_PAIR_SWEEPS_A_UNIT * gap)):
        for at in rng.permutation(len(pairs)):
            pair = list(pairs[at])
            plane = columns[:, :, pair]
            within = plane.conj().swapaxes(1, 2) @ (parameter[:, None] * plane)
            levels, axes = np.linalg.eigh(within)
            squares = draw_dirichlet((values[pair[0]] - values[pair[1]]) * levels, 1.0, rng)
            one = np.sqrt(squares) * _phases(squares.shape, rng)
            other = np.stack([-one[:, 1].conj(), one[:, 0].conj()], axis=1)
            columns[:, :, pair] = plane @ (axes @ np.stack([one, other], axis=2))
    return columns


def _haar(n: int, k: int, number: int, rng: np.random.Generator) -> Array:
    """Columns of Haar unitary matrices, up to phases, which no density here depends on."""
    ginibre = rng.standard_normal((number, n, k)) + 1j * rng.standard_normal((number, n, k))
    return np.linalg.qr(ginibre)[0]


def _phases(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return np.exp(2j * np.pi * rng.random(shape))
