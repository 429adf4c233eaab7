"""What a study compares: optimizers, and two ways of heeding groups as lines of reference."""

from __future__ import annotations

from collections.abc import Callable
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

CONTESTANTS: dict[str, Contestant] = {
    one.name: one
    for one in (
        Contestant("SGD", _stacked(SGD()), -1),
        Contestant("Momentum", _MOMENTUM, -3),
        Contestant("Nesterov", _stacked(SGD(0.9, nesterov=True)), -3),
        Contestant("NormalisedSGD", _stacked(SGD(normalised=True)), -2),
        Contestant("Adagrad", _stacked(Adagrad()), -3),
        Contestant("RMSprop", _stacked(RMSProp()), -5),
        Contestant("Adam", _stacked(Adam()), -5),
        # What torch takes by default: decay is all that sets it apart from Adam.
        Contestant("AdamW", _stacked(Adam(), weight_decay=0.01), -5),
        Contestant("NAdam", _stacked(NAdam()), -5),
        Contestant("Adafactor", _stacked(Adafactor()), -3),
        Contestant("Muon", _stacked(Muon()), -3),
        Contestant("SOAP", _stacked(SOAP()), -5),
        Contestant("Sophia", _sophia, -5),
        Contestant("SAM", _sharpness_aware(SGD(0.9)), -3),
        Contestant("SAMAdam", _sharpness_aware(Adam()), -5),
        Contestant("Lion", _stacked(Lion()), -6),
        Contestant("SignSGD", _stacked(SignSGD()), -6),
        Contestant("balanced SGD", _MOMENTUM, -3, balanced=True),
        Contestant("group DRO", _MOMENTUM, -3, balanced=True, robust=True),
    )
}
"""All of them, by name. The lines of reference take steps of SGD with momentum."""
