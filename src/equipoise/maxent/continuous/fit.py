"""From a domain and a mean to the maximum-entropy distribution."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.maxent.continuous.certificate import gap_bound
from equipoise.maxent.continuous.domain import Domain, HasFaces
from equipoise.maxent.continuous.errors import MeanOnBoundaryError, MeanOutsideError
from equipoise.maxent.continuous.faces import Face
from equipoise.maxent.continuous.matrices import MatrixDomain
from equipoise.maxent.continuous.newton import minimise
from equipoise.maxent.continuous.result import MatrixMaxEntropy, MaxEntropy

Array = NDArray[Any]
OnSingular = Literal["raise", "face"]


@overload
def fit(
    domain: MatrixDomain, mean: ArrayLike, *, on_singular: OnSingular = ...
) -> MatrixMaxEntropy: ...
@overload
def fit(domain: Domain, mean: ArrayLike, *, on_singular: OnSingular = ...) -> MaxEntropy: ...


def fit(
    domain: Domain | MatrixDomain, mean: ArrayLike, *, on_singular: OnSingular = "raise"
) -> MaxEntropy | MatrixMaxEntropy:
    """Find the law on a domain that is nearest to its prior among those with a given mean.

    Among densities p with respect to the prior, a probability, with E x = mean it has the least
    Kullback-Leibler divergence E log p, and the form exp(<y, x> - log_normaliser). Its parameter y
    minimises the dual F(y) = log E exp<y, x> - <y, mean>, by Newton's method in coordinates
    scaled to unit variance, and F's minimum is minus that divergence (Leake and Vishnoi 2020,
    arXiv:2004.07403, whose ellipsoid method is :func:`ellipsoid_method`).

    Parameters
    ----------
    domain : Domain or MatrixDomain
        For instance ``Simplex(3)`` or ``RankOneProjections(4)``.
    mean : array_like, shape (n,) or (n, n)
        Inside the convex hull of the domain. Sums and traces that all points of the domain share
        may be off by 1e-10, which is put right at the largest entry. A matrix is Hermitian, to
        1e-12 of its largest entry.
    on_singular : {"raise", "face"}
        What to do with a mean on the boundary, of which every law lives on a face: ``face`` fits
        on it, relative to its own uniform law, for boxes, their vertices, simplices with all
        coordinates, and projections.

    Returns
    -------
    MaxEntropy or MatrixMaxEntropy
        The latter for domains of matrices.

    Raises
    ------
    MeanOutsideError, MeanOnBoundaryError
    NoConvergenceError
        If the mean is so near to the boundary that double precision does not do.
    ValueError
        If the mean has a wrong shape, or entries that are NaN or infinite, or is not Hermitian.
    """
    if on_singular not in ("raise", "face"):
        raise ValueError(f"on_singular is 'raise' or 'face', not {on_singular!r}")
    if isinstance(domain, MatrixDomain):
        matrix = as_hermitian(mean, domain)
        spectrum, frame = np.linalg.eigh(matrix)
        spectral = _fit_vector(domain.diagonal, ends(spectrum), on_singular)
        return MatrixMaxEntropy(domain, matrix, frame, spectral)
    array = np.array(mean, dtype=float)
    if array.shape != (domain.n,):
        raise ValueError(f"mean has shape ({domain.n},), not {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("mean has NaN or infinite entries")
    return _fit_vector(domain, array, on_singular)


def _fit_vector(domain: Domain, mean: Array, on_singular: OnSingular) -> MaxEntropy:
    mean = domain.checked(mean)
    margin = domain.margin(mean)
    i = int(np.argmin(margin))
    if margin[i] < 0:
        raise MeanOutsideError(
            f"mean is outside the hull of the domain, by {-margin[i]:.3g} in entry {i} "
            f"({mean[i]:.12g}): move it inside"
        )
    if margin[i] == 0:
        if on_singular == "raise" or not isinstance(domain, HasFaces):
            cure = ", or fit on its face with on_singular='face'"
            raise MeanOnBoundaryError(
                f"mean is on the boundary of the hull of the domain (entry {i} is {mean[i]:.12g}), "
                "and all laws with this mean have entropy minus infinity: move it inside"
                + (cure if isinstance(domain, HasFaces) else "")
            )
        if not (margin > 0).any():
            raise MeanOnBoundaryError("mean is a vertex: the only law with this mean is that point")
        domain = Face(*domain.face(mean))
        mean = domain.checked(mean)
        margin = domain.margin(mean)
    found = minimise(domain, mean, margin)
    gap = gap_bound(domain, found.moments.mean, found.step, found.decrement)
    return MaxEntropy(
        domain, mean, found.parameter, found.moments, found.decrement, gap, found.residual,
        found.steps,
    )  # fmt: skip


def ends(spectrum: Array) -> Array:
    """Eigenvalues, those that rounding has moved off a boundary at 0 or 1 put back on it."""
    near = np.round(spectrum) + 0.0  # no minus zero
    rounding = 4 * len(spectrum) * np.finfo(float).eps * max(1.0, np.abs(spectrum).max())
    at_end = (np.abs(spectrum - near) < rounding) & ((near == 0) | (near == 1))
    return np.where(at_end, near, spectrum)


def as_hermitian(mean: ArrayLike, domain: MatrixDomain) -> Array:
    """A matrix of the domain's shape and field, Hermitian to the last bit.

    Parameters
    ----------
    mean : array_like, shape (n, n)
    domain : MatrixDomain

    Returns
    -------
    ndarray, shape (n, n)

    Raises
    ------
    ValueError
        If it is not, to 1e-12 of its largest entry, or not finite.
    """
    array = np.array(mean)
    n = domain.n
    if array.shape != (n, n):
        raise ValueError(f"mean has shape ({n}, {n}), not {array.shape}")
    array = array.astype(complex if np.iscomplexobj(array) else float)
    if not np.isfinite(array).all():
        raise ValueError("mean has NaN or infinite entries")
    if domain.field == "real" and np.iscomplexobj(array):
        if (array.imag != 0).any():
            raise ValueError("mean is complex, and the domain is real: take RankOneProjections(n)")
        array = array.real
    off = np.abs(array - array.conj().T).max()
    if off > 1e-12 * np.abs(array).max():
        raise ValueError(
            f"mean is Hermitian, and differs from its adjoint by {off:.3g}: "
            "pass (mean + mean.conj().T) / 2"
        )
    return (array + array.conj().T) / 2
