"""What every min-max method is: a wrapper around two torch optimizers that oppose each other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from equipoise.optim.minmax.geometry import Euclidean, Geometry
from equipoise.optim.minmax.player import Closure, Player


class MinMaxOptimizer(ABC):
    """Base of the methods for min over x, max over y of f(x, y).

    A method decides the directions, and the two optimizers take the steps: either may be any torch
    optimizer, and a learning-rate scheduler is given the one that it is for. There is one sign: the
    closure returns f, which the minimizer makes small and the maximizer large. (The binary
    cross-entropy that a discriminator minimises is -f.) Gradients are taken without ``backward``,
    so that the hooks by which torch averages those of several processes do not run.

    Parameters
    ----------
    minimizer : torch.optim.Optimizer
        Of x.
    maximizer : torch.optim.Optimizer
        Of y; made with ``maximize=True`` or without, it goes up.
    min_geometry, max_geometry : Geometry, optional
        The sets that x and y live in; the whole space by default.

    Attributes
    ----------
    n_steps : int
        Taken so far.
    """

    def __init__(
        self,
        minimizer: torch.optim.Optimizer,
        maximizer: torch.optim.Optimizer,
        *,
        min_geometry: Geometry | None = None,
        max_geometry: Geometry | None = None,
    ) -> None:
        self._min = Player("minimizer", minimizer, min_geometry or Euclidean())
        self._max = Player("maximizer", maximizer, max_geometry or Euclidean())
        if {id(p) for p in self._min.parameters} & {id(p) for p in self._max.parameters}:
            raise ValueError("minimizer and maximizer share a parameter: each is to have its own.")
        self.n_steps = 0

    @property
    def minimizer(self) -> torch.optim.Optimizer:
        """The optimizer of x."""
        return self._min.optimizer

    @property
    def maximizer(self) -> torch.optim.Optimizer:
        """The optimizer of y."""
        return self._max.optimizer

    @abstractmethod
    def _advance(self, closure: Closure) -> Tensor:
        # One step; the value at its start.
        ...

    @torch.enable_grad()
    def step(self, closure: Closure) -> Tensor:
        """Take one step.

        Parameters
        ----------
        closure : callable
            Without arguments, returns f(x, y) on the step's batch and does not call backward. It
            may be called several times.

        Returns
        -------
        Tensor, shape ()
            The value at the step's first evaluation, detached.

        Raises
        ------
        FloatingPointError
            If the value is not finite.
        ValueError
            If it is no scalar, or does not depend on both players.
        """
        # A view of a parameter would show the value after the step.
        value = self._advance(closure).detach().clone()
        self.n_steps += 1
        return value

    def state_dict(self) -> dict[str, Any]:
        """A snapshot: both optimizers and what the method keeps besides.

        x and y themselves are saved with the models that they belong to.

        Returns
        -------
        dict
            Of tensors, numbers, strings, lists, dicts and None alone.
        """
        return {
            "method": type(self).__name__,
            # torch gives its live tensors, which the next step would change.
            "minimizer": deepcopy(self.minimizer.state_dict()),
            "maximizer": deepcopy(self.maximizer.state_dict()),
            "n_steps": self.n_steps,
            "own": self._own_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict` of the same method around the same kinds of optimizers.

        Raises
        ------
        ValueError
            If it is another method's.
        """
        if state_dict["method"] != type(self).__name__:
            raise ValueError(
                f"the state is one of {state_dict['method']}, but this is {type(self).__name__}."
            )
        self.minimizer.load_state_dict(deepcopy(state_dict["minimizer"]))
        self.maximizer.load_state_dict(deepcopy(state_dict["maximizer"]))
        self.n_steps = state_dict["n_steps"]
        self._load_own_state(state_dict["own"])

    def _own_state(self) -> dict[str, Any]:
        # Copies.
        return {}

    def _load_own_state(self, state: dict[str, Any]) -> None:
        if state:
            raise ValueError(f"{type(self).__name__} keeps nothing, but the state is {state}.")


def require_whole(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number from ``least`` up.

    Parameters
    ----------
    name : str
        Of the argument.
    value : object
    least : int

    Raises
    ------
    ValueError
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}.")


def require_positive(name: str, value: float) -> None:
    """Refuse what is no positive and finite number.

    Parameters
    ----------
    name : str
        Of the argument.
    value : float

    Raises
    ------
    ValueError
    """
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be positive and finite, not {value}.")
