"""What frontiers have to say: claims, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.audit import Estimate
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import (
    CONFIDENCE,
    judged,
    over_seeds,
    shown_above,
    shown_at_least,
    shown_at_most,
    shown_below,
)
from equipoise.reproduce.noisy_groups import ways
from equipoise.reproduce.noisy_groups.figures_of import (
    ACCURACY,
    ACCURACY_HERE,
    RATIO,
    RATIO_HERE,
    Frontier,
)
from equipoise.reproduce.noisy_groups.published import NONE, OTHERS_SPLITS, ROWS
from equipoise.reproduce.part import Shown

Array = NDArray[np.float64]

_TAU = 0.9
_NEAR_BEST, _NEAR_KNOWN = 0.01, 0.03
_SIMULATED = "population"


def show(frontiers: Sequence[Frontier]) -> Shown:
    """Claims, tables and figures.

    Parameters
    ----------
    frontiers : sequence of Frontier

    Returns
    -------
    Shown
    """
    claims = [claim for one in frontiers for claim in _of_one(one)]
    tables = [_table(one) for one in frontiers]
    by_table = [one for one in frontiers if one.name.endswith("SR") and one.table != _SIMULATED]
    if by_table:
        claims += _beside_others(by_table)
        tables.append(_published(by_table))

    def draw() -> list[Section]:
        return [
            Section("Frontiers", [Text(_TEXT), *(_figure(one) for one in frontiers)]),
            Section("Accuracy and rate", tables),
        ]

    return Shown(tuple(claims), tuple(tables), draw)


_TEXT = (
    "Groups are flipped with chances .3 and .1, rules are found on 70 % of the rows (or on 5,000 "
    "drawn from a population that is known), and judged by the true groups: on the rows learnt "
    "from, and on those held out (or on the population itself). Figures are expectations over the "
    "random choices of a rule. Exact ways are linear programs over cells, and learn the noise of "
    "each cell with it: where a corrected count is large by chance they select, so that what is "
    "kept by corrected counts is not kept by the true ones on the same rows. Main effects and "
    "pairs are logistic regressions on one column for each level, and on these and their products, "
    "around which the library finds the rule. What is held out has few rows in small groups, and "
    "the smaller of two noisy rates over the larger is too small on average, whatever is learnt: "
    "compare ways at equal rate, and not at equal τ. After the fact needs the observed group of "
    "everybody it decides on; the others decide by features alone. Soft and robust groups are "
    "tried on a fifth of the splits, at τ = .9. The shrunk tolerance is one of a gap: of (1 - τ) "
    "times the highest rate."
)


def _of_one(one: Frontier) -> list[Claim]:
    claims = [_corrected(one)]
    for way in (ways.MAIN, ways.PAIRS):
        short = [over_seeds(column) for column in one.shortfall(way).T]
        worst = max(short, key=lambda found: found.value)
        claims.append(
            judged(
                f"{one.name}, {way}: at most {_NEAR_BEST:g} of accuracy below the best of all "
                "group-blind rules with its true ratio, on the rows learnt from, at the worst τ",
                NONE,
                worst,
                shown_at_most(worst, _NEAR_BEST),
            )
        )
        claims += _near_program(one, way)
    least = min(float(np.nanmin(one.shortfall(way))) for way in ways.COMPARED)
    claims.append(
        Claim(
            f"{one.name}: on no split is a way above that best",
            NONE,
            least,
            least,
            least,
            "holds" if least >= -1e-6 else "does not hold",
        )
    )
    if one.name.endswith("SR"):
        claims += _other_flips(one)
    return claims


def _corrected(one: Frontier) -> Claim:
    exact, observed = (one.at(way, _TAU, RATIO) for way in (ways.DENOISED, ways.OBSERVED))
    before = over_seeds(observed)
    if before.value >= _TAU:
        after = over_seeds(exact)
        return judged(
            f"{one.name}, τ = {_TAU:g}, exact: with observed groups the true ratio beyond the rows "
            f"is {before.value:.3f} already, and with the correction it is no less than τ",
            "larger",
            after,
            shown_at_least(after, _TAU),
        )
    gain = over_seeds(exact - observed)
    return judged(
        f"{one.name}, τ = {_TAU:g}, exact: the true ratio beyond the rows is larger with the "
        "correction than with observed groups",
        "larger",
        gain,
        shown_above(gain, 0.0),
    )


def _near_program(one: Frontier, way: str) -> list[Claim]:
    below = one.below(way, ways.DENOISED)
    if np.isnan(below).all():
        return []
    t = int(np.nanargmax(below))
    figure = _around(float(below[t]), one.of_way[way][:, t, ACCURACY])
    return [
        judged(
            f"{one.name}, {way}: beyond the rows, at equal mean ratio, at most {_NEAR_BEST:g} of "
            "accuracy below the corrected program over cells, at the worst τ",
            NONE,
            figure,
            shown_at_most(figure, _NEAR_BEST),
        )
    ]


def _other_flips(one: Frontier) -> list[Claim]:
    exact = one.at(ways.DENOISED, _TAU, RATIO)
    off = over_seeds(np.abs(one.at(ways.GOLD, _TAU, RATIO) - exact))
    swapped = over_seeds(np.abs(one.at(ways.SWAPPED, _TAU, RATIO) - exact))
    soft = over_seeds(one.at(ways.WANG, _TAU, ACCURACY) - one.at(ways.DENOISED, _TAU, ACCURACY))
    return [
        judged(
            f"{one.name}, τ = {_TAU:g}, exact: with flips of {ways.GOLD_ROWS} gold rows the true "
            f"ratio is off by at most {_NEAR_KNOWN:g} from that with known flips, on average",
            NONE,
            off,
            shown_at_most(off, _NEAR_KNOWN),
        ),
        judged(
            f"{one.name}, τ = {_TAU:g}, exact: with the two flips swapped the true ratio is off by "
            f"more than {_NEAR_KNOWN:g} from that with the right ones, on average",
            "a frequent mistake",
            swapped,
            shown_above(swapped, _NEAR_KNOWN),
        ),
        judged(
            f"{one.name}, τ = {_TAU:g}: the guarantee of soft groups costs accuracy beyond the "
            "correction",
            NONE,
            soft,
            shown_below(soft, 0.0),
        ),
    ]


def _beside_others(frontiers: Sequence[Frontier]) -> list[Claim]:
    by_table = {(one.table, one.protected): one for one in frontiers}
    off, margins = list[float](), dict[tuple[str, str], Estimate]()
    for row in ROWS:
        one = by_table.get((row.table, row.protected))
        if one is None:
            continue
        for kind, theirs in row.exact.items():
            for figure, value in zip((ACCURACY, RATIO), theirs, strict=True):
                ours = one.at(ways.EXACT[kind], row.tau, figure)
                # As if their splits varied as ours do.
                error = ours.std(ddof=1) * np.sqrt(1 / len(ours) + 1 / OTHERS_SPLITS)
                off.append(float(abs(ours.mean() - value) / error))
        margin = _margin(one, row.authors)
        key = (row.table, row.protected)
        if key not in margins or margin.value < margins[key].value:
            margins[key] = margin
    limit = float(stats.norm.isf((1 - CONFIDENCE) / 2 / len(off)))
    claims = [
        Claim(
            f"Exact programs: of {len(off)} means over splits, the largest difference from another "
            f"program's is at most {limit:.2f} standard errors (95 % after Bonferroni)",
            NONE,
            max(off),
            max(off),
            max(off),
            "holds" if max(off) <= limit else "does not hold",
        )
    ]
    return claims + [
        judged(
            f"{table}, {protected}, SR, {ways.MAIN}: accuracy beyond the rows, less that of the "
            "authors' program at the same rate, at the least is above 0",
            "the reverse would mean that we solve it worse",
            margin,
            shown_above(margin, 0.0),
        )
        for (table, protected), margin in margins.items()
    ]


def _margin(one: Frontier, authors: tuple[float, float]) -> Estimate:
    theirs, ratio = authors
    at, accuracy = one.mean(ways.MAIN, RATIO), one.mean(ways.MAIN, ACCURACY)
    order = np.argsort(at)
    ours = float(np.interp(ratio, at[order], accuracy[order]))
    nearest = int(np.abs(at - ratio).argmin())
    return _around(ours - theirs, one.of_way[ways.MAIN][:, nearest, ACCURACY])


def _around(value: float, over: Array) -> Estimate:
    # Of a point of a mean frontier: with the interval of mean accuracy at the nearest promise.
    spread = over_seeds(over)
    return Estimate(
        value, value - (spread.value - spread.low), value + (spread.high - spread.value)
    )


def _figure(one: Frontier) -> Figure:
    panels = {
        "accuracy, rows learnt from": _lines(one, RATIO_HERE, ACCURACY_HERE),
        "accuracy, beyond them": _lines(one, RATIO, ACCURACY),
    }
    promises = ", ".join(f"{tau:g}" for tau in one.taus)
    return lines(
        panels,
        x_label="ratio of the rates of the true groups",
        caption=f"{one.name}: τ = {promises} from left to right; bands of 95 % over splits.",
    )


def _lines(one: Frontier, x: int, y: int) -> list[Line]:
    drawn = []
    for way, figures in one.of_way.items():
        if way in _ONLY_IN_TABLES:
            continue
        at = one.mean(way, x)
        order = [int(t) for t in np.argsort(at) if np.isfinite(at[t])]
        if not order:
            continue  # nobody is selected, and there is no ratio
        over = [over_seeds(figures[:, t, y]) for t in order]
        mean, low, high = ([getattr(found, name) for found in over] for name in _OF)
        drawn.append(Line(at[order], mean, way, low, high))
    return drawn


_ONLY_IN_TABLES = (ways.GOLD, ways.LESS, ways.SWAPPED, ways.WANG, ways.BALLS)
"""The first three lie on the line of known flips, further along it or less far. The last two select
hardly anybody: drawn to scale, they leave no room for the rest."""

_OF = ("value", "low", "high")


def _table(one: Frontier) -> Table:
    rows = []
    for way, figures in one.of_way.items():
        for t, tau in enumerate(one.taus):
            if np.isnan(figures[:, t]).all():
                continue
            over = [over_seeds(figures[:, t, k]) for k in range(4)]
            rows.append([way, f"{tau:g}", *map(_spread, over)])
    names = ("τ", "accuracy here", "ratio here", "accuracy", "ratio")
    return Table([Column("way"), *(Column(name, "right") for name in names)], rows, one.name)


def _spread(found: Estimate) -> str:
    if np.isnan(found.value):
        return "nobody is selected"
    return f"{found.value:.3f} ± {found.high - found.value:.3f}"


def _published(frontiers: Sequence[Frontier]) -> Table:
    by_table = {(one.table, one.protected): one for one in frontiers}
    rows = []
    for row in ROWS:
        one = by_table.get((row.table, row.protected))
        if one is None:
            continue
        cells = ["{:.3f} / {:.3f}".format(*row.authors), _pair(one, ways.MAIN, row.tau)]
        for kind, theirs in row.exact.items():
            cells += ["{:.3f} / {:.3f}".format(*theirs), _pair(one, ways.EXACT[kind], row.tau)]
        rows.append([row.table, row.protected, f"{row.tau:g}", *cells])
    names = ["authors, corrected", ways.MAIN]
    for way in ways.EXACT.values():
        names += [f"another program: {way}", "ours"]
    return Table(
        [
            Column("table"),
            Column("group"),
            Column("τ", "right"),
            *(Column(name, "right") for name in names),
        ],
        rows,
        "Accuracy / SR held out, beside others' figures",
    )


def _pair(one: Frontier, way: str, tau: float) -> str:
    found = (_mean(one, way, tau, figure) for figure in (ACCURACY, RATIO))
    return "{:.3f} / {:.3f}".format(*found)


def _mean(one: Frontier, way: str, tau: float, figure: int) -> float:
    return float(one.mean(way, figure)[one.taus.index(tau)])
