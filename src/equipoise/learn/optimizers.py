"""The optimizers that take the steps of stacked networks, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.stacked import SGD, Adafactor, Lion, Muon, Rule, SignSGD, StackedOptimizer

TORCH_OPTIMIZERS = (
    "Adam",
    "AdamW",
    "SGD",
    "RMSprop",
    "Adagrad",
    "Adadelta",
    "Adamax",
    "ASGD",
    "NAdam",
    "RAdam",
)
"""Those of torch that act on each coordinate alone, so that replicates stay apart."""


@dataclass(frozen=True)
class _Stacked:
    rule: Rule
    decoupled: bool = False


# What torch has not, or would have mix replicates.
_STACKED = {
    "Momentum": _Stacked(SGD(0.9)),
    "Nesterov": _Stacked(SGD(0.9, nesterov=True)),
    "NormalisedSGD": _Stacked(SGD(normalised=True)),
    "SignSGD": _Stacked(SignSGD()),
    "Lion": _Stacked(Lion(), decoupled=True),
    "Adafactor": _Stacked(Adafactor(), decoupled=True),
    "Muon": _Stacked(Muon(), decoupled=True),
}

OPTIMIZERS = (*TORCH_OPTIMIZERS, *_STACKED)
"""The names of all of them."""

DECOUPLED = ("AdamW", *(name for name, one in _STACKED.items() if one.decoupled))
"""Those whose weight decay is part of no loss."""


def find_optimizer(name: str) -> str:
    """The name of an optimizer as it is listed.

    Parameters
    ----------
    name : str
        In small or capital letters.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    known = {one.lower(): one for one in OPTIMIZERS}
    if not isinstance(name, str) or name.lower() not in known:
        raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, not {name!r}.")
    return known[name.lower()]


def make_optimizer(
    name: str, parameters: Iterable[Tensor], rate: float, weight_decay: float
) -> torch.optim.Optimizer:
    """An optimizer of stacked parameters.

    Parameters
    ----------
    name : str
        One of :data:`OPTIMIZERS`.
    parameters : iterable of Tensor, each of shape (r, ...)
    rate : float
        The learning rate.
    weight_decay : float
        Decoupled in AdamW, Lion, Adafactor and Muon, as their authors have it.

    Returns
    -------
    torch.optim.Optimizer
    """
    if name in _STACKED:
        one = _STACKED[name]
        return StackedOptimizer(
            parameters, one.rule, rate, weight_decay=weight_decay, decoupled=one.decoupled
        )
    made: torch.optim.Optimizer = getattr(torch.optim, name)(
        parameters, lr=rate, weight_decay=weight_decay
    )
    return made
