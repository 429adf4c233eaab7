"""One optimizer in a study: every rate, every seed, every look."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.compare.rate_search import best_place, rate_at, search_places
from equipoise.compare.study.contestant import Contestant
from equipoise.compare.study.course import Course, Floats, MakeNetwork, Schedule, follow
from equipoise.compare.study.data import StudyData

Progress = Callable[[str], None]
"""Told what is trained next."""

FIXED_PLACE = -4
"""Of the rate that is the same for all: 0.01."""


@dataclass(frozen=True, eq=False)
class Entry:
    """What came of p rates, e looks and s seeds of one contestant.

    Attributes
    ----------
    name : str
    heeds_groups : bool
    places : tuple of int, length p
        Of the rates on the grid of half decades, rising.
    searched : tuple of bool, length p
        Whether the search for the best rate went there; else it is the rate that is the same for
        all, and nothing but that.
    looks : tuple of int, length e
        Epochs.
    train_loss, validation_loss, worst_validation_loss : ndarray of float64, shape (p, e, s)
        Of all rows, and of the group that loses most; NaN where training diverged.
    table : ndarray of int64, shape (p, e, s, g, k, k) or (p, e, s, l, g, 2, 2)
        Test rows by group, label and decision.
    decisions : dict of ndarray of uint8, shape (s, t) or (s, t, l)
        Of the test rows, by place and look: where a rate was chosen, and at the fixed one.
    """

    name: str
    heeds_groups: bool
    places: tuple[int, ...]
    searched: tuple[bool, ...]
    looks: tuple[int, ...]
    train_loss: Floats
    validation_loss: Floats
    worst_validation_loss: Floats
    table: NDArray[np.int64]
    decisions: dict[tuple[int, int], NDArray[np.uint8]]

    @property
    def fixed(self) -> int:
        """Which of the rates is the same for all."""
        return self.places.index(FIXED_PLACE)

    def tuned(self, look: int, *, for_worst: bool = False) -> int:
        """Which of the rates has the least validation loss at a look.

        Parameters
        ----------
        look : int
            Which of the looks.
        for_worst : bool
            Whether of the group that loses most.

        Returns
        -------
        int
        """
        losses = self.worst_validation_loss if for_worst else self.validation_loss
        means = losses[:, look].mean(-1)
        return best_place({at: float(means[at]) for at, there in enumerate(self.searched) if there})

    def rate(self, at: int) -> float:
        """One of the rates."""
        return rate_at(self.places[at])

    def at_edge(self, at: int) -> bool:
        """Whether the search for the best rate went no further than to one of the rates."""
        searched = [place for place, there in zip(self.places, self.searched, strict=True) if there]
        return self.places[at] in (searched[0], searched[-1])

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON can hold it."""
        losses = {name: _listed(getattr(self, name)) for name in _LOSSES}
        return {
            "name": self.name,
            "heeds_groups": self.heeds_groups,
            "places": list(self.places),
            "searched": list(self.searched),
            "looks": list(self.looks),
            **losses,
            "table": self.table.tolist(),
            "decisions": [
                {"place": place, "look": look, "shape": list(made.shape), "bytes": _packed(made)}
                for (place, look), made in self.decisions.items()
            ],
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Entry:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        Entry
        """
        return cls(
            state["name"],
            state["heeds_groups"],
            tuple(state["places"]),
            tuple(state["searched"]),
            tuple(state["looks"]),
            **{name: np.array(state[name], float) for name in _LOSSES},
            table=np.array(state["table"], np.int64),
            decisions={
                (one["place"], one["look"]): _unpacked(one["bytes"], one["shape"])
                for one in state["decisions"]
            },
        )


_LOSSES = ("train_loss", "validation_loss", "worst_validation_loss")


def run_entry(
    data: StudyData,
    make_network: MakeNetwork,
    contestant: Contestant,
    schedule: Schedule,
    *,
    horizons: Sequence[int] = (-1,),
    progress: Progress | None = None,
) -> Entry:
    """Train one contestant at every seed, and at rates until the best is none at an edge.

    Parameters
    ----------
    data : StudyData
    make_network : callable
    contestant : Contestant
    schedule : Schedule
    horizons : sequence of int
        Which of the looks rates are chosen at.
    progress : callable, optional

    Returns
    -------
    Entry

    Raises
    ------
    ValueError
        If a horizon is none of the looks.
    """
    seats = range(len(data.seeds))
    n_looks = len(schedule.looks)
    if not horizons or not all(-n_looks <= look < n_looks for look in horizons):
        raise ValueError(
            f"horizons must be numbers of the {n_looks} looks, from 0, not {list(horizons)}."
        )
    horizons = [range(n_looks)[look] for look in horizons]

    def attempt(places: list[int]) -> list[Course]:
        if progress is not None:
            progress(f"{contestant.name}, rates {', '.join(f'{rate_at(p):g}' for p in places)}")
        runs = [(rate_at(place), seat) for place in places for seat in seats]
        course = follow(data, make_network, contestant, runs, schedule)
        n = len(seats)
        return [course.part(slice(at * n, (at + 1) * n)) for at in range(len(places))]

    def best_of(tried: Mapping[int, Course]) -> list[int]:
        return [
            best_place({at: float(one.overall[look].mean()) for at, one in tried.items()})
            for look in horizons
        ]

    courses = search_places(contestant.place, attempt, best_of)
    searched = set(courses)
    if FIXED_PLACE not in courses:
        courses[FIXED_PLACE] = attempt([FIXED_PLACE])[0]
    places = tuple(sorted(courses))
    every = [courses[place] for place in places]
    found = Entry(
        contestant.name,
        contestant.heeds_groups,
        places,
        tuple(place in searched for place in places),
        schedule.looks,
        np.stack([one.train_loss for one in every]),
        np.stack([one.overall for one in every]),
        np.stack([one.worst for one in every]),
        np.stack([count_decisions(data, one.decisions) for one in every]),
        {},
    )
    for look in horizons:
        for at in {found.tuned(look), found.tuned(look, for_worst=True), found.fixed}:
            found.decisions[places[at], look] = every[at].decisions[look]
    return found


def count_decisions(data: StudyData, decided: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Test rows by group, label and decision.

    Parameters
    ----------
    data : StudyData
    decided : ndarray of uint8, shape (..., s, t) or (..., s, t, l)

    Returns
    -------
    ndarray of int64, shape (..., s, g, k, k), or (..., s, l, g, 2, 2) of several labels
    """
    group, label = data.group[data.test], data.label[data.test]
    if not data.multilabel:
        return _count(group, label, decided, len(data.groups), data.n_outputs)
    each = [
        _count(group, label[..., one], decided[..., one], len(data.groups), 2)
        for one in range(data.n_outputs)
    ]
    return np.stack(each, -4)


def _count(
    group: NDArray[np.int64],
    label: NDArray[np.int64],
    decided: NDArray[np.uint8],
    g: int,
    k: int,
) -> NDArray[np.int64]:
    cells = g * k * k
    codes = ((group * k + label) * k + decided).reshape(-1, group.shape[-1])
    apart = codes + np.arange(len(codes))[:, None] * cells
    counts = np.bincount(apart.ravel(), minlength=len(codes) * cells)
    return counts.reshape(*decided.shape[:-1], g, k, k)


def _listed(values: Floats) -> list[Any]:
    found: list[Any] = _without_nan(values.tolist())
    return found


def _without_nan(values: Any) -> Any:
    # Which JSON cannot hold.
    if isinstance(values, list):
        return [_without_nan(value) for value in values]
    return values if math.isfinite(values) else None


def _packed(decided: NDArray[np.uint8]) -> str:
    return base64.b64encode(decided.tobytes()).decode()


def _unpacked(text: str, shape: Sequence[int]) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(shape)
