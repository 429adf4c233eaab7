"""What an optimizer of stacked parameters is asked for: a direction, and nothing of rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

State = dict[str, Any]
"""What is kept of one parameter: tensors by name."""


class Rule(Protocol):
    """The direction in which each replicate goes.

    A parameter has shape (r, ...), and what is done to one replicate depends on no other.
    """

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """What, times the learning rate, is taken from the parameters.

        Parameters
        ----------
        gradients, parameters : list of Tensor, each of shape (r, ...)
            Neither is changed.
        states : list of dict
            Of each parameter, empty at first and changed in place.
        step : int
            The number of this step, from 1.
        rates : Tensor, shape (r,)
            The learning rates, for rules whose step is not in proportion to them.

        Returns
        -------
        list of Tensor
            Shaped as the parameters, and not among the states.
        """
        ...


def kept(state: State, name: str, like: Tensor) -> Tensor:
    """A tensor of a state, zeros at first.

    Parameters
    ----------
    state : dict
    name : str
    like : Tensor

    Returns
    -------
    Tensor
    """
    if name not in state:
        state[name] = like.new_zeros(like.shape)
    found: Tensor = state[name]
    return found


def over_replicates(values: Tensor, like: Tensor) -> Tensor:
    """Numbers of replicates, (r,), so that they multiply what has shape (r, ...).

    Parameters
    ----------
    values : Tensor, shape (r,)
    like : Tensor, shape (r, ...)

    Returns
    -------
    Tensor
    """
    return values.view(-1, *[1] * (like.dim() - 1))


def unit_length(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Each replicate's gradient over its length, which is over all of its parameters.

    Parameters
    ----------
    gradients : sequence of Tensor, each of shape (r, ...)

    Returns
    -------
    list of Tensor
        What is 0 stays so.
    """
    # Squares of what is below 1e-19 are 0 in single precision: the largest is made 1 first.
    largest = torch.stack([g.abs().flatten(1).amax(1) for g in gradients]).amax(0)
    largest = largest.clamp(min=torch.finfo(largest.dtype).tiny)
    scaled = [g / over_replicates(largest, g) for g in gradients]
    length = torch.stack([g.square().flatten(1).sum(1) for g in scaled]).sum(0).sqrt()
    length = length.clamp(min=torch.finfo(length.dtype).tiny)
    return [g / over_replicates(length, g) for g in scaled]
