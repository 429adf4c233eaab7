"""What it costs to refuse moves, beside descent-ascent with as many steps and beside a peer.

The game is the Gaussian ring of arXiv 2006.12376: a generator 256-128-128-2 against a
discriminator 2-128-128-1, batches of 512, Adam for both, one thread. The unit is a step of our
:class:`Alternating` with as many ascent steps on the same kind of batch. Where a closure draws its
own noise, the value before a move and its gradient are two evaluations, and else they are one.
"""

from __future__ import annotations

import torch
from rich.console import Console

from benchmarks import minmax_coverage
from benchmarks.figure import Figure
from benchmarks.live_memory import most_bytes
from benchmarks.minmax_loops import PEER, by_hand, by_hand_for_this_game, ours, peers
from benchmarks.minmax_problem import Ring
from benchmarks.rounds import Rounds
from equipoise.optim.minmax import (
    AcceptReject,
    Alternating,
    Competitive,
    Counterfactual,
    KeepResponse,
    Simultaneous,
)
from equipoise.optim.minmax.snapshot import Buffers, Snapshot
from equipoise.report import Column, Table

KS = (1, 6)
# Width of hidden layers at which the two networks have a million parameters together.
WIDE = 650
BARS = {
    # kind of step: bar at k = 1 and k = 6
    "keep": (1.35, 1.15),
    "keep, own noise": (1.7, 1.25),
    "counterfactual": (2.1, 2.1),
    "counterfactual, own noise": (2.1, 2.1),
}


def figures() -> list[Figure]:
    torch.set_num_threads(1)
    return [*_steps(), *_rollback(), *_memory(), *minmax_coverage.figures()]


def _steps() -> list[Figure]:
    found = []
    for place, k in enumerate(KS):
        loops = {
            "alternating": ours(Ring(), Alternating, k=k),
            "alternating, own noise": ours(Ring(draws=True), Alternating, k=k),
            "by hand": by_hand(Ring(), k),
            "by hand, for this game": by_hand_for_this_game(Ring(), k),
        }
        for name, response in (("keep", KeepResponse(k)), ("counterfactual", Counterfactual(k))):
            loops[name] = ours(Ring(), AcceptReject, response=response)
            loops[f"{name}, own noise"] = ours(Ring(draws=True), AcceptReject, response=response)
        if k == 1:
            loops["simultaneous"] = ours(Ring(), Simultaneous)
            loops["competitive"] = ours(Ring(), Competitive)
            loops |= peers()
        # So many at a stretch that what others left in the caches has little weight.
        measured = Rounds(loops, steps=20 // k, rounds=15, warm_up=4)
        _print(f"a step of the ring game, k = {k}", measured)
        for name, bars in BARS.items():
            unit = "alternating, own noise" if name.endswith("own noise") else "alternating"
            found.append(
                Figure(
                    f"minmax.over_alternating.{name.replace(', ', '_').replace(' ', '_')}.k{k}",
                    measured.ratio(name, unit),
                    "<=",
                    bars[place],
                    f"an accept/reject step over one of {unit}, k = {k}: {name}",
                )
            )
        found.append(
            Figure(
                f"minmax.alternating_over_hand.k{k}",
                measured.ratio("alternating", "by hand"),
                "<=",
                1.05,
                f"a step of alternating over that of a loop written by hand, k = {k} (written for "
                f"this game: {measured.ratio('alternating', 'by hand, for this game'):.2f})",
            )
        )
        if k == 1:
            rival = PEER if PEER in loops else "competitive"
            found.append(
                Figure(
                    "minmax.competitive_over_ours",
                    measured.ratio(rival, "keep"),
                    ">=",
                    2.5,
                    f"a step of {rival} over one of accept/reject, k = 1: keep",
                )
            )
    return found


def _rollback() -> list[Figure]:
    """At a million parameters, where copying is what counts."""
    ring = Ring(WIDE)
    optimizers = ring.optimizers()
    alternating = Alternating(*optimizers)
    alternating.step(ring.closure())
    snapshot = Snapshot(optimizers, Buffers(), ())

    def back() -> None:
        snapshot.mark()
        snapshot.restore()

    loops = {"alternating": lambda: alternating.step(ring.closure()), "snapshot": back}
    measured = Rounds(loops, steps=2, rounds=15, warm_up=2)
    _print(f"{ring.n_parameters:,} parameters", measured)
    return [
        Figure(
            "minmax.snapshot_over_step",
            measured.ratio("snapshot", "alternating"),
            "<=",
            0.05,
            f"a snapshot and its restoration over a step of alternating, {ring.n_parameters:,} "
            "parameters",
        )
    ]


def _memory() -> list[Figure]:
    """State is parameters, their gradients, and two moments and a counter each."""
    ring = Ring()
    optimizers = ring.optimizers()
    closure = ring.closure()
    alternating = Alternating(*optimizers)
    alternating.step(closure)
    moments = [x for o in optimizers for held in o.state.values() for x in held.values()]
    state = 4 * 2 * ring.n_parameters + sum(x.nbytes for x in moments)
    kept = most_bytes(lambda: Snapshot(optimizers, Buffers(), ()))
    passing = most_bytes(lambda: alternating.step(closure))
    method = AcceptReject(*optimizers, response=KeepResponse(1))
    method.step(closure)
    of_ours = most_bytes(lambda: method.step(closure))
    return [
        Figure(
            "minmax.state_over_alternating",
            # The counters, 4 bytes a parameter tensor, are in both and would show in the fifth
            # digit.
            round((state + kept) / state, 3),
            "<=",
            1.75,
            "bytes of state with a snapshot over those without",
        ),
        Figure(
            "minmax.activations_over_alternating",
            of_ours / passing,
            "<=",
            1.0,
            "most bytes made and held in a step of accept/reject over one of alternating",
        ),
    ]


def _print(title: str, measured: Rounds) -> None:
    rows = [
        [name, f"{measured.milliseconds(name):.3f}", f"{measured.ratio(name, 'alternating'):.2f}"]
        for name in measured.seconds
    ]
    columns = [Column(title), Column("ms", "right"), Column("x alternating", "right")]
    Console(width=110).print(Table(columns, rows).to_rich())
