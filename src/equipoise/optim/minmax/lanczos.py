"""The largest eigenvalue of a symmetric operator, with a bound on the error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from equipoise.optim.minmax.second_derivatives import Product
from equipoise.optim.vectors import Vector, dot, norm, plus, scaled


class Extreme(NamedTuple):
    """An approximate eigenpair.

    Attributes
    ----------
    value : float
        A Rayleigh quotient: no more than the largest eigenvalue.
    vector : list of Tensor
        Of unit length.
    residual : float
        Norm of A v - value v: an eigenvalue is as close as that, though not provably the largest.
    """

    value: float
    vector: Vector
    residual: float


def largest(
    product: Product, like: Sequence[Tensor], *, n_steps: int = 30, seed: int = 0
) -> Extreme:
    """Lanczos' method, each new direction made orthogonal to all before it.

    Parameters
    ----------
    product : callable
    like : sequence of Tensor
        Of the shapes, dtypes and devices of a vector.
    n_steps : int
        At most as many products, and as many vectors in memory.
    seed : int
        Of the first direction; the caller's streams are left alone.

    Returns
    -------
    Extreme
    """
    streams = {x.device: torch.Generator(x.device).manual_seed(seed) for x in like}
    q = [
        torch.randn(x.shape, generator=streams[x.device], dtype=x.dtype, device=x.device)
        for x in like
    ]
    basis = [scaled(1 / norm(q), q)]
    diagonal: list[float] = []
    off: list[float] = []
    n_steps = min(n_steps, sum(x.numel() for x in like))
    for n in range(n_steps):
        image = product(basis[-1])
        diagonal.append(dot(image, basis[-1]))
        size = norm(image)
        # Twice is enough against rounding (Parlett, The Symmetric Eigenvalue Problem, section 6.9).
        for _ in range(2):
            for b in basis:
                image = plus(image, -dot(image, b), b)
        beta = norm(image)
        off.append(beta)
        exhausted = beta <= 1e-10 * size if size else True
        if exhausted or n == n_steps - 1:
            break
        basis.append(scaled(1 / beta, image))
    k = len(diagonal)
    tridiagonal = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    for i, beta in enumerate(off[: k - 1]):
        tridiagonal[i, i + 1] = tridiagonal[i + 1, i] = beta
    values, vectors = torch.linalg.eigh(tridiagonal)
    weights = vectors[:, -1].tolist()
    vector = scaled(weights[0], basis[0])
    for weight, b in zip(weights[1:], basis[1:], strict=True):
        vector = plus(vector, weight, b)
    return Extreme(float(values[-1]), vector, abs(off[-1] * weights[-1]))
