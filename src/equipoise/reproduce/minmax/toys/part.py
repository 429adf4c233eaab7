"""The toy table: where every method ends on games whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from equipoise.optim.minmax import games
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.minmax.toys.claims import toys_claims
from equipoise.reproduce.minmax.toys.figures import toys_sections
from equipoise.reproduce.minmax.toys.games import (
    ACCEPT_REJECT,
    METHODS,
    PLAIN_DIRAC,
    TOYS,
    can_play,
)
from equipoise.reproduce.minmax.toys.stacked import Play, play_stacked
from equipoise.reproduce.minmax.toys.table import toys_tables
from equipoise.reproduce.part import Cell, Part, Result, Shown

_FORMAT = 2
_SHOWN, _DRAWN = 300, 3
PLAIN = "compared plainly"
"""The name of what accept/reject does on the Dirac GAN in the trap of truncated answers."""


@dataclass(frozen=True)
class Size:
    """How much is re-run.

    Attributes
    ----------
    n_steps : int
        Of all methods but accept/reject.
    n_seeds : int
        Of accept/reject.
    n_proposals : int
        The most that it is given on any game.
    """

    n_steps: int
    n_seeds: int
    n_proposals: int = 1000


SIZES: dict[Tier, Size] = {"quick": Size(600, 40), "full": Size(2000, 200)}


def toys_part(tier: Tier, data_dir: Path | None) -> Part:
    """The toy table: 600 steps and 40 seeds in the quick tier, 2000 and 200 in the full one.

    Parameters
    ----------
    tier : {"quick", "full"}
    data_dir : Path or None
        Not read.

    Returns
    -------
    Part
    """
    return make_toys(SIZES[tier])


def make_toys(size: Size) -> Part:
    """The toy table of any size.

    Parameters
    ----------
    size : Size

    Returns
    -------
    Part
    """
    keys, cells, n_steps = [], [], size.n_steps
    for toy_key, toy in TOYS.items():
        for method in METHODS:
            if can_play(method, toy):
                keys.append((toy_key, method))
                cells.append(
                    Cell(
                        f"{toy.name}: {method}",
                        {
                            "format": _FORMAT,
                            "toy": toy_key,
                            "method": method,
                            "rate": toy.rate,
                            "n_steps": n_steps,
                        },
                        partial(play_method, toy_key, method, n_steps),
                        seconds=n_steps / 1000,
                    )
                )
        ways = {ACCEPT_REJECT: toy.play}
        if toy_key == "Dirac":
            ways[PLAIN] = PLAIN_DIRAC
        for name, given in ways.items():
            play = replace(given, n_proposals=min(given.n_proposals, size.n_proposals))
            keys.append((toy_key, name))
            cells.append(
                Cell(
                    f"{toy.name}: {name}",
                    {
                        "format": _FORMAT,
                        "toy": toy_key,
                        "play": asdict(play),
                        "n_seeds": size.n_seeds,
                    },
                    partial(play_accept_reject, toy_key, play, size.n_seeds),
                    seconds=3.0,
                )
            )
    return Part("toys", tuple(cells), partial(_show, keys, size.n_steps))


def play_method(toy_key: str, method: str, n_steps: int) -> Result:
    """Let a method play.

    Parameters
    ----------
    toy_key, method : str
    n_steps : int

    Returns
    -------
    dict
        ``outcome``, ``end``, ``amplitude`` of the last quarter of the steps, the larger of the two
        sides, and ``path``.
    """
    toy = TOYS[toy_key]
    found = games.play(toy.game, METHODS[method](toy.rate), n_steps)
    path = torch.cat([found.x, found.y], 1)
    late = path[-max(2, n_steps // 4) :]
    return {
        "outcome": found.outcome,
        "end": path[-1].tolist(),
        "distance": _distance(toy_key, *path[-1].tolist()),
        "amplitude": float((late.amax(0) - late.amin(0)).max()),
        "path": _thinned(path),
    }


def play_accept_reject(toy_key: str, play: Play, n_seeds: int) -> Result:
    """Let accept/reject play, once for each seed.

    Parameters
    ----------
    toy_key : str
    play : Play
    n_seeds : int

    Returns
    -------
    dict
        ``ends``, ``distances``, ``accepted``, ``unanswered`` and ``stopped`` of each seed,
        ``proposals`` and ``ascent_steps`` on average, and ``paths`` of the first few.
    """
    found = play_stacked(TOYS[toy_key].game, play, range(n_seeds))
    ends = torch.stack([found.x[-1], found.y[-1]], 1).tolist()
    value = TOYS[toy_key].game.value
    return {
        "ends": ends,
        "distances": [_distance(toy_key, *end) for end in ends],
        "values": [float(value(*torch.tensor(end, dtype=torch.float64)[:, None])) for end in ends],
        "accepted": found.accepted.tolist(),
        "unanswered": found.unanswered.tolist(),
        "stopped": found.stopped.tolist(),
        "proposals": len(found.x) - 1,
        "ascent_steps": found.n_ascent / n_seeds,
        "paths": [
            _thinned(torch.stack([found.x[:, r], found.y[:, r]], 1))
            for r in range(min(_DRAWN, n_seeds))
        ],
    }


def _distance(toy_key: str, x: float, y: float) -> float:
    at = (torch.tensor([one], dtype=torch.float64) for one in (x, y))
    return TOYS[toy_key].game.distance(*at)


def _thinned(path: torch.Tensor) -> list[list[float]]:
    finite = [place for place in path.tolist() if all(map(math.isfinite, place))]
    some = np.linspace(0, len(finite) - 1, min(_SHOWN, len(finite))).round().astype(int)
    return [finite[i] for i in np.unique(some)]


def _show(keys: Sequence[tuple[str, str]], n_steps: int, results: Sequence[Result]) -> Shown:
    found = dict(zip(keys, results, strict=True))
    tables = toys_tables(found, n_steps)
    return Shown(toys_claims(found, PLAIN), tables, partial(toys_sections, found, tables, PLAIN))
