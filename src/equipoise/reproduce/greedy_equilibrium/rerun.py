"""The parts put together: what ``equipoise reproduce greedy-equilibrium`` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.report import Page, Section
from equipoise.reproduce.claim import Outcome, Reproduction, Tier, Workplace
from equipoise.reproduce.greedy_equilibrium.convex import convex_part
from equipoise.reproduce.greedy_equilibrium.points import points_part
from equipoise.reproduce.greedy_equilibrium.published import NAMED, SOURCE, Named
from equipoise.reproduce.greedy_equilibrium.saddles import saddles_part
from equipoise.reproduce.greedy_equilibrium.search import Settings
from equipoise.reproduce.greedy_equilibrium.starts import NAMES, starts_part
from equipoise.reproduce.greedy_equilibrium.truncation import truncation_part
from equipoise.reproduce.greedy_equilibrium.work import Grid, work_part
from equipoise.reproduce.part import Part
from equipoise.reproduce.run_parts import run_parts


@dataclass(frozen=True)
class Size:
    """How much is re-run.

    Attributes
    ----------
    n_pairs : int
        Pairs of draws of the check of a named point.
    n_saddle_games, n_crests : int
        Random games whose saddles are checked, and points of the wave.
    n_random, n_named : int
        Searches of random games, and of each named one.
    checked, searched : tuple of int
        Dimensions of quadratics; 1 stands for the product in a box.
    n_quadratics : int
        Of each dimension below 50.
    n_descents, n_descent_steps : int
        On a smoothing that is not truncated.
    grid : Grid
        Of the searches whose evaluations are counted.
    settings : Settings
        Of searches.
    named : tuple of Named
        The points that are checked.
    searched_games : tuple of str
        The named games that are searched.
    """

    n_pairs: int
    n_saddle_games: int
    n_crests: int
    n_random: int
    n_named: int
    checked: tuple[int, ...]
    searched: tuple[int, ...]
    n_quadratics: int
    n_descents: int
    n_descent_steps: int
    grid: Grid
    settings: Settings
    named: tuple[Named, ...] = NAMED
    searched_games: tuple[str, ...] = tuple(NAMES)


SIZES: dict[Tier, Size] = {
    "quick": Size(
        120, 24, 37, 32, 3, (1, 2, 10, 50), (1, 2), 6, 4, 120,
        Grid((0.1, 0.03, 0.01, 0.003), (1, 2, 4), 4), Settings(n_pairs=60),
    ),
    "full": Size(
        2000, 200, 200, 300, 20, (1, 2, 10, 50), (1, 2, 10, 50), 12, 20, 300,
        Grid((0.1, 0.03, 0.01, 0.003, 0.001), (1, 2, 4, 8, 16), 20), Settings(n_pairs=400),
    ),
}  # fmt: skip


def parts_of(size: Size) -> list[Part]:
    """All parts, in the order in which they are shown.

    Parameters
    ----------
    size : Size

    Returns
    -------
    list of Part
    """
    return [
        points_part(size.n_pairs, size.named),
        saddles_part(size.n_saddle_games, size.n_crests, size.settings.n_pairs),
        starts_part(size.n_random, size.n_named, size.settings, size.searched_games),
        convex_part(size.checked, size.searched, size.n_quadratics, size.settings),
        truncation_part(size.n_descents, size.n_descent_steps, size.settings.n_pairs),
        work_part(size.grid, size.settings),
    ]


def rerun(tier: Tier, place: Workplace, size: Size | None = None) -> Outcome:
    """Hold the theorems and examples of the paper against what the library finds.

    Parameters
    ----------
    tier : {"quick", "full"}
    place : Workplace
    size : Size, optional
        In place of the tier's.

    Returns
    -------
    Outcome
    """
    return run_parts(parts_of(size or SIZES[tier]), place, _page)


def _page(sections: Sequence[Section]) -> Page:
    return Page(
        "Greedy adversarial equilibria, re-run",
        f"The theorems and examples of {SOURCE}, which has no experiments, beside what the "
        "library measures.",
        sections,
    )


GREEDY_EQUILIBRIUM = Reproduction(
    "greedy-equilibrium",
    "min-max equilibria against a greedy maximizer exist and are found",
    SOURCE,
    in_place=rerun,
)
"""The theorems of the paper on greedy adversarial equilibria."""
