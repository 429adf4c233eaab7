"""Trajectories on small games, over level lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from equipoise.report import Field, Figure, Section, Table, Text, Trail, contours
from equipoise.reproduce.minmax.toys.games import ACCEPT_REJECT, METHODS, TOYS, Toy
from equipoise.reproduce.part import Result

_PANELS = {
    "descent-ascent": ("simultaneous", "alternating"),
    "a look ahead": ("optimistic", "extragradient"),
    "adjusted": ("consensus", "symplectic"),
    "second order": ("follow-the-ridge", "competitive"),
    "unrolled": ("unrolled",),
    ACCEPT_REJECT: (ACCEPT_REJECT,),
}
# Beyond this many times the farthest of what accept/reject saw, a trajectory leaves the figure.
_ROOM = 1.3


def toys_sections(
    found: Mapping[tuple[str, str], Result], tables: Sequence[Table], plain: str
) -> list[Section]:
    """The section of the page.

    Parameters
    ----------
    found : mapping from (game, method) to result
    tables : sequence of Table
    plain : str
        The name of the trap of truncated answers.

    Returns
    -------
    list of Section
    """
    trap = found["Dirac", plain]
    end = np.median(np.abs(trap["ends"]), axis=0)[0]
    text = Text(
        "F1 = -3 x^2 - y^2 + 4 x y, F2 = 3 x^2 + y^2 + 4 x y, F3 = (4 x^2 - (y - 3 x + 0.05 x^3)^2 "
        "- 0.1 y^4) exp(-0.01 (x^2 + y^2)). Accept/reject as in the authors' program: normal "
        "proposals of standard deviation 0.5, ascent in steps of 0.05 to a gradient of 0.001, a "
        "gain of 0.03 asked for. It stops where no proposal can gain that, which is at |x| = 0.17 "
        "on F1. 'Moves on' is neither at rest nor ten times as far from the origin as at the "
        "start.\n\nThe Dirac GAN has no such rest for y, whose answers are 5 steps of 0.1 there, "
        "compared with what the same steps gain without the move (proposals 0.1). Compared with "
        "the value before them, a point is left only by luck: the median seed ends at "
        f"|x| = {end:.2g}."
    )
    figures = [_figure(key, toy, found) for key, toy in TOYS.items()]
    return [Section("Small games", [text, *tables, *figures])]


def _figure(key: str, toy: Toy, found: Mapping[tuple[str, str], Result]) -> Figure:
    reach = toy.game.box
    if reach is None:
        places = np.array([place for path in found[key, ACCEPT_REJECT]["paths"] for place in path])
        solved = [found[key, name] for name in METHODS if (key, name) in found]
        kept = [one["path"] for one in solved if one["outcome"] in ("solves", "cycles")]
        seen = [np.abs(np.array(path)).max() for path in kept]
        least = np.abs(np.array(toy.game.start)).max()
        reach = _ROOM * max(least, *np.minimum(np.abs(places).max(0), 12), *np.minimum(seen, 12))
    side = np.linspace(-reach, reach, 80)
    at = torch.from_numpy(side)
    value = toy.game.value
    every = torch.vmap(torch.vmap(lambda a, b: value(a[None], b[None]), (0, None)), (None, 0))
    panels = {}
    for name, methods in _PANELS.items():
        trails = [
            _trail(path, method)
            for method in methods
            if (key, method) in found
            for path in _paths(found[key, method])
        ]
        if trails:
            panels[name] = trails
    return contours(
        Field(side, side, every(at, at).numpy()),
        panels,
        x_label="x",
        y_label="y",
        title=toy.name,
        caption=f"Answer: {toy.game.answer}. Accept/reject with three seeds. Where a trajectory "
        "leaves the figure it has no marker at its end.",
    )


def _paths(result: Result) -> list[list[list[float]]]:
    return result["paths"] if "paths" in result else [result["path"]]


def _trail(path: list[list[float]], label: str) -> Trail:
    return Trail([x for x, _ in path], [y for _, y in path], label)
