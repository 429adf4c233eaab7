"""Where a player's parameters live: the whole space, a box, a simplex, or any closed convex set."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from typing_extensions import override

from equipoise.optim.vectors import Vector, norm, plus


class Geometry(ABC):
    """A set, as the projection on it.

    A torch optimizer takes its step and the projection follows. For multiplicative steps on a
    simplex, give :class:`ExponentiatedGradient` as the optimizer.
    """

    @abstractmethod
    def project(self, point: Sequence[Tensor]) -> Vector:
        """The point of the set that stands for a point of the space.

        Parameters
        ----------
        point : sequence of Tensor
            Shaped as the parameters.

        Returns
        -------
        list of Tensor
        """

    def stationarity(self, point: Sequence[Tensor], uphill: Sequence[Tensor]) -> float:
        """How far a point of the set is from being stationary.

        Parameters
        ----------
        point : sequence of Tensor
        uphill : sequence of Tensor
            The direction in which the player gains.

        Returns
        -------
        float
            Norm of the gradient mapping of unit step, P(point + uphill) - point: the gradient's
            norm inside the set, and 0 on its edge where the gradient points out of it.
        """
        return norm(plus(self.project(plus(point, 1.0, uphill)), -1.0, point))


class Euclidean(Geometry):
    """The whole space."""

    @override
    def project(self, point: Sequence[Tensor]) -> Vector:
        return list(point)

    @override
    def stationarity(self, point: Sequence[Tensor], uphill: Sequence[Tensor]) -> float:
        return norm(uphill)


class Box(Geometry):
    """Every coordinate between two bounds.

    Parameters
    ----------
    low, high : float
        Either may be infinite.
    """

    def __init__(self, low: float, high: float) -> None:
        if math.isnan(low) or math.isnan(high) or not low < high:
            raise ValueError(f"low must be below high, not {low} and {high}.")
        self.low = low
        self.high = high

    @override
    def project(self, point: Sequence[Tensor]) -> Vector:
        return [x.clamp(self.low, self.high) for x in point]


class Simplex(Geometry):
    """Weights that are not negative and sum to 1 along the last axis of every parameter."""

    @override
    def project(self, point: Sequence[Tensor]) -> Vector:
        return [_on_simplex(x) for x in point]


class Proximal(Geometry):
    """Any closed convex set, by a projection of the caller's.

    Parameters
    ----------
    projection : callable
        Of one parameter, shape-preserving; it is applied to each.
    """

    def __init__(self, projection: Callable[[Tensor], Tensor]) -> None:
        if not callable(projection):
            raise TypeError(f"projection must be callable, not {type(projection).__name__}.")
        self.projection = projection

    @override
    def project(self, point: Sequence[Tensor]) -> Vector:
        found = [self.projection(x) for x in point]
        for x, y in zip(point, found, strict=True):
            if x.shape != y.shape:
                raise ValueError(
                    f"projection made shape {tuple(y.shape)} of shape {tuple(x.shape)}; it is to "
                    "keep the shape."
                )
        return found


def _on_simplex(x: Tensor) -> Tensor:
    # Duchi et al. (ICML 2008): subtract the one threshold that leaves a sum of 1.
    if not x.dim():
        raise ValueError("a simplex needs a parameter with an axis, not a scalar one.")
    ordered = x.sort(dim=-1, descending=True).values
    excess = ordered.cumsum(-1) - 1
    ranks = torch.arange(1, x.shape[-1] + 1, device=x.device, dtype=x.dtype)
    n_kept = (ordered * ranks > excess).sum(-1, keepdim=True)
    threshold = excess.gather(-1, n_kept - 1) / n_kept
    return (x - threshold).clamp_min(0)
