"""Hyper-gradients of other packages, on the same batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.autobalance_problem import TERMS
from benchmarks.constrained_peers import installed

Batch = tuple[Tensor, Tensor]


def peers(
    network: nn.Module, loss: nn.Module, training: Batch, judged: Batch
) -> dict[str, Callable[[], object]]:
    """Hyper-gradients of all peers that are installed, by name.

    Parameters
    ----------
    network : Module
    loss : Module
        Of outputs and labels; its parameters are the outer variables.
    training, judged : tuple of Tensor
        Features and labels.

    Returns
    -------
    dict of callable
    """
    found: dict[str, Callable[[], object]] = {}
    if installed("betty"):
        found |= _betty(network, loss, training, judged)
    return found


def _betty(
    network: nn.Module, loss: nn.Module, training: Batch, judged: Batch
) -> dict[str, Callable[[], object]]:
    """What its engine calls at each outer step, without the engine."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it reads a deprecated package on being imported
        from betty.hypergradient import get_grads

    def problem(module: nn.Module, **config: Any) -> Any:
        return SimpleNamespace(
            config=SimpleNamespace(**config),
            paths=[],
            cur_batch=training,
            trainable_parameters=lambda: list(module.parameters()),
            training_step_exec=lambda batch: loss(network(batch[0]), batch[1]),
        )

    def hypergradient(**config: Any) -> Callable[[], object]:
        inner = problem(network, **config)
        outer = problem(loss)

        def once() -> object:
            value = cross_entropy(network(judged[0]), judged[1])
            # Its release on PyPI leaves the parameters a step away from where they were.
            before = [p.detach().clone() for p in network.parameters()]
            grads = get_grads(value, [outer, inner, outer], retain_graph=False)
            with torch.no_grad():
                for p, x in zip(network.parameters(), before, strict=True):
                    p.copy_(x)
            return grads

        return once

    return {
        "betty darts": hypergradient(type="darts", darts_alpha=0.01),
        "betty neumann": hypergradient(
            type="neumann", neumann_alpha=1.0, neumann_iterations=TERMS - 1
        ),
    }
