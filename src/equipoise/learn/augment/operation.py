"""What a policy is made of: a change of rows, by an amount that can be learnt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

__all__ = ["Operation", "nothing_to_draw", "standard_normal"]

Draw = Callable[[Tensor, Generator | None], tuple[Tensor, ...]]
"""From a batch its noise: tensors that have a row for each of its rows."""


def nothing_to_draw(rows: Tensor, generator: Generator | None) -> tuple[Tensor, ...]:
    """The noise of an operation that has none.

    Parameters
    ----------
    rows : Tensor, shape (b, ...)
    generator : Generator, optional

    Returns
    -------
    tuple
        Empty.
    """
    return ()


def standard_normal(rows: Tensor, generator: Generator | None) -> tuple[Tensor, ...]:
    """A normal number for each of a batch's.

    Parameters
    ----------
    rows : Tensor, shape (b, ...)
    generator : Generator, optional

    Returns
    -------
    tuple
        One tensor of the shape of the rows.
    """
    return (torch.randn(rows.shape, generator=generator, dtype=rows.dtype, device=rows.device),)


@dataclass(frozen=True)
class Operation:
    """A change of rows.

    Attributes
    ----------
    name : str
    apply : callable
        Takes rows (r, ...), an amount (r,) and what ``draw`` drew for them, and returns changed
        rows. The amount has a gradient, true or straight-through.
    largest : float or None
        The amount at magnitude 1, that at magnitude 0 being 0, which changes nothing. None where
        there is no amount.
    unit : str
        Of the amount.
    signed : bool
        Whether the amount is as often negative as positive.
    draw : callable
        Draws noise for a whole batch, in shapes that are those of the batch, so that the noise of
        a row does not depend on which operation another one got.
    takes : {"image", "table"}
        Images have shape (b, c, h, w), c = 1 or 3, and values in [0, 1]; tables (b, d).
    """

    name: str
    apply: Callable[..., Tensor]
    largest: float | None = None
    unit: str = ""
    signed: bool = False
    draw: Draw = nothing_to_draw
    takes: Literal["image", "table"] = "image"
