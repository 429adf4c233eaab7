"""Marks, citations and chess ratings as they are, with --data-dir."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.data import read_table
from equipoise.groups import Groups
from equipoise.rank import Bound, ImplicitBias, audit_latent, bounds_of, calibrate, rank_items
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.implicit_bias.experiment import Experiment, Ratios
from equipoise.reproduce.implicit_bias.laws import Draw
from equipoise.reproduce.implicit_bias.published import (
    ALMOST_ALL,
    ALPHAS,
    MEN,
    OPTIMAL,
    POSITIONS,
    RATIOS,
)
from equipoise.reproduce.judge import judged, over_seeds, shown_at_least
from equipoise.reproduce.part import Cell, Part, Result, Shown

Array = NDArray[np.float64]

MARKS = Path("jee2009", "jee2009_marks.csv.gz")
CITATIONS = Path("semantic_scholar", "citation_distributions.csv")
CHESS = Path("ranking", "chessrankings.csv")

_BETAS = (0.25, 0.5)
_CHESS_BETAS = (0.25, 0.5, 0.9)
_PARITY = len(ALPHAS)
_ALMOST = 0.9


def drawn_marks(path: Path, beta: float) -> Draw:
    """Draws from all marks, of whom a share are called women: no file says who is one.

    Parameters
    ----------
    path : Path
    beta : float

    Returns
    -------
    callable
    """
    marks = np.maximum(_column(path, "mark"), 0.0)

    def draw(random: np.random.Generator, men: int, women: int) -> tuple[Array, Array, Array]:
        found = random.choice(marks, men + women, replace=False)
        a, b = np.sort(found[:men])[::-1], np.sort(found[men:])[::-1]
        return a, b, beta * b

    return draw


def drawn_citations(path: Path) -> Draw:
    """Draws of citations: latent as men have them, and as many as women of that rank have.

    Parameters
    ----------
    path : Path

    Returns
    -------
    callable
    """
    values = _column(path, "omega")
    men_below = np.cumsum(_column(path, "pdf_latent_male"))
    women_below = np.cumsum(_column(path, "pdf_biased_female"))

    def quantile(below: Array, u: Array) -> Array:
        return np.asarray(values[np.minimum(np.searchsorted(below, u), len(values) - 1)])

    def draw(random: np.random.Generator, men: int, women: int) -> tuple[Array, Array, Array]:
        u, v = (np.sort(random.random(size))[::-1] for size in (men, women))
        return quantile(men_below, u), quantile(men_below, v), quantile(women_below, v)

    return draw


@dataclass(frozen=True)
class Setting:
    """A chunk of trials on real values.

    Attributes
    ----------
    path : Path
    ratio : str
    beta : float or None
        None where the bias is in the data.
    seed : int
    trials : int
    """

    path: Path
    ratio: str
    beta: float | None
    seed: int
    trials: int

    @property
    def title(self) -> str:
        """What is drawn, with which bias."""
        if self.beta is None:
            return "Semantic Scholar's own citations"
        return f"all marks of the IIT-JEE, beta = {self.beta:g}"

    def cell(self) -> Cell:
        """The trials."""
        decides = {**vars(self), "path": self.path.name}
        title = f"{self.title}, r = {self.ratio}, chunk {self.seed}"
        return Cell(title, decides, self.run, self.trials * 0.005)

    def run(self) -> Result:
        """Rank and judge."""
        draw = (
            drawn_citations(self.path) if self.beta is None else drawn_marks(self.path, self.beta)
        )
        women = RATIOS[self.ratio]
        parity = Bound.of_share("women", ">=", women / (MEN + women))
        return Experiment(draw, MEN, women, [parity]).run(self.seed, self.trials)


@dataclass(frozen=True)
class Chess:
    """All players of the file, the best hundred of whom are wanted.

    Attributes
    ----------
    path : Path
    beta : float
    """

    path: Path
    beta: float

    def cell(self) -> Cell:
        """One ranking under each bound."""
        return Cell(f"chess, beta = {self.beta:g}", {"beta": self.beta}, self.run, 0.5)

    def run(self) -> Result:
        """Rank and judge."""
        table = read_table(self.path)
        rating = table["rating"].to_numpy().astype(np.float64)
        women = table["sex"].to_numpy() == "F"
        latent = rating - rating.min()
        groups = Groups.from_codes(women.astype(np.int64), ["men", "women"])
        observed = ImplicitBias({"women": self.beta}).observe(latent, groups)
        best = rank_items(latent, n=POSITIONS).order
        sizes = {"men": int((~women).sum()), "women": int(women.sum())}
        laws = {"men": latent[~women], "women": latent[women]}
        found: Result = {"women": int(women[best].sum()), "players": sizes}
        for name, bounds in (
            ("latent", bounds_of(best, groups)),
            ("calibrated", calibrate(laws, sizes, POSITIONS).bounds("women")),
            ("parity", [Bound.of_share("women", ">=", sizes["women"] / len(women))]),
        ):
            ranking = rank_items(observed, groups, bounds, n=POSITIONS, discount="none")
            audit = audit_latent(ranking, latent)
            found[name], found["none"] = audit.kept, audit.kept_unconstrained
        return found


def real_part(tier: Tier, data_dir: Path | None) -> Part:
    """What the folder of data has.

    Returns
    -------
    Part
    """
    chunks, trials = (8, 20) if tier == "quick" else (20, 100)
    folder = Path() if data_dir is None else data_dir
    settings = [
        Setting(folder / path, ratio, beta, seed, trials)
        for path, betas in ((MARKS, _BETAS), (CITATIONS, (None,)))
        if (folder / path).exists()
        for beta in betas
        for ratio in RATIOS
        for seed in range(chunks)
    ]
    chess = [Chess(folder / CHESS, beta) for beta in _CHESS_BETAS if (folder / CHESS).exists()]
    absent = [str(path) for path in (MARKS, CITATIONS, CHESS) if not (folder / path).exists()]
    notes = (f"Not there, and left out: {', '.join(absent)}.",) if absent else ()
    return part_of(settings, chess, notes)


def part_of(
    settings: Sequence[Setting], chess: Sequence[Chess], notes: tuple[str, ...] = ()
) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting
    chess : sequence of Chess
    notes : tuple of str

    Returns
    -------
    Part
    """
    cells = (*(one.cell() for one in settings), *(one.cell() for one in chess))
    return Part("real values", cells, partial(_show, settings, chess), notes)


def _show(settings: Sequence[Setting], chess: Sequence[Chess], results: Sequence[Result]) -> Shown:
    chunks: dict[tuple[str, str], list[Result]] = {}
    for one, result in zip(settings, results, strict=False):
        chunks.setdefault((one.title, one.ratio), []).append(result)
    found = {setting: Ratios.of(several) for setting, several in chunks.items()}
    games = list(zip(chess, results[len(settings) :], strict=True))
    claims = [
        _recovered(title, [one for (t, _), one in found.items() if t == title])
        for title in dict.fromkeys(title for title, _ in found)
    ]
    if games:
        lost = max(1 - result["latent"] for _, result in games)
        claims.append(
            Claim(
                "Chess, the best hundred under bounds by the latent counts, whatever the bias: "
                "largest share of ratings lost (0)",
                OPTIMAL,
                lost,
                lost,
                lost,
                "holds" if lost <= 1e-12 else "does not hold",
            )
        )
    shown = [*([_table(found)] if found else []), *([_chess_table(games)] if games else [])]
    draw: Callable[[], list[Section]] = lambda: (  # noqa: E731
        [Section("Real values", [Text(_TEXT), *shown])] if shown else []
    )
    return Shown(tuple(claims), tuple(shown), draw)


_TEXT = (
    "Marks are drawn from all that there are, negative ones as 0, and whose are women's is decided "
    "by chance: no file says it. Citations are drawn as men have them; a woman of the same rank "
    "among women as a man among men is seen with what women of that rank have, so that bias is no "
    "factor, but keeps the order. Of both the bound is the share of women among candidates. Chess "
    "ratings count from the lowest in the file; bias is simulated."
)


def _recovered(title: str, several: Sequence[Ratios]) -> Claim:
    shares = [over_seeds(one.recovered(_PARITY)) for one in several]
    least = min(shares, key=lambda one: one.low)
    return judged(
        f"{title}: of what bias loses the share of candidates recovers, least over r "
        f"({_ALMOST:g} or more)",
        ALMOST_ALL,
        least,
        shown_at_least(least, _ALMOST),
    )


def _table(found: dict[tuple[str, str], Ratios]) -> Table:
    return Table(
        [
            Column("data"),
            Column("r"),
            Column("Uncons / Opt", "right"),
            Column("best alpha", "right"),
            Column("Cons / Opt", "right", note="at best alpha"),
            Column("Cons / Opt", "right", note="share of candidates"),
        ],
        [
            [
                title,
                ratio,
                f"{one.unconstrained[:, 0].mean():.4f}",
                f"{ALPHAS[one.strongest]:.2f}",
                f"{one.mean(one.strongest):.4f}",
                f"{one.mean(_PARITY):.4f}",
            ]
            for (title, ratio), one in found.items()
        ],
        "Real values",
    )


def _chess_table(games: Sequence[tuple[Chess, Result]]) -> Table:
    first = games[0][1]
    return Table(
        [
            Column("beta", "right"),
            Column("no bound", "right"),
            Column("latent counts", "right"),
            Column("expected counts", "right"),
            Column("share of players", "right"),
        ],
        [
            [
                f"{one.beta:g}",
                *(f"{found[name]:.4f}" for name in ("none", "latent", "calibrated", "parity")),
            ]
            for one, found in games
        ],
        f"Chess: share of the best latent utility; {first['women']} of the best hundred are women, "
        f"of {first['players']['men'] + first['players']['women']:,} players "
        f"{first['players']['women']:,}",
    )


def _column(path: Path, name: str) -> Array:
    return np.asarray(read_table(path)[name].to_numpy(), np.float64)
