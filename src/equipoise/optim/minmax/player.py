"""One of the two players: an optimizer, the set that its parameters live in, and a sign."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from equipoise.optim.minmax.geometry import Euclidean, Geometry
from equipoise.optim.passes import assign

Closure = Callable[[], Tensor]


class Player:
    """Moves parameters by a torch optimizer, downhill or uphill.

    Parameters
    ----------
    name : {"minimizer", "maximizer"}
    optimizer : torch.optim.Optimizer
        A maximizer's may have been made with ``maximize=True`` or without: it goes up.
    geometry : Geometry
    """

    def __init__(self, name: str, optimizer: torch.optim.Optimizer, geometry: Geometry) -> None:
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise TypeError(f"{name} must be a torch optimizer, not {type(optimizer).__name__}.")
        if not isinstance(geometry, Geometry):
            raise TypeError(
                f"the geometry of the {name} must be Euclidean(), Box(low, high), Simplex() or "
                f"Proximal(projection), not {geometry!r}."
            )
        self.name = name
        self.optimizer = optimizer
        self.geometry = geometry
        self.ascends = name == "maximizer"
        if not self.ascends and any(group.get("maximize") for group in optimizer.param_groups):
            raise ValueError("minimizer maximises: make it without maximize=True.")
        if not self.parameters:
            raise ValueError(f"{name} has no parameter that requires a gradient.")
        with torch.no_grad():
            for p, inside in zip(self.parameters, geometry.project(self.parameters), strict=True):
                if not torch.allclose(p, inside, atol=1e-5):
                    raise ValueError(
                        f"the parameters of the {name} start outside its {type(geometry).__name__}."
                    )

    @property
    def parameters(self) -> list[Tensor]:
        """Those that are trained."""
        return [
            p for group in self.optimizer.param_groups for p in group["params"] if p.requires_grad
        ]

    @property
    def rate(self) -> float:
        """The learning rate.

        Raises
        ------
        ValueError
            If the optimizer's groups have several.
        """
        rates = {float(group["lr"]) for group in self.optimizer.param_groups}
        if len(rates) > 1:
            raise ValueError(
                f"the {self.name} has several learning rates, {sorted(rates)}; this method needs "
                "one."
            )
        return rates.pop()

    def gradient(self, closure: Closure) -> list[Tensor]:
        """Gradient of the game's value in this player's parameters.

        Parameters
        ----------
        closure : callable
            Returns the value.

        Returns
        -------
        list of Tensor
            Shaped as the parameters.

        Raises
        ------
        FloatingPointError
            If the value is not finite.
        """
        return gradients(evaluate(closure), self)[0]

    def move(self, gradient: Sequence[Tensor]) -> None:
        """Take a step of the optimizer, and go back into the set.

        Parameters
        ----------
        gradient : sequence of Tensor
            Of the game's value, or what a method puts in its place: a minimizer goes against it, a
            maximizer along it.
        """
        waiting = iter(gradient)
        for group in self.optimizer.param_groups:
            moved = [p for p in group["params"] if p.requires_grad]
            directions = [next(waiting).detach() for _ in moved]
            if self.ascends and not group.get("maximize") and moved:
                directions = [*torch._foreach_neg(directions)]
            for p, direction in zip(moved, directions, strict=True):
                p.grad = direction
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.return_to_set()

    @torch.no_grad()
    def return_to_set(self) -> None:
        """Project the parameters."""
        if not isinstance(self.geometry, Euclidean):
            assign(self.parameters, self.geometry.project(self.parameters))

    def stationarity(self, gradient: Sequence[Tensor]) -> float:
        """Norm of the gradient mapping, from the gradient of the game's value.

        Parameters
        ----------
        gradient : sequence of Tensor

        Returns
        -------
        float
        """
        with torch.no_grad():
            gains = list(gradient) if self.ascends else [-g for g in gradient]
            return self.geometry.stationarity(self.parameters, gains)


def evaluate(closure: Closure) -> Tensor:
    """The value of the game that a closure returns.

    Parameters
    ----------
    closure : callable

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    TypeError, ValueError
        If it is no scalar tensor.
    FloatingPointError
        If it is not finite.
    """
    # Under autocast torch keeps what it has cast, and does not see that players moved.
    torch.clear_autocast_cache()
    value = closure()
    if not isinstance(value, Tensor):
        raise TypeError(f"the closure must return a tensor, not {type(value).__name__}.")
    if value.dim():
        raise ValueError(f"the value must be a scalar, not of shape {tuple(value.shape)}.")
    number = value.item()
    if not math.isfinite(number):
        raise FloatingPointError(f"the value of the game is {number}.")
    return value


def gradients(
    value: Tensor, *players: Player, create_graph: bool = False, retain_graph: bool | None = None
) -> list[list[Tensor]]:
    """Gradient of the value in the parameters of each player.

    Parameters
    ----------
    value : Tensor, shape ()
    *players : Player
    create_graph : bool
        Whether it is to be differentiated again.
    retain_graph : bool, optional

    Returns
    -------
    list of list of Tensor

    Raises
    ------
    ValueError
        If the value does not depend on any parameter of a player.
    """
    lists = [player.parameters for player in players]
    flat = [p for parameters in lists for p in parameters]
    found = (
        torch.autograd.grad(
            value, flat, create_graph=create_graph, retain_graph=retain_graph, allow_unused=True
        )
        if value.requires_grad
        else [None] * len(flat)
    )
    result, taken = [], 0
    for player, parameters in zip(players, lists, strict=True):
        part = found[taken : taken + len(parameters)]
        taken += len(parameters)
        if all(g is None for g in part):
            raise ValueError(
                f"the value does not depend on the {player.name}'s parameters: have the closure "
                "return f(x, y) of the very tensors that the optimizers hold, with its graph."
            )
        result.append(
            [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, part, strict=True)]
        )
    return result
