"""Hyper-gradients of other packages, on the same batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad
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
    if installed("torchopt"):
        found["torchopt neumann"] = _torchopt(network, loss, training, judged)
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


def _torchopt(
    network: nn.Module, loss: nn.Module, training: Batch, judged: Batch
) -> Callable[[], object]:
    """Its implicit differentiation of an optimum, at parameters that are taken for one."""
    import torchopt

    theta, alpha = dict(network.named_parameters()), dict(loss.named_parameters())

    def value(parameters: tuple[Tensor, ...], variables: tuple[Tensor, ...]) -> Tensor:
        outputs = functional_call(network, dict(zip(theta, parameters, strict=True)), training[0])
        named = dict(zip(alpha, variables, strict=True))
        return functional_call(loss, named, (outputs, training[1]))

    @torchopt.diff.implicit.custom_root(  # type: ignore[untyped-decorator]
        grad(value),
        argnums=1,
        solve=torchopt.linear_solve.solve_inv(ns=True, maxiter=TERMS - 1, alpha=1.0),
    )
    def solved(parameters: tuple[Tensor, ...], variables: tuple[Tensor, ...]) -> Any:
        return parameters

    def once() -> object:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls functions that torch has moved
            at = solved(
                tuple(p.detach().requires_grad_() for p in theta.values()), tuple(alpha.values())
            )
            outputs = functional_call(network, dict(zip(theta, at, strict=True)), judged[0])
            value = cross_entropy(outputs, judged[1])
            return torch.autograd.grad(value, list(alpha.values()))

    return once
