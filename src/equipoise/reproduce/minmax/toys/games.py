"""The small games of the table, and how each method plays them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from equipoise.optim.minmax import (
    Alternating,
    Competitive,
    Consensus,
    Extragradient,
    FollowTheRidge,
    Geometry,
    MinMaxOptimizer,
    Optimistic,
    Simultaneous,
    Symplectic,
    Unrolled,
    games,
)
from equipoise.optim.minmax.games import Game
from equipoise.reproduce.minmax.toys.stacked import Play

Make = Callable[[list[Tensor], list[Tensor], Geometry, Geometry], MinMaxOptimizer]


@dataclass(frozen=True)
class Toy:
    """A game, and what is asked of whoever plays it.

    Attributes
    ----------
    name : str
    game : Game
    rate : float
        Of the other methods.
    play : Play
        Of accept/reject.
    within : float
        How far from the answer accept/reject may end: where a move can gain no more than delta.
    found_before : str
        What accept/reject did with 200 seeds in other code than this; empty where it is not known.
    """

    name: str
    game: Game
    rate: float
    play: Play
    within: float
    found_before: str


_DIRAC = Play(
    0.1, 0.1, 0.0, tolerance=None, limit=5, counterfactual=True, omega=None, n_proposals=1000
)

TOYS: dict[str, Toy] = {
    "F1": Toy("F1 from (5.5, 5.5)", games.no_saddle(), 0.05, Play(), 0.2, "all |x| <= 0.19"),
    "F2": Toy("F2, box 10", games.convex_response(), 0.05, Play(), 0.2, "|x| near 5, |y| = 10"),
    "F3": Toy("F3 from (5.5, 5.5)", games.bell(), 0.05, Play(), 0.15, "all |x| <= 0.11"),
    "F3 near": Toy(
        "F3 from (0.1, 0.1)",
        replace(games.bell(), start=((0.1,), (0.1,))),
        0.05,
        Play(),
        0.15,
        "stays",
    ),
    "box": Toy("x y, box 5", games.bilinear(5.0), 0.2, Play(), 0.15, "all |x| <= 0.11"),
    "xy": Toy(
        "x y, no bound",
        games.bilinear(),
        0.2,
        Play(limit=100, n_proposals=30),
        0.15,
        "no answer, y runs away",
    ),
    "wave": Toy("sin(x + y)", games.wave(), 0.1, Play(), 0.05, "stops at once, f = 1"),
    "Dirac": Toy("Dirac GAN", games.dirac_gan(), 0.5, _DIRAC, 0.05, "0.02"),
}

PLAIN_DIRAC = replace(_DIRAC, counterfactual=False)
"""The trap: answers of a few steps, compared with the value before them."""


def _plain(method: Callable[..., MinMaxOptimizer], rate: float, **settings: float) -> Make:
    def make(
        x: list[Tensor], y: list[Tensor], min_geometry: Geometry, max_geometry: Geometry
    ) -> MinMaxOptimizer:
        return method(
            torch.optim.SGD(x, lr=rate),
            torch.optim.SGD(y, lr=rate),
            min_geometry=min_geometry,
            max_geometry=max_geometry,
            **settings,
        )

    return make


def _unrolled(rate: float) -> Make:
    def make(
        x: list[Tensor], y: list[Tensor], min_geometry: Geometry, max_geometry: Geometry
    ) -> MinMaxOptimizer:
        return Unrolled(
            torch.optim.SGD(x, lr=rate),
            torch.optim.SGD(y, lr=rate),
            n_ahead=5,
            rate=rate,
            min_geometry=min_geometry,
        )

    return make


METHODS: dict[str, Callable[[float], Make]] = {
    "simultaneous": lambda rate: _plain(Simultaneous, rate),
    "alternating": lambda rate: _plain(Alternating, rate),
    "optimistic": lambda rate: _plain(Optimistic, rate),
    "extragradient": lambda rate: _plain(Extragradient, rate),
    "consensus": lambda rate: _plain(Consensus, rate, gamma=0.1),
    "symplectic": lambda rate: _plain(Symplectic, rate),
    "follow-the-ridge": lambda rate: _plain(FollowTheRidge, rate),
    "competitive": lambda rate: _plain(Competitive, rate),
    "unrolled": _unrolled,
}
"""From a learning rate to what makes the method."""

FIRST_ORDER = ("simultaneous", "alternating", "optimistic", "extragradient")
ACCEPT_REJECT = "accept/reject"


def can_play(method: str, toy: Toy) -> bool:
    """Whether a method can play a game: unrolled steps know no box.

    Parameters
    ----------
    method : str
    toy : Toy

    Returns
    -------
    bool
    """
    return method != "unrolled" or toy.game.box is None
