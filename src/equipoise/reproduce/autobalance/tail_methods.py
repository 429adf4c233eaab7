"""The methods on classes made rare: fixed losses, an adjustment afterwards, and searches."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from equipoise.learn import Rows
from equipoise.learn.autobalance import (
    FewValidationRowsWarning,
    SearchSettings,
    balance,
    fit,
    make_objective,
    make_prior,
)
from equipoise.learn.autobalance.space import Start
from equipoise.learn.imbalance import (
    LDAM,
    DeferredReweighting,
    ParametricCrossEntropy,
    adjust_logits,
    cdt,
    log_prior,
    logit_adjusted,
    tune_tau,
    vector_scaling,
)
from equipoise.learn.imbalance.parametric import Term
from equipoise.reproduce.autobalance.material import Material
from equipoise.reproduce.autobalance.method import Method
from equipoise.reproduce.autobalance.models import cross_entropy, decisions, logits_of
from equipoise.reproduce.autobalance.networks import make_network
from equipoise.reproduce.autobalance.record import Found
from equipoise.reproduce.autobalance.tail import TailTask

_CDT_GAMMA = 0.3
_VS_GAMMA, _VS_TAU = 0.15, 1.0
# Weights hold from here on: Cao et al. train 160 of 200 epochs without.
_DEFERRED = 0.8
# With the default number of outer steps a term moves by 2.5 at most, which is how far the l of
# logit adjustment is from cross-entropy's at a ratio of 100: log(100) / 2 either way. A search that
# begins at logit adjustment has less far to go, and the library's own rate.
_FROM_CROSS_ENTROPY = 0.05
_FROM_ADJUSTED = SearchSettings.learning_rate

AUTOBALANCE = "AutoBalance"
"""The search that claims are about: the library's default, fixed before any figure was seen."""

POST_HOC = "post-hoc LA"

_BOTH: tuple[Term, ...] = ("additive", "multiplicative")


def tail_methods() -> list[Method]:
    """All of them.

    Returns
    -------
    list of Method
    """
    return [
        Method("CE", "cross-entropy", "fixed", _fixed(lambda counts: cross_entropy(len(counts)))),
        Method("LA", "logit adjustment, tau 1", "fixed", _fixed(logit_adjusted)),
        Method(
            "LDAM-DRW", "label-dependent margins, classes weighted at the end", "fixed", _ldam_drw
        ),
        Method(
            "CDT",
            f"class-dependent temperatures, gamma {_CDT_GAMMA}",
            "fixed",
            _fixed(partial(cdt, gamma=_CDT_GAMMA)),
        ),
        Method(
            "VS",
            f"vector scaling, gamma {_VS_GAMMA}, tau {_VS_TAU:g}",
            "fixed",
            _fixed(partial(vector_scaling, gamma=_VS_GAMMA, tau=_VS_TAU)),
        ),
        Method(POST_HOC, "CE with tau tuned on the rows held out", "tuned", _post_hoc),
        Method("tau", "one number: how strongly l follows the prior", "searched", _search_tau),
        Method("l", "l of each class, from CE", "searched", _search(("additive",))),
        Method("Delta", "Delta of each class, from CE", "searched", _search(("multiplicative",))),
        Method("l&Delta", "both of each class, from CE", "searched", _search(_BOTH)),
        Method(
            "l&Delta, LA init",
            "both of each class, from LA",
            "searched",
            _search(_BOTH, start="logit-adjusted"),
        ),
        Method(
            AUTOBALANCE,
            "the library's default: two numbers for how l and Delta follow the frequencies, from "
            "LA, which is kept where the search did not help",
            "searched",
            _default,
        ),
    ]


def _fixed(make_loss: Callable[..., nn.Module]) -> Callable[[Material, TailTask, int], Found]:
    def run(material: Material, task: TailTask, seed: int) -> Found:
        network = _network(material, task, seed)
        fit(network, make_loss(material.counts), material.rows, task.settings, seed)
        return Found(decisions(network, material.test))

    return run


def _ldam_drw(material: Material, task: TailTask, seed: int) -> Found:
    loss = DeferredReweighting(LDAM(material.counts), material.counts, start=1)
    network = _network(material, task, seed, cosines=True)

    def reweight_late(done: int, of: int) -> None:
        loss.epoch = int(done >= _DEFERRED * of)

    fit(network, loss, material.rows, task.settings, seed, progress=reweight_late)
    return Found(decisions(network, material.test))


def _post_hoc(material: Material, task: TailTask, seed: int) -> Found:
    # Tuned where the network was not trained, and kept for the network of all rows.
    def trained(rows: Rows) -> nn.Module:
        network = _network(material, task, seed)
        fit(network, cross_entropy(material.n_classes), rows, task.settings, seed)
        return network

    held = material.validation
    found = tune_tau(
        logits_of(trained(material.training), held),
        held.label,
        material.counts_of(material.training),
    )
    logits = logits_of(trained(material.rows), material.test)
    adjusted = adjust_logits(logits, material.counts, found.tau)
    return Found(adjusted.argmax(1).numpy(), f"tau {found.tau:.2f}")


def _search(
    learn: tuple[Term, ...], start: Start = "cross-entropy"
) -> Callable[[Material, TailTask, int], Found]:
    rate = _FROM_CROSS_ENTROPY if start == "cross-entropy" else _FROM_ADJUSTED

    def run(material: Material, task: TailTask, seed: int) -> Found:
        prior = make_prior(material.counts, learn, "free", start)
        return _searched(material, task, seed, prior, learn, rate)

    return run


def _search_tau(material: Material, task: TailTask, seed: int) -> Found:
    learn: tuple[Term, ...] = ("additive",)
    prior = ParametricCrossEntropy(
        material.n_classes, learn=learn, dictionary=log_prior(material.counts)[:, None]
    )
    return _searched(material, task, seed, prior, learn, _FROM_CROSS_ENTROPY)


def _default(material: Material, task: TailTask, seed: int) -> Found:
    prior = make_prior(material.counts, SearchSettings.learn, None, "logit-adjusted")
    return _searched(
        material, task, seed, prior, SearchSettings.learn, _FROM_ADJUSTED, compare=True
    )


def _searched(
    material: Material,
    task: TailTask,
    seed: int,
    prior: ParametricCrossEntropy,
    learn: tuple[Term, ...],
    learning_rate: float,
    *,
    compare: bool = False,
) -> Found:
    how = SearchSettings(learn=learn, outer_steps=task.outer_steps, learning_rate=learning_rate)
    with warnings.catch_warnings():
        # What a tail has to be judged by is in the table of counts.
        warnings.simplefilter("ignore", FewValidationRowsWarning)
        found = balance(
            lambda: _network(material, task, seed),
            material.rows,
            material.n_classes,
            prior,
            make_objective("balanced", None, material.n_classes, None),
            task.settings,
            how,
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


def _network(
    material: Material, task: TailTask, seed: int, *, cosines: bool = False
) -> torch.nn.Module:
    shape = material.rows.features.shape[1:]
    return make_network(shape, task.hidden, material.n_classes, seed, cosines=cosines)
