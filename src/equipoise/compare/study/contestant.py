"""What a study compares: optimizers, and two ways of heeding groups as lines of reference."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.compare.rate_search import usual_place
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

Make = Callable[[list[Tensor], Tensor, SampledLosses], torch.optim.Optimizer]
"""From stacked parameters, the rate of each replicate and losses on labels that networks draw
themselves to an optimizer."""


@dataclass(frozen=True)
class Contestant:
    """An optimizer, with the rows that it is shown.

    Attributes
    ----------
    name : str
    make : callable
    place : int
        Of the learning rate that is usual for small networks, in half decades: 10^(place / 2).
    balanced : bool
        Whether batches have as many rows of each group.
    robust : bool
        Whether the weights of the groups' losses follow these losses: group DRO.
    """

    name: str
    make: Make
    place: int
    balanced: bool = False
    robust: bool = False

    @property
    def heeds_groups(self) -> bool:
        """Whether training knows of groups: a line of reference, and no mere optimizer."""
        return self.balanced or self.robust


def _stacked(rule: Rule, weight_decay: float = 0.0) -> Make:
    def make(parameters: list[Tensor], rates: Tensor, _: SampledLosses) -> torch.optim.Optimizer:
        return StackedOptimizer(
            parameters, rule, rates, weight_decay=weight_decay, decoupled=weight_decay > 0
        )

    return make


def _sharpness_aware(rule: Rule) -> Make:
    def make(parameters: list[Tensor], rates: Tensor, _: SampledLosses) -> torch.optim.Optimizer:
        return SAM(StackedOptimizer(parameters, rule, rates))

    return make


def _sophia(
    parameters: list[Tensor], rates: Tensor, sampled_losses: SampledLosses
) -> torch.optim.Optimizer:
    return StackedOptimizer(parameters, Sophia(sampled_losses), rates)


_MOMENTUM = _stacked(SGD(0.9))

_OPTIMIZERS: dict[str, Make] = {
    "SGD": _stacked(SGD()),
    "Momentum": _MOMENTUM,
    "Nesterov": _stacked(SGD(0.9, nesterov=True)),
    "NormalisedSGD": _stacked(SGD(normalised=True)),
    "Adagrad": _stacked(Adagrad()),
    "RMSprop": _stacked(RMSProp()),
    "Adam": _stacked(Adam()),
    # What torch takes by default: decay is all that sets it apart from Adam.
    "AdamW": _stacked(Adam(), weight_decay=0.01),
    "NAdam": _stacked(NAdam()),
    "Adafactor": _stacked(Adafactor()),
    "Muon": _stacked(Muon()),
    "SOAP": _stacked(SOAP()),
    "Sophia": _sophia,
    "SAM": _sharpness_aware(SGD(0.9)),
    "SAMAdam": _sharpness_aware(Adam()),
    "Lion": _stacked(Lion()),
    "SignSGD": _stacked(SignSGD()),
}
_OF_REFERENCE = (
    Contestant("balanced SGD", _MOMENTUM, usual_place("Momentum"), balanced=True),
    Contestant("group DRO", _MOMENTUM, usual_place("Momentum"), balanced=True, robust=True),
)

CONTESTANTS: dict[str, Contestant] = {
    **{name: Contestant(name, make, usual_place(name)) for name, make in _OPTIMIZERS.items()},
    **{one.name: one for one in _OF_REFERENCE},
}
"""All of them, by name. The lines of reference take steps of SGD with momentum."""
