"""What constraints cost a training step, beside the same step without and beside the peers'.

The protocol is that of small networks on tables, where a step is short and all that is done
around it shows: 20,000 x 11, an MLP 64-32-1, batches of 32 rows drawn in memory, one thread. The
unit is the step of plain SGD, whose closure computes nothing but the loss. The constraints are
computed by the same code for all, and cost something themselves: what the step takes if they
are added to the loss with fixed weights is shown as ``fixed weights``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from rich.console import Console

from benchmarks import ghost
from benchmarks.constrained_peers import RATE, Loop, peers
from benchmarks.constrained_problem import N_MANY, N_NAMED, NAMES, AdultLike, network
from benchmarks.figure import Figure
from benchmarks.rounds import Rounds
from equipoise.learn import FairLoss
from equipoise.optim.constrained import (
    ALM,
    SSLALM,
    ConstrainedOptimizer,
    Lagrangian,
    MovingAverage,
    NuPI,
    PenaltyBarrier,
    SmoothedPenalty,
    Switching,
)
from equipoise.report import Column, Table

SGD, ADAM = torch.optim.SGD, torch.optim.Adam
Wrap = Callable[[torch.optim.Optimizer], ConstrainedOptimizer]

OVERHEAD = (
    # name, of the loop, over the loop, bar, what
    ("m2", "ALM m2", "plain", 1.5, "2 constraints"),
    ("m2_surrogate", "ALM m2 surrogate", "plain", 1.5, "2 constraints, by surrogate()"),
    ("m2_adam", "ALM m2 adam", "plain adam", 1.5, "2 constraints, both with Adam"),
    ("m1000", "ALM m1000", "plain", 1.7, "1,000 constraints"),
    ("named45", "ALM named45", "plain", 1.6, "45 names in a dict"),
    ("named45_surrogate", "ALM named45 surrogate", "plain", 1.6, "45 names, by surrogate()"),
    ("named45_vector", "ALM named45 vector", "plain", 1.6, "45 names, values in one vector"),
)
AGAINST_PEERS = (
    # name, loop, peers' loops
    ("m2", "ALM m2", ("hct ALM m2", "cooper ALM m2")),
    ("m2_adam", "ALM m2 adam", ("hct ALM m2 adam", "cooper ALM m2 adam")),
    ("m1000", "ALM m1000", ("hct ALM m1000", "cooper ALM m1000")),
    ("named45", "ALM named45", ("hct ALM named45", "cooper ALM named45")),
    ("lagrangian", "Lagrangian m2", ("hct ALM plain m2", "cooper Lagrangian m2")),
    ("barrier", "PenaltyBarrier m2", ("hct PBM m2",)),
    ("switching", "Switching m2", ("hct SSG m2",)),
    ("fair_loss", "ALM FairLoss", ("fairret NormLoss",)),
)


def figures() -> list[Figure]:
    torch.set_num_threads(1)
    data = AdultLike()
    measured = Rounds(_plain(data) | _ours(data) | peers(data))
    Console(width=110).print(_table(measured).to_rich())
    found = [
        Figure(
            f"constrained.alm_over_plain.{name}",
            measured.ratio(loop, unit),
            "<=",
            bar,
            f"a step of ALM over a plain one, {measured.milliseconds(unit):.2f} ms: {what}",
        )
        for name, loop, unit, bar, what in OVERHEAD
    ]
    for name, loop, rivals in AGAINST_PEERS:
        there = [rival for rival in rivals if rival in measured.seconds]
        if there:
            best = min(there, key=measured.milliseconds)
            found.append(
                Figure(
                    f"constrained.peer_over_ours.{name}",
                    measured.ratio(best, loop),
                    ">=",
                    1,
                    f"a step of {best} over one of {loop}",
                )
            )
    return [*found, *ghost.figures()]


def _plain(data: AdultLike) -> dict[str, Loop]:
    def plain(base: Any) -> Loop:
        model, draw = network(), data.batches()
        optimizer = base(model.parameters(), lr=RATE)

        def step() -> None:
            optimizer.zero_grad()
            data.loss(model, draw()).backward()
            optimizer.step()

        return step

    def fixed(problem: Any, m: int) -> Loop:
        model, draw = network(), data.batches()
        optimizer, weights = SGD(model.parameters(), lr=RATE), torch.full((m,), 0.1)

        def step() -> None:
            optimizer.zero_grad()
            loss, constraints = problem(model, draw())
            (loss + (weights * constraints).sum()).backward()
            optimizer.step()

        return step

    def stacked(model: torch.nn.Module, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        loss, by_name = named(model, rows)
        return loss, torch.stack(list(by_name.values()))

    named = data.named()
    return {
        "plain": plain(SGD),
        "plain adam": plain(ADAM),
        "fixed weights m2": fixed(data.two, 2),
        "fixed weights m1000": fixed(data.many(N_MANY), N_MANY),
        "fixed weights named45": fixed(stacked, N_NAMED),
    }


def _ours(data: AdultLike) -> dict[str, Loop]:
    def by_closure(problem: Any, wrap: Wrap, base: Any = SGD) -> Loop:
        model, draw = network(), data.batches()
        optimizer = wrap(base(model.parameters(), lr=RATE))

        def step() -> None:
            rows = draw()
            optimizer.step(lambda _: problem(model, rows))

        def step_on_several() -> None:
            batches = [draw() for _ in range(optimizer.n_batches)]
            optimizer.step(lambda i: problem(model, batches[i]))

        return step if optimizer.n_batches == 1 else step_on_several

    def by_surrogate(problem: Any, wrap: Wrap) -> Loop:
        model, draw = network(), data.batches()
        optimizer = wrap(SGD(model.parameters(), lr=RATE))

        def step() -> None:
            optimizer.zero_grad()
            optimizer.surrogate(*problem(model, draw())).backward()
            optimizer.step()

        return step

    fair_loss = FairLoss('gap("loss") <= 0.02', n_groups=2, n_classes=2)
    labels = data.y.long()

    def fair(model: torch.nn.Module, rows: torch.Tensor) -> Any:
        return fair_loss(model(data.x[rows])[:, 0], labels[rows], data.codes[2][rows])

    def alm(sizes: Any) -> Wrap:
        return lambda base: ALM(base, sizes)

    two, named, sizes = data.two, data.named(), dict.fromkeys(NAMES, 1)
    return {
        "ALM m2": by_closure(two, alm(2)),
        "ALM m2 surrogate": by_surrogate(two, alm(2)),
        "ALM m2 adam": by_closure(two, alm(2), ADAM),
        "ALM m2 MovingAverage": by_closure(two, lambda b: ALM(b, 2, estimator=MovingAverage())),
        "ALM m1000": by_closure(data.many(N_MANY), alm(N_MANY)),
        "ALM named45": by_closure(named, alm(sizes)),
        "ALM named45 surrogate": by_surrogate(named, alm(sizes)),
        "ALM named45 vector": by_closure(data.many(N_NAMED), alm(sizes)),
        "ALM FairLoss": by_closure(
            fair, lambda b: ALM(b, fair_loss.n_constraints, estimator=MovingAverage())
        ),
        "SSLALM m2": by_closure(two, lambda b: SSLALM(b, 2)),
        "Switching m2": by_closure(two, lambda b: Switching(b, 2)),
        "PenaltyBarrier m2": by_closure(two, lambda b: PenaltyBarrier(b, 2)),
        "SmoothedPenalty m2": by_closure(two, lambda b: SmoothedPenalty(b, 2)),
        "Lagrangian m2": by_closure(two, lambda b: Lagrangian(b, 2)),
        "Lagrangian NuPI m2": by_closure(
            two, lambda b: Lagrangian(b, 2, dual=lambda y: NuPI(y, lr=0.05))
        ),
    }


def _table(measured: Rounds) -> Table:
    return Table(
        [
            Column("a step of"),
            Column("ms", "right"),
            Column("x plain SGD", "right"),
            Column("x plain Adam", "right"),
        ],
        [
            [
                name,
                f"{measured.milliseconds(name):.3f}",
                f"{measured.ratio(name, 'plain'):.2f}",
                f"{measured.ratio(name, 'plain adam'):.2f}",
            ]
            for name in measured.seconds
        ],
    )
