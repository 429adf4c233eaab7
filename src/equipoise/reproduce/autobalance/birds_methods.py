"""The methods on Waterbirds, and the blends that make up the frontiers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor, nn

from equipoise.learn import TrainingSettings
from equipoise.learn.autobalance import SearchSettings, balance, make_objective, make_prior, solve
from equipoise.learn.autobalance.search import mean_loss
from equipoise.learn.imbalance import (
    ParametricCrossEntropy,
    blend,
    equalized_odds_loss,
    group_logit_adjusted,
    weighted_cross_entropy,
)
from equipoise.learn.imbalance.parametric import Term
from equipoise.reproduce.autobalance.birds import BirdsTask
from equipoise.reproduce.autobalance.birds_baselines import (
    descend,
    group_dro,
    last_layer_on_balanced_draws,
)
from equipoise.reproduce.autobalance.birds_thresholds import (
    thresholds_for_balance,
    thresholds_for_odds,
)
from equipoise.reproduce.autobalance.material import Material
from equipoise.reproduce.autobalance.method import Method
from equipoise.reproduce.autobalance.models import cross_entropy, decisions
from equipoise.reproduce.autobalance.record import Found

FAMILIES = ("CE balanced", "Group-LA", "CE_deo", "AutoBalance")
"""What the cross-entropy is blended with: in training, or for AutoBalance on validation rows."""

_OWN_NAMES = {
    ("CE balanced", 0.0): "CE balanced",
    ("Group-LA", 0.0): "Group-LA",
    ("CE_deo", 0.0): "CE_deo",
    ("CE_deo", 0.1): "blend",
    ("AutoBalance", 0.1): "AutoBalance",
}
_BOTH: tuple[Term, ...] = ("additive", "multiplicative")
_LOSSES: dict[str, Callable[..., ParametricCrossEntropy]] = {
    "CE balanced": weighted_cross_entropy,
    "Group-LA": group_logit_adjusted,
}


class Blended(nn.Module):
    """(1 - w) times a loss with terms of groups plus w times the cross-entropy.

    Parameters
    ----------
    loss : ParametricCrossEntropy
        With terms of groups.
    weight_ce : float
        w, from 0 to 1.
    """

    def __init__(self, loss: ParametricCrossEntropy, weight_ce: float) -> None:
        super().__init__()
        self.loss = loss
        self.plain = cross_entropy(loss.n_classes)
        self.weight_ce = weight_ce
        self.n_groups = loss.n_groups

    def forward(self, logits: Tensor, label: Tensor, group: Tensor) -> Tensor:
        """Mean over the rows of a batch.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
        label, group : Tensor of int64, shape (b,)

        Returns
        -------
        Tensor, shape ()
        """
        blended = self.weight_ce * self.plain(logits, label)
        return blended + (1 - self.weight_ce) * mean_loss(self.loss, logits, label, group, None)


def blend_name(family: str, weight_ce: float) -> str:
    """The name of the method that blends a family with the cross-entropy.

    Parameters
    ----------
    family : str
        One of :data:`FAMILIES`.
    weight_ce : float
        Of the cross-entropy, below 1.

    Returns
    -------
    str
    """
    return _OWN_NAMES.get((family, weight_ce), f"{family}, {weight_ce:g} CE")


def birds_methods() -> list[Method]:
    """The methods of the table.

    Returns
    -------
    list of Method
    """
    return [
        Method("CE", "cross-entropy", "fixed", _cross_entropy),
        _blended("CE balanced", 0.0, "every cell counts the same"),
        _blended("Group-LA", 0.0, "places count the same, logits adjusted by priors within them"),
        _blended("CE_deo", 0.0, "differences of losses between places, in training"),
        _blended("CE_deo", 0.1, "a tenth of cross-entropy and nine of CE_deo, in training"),
        Method("group DRO", "the worst cell's loss", "tuned", group_dro),
        Method(
            "DFR",
            "as many rows of every cell, averaged over draws",
            "tuned",
            last_layer_on_balanced_draws,
        ),
        Method(
            "thresholds, balanced",
            "CE with a threshold for each place, of least balanced error; asks for the place",
            "tuned",
            thresholds_for_balance,
        ),
        Method(
            "thresholds, odds",
            "CE with a threshold for each place, odds within 0.05; asks for the place",
            "tuned",
            thresholds_for_odds,
        ),
        _blended("AutoBalance", 0.1, "l and Delta; a tenth of cross-entropy and nine of CE_deo"),
        Method(
            "AutoBalance, l",
            "l alone; judged as AutoBalance",
            "searched",
            partial(_autobalance, objective="equalized_odds", weight_ce=0.1, learn=("additive",)),
        ),
        Method(
            BALANCED,
            "the library's default: l and Delta, judged by the balanced cross-entropy, from LA "
            "within places, which is kept where the search did not help",
            "searched",
            partial(_autobalance, objective="balanced", weight_ce=0.0, learn=_BOTH, compare=True),
        ),
    ]


BALANCED = "AutoBalance, balanced"
"""The library's default, judged by what the tasks with rare classes are judged by."""


def frontier_methods(weights: Sequence[float]) -> list[Method]:
    """The blends of the frontiers, without those that are in the table already.

    Parameters
    ----------
    weights : sequence of float
        Of the cross-entropy.

    Returns
    -------
    list of Method
    """
    return [
        _blended(family, weight, f"{family} with a share of {weight:g} of cross-entropy")
        for family in FAMILIES
        for weight in weights
        if (family, weight) not in _OWN_NAMES
    ]


def _blended(family: str, weight_ce: float, title: str) -> Method:
    name = blend_name(family, weight_ce)
    if family == "AutoBalance":
        run = partial(_autobalance, objective="equalized_odds", weight_ce=weight_ce, learn=_BOTH)
        return Method(name, title, "searched", run)
    if family == "CE_deo":
        return Method(name, title, "fixed", partial(_descended, weight_ce=weight_ce))
    return Method(name, title, "fixed", partial(_solved, family=family, weight_ce=weight_ce))


def _cross_entropy(material: Material, task: BirdsTask, seed: int) -> Found:
    return _of(material, cross_entropy(), task)


def _solved(
    material: Material, task: BirdsTask, seed: int, *, family: str, weight_ce: float
) -> Found:
    return _of(material, Blended(_LOSSES[family](material.counts), weight_ce), task)


def _descended(material: Material, task: BirdsTask, seed: int, *, weight_ce: float) -> Found:
    return descend(blend(equalized_odds_loss, weight_ce=weight_ce), material, task)


def _of(material: Material, loss: nn.Module, task: BirdsTask) -> Found:
    head = solve(loss, material.rows, 2, task.weight_decay)
    return Found(decisions(head, material.test))


def _autobalance(
    material: Material,
    task: BirdsTask,
    seed: int,
    *,
    objective: str,
    weight_ce: float,
    learn: tuple[Term, ...],
    compare: bool = False,
) -> Found:
    # As published what was found is used, whether or not it is better than what it began with.
    found = balance(
        _no_network,
        material.rows,
        2,
        make_prior(material.counts, learn, "free", "logit-adjusted"),
        make_objective(objective, weight_ce, 2, 2),
        TrainingSettings(hidden=(), weight_decay=task.weight_decay),
        SearchSettings(
            learn=learn,
            hypergradient="exact",
            outer_steps=task.outer_steps,
            learning_rate=task.outer_learning_rate,
        ),
        seed,
        held_out=material.held_out,
        compare=compare,
    )
    kept = found.choice is not None and found.choice.keeps_prior
    return Found(
        decisions(found.network, material.test),
        "kept LA" if kept else "",
        found.searched,
        found.trajectory,
    )


def _no_network() -> nn.Module:
    raise AssertionError("an exact search makes linear models of its own")
