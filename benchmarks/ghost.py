"""The Stochastic Ghost method: the cost of an iteration, and how exact its sub-problems are."""

from __future__ import annotations

import statistics

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.constrained_peers import Loop, installed
from benchmarks.constrained_problem import BATCH, BOUND, AdultLike, network
from benchmarks.figure import Figure
from benchmarks.rounds import Rounds
from equipoise.optim.constrained import StochasticGhost
from equipoise.optim.constrained.ghost_direction import direction
from equipoise.optim.constrained.ghost_relaxation import relaxation

Array = NDArray[np.float64]

FEATURES = 9  # with which the small network has the 2,753 parameters of arXiv 2507.04033
MILLION = (1000, 1000)
# What both packages take by default but for the levels, whose p0 = 0.3 in the peer makes the
# expected number of rows infinite.
P0, RHO, BETA, LAMBDA, TAU = 0.6, 0.8, 10.0, 0.5, 1.0
RATE = 0.01


def figures() -> list[Figure]:
    data = AdultLike(FEATURES)
    loops: dict[str, Loop] = {"ours": _ours(data, network(FEATURES))}
    if installed("humancompatible") and installed("qpsolvers") and installed("osqp"):
        loops["hct"] = _peer(data)
    # Levels are random, and with them the cost: means, over many iterations.
    seconds = Rounds(loops, steps=5, rounds=8, warm_up=2).seconds
    few = statistics.fmean(Rounds({"ours": loops["ours"]}, steps=100, rounds=3).seconds["ours"])
    found = [
        Figure(
            "constrained.ghost_ms",
            few * 1e3,
            "<=",
            3,
            "milliseconds of a Ghost iteration, 2,753 parameters and 2 constraints",
        )
    ]
    if "hct" in seconds:
        found.append(
            Figure(
                "constrained.peer_over_ours.ghost",
                statistics.fmean(seconds["hct"]) / few,
                ">=",
                1,
                f"humancompatible's GhostSQP, {statistics.fmean(seconds['hct']) * 1e3:.0f} ms, "
                "over ours",
            )
        )
    large = Rounds(
        {"ours": _ours(data, network(FEATURES, MILLION))}, steps=5, rounds=3, warm_up=1
    ).seconds["ours"]
    return [
        *found,
        Figure(
            "constrained.ghost_kkt_error",
            max(_kkt_errors(data)),
            "<=",
            1e-8,
            "largest error of the optimality conditions of its sub-problems",
        ),
        Figure(
            "constrained.ghost_million_seconds",
            statistics.fmean(large),
            "<=",
            1,
            "seconds of a Ghost iteration with 1,012,001 parameters",
        ),
    ]


def _ours(data: AdultLike, model: torch.nn.Module) -> Loop:
    draw = data.batches()
    optimizer = StochasticGhost(
        torch.optim.SGD(model.parameters(), lr=RATE),
        2,
        p0=P0,
        rho=RHO,
        beta=BETA,
        lambda_=LAMBDA,
        tau=TAU,
    )
    return lambda: optimizer.step(lambda _: data.two(model, draw()))


def _peer(data: AdultLike) -> Loop:
    from humancompatible.train.sqp.ghost import GhostConfig, GhostSQP, TensorSampler

    Batch = tuple[torch.Tensor, torch.Tensor]

    def losses(net: torch.nn.Module, batch: Batch) -> torch.Tensor:
        return torch.nn.functional.binary_cross_entropy_with_logits(
            net(batch[0])[:, 0], batch[1][:, 0], reduction="none"
        )

    def gap(net: torch.nn.Module, batch: Batch) -> torch.Tensor:
        members = batch[1][:, 1:]
        shares = members / members.sum(0).clamp_(min=1)
        return losses(net, batch) @ (shares[:, 0] - shares[:, 1])

    optimizer = GhostSQP(
        network(FEATURES),
        lambda net, batch: losses(net, batch).mean(),
        [lambda net, batch: gap(net, batch) - BOUND, lambda net, batch: -gap(net, batch) - BOUND],
        TensorSampler(data.x, torch.cat([data.y[:, None], data.of_two], dim=1)),
        GhostConfig(
            alpha=P0, base_batch=BATCH, tau=TAU, beta=BETA, rho=RHO, lambda_=LAMBDA, gamma0=RATE
        ),
        np.random.default_rng(0),
    )
    return lambda: optimizer.step()


def _kkt_errors(data: AdultLike) -> list[float]:
    random = np.random.default_rng(0)
    model, draw = network(FEATURES), data.batches()
    parameters = list(model.parameters())

    def flat(value: torch.Tensor) -> Array:
        parts = torch.autograd.grad(value, parameters, retain_graph=True)
        return np.concatenate([part.numpy().ravel() for part in parts]).astype(np.float64)

    errors = []
    for _ in range(20):
        objective, constraints = data.two(model, draw())
        c = constraints.detach().numpy().astype(np.float64)
        jacobian = np.stack([flat(one) for one in constraints])
        errors.append(_kkt_error(flat(objective), c, jacobian, BETA))
    # More constraints, and a bound that most of the coordinates reach.
    for m, beta in ((20, 10.0), (20, 1.0), (200, 10.0), (200, 1.0)):
        gradient, jacobian = random.normal(size=2753), random.normal(size=(m, 2753))
        errors.append(_kkt_error(gradient, random.normal(size=m), jacobian, beta))
    return errors


def _kkt_error(gradient: Array, c: Array, jacobian: Array, beta: float) -> float:
    """Of a solution, from the conditions alone, relative to the problem's size.

    d is stationary for the multipliers y, within its bounds, and each multiplier or its
    constraint's room is 0 and neither negative; constraints in units of length.
    """
    kappa = relaxation(c, jacobian, LAMBDA, RHO)
    d, y = direction(gradient, c, jacobian, kappa, beta, TAU)
    free = np.clip(-gradient / TAU, -beta, beta)
    norms = np.linalg.norm(jacobian, axis=1)
    size = np.linalg.norm(free) + np.maximum((c + jacobian @ free - kappa) / norms, 0).max()
    stationary = d - np.clip(-(gradient + jacobian.T @ y) / TAU, -beta, beta)
    room = (kappa - c - jacobian @ d) / norms
    missed = np.minimum(y * norms / TAU, room)
    return float(max(np.linalg.norm(stationary), np.abs(missed).max()) / size)
