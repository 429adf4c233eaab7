"""Products with the second derivatives of a game, block by block."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from equipoise.optim.minmax.player import Closure, Player, evaluate, gradients
from equipoise.optim.vectors import Vector, along, dot, gradient, plus

Product = Callable[[Sequence[Tensor]], Vector]


class SecondDerivatives:
    """The gradient of f at a point, with what is needed to multiply by its derivatives.

    No parameter may change between two products: the graph is that of the point.

    Parameters
    ----------
    closure : callable
        Of an operation that can be differentiated twice.
    minimizer, maximizer : Player

    Attributes
    ----------
    value : Tensor, shape ()
    x, y : list of Tensor
        Gradient of f in the parameters of either player, with its graph.
    """

    def __init__(self, closure: Closure, minimizer: Player, maximizer: Player) -> None:
        self.value = evaluate(closure)
        self.x, self.y = gradients(self.value, minimizer, maximizer, create_graph=True)
        self._min, self._max = minimizer.parameters, maximizer.parameters

    def half_squared_norm(self) -> tuple[Vector, Vector]:
        """Gradient of half the squared norm of the whole gradient, in x and in y."""
        half = (along(self.x, self.x) + along(self.y, self.y)) / 2
        found = gradient(half, [*self._min, *self._max], retain_graph=True)
        return found[: len(self._min)], found[len(self._min) :]

    def xy(self, v: Sequence[Tensor]) -> Vector:
        """f_xy v, for v shaped as y."""
        return gradient(along(self.y, v), self._min, retain_graph=True)

    def yx(self, u: Sequence[Tensor]) -> Vector:
        """f_yx u, for u shaped as x."""
        return gradient(along(self.x, u), self._max, retain_graph=True)

    def yy(self, v: Sequence[Tensor]) -> Vector:
        """f_yy v, for v shaped as y."""
        return gradient(along(self.y, v), self._max, retain_graph=True)


def solve(product: Product, b: Sequence[Tensor], n_steps: int, tolerance: float) -> Vector:
    """Conjugate gradients for A z = b with A symmetric and positive semi-definite.

    Parameters
    ----------
    product : callable
        z -> A z.
    b : sequence of Tensor
    n_steps : int
        At most as many products.
    tolerance : float
        Of the residual, relative to b.

    Returns
    -------
    list of Tensor
        The iterate reached; A has no say in directions of no curvature, where it stays at 0.
    """
    z = [torch.zeros_like(part) for part in b]
    residual = [part.detach().clone() for part in b]
    direction = residual
    squared = dot(residual, residual)
    enough = tolerance**2 * squared
    for _ in range(n_steps):
        if squared <= enough:
            break
        image = product(direction)
        curvature = dot(direction, image)
        if curvature <= 0:
            break
        step = squared / curvature
        z = plus(z, step, direction)
        residual = plus(residual, -step, image)
        before, squared = squared, dot(residual, residual)
        direction = plus(residual, squared / before, direction)
    return z


def detached(v: Sequence[Tensor]) -> Vector:
    """Without graph.

    Parameters
    ----------
    v : sequence of Tensor

    Returns
    -------
    list of Tensor
    """
    return [part.detach() for part in v]
