"""AutoBalance as one of the ways of training for a promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn.autobalance.balance import balance
from equipoise.learn.autobalance.network import OneMLP
from equipoise.learn.autobalance.search import group_codes
from equipoise.learn.autobalance.settings import SearchSettings
from equipoise.learn.autobalance.space import Start, make_objective, make_prior
from equipoise.learn.imbalance import cell_counts
from equipoise.learn.methods import Method, register_method
from equipoise.learn.mixed import side_by_side
from equipoise.learn.network import StackedMLP
from equipoise.learn.optimizers import DECOUPLED, MORE_THAN_GRADIENTS
from equipoise.learn.problem import Rows
from equipoise.learn.train import Progress, Trained, TrainingSettings
from equipoise.learn.watch import History, Watch


def train_autobalance(
    rows: Rows,
    n_classes: int,
    seeds: Sequence[int],
    settings: TrainingSettings,
    promises: Sequence[Constraint],
    watched: Rows | None,
    validation: Rows | None,
    progress: Progress | None,
) -> Trained:
    """Train one replicate a seed, each with a loss of its own.

    The loss is designed for the promises or, without any, for classes that all count the same.
    What fraction of the rows a loss is judged on, and all else, is as by default.

    Parameters
    ----------
    rows : Rows
        Of which those of weight 0 are left out, as are those of ``validation``.
    n_classes : int
    seeds : sequence of int, length r
    settings : TrainingSettings
        Of each training.
    promises : sequence of Constraint
    watched : Rows, optional
    validation : Rows, optional
        What the loss is judged on; a fifth of the rows by default.
    progress : callable, optional

    Returns
    -------
    Trained

    Raises
    ------
    ValueError
        If groups overlap.
    FloatingPointError
        If training diverges.
    """
    held_out, rows = None, _that_count(rows)
    if validation is not None:
        validation = _that_count(validation)
        held_out = np.arange(len(rows), len(rows) + len(validation))
        rows = _together(rows, validation)
    group = group_codes(rows) if promises else None
    if group is None and rows.groups is not None:
        rows = Rows(rows.features, rows.label, rows.weights, None, rows.weigh_rates)
    n_groups = None if rows.groups is None else len(rows.groups)
    label = rows.label.cpu().numpy()
    counts = cell_counts(
        label,
        n_classes,
        None if group is None else group.cpu(),
        n_groups,
        None if rows.weights is None else rows.weights.cpu(),
    )
    objective = make_objective(
        list(promises) or "balanced", None, n_classes, n_groups, weigh_rates=rows.weigh_rates
    )
    how = SearchSettings.for_promises() if promises else SearchSettings()
    if settings.optimizer in DECOUPLED:  # whose decay is in no loss, and so in no Hessian
        how = replace(how, hypergradient="identity")
    start: Start = "cross-entropy" if promises else "logit-adjusted"
    device, dtype = rows.features.device, rows.features.dtype
    networks, histories = [], []
    for number, seed in enumerate(seeds):
        prior = make_prior(counts, how.learn, None, start).to(device)
        watches: list[Watch] = []

        def make_network(seed: int = seed) -> OneMLP:
            sizes = rows.features.shape[1], settings.hidden, n_classes
            return OneMLP(StackedMLP(*sizes, [seed], dtype)).to(device)

        def watch(network: OneMLP, watches: list[Watch] = watches) -> Watch:
            looked_at = rows if watched is None else watched
            watches.append(Watch(network.stack, looked_at, n_classes, promises))
            return watches[-1]

        def told(done: int, of: int, number: int = number) -> None:
            if progress is not None:
                progress(number * of + done, len(seeds) * of)

        found = balance(
            make_network,
            rows,
            n_classes,
            prior,
            objective,
            settings,
            how,
            seed,
            held_out=held_out,
            # The loss begun with does nothing for a promise: to stay with it is no caution.
            compare=not promises,
            watch=watch,  # type: ignore[arg-type]
            progress=told,
        )
        assert isinstance(found.network, OneMLP)
        networks.append(found.network.stack)
        histories.append(watches[0].history())
    return Trained(side_by_side(networks), History.side_by_side(histories))


def _that_count(rows: Rows) -> Rows:
    if rows.weights is None or bool((rows.weights > 0).all()):
        return rows
    return rows.take(np.flatnonzero(rows.weights.cpu().numpy() > 0))


def _weights(rows: Rows) -> Tensor:
    """Mean 1, as all weights of rows."""
    if rows.weights is None:
        return rows.features.new_ones(len(rows))
    return rows.weights


def _together(first: Rows, second: Rows) -> Rows:
    groups = None
    if first.groups is not None and second.groups is not None:
        names = first.groups.names
        codes = first.groups.codes, second.groups.codes
        if codes[0] is None or codes[1] is None or second.groups.names != names:
            raise ValueError(
                "rows and validation must have the same groups, of which none overlap: cross the "
                "sensitive features (how='crossed')."
            )
        groups = Groups(names, codes=np.concatenate([codes[0], codes[1]]))
    weights = None
    if first.weights is not None or second.weights is not None:
        weights = torch.cat([_weights(first), _weights(second)])
    return Rows(
        torch.cat([first.features, second.features]),
        torch.cat([first.label, second.label]),
        weights,
        groups,
        first.weigh_rates,
    )


AUTOBALANCE = register_method(
    Method(
        "autobalance",
        "AutoBalance: a loss of class and group terms, learnt on rows held out",
        train=train_autobalance,
        disjoint_groups=True,
        refuses=MORE_THAN_GRADIENTS,
    )
)
"""The method by its name."""
