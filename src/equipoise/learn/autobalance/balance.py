"""From rows to a network: search a loss, see whether it helps, train with it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from equipoise.data import split
from equipoise.learn.autobalance.choice import Choice, choose, errors_of
from equipoise.learn.autobalance.exact import search_exactly, solve
from equipoise.learn.autobalance.fit import fit
from equipoise.learn.autobalance.search import Augment, Search, group_codes
from equipoise.learn.autobalance.settings import SearchSettings
from equipoise.learn.autobalance.trajectory import Trajectory
from equipoise.learn.imbalance import Objective, ParametricCrossEntropy
from equipoise.learn.problem import Rows
from equipoise.learn.threads import one_thread
from equipoise.learn.train import Progress, TrainingSettings
from equipoise.learn.watch import Watch

# With fewer validation rows of a cell the objective is mostly about which rows these are.
_FEW_ROWS = 10


class FewValidationRowsWarning(UserWarning):
    """A class, or a class of a group, has too few validation rows to judge a loss by."""


@dataclass(frozen=True, eq=False)
class Balanced:
    """What came of a search.

    Attributes
    ----------
    network : Module
        Trained on all rows, unless retraining was turned off; in evaluation mode.
    loss : ParametricCrossEntropy
        With which it was: what was found, or the prior where that did not help.
    searched : ParametricCrossEntropy
        What was found.
    trajectory : Trajectory
    choice : Choice or None
        How the two losses compare; None where they were not compared.
    augment : callable or None
        What was found of an augmentation.
    """

    network: nn.Module
    loss: ParametricCrossEntropy
    searched: ParametricCrossEntropy
    trajectory: Trajectory
    choice: Choice | None
    augment: Augment | None = None


@one_thread()
def balance(
    make_network: Callable[[], nn.Module],
    rows: Rows,
    n_classes: int,
    prior: ParametricCrossEntropy,
    objective: Objective,
    settings: TrainingSettings,
    how: SearchSettings,
    seed: int,
    *,
    held_out: NDArray[np.int64] | None = None,
    validation_fraction: float = 0.2,
    compare: bool = True,
    judge: Objective | None = None,
    needed: float = 2.0,
    retrain: bool = True,
    augment: Augment | None = None,
    watch: Callable[[nn.Module], Watch] | None = None,
    progress: Progress | None = None,
) -> Balanced:
    """Search a training loss, compare it with the one begun with, and train with the better.

    Li et al. 2021 (arXiv 2201.01212), algorithm 1, whose last step trains on training and
    validation rows together. The comparison is ours: a loss that was searched on few rows may be
    worse than the prior, and is then not used.

    Parameters
    ----------
    make_network : callable
        A new network, alike each time, that maps features (b, ...) to logits (b, K). An exact
        search makes linear models of its own.
    rows : Rows
    n_classes : int
    prior : ParametricCrossEntropy
        Where the search begins; it is not changed.
    objective : callable
    settings : TrainingSettings
    how : SearchSettings
    seed : int
    held_out : ndarray of int, optional
        The numbers of the rows that are judged on; by default ``validation_fraction`` of all rows,
        by class and group.
    validation_fraction : float
    compare : bool
        Whether the two losses are compared; without, what was found is used.
    judge : callable, optional
        By what they are, of (logits, label, group); by default the objective with an error in
        place of each row's cross-entropy, since it is decisions that models are used for.
    needed : float
        By how many standard errors what was found must be better to be used. The rows that it is
        judged on are those it was searched on, so that one is little.
    retrain : bool
        Whether the network is trained anew on all rows. Without, it is the one that was compared,
        trained on the training rows.
    augment : callable, optional
        Of features and labels of training batches; what parameters it has are searched too.
    watch : callable, optional
        What looks at the network that is trained last.
    progress : callable, optional

    Returns
    -------
    Balanced

    Raises
    ------
    ValueError
        If there are too few rows, groups overlap, ``held_out`` is no part of the rows, or what is
        said of the search does not go together.
    FloatingPointError
        If a training diverges.
    """
    group_codes(rows, prior)
    if held_out is None:
        held_out = hold_out(rows, n_classes, validation_fraction, seed)
    _require_part(held_out, len(rows))
    training = rows.take(np.setdiff1d(np.arange(len(rows)), held_out))
    validation = rows.take(held_out)
    _warn_of_few(validation, n_classes)
    loss = copy.deepcopy(prior)
    policies = {"prior": copy.deepcopy(augment), "searched": augment}
    told = _Parts(progress, 1 + 2 * compare + (retrain or not compare))
    before: nn.Module | None = None
    if how.exact:
        if augment is not None:
            raise ValueError("an exact search is of features as they are: leave out augment.")
        if settings.hidden:
            raise ValueError(
                "hypergradient='exact' is of a linear model: give hidden=(), or another one."
            )
        trajectory = search_exactly(
            loss, training, validation, n_classes, objective, settings.weight_decay, how, told
        )
    else:
        before = make_network()
        search = Search(before, loss, training, validation, objective, settings, how, seed, augment)
        trajectory = search.run(told)
    loss.requires_grad_(False)
    losses = {"prior": prior, "searched": loss}
    networks: dict[str, nn.Module] = {}

    def trained(name: str, some: Rows, last: bool) -> nn.Module:
        told.next()
        if how.exact:
            network: nn.Module = solve(losses[name], some, n_classes, settings.weight_decay)
            told(1, 1)
            return network
        network = make_network()
        if network is before or network in networks.values():
            raise ValueError(
                "make_network gave the same network twice: have it make a new one at each call."
            )
        fit(
            network,
            losses[name],
            some,
            settings,
            seed,
            augment=policies[name],
            watch=watch(network) if watch is not None and last else None,
            progress=told,
        )
        return network

    chosen, choice = "searched", None
    if compare:
        for name in losses:
            networks[name] = trained(name, training, last=False)
        group = group_codes(validation)
        logits = tuple(_logits(networks[name], validation.features) for name in losses)
        figure = judge or errors_of(objective)
        choice = choose((logits[0], logits[1]), validation.label, group, figure, seed, needed)
        chosen = "prior" if choice.keeps_prior else "searched"
    if retrain or not compare:
        network = trained(chosen, rows if retrain else training, last=True)
    else:
        network = networks[chosen]
    network.eval()
    return Balanced(network, losses[chosen], loss, trajectory, choice, policies[chosen])


def hold_out(rows: Rows, n_classes: int, fraction: float, seed: int) -> NDArray[np.int64]:
    """Which rows are judged on and not trained on, by class and group.

    Parameters
    ----------
    rows : Rows
    n_classes : int
    fraction : float
        Of those to be judged on.
    seed : int

    Returns
    -------
    ndarray of int

    Raises
    ------
    ValueError
        If the fraction is not between 0 and 1, or a class has fewer than two rows.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"validation_fraction must lie between 0 and 1, not {fraction}.")
    label = rows.label.cpu().numpy()
    strata = rows.cells(n_classes)
    held = split(strata, {"training": 1 - fraction, "validation": fraction}, seed)["validation"]
    chosen = np.isin(np.arange(len(label)), held)
    random = np.random.default_rng([seed, 7])
    for k in range(n_classes):
        own = np.flatnonzero(label == k)
        if len(own) < 2:
            raise ValueError(
                f"class {k} has {len(own)} rows, and one is needed on either side: gather rows of "
                "it, leave it out, or join it with another."
            )
        # A share of a few rows may be none of them, or all.
        if chosen[own].all() or not chosen[own].any():
            one = random.choice(own)
            chosen[one] = not chosen[one]
    return np.flatnonzero(chosen)


def _require_part(held_out: NDArray[np.int64], n_rows: int) -> None:
    """Refuse what is no part of the rows: a mask or -1 would leave rows on both sides."""
    codes = np.asarray(held_out)
    if codes.ndim != 1 or codes.dtype.kind not in "iu" or not 0 < len(codes) < n_rows:
        raise ValueError(
            f"held_out must be the numbers of some of the {n_rows:,} rows, not all and not none, "
            f"but is {codes.dtype} of shape {codes.shape}; of a mask, take np.flatnonzero."
        )
    if codes.min() < 0 or codes.max() >= n_rows or len(np.unique(codes)) < len(codes):
        raise ValueError(
            f"held_out must lie in 0..{n_rows - 1}, each row once, but has {len(codes)} numbers "
            f"from {codes.min()} to {codes.max()}, {len(np.unique(codes))} of them different."
        )


def _warn_of_few(validation: Rows, n_classes: int) -> None:
    names = [f"class {k}" for k in range(n_classes)]
    if validation.groups is not None:
        names = [f"class {k} of {g!r}" for g in validation.groups.names for k in range(n_classes)]
    sizes = np.bincount(validation.cells(n_classes), minlength=len(names))
    few = np.flatnonzero((sizes > 0) & (sizes < _FEW_ROWS))
    if len(few):
        least = few[sizes[few].argmin()]
        warnings.warn(
            f"{len(few)} of {len(names)} cells have fewer than {_FEW_ROWS} validation rows "
            f"({names[least]} has {sizes[least]}): learn few terms (the default dictionary has "
            "two), or hold out a larger validation_fraction.",
            FewValidationRowsWarning,
            stacklevel=4,  # of the caller of balance, in its wrapper
        )


@torch.no_grad()
def _logits(network: nn.Module, features: Tensor, block: int = 8192) -> Tensor:
    network.eval()
    dtype = next(network.parameters()).dtype
    return torch.cat([network(x.to(dtype)) for x in features.split(block)])


class _Parts:
    """Progress of one training after another, told as of one."""

    def __init__(self, progress: Progress | None, parts: int) -> None:
        self._progress, self._parts, self._done = progress, parts, 0

    def __call__(self, done: int, of: int) -> None:
        if self._progress is not None:
            self._progress(self._done * of + done, self._parts * of)

    def next(self) -> None:
        self._done += 1
