"""The optimizers that take the steps of stacked networks, by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.stacked import (
    SAM,
    SGD,
    SOAP,
    Adafactor,
    Adagrad,
    Adam,
    Lion,
    Muon,
    NAdam,
    RMSProp,
    Rule,
    SampledLosses,
    SignSGD,
    Sophia,
    StackedOptimizer,
)

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
    "SOAP": _Stacked(SOAP(), decoupled=True),
}
# What torch has with one rate for all replicates, for rates of their own.
_OF_TORCH = {
    "SGD": _Stacked(SGD()),
    "Adagrad": _Stacked(Adagrad()),
    "RMSprop": _Stacked(RMSProp()),
    "Adam": _Stacked(Adam()),
    "AdamW": _Stacked(Adam(), decoupled=True),
    "NAdam": _Stacked(NAdam()),
}
# Around these.
_SHARPNESS_AWARE: dict[str, Rule] = {"SAM": SGD(0.9), "SAMAdam": Adam()}

DRAWS_LABELS = ("Sophia",)
"""Those that now and then take a gradient of labels drawn from the network's outputs."""

OPTIMIZERS = (*TORCH_OPTIMIZERS, *_STACKED, *DRAWS_LABELS, *_SHARPNESS_AWARE)
"""The names of all of them."""

DECOUPLED = ("AdamW", *DRAWS_LABELS, *(name for name, one in _STACKED.items() if one.decoupled))
"""Those whose weight decay is part of no loss."""

TWO_GRADIENTS = tuple(_SHARPNESS_AWARE)
"""Those that take the gradient a second time within a step."""

MORE_THAN_GRADIENTS = (*TWO_GRADIENTS, *DRAWS_LABELS)
"""Those to which a step that has computed the gradients cannot be left."""


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
    name: str,
    parameters: Iterable[Tensor],
    rate: float | Tensor,
    weight_decay: float,
    sampled_losses: SampledLosses | None = None,
) -> torch.optim.Optimizer:
    """An optimizer of stacked parameters.

    Parameters
    ----------
    name : str
        One of :data:`OPTIMIZERS`.
    parameters : iterable of Tensor, each of shape (r, ...)
    rate : float or Tensor, shape (r,)
        The learning rate, of all replicates or of each.
    weight_decay : float
        Decoupled in AdamW, Lion, Adafactor, Muon, SOAP and Sophia, as their authors have it.
    sampled_losses : callable, optional
        What Sophia sees the curvature by.

    Returns
    -------
    torch.optim.Optimizer

    Raises
    ------
    ValueError
        If it is Sophia and there are no such losses, or an optimizer that has one rate for all
        and is given more.
    """
    if name in DRAWS_LABELS:
        if sampled_losses is None:
            raise ValueError(
                "optimizer 'Sophia' needs losses on labels that are drawn from the outputs, which "
                "this way of training does not give it: take another optimizer."
            )
        return StackedOptimizer(
            parameters, Sophia(sampled_losses), rate, weight_decay=weight_decay, decoupled=True
        )
    if name in _SHARPNESS_AWARE:
        inner = _SHARPNESS_AWARE[name]
        return SAM(StackedOptimizer(parameters, inner, rate, weight_decay=weight_decay))
    one = _STACKED.get(name)
    if one is None and isinstance(rate, Tensor):
        one = _OF_TORCH.get(name)
        if one is None:
            raise ValueError(f"optimizer {name!r} has one rate for all replicates, not several.")
    if one is not None:
        return StackedOptimizer(
            parameters, one.rule, rate, weight_decay=weight_decay, decoupled=one.decoupled
        )
    made: torch.optim.Optimizer = getattr(torch.optim, name)(
        parameters, lr=rate, weight_decay=weight_decay
    )
    return made
