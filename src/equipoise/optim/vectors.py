"""Vectors that are lists of tensors, shaped as the parameters are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

Vector = list[Tensor]


def dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """Inner product of two vectors.

    Parameters
    ----------
    a, b : sequence of Tensor
        Of the same shapes.

    Returns
    -------
    float
    """
    return along(a, b).item()


def along(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """Inner product of two vectors as a tensor, to be differentiated.

    Parameters
    ----------
    a, b : sequence of Tensor
        Of the same shapes; parts may be on several devices.

    Returns
    -------
    Tensor, shape ()
    """
    parts = [(x * y).sum() for x, y in zip(a, b, strict=True)]
    return torch.stack([part.to(parts[0].device) for part in parts]).sum()


def norm(a: Sequence[Tensor]) -> float:
    """Length of a vector.

    Parameters
    ----------
    a : sequence of Tensor

    Returns
    -------
    float
    """
    return torch.nn.utils.get_total_norm(a).item()


def cosine(a: Sequence[Tensor], b: Sequence[Tensor]) -> float | None:
    """Cosine of the angle between two vectors.

    Parameters
    ----------
    a, b : sequence of Tensor
        Of the same shapes.

    Returns
    -------
    float or None
        None if one of them is 0, and there is no angle.
    """
    lengths = norm(a) * norm(b)
    return dot(a, b) / lengths if lengths else None


def scaled(scale: float, a: Sequence[Tensor]) -> Vector:
    """``scale * a``.

    Parameters
    ----------
    scale : float
    a : sequence of Tensor

    Returns
    -------
    list of Tensor
    """
    return [scale * x for x in a]


def plus(a: Sequence[Tensor], scale: float, b: Sequence[Tensor]) -> Vector:
    """``a + scale * b``.

    Parameters
    ----------
    a : sequence of Tensor
    scale : float
    b : sequence of Tensor
        Of the same shapes as ``a``.

    Returns
    -------
    list of Tensor
    """
    return [torch.add(x, y, alpha=scale) for x, y in zip(a, b, strict=True)]


def mean(vectors: Iterable[Sequence[Tensor]], n: int) -> Vector:
    """Mean of vectors, of which no two need be in memory at once.

    Parameters
    ----------
    vectors : iterable of sequence of Tensor
        Best a generator.
    n : int
        How many there are.

    Returns
    -------
    list of Tensor
        The vector itself if it is the only one.
    """
    total: Vector = []
    for vector in vectors:
        if n == 1:
            return list(vector)
        if not total:
            total = scaled(1 / n, vector)
        else:
            for x, y in zip(total, vector, strict=True):
                x.add_(y, alpha=1 / n)
    return total


def gradient(
    value: Tensor,
    of: Sequence[Tensor],
    weights: Tensor | Sequence[Tensor] | None = None,
    *,
    create_graph: bool = False,
    retain_graph: bool | None = None,
) -> Vector:
    """Gradient of a tensor, 0 for what it does not depend on.

    Parameters
    ----------
    value : Tensor
    of : sequence of Tensor
        What to differentiate with respect to.
    weights : Tensor, optional
        Of the shape of ``value``, where that is not a scalar.
    create_graph : bool
        Whether the gradient is to be differentiated again.
    retain_graph : bool, optional
        Whether ``value`` is.

    Returns
    -------
    list of Tensor
    """
    if not value.requires_grad:
        return [torch.zeros_like(x) for x in of]
    found = torch.autograd.grad(
        value,
        list(of),
        weights,
        create_graph=create_graph,
        retain_graph=retain_graph,
        allow_unused=True,
    )
    return [torch.zeros_like(x) if g is None else g for x, g in zip(of, found, strict=True)]
