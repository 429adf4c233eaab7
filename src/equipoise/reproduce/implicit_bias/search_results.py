"""Images of people that a search gave for occupations, in its order, with --data-dir."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.groups import Groups
from equipoise.rank import Bound, exposure, ndkl, rank_items
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.implicit_bias.published import NONE
from equipoise.reproduce.judge import judged, over_seeds, shown_above
from equipoise.reproduce.part import Cell, Part, Result, Shown

LABELS = Path("ranking", "occupations_labels.csv")

_LEAST = 10
"""Images of each gender that an occupation needs to be looked at."""


@dataclass(frozen=True)
class Setting:
    """All occupations of the file.

    Attributes
    ----------
    path : Path
    """

    path: Path

    def cell(self) -> Cell:
        """The audit, and the rankings."""
        return Cell("search results by occupation", {"least": _LEAST}, self.run, 1.0)

    def run(self) -> Result:
        """Audit what the search gave, and rank it under bounds of both shares."""
        found: dict[str, list[list[float]]] = {"given": [], "ranked": []}
        for genders in _by_occupation(self.path):
            groups = Groups.from_codes(genders, ["men", "women"])
            if groups.sizes.min() < _LEAST:
                continue
            n = len(genders)
            # Whoever comes k-th in the search is worth what the k-th position is.
            worth = 1 / np.log2(np.arange(2, n + 2))
            bounds = [
                Bound.of_share(name, ">=", int(size) / n)
                for name, size in zip(groups.names, groups.sizes, strict=True)
            ]
            ranked = rank_items(worth, groups, bounds)
            for name, order in (("given", np.arange(n)), ("ranked", ranked.order)):
                seen = exposure(order, groups)
                apart = abs(float(np.log(seen.exposure[1] / seen.exposure[0])))
                lost = ranked.lost if name == "ranked" else 0.0
                found[name].append([ndkl(order, groups), apart, lost])
        return found


def _by_occupation(path: Path) -> list[np.ndarray]:
    rows: dict[str, list[tuple[str, int]]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for occupation, image, gender, _ in csv.reader(file):
            if gender in ("Male", "Female"):
                rows.setdefault(occupation, []).append((image, int(gender == "Female")))
    return [np.array([gender for _, gender in sorted(images)]) for images in rows.values()]


def search_part(tier: Tier, data_dir: Path | None) -> Part:
    """What the folder of data has.

    Returns
    -------
    Part
    """
    path = (Path() if data_dir is None else data_dir) / LABELS
    if not path.exists():
        return part_of([], (f"Not there, and left out: {LABELS}.",))
    return part_of([Setting(path)])


def part_of(settings: Sequence[Setting], notes: tuple[str, ...] = ()) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting
    notes : tuple of str

    Returns
    -------
    Part
    """
    return Part("search results", tuple(one.cell() for one in settings), partial(_show), notes)


def _show(results: Sequence[Result]) -> Shown:
    if not results:
        return Shown((), (), list)
    given, ranked = (np.array(results[0][name]) for name in ("given", "ranked"))
    less = over_seeds(given[:, 0] - ranked[:, 0])
    claim = judged(
        f"Search results of {len(given)} occupations: bounds by the shares of both genders lower "
        "the divergence of prefixes, mean of NDKL before minus after (above 0)",
        NONE,
        less,
        shown_above(less, 0.0),
    )
    table = Table(
        [
            Column("order"),
            Column("NDKL", "right"),
            Column("exposure apart", "right", note="mean of |log ratio|"),
            Column("utility lost", "right"),
        ],
        [
            [name, f"{of[:, 0].mean():.4f}", f"{of[:, 1].mean():.3f}", f"{of[:, 2].mean():.2%}"]
            for name, of in (("as searched", given), ("under bounds", ranked))
        ],
        f"Images of {len(given)} occupations, means",
    )
    return Shown((claim,), (table,), lambda: [Section("Search results", [Text(_TEXT), table])])


_TEXT = (
    "For each occupation a search gave a hundred images, of which those are taken that are "
    "labelled as a man's or a woman's, in the order of the search. Prefixes are compared with the "
    "shares of all of them. Under the bounds every prefix has at least the share of each, rounded "
    "down; what is lost is the sum over positions of what the search thought of the image. What "
    "the shares of an occupation should be is another question."
)
