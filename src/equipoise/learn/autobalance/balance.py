"""From rows to a network: search a loss, see whether it helps, train with it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
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
        Trained on all rows; in evaluation mode.
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
    needed: float = Choice.needed,
    augment: Augment | None = None,
    class_names: Sequence[object] | None = None,
    watch: Callable[[nn.Module], Watch] | None = None,
    progress: Progress | None = None,
) -> Balanced:
    """Search a training loss, compare it with the one begun with, and train with the better.

    Li et al. 2021 (arXiv 2201.01212), algorithm 1, whose last step trains on training and
    validation rows together. The comparison is ours: a loss that was searched on few rows may be
    worse than the prior, and is then not used. It is made on rows of which the search saw nothing
    but their training loss, as many as were held out, in the place of which the networks that are
    compared are trained on the rows that the search was judged on: those would flatter it.

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
        By what they are, of (logits, label, group, weights); by default the objective with an error
        in place of each row's cross-entropy, since it is decisions that models are used for.
    needed : float
        By how many standard errors what was found must be better to be used; 1 is the rule of
        Breiman et al. 1984, by which the simpler of two that are about as good is taken.
    augment : callable, optional
        Of features and labels of training batches; what parameters it has are searched too.
    class_names : sequence, length K, optional
        What warnings call the classes.
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
        held_out = hold_out(rows, n_classes, validation_fraction, seed, class_names=class_names)
    _require_part(held_out, len(rows))
    training = rows.take(np.setdiff1d(np.arange(len(rows)), held_out))
    validation = rows.take(held_out)
    _warn_of_few(validation, class_names or range(n_classes))
    loss = copy.deepcopy(prior)
    policies = {"prior": copy.deepcopy(augment), "searched": augment}
    told = _Parts(progress, 4 if compare else 2)
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
        judged = _judged_rows(rows, n_classes, held_out, seed)
        others, judges = rows.take(np.setdiff1d(np.arange(len(rows)), judged)), rows.take(judged)
        for name in losses:
            networks[name] = trained(name, others, last=False)
        first, second = (_logits(networks[name], judges.features) for name in losses)
        choice = choose(
            (first, second),
            judges.label,
            group_codes(judges),
            judges.weights,
            judge or errors_of(objective),
            seed,
            needed,
        )
        chosen = "prior" if choice.keeps_prior else "searched"
    network = trained(chosen, rows, last=True)
    network.eval()
    return Balanced(network, losses[chosen], loss, trajectory, choice, policies[chosen])


def hold_out(
    rows: Rows,
    n_classes: int,
    fraction: float,
    seed: int,
    *,
    class_names: Sequence[object] | None = None,
) -> NDArray[np.int64]:
    """Which rows are judged on and not trained on, by class and group.

    Parameters
    ----------
    rows : Rows
    n_classes : int
    fraction : float
        Of those to be judged on.
    seed : int
    class_names : sequence, length K, optional
        What an error calls the classes.

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
    sizes = np.bincount(rows.label.cpu().numpy(), minlength=n_classes)
    if sizes.min() < 2:
        name = (class_names or range(n_classes))[int(sizes.argmin())]
        raise ValueError(
            f"class {name} has {'1 row' if sizes.min() else 'no row'}, and one is needed on either "
            "side: gather rows of it, leave it out, or join it with another."
        )
    return _part(rows, n_classes, fraction, seed, leave_one=True)


def _part(
    rows: Rows, n_classes: int, fraction: float, seed: int, *, leave_one: bool
) -> NDArray[np.int64]:
    """A share of each class and group, and of each class a row at least."""
    label = rows.label.cpu().numpy()
    strata = rows.cells(n_classes)
    taken = split(strata, {"left": 1 - fraction, "taken": fraction}, seed)["taken"]
    chosen = np.isin(np.arange(len(label)), taken)
    random = np.random.default_rng([seed, 7])
    for k in range(n_classes):
        own = np.flatnonzero(label == k)
        # A share of a few rows may be none of them, or all.
        if len(own) and (not chosen[own].any() or (leave_one and chosen[own].all())):
            one = random.choice(own)
            chosen[one] = not chosen[one]
    return np.flatnonzero(chosen)


def _judged_rows(
    rows: Rows, n_classes: int, held_out: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """As many of the other rows, or all of them if there are hardly more."""
    training = np.setdiff1d(np.arange(len(rows)), held_out)
    if len(training) - len(held_out) < len(training) / 10:
        return training
    share = len(held_out) / len(training)
    # Rows that were held out stay with the others, so that these have every class in any case.
    return training[_part(rows.take(training), n_classes, share, seed, leave_one=False)]


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


def _warn_of_few(validation: Rows, class_names: Sequence[object]) -> None:
    names = [f"class {name}" for name in class_names]
    advice = ""
    if validation.groups is None:
        advice = " (the default dictionary has two)"
    else:
        names = [f"{name} of {group!r}" for group in validation.groups.names for name in names]
    sizes = np.bincount(validation.cells(len(class_names)), minlength=len(names))
    few = np.flatnonzero((sizes > 0) & (sizes < _FEW_ROWS))
    if len(few):
        least = few[sizes[few].argmin()]
        warnings.warn(
            f"{len(few)} of {len(names)} cells have fewer than {_FEW_ROWS} validation rows "
            f"({names[least]} has {sizes[least]}): learn few terms{advice}, or hold out a larger "
            "validation_fraction.",
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
