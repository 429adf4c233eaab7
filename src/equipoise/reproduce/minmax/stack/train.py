"""Training a stack, with a look at it now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.reproduce.minmax.stack.game import Draws, Game
from equipoise.reproduce.minmax.stack.variants import CONTROLS, Method, Plan, make_method

Array = NDArray[np.float64]
Seen = TypeVar("Seen")


@dataclass(frozen=True, eq=False)
class Track(Generic[Seen]):
    """What was seen at each look.

    Attributes
    ----------
    seen : list of length looks
    gradients, moves : ndarray, shape (looks, r)
        Needed and made up to each look.
    share : ndarray, shape (r,)
        Of all proposals, those that stayed.
    seconds : float
        Of the processor, for all replicates, without the looks.
    """

    seen: list[Seen]
    gradients: Array
    moves: Array
    share: Array
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """All but what was seen, as JSON can hold it."""
        return {
            "gradients": self.gradients.tolist(),
            "moves": self.moves.tolist(),
            "share": self.share.tolist(),
            "seconds": self.seconds,
        }


def train(method: Method, plan: Plan, look: Callable[[], Seen]) -> Track[Seen]:
    """Train, and look as many times as planned, at even distances.

    Parameters
    ----------
    method : Method
    plan : Plan
    look : callable

    Returns
    -------
    Track
    """
    ends = np.linspace(0, plan.iterations, plan.looks + 1).round().astype(int)[1:].tolist()
    seen, gradients, moves, seconds = [], [], [], 0.0
    done = 0
    for end in ends:
        start = time.process_time()
        for _ in range(end - done):
            method.step()
        seconds += time.process_time() - start
        done = end
        seen.append(look())
        gradients.append(method.gradients.cpu().numpy().copy())
        moves.append(method.moves.cpu().numpy().copy())
    counted = np.array(moves)
    return Track(seen, np.array(gradients), counted, counted[-1] / plan.iterations, seconds)


def train_with_controls(
    name: str,
    plan: Plan,
    seeds: Sequence[int],
    begin: Callable[[], tuple[Game, Draws]],
    look: Callable[[Game], Seen],
) -> dict[str, tuple[Game, Track[Seen]]]:
    """Train a variant and then its controls, all from the same beginning.

    Parameters
    ----------
    name : str
    plan : Plan
    seeds : sequence of int, length r
    begin : callable
        Makes players and streams anew, the same each time.
    look : callable
        From the game to what is seen of it.

    Returns
    -------
    dict of (Game, Track)
        By variant: the trained players, and what was seen on the way.
    """
    found: dict[str, tuple[Game, Track[Seen]]] = {}
    rates: Sequence[float] = [1.0] * len(seeds)
    for each in (name, *CONTROLS.get(name, ())):
        game, draws = begin()
        method = make_method(each, game, draws, plan, seeds, rates)
        found[each] = game, train(method, plan, lambda game=game: look(game))  # type: ignore[misc]
        if each == name:
            rates = found[each][1].share.tolist()
    return found


def at_hand() -> torch.device:
    """The graphics processor if there is one, else the processor.

    Returns
    -------
    torch.device
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
