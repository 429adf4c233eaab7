"""What debiasing has to say: spreads between seeds, collapses, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.report import Column, Figure, Interval, Section, Table, Text, intervals
from equipoise.report.printable import number, span
from equipoise.reproduce.claim import Claim, Verdict
from equipoise.reproduce.judge import CONFIDENCE, judged, over_seeds, share, shown_at_most
from equipoise.reproduce.minmax.debiasing.ways import CONTROLS, GDA
from equipoise.reproduce.part import Result, Shown

Array = NDArray[np.float64]

_ONE_CLASS = 0.01
_WORSE = 0.01
_RESAMPLES = 4000
_FIGURES = {"accuracy": "accuracy", "selection": "selection gap", "odds": "equalized-odds gap"}


def show_debiasing(table_name: str, n_seeds: int, results: Sequence[Result]) -> Shown:
    """Put together what all ways gave.

    Parameters
    ----------
    table_name : str
    n_seeds : int
    results : sequence of dict
        Of cells, each by way.

    Returns
    -------
    Shown
    """
    found: dict[str, dict[str, Array]] = {
        way: {name: np.array(values) for name, values in one.items()}
        for result in results
        for way, one in result.items()
    }
    claims = tuple(claim for ours in CONTROLS for claim in _claims(table_name, ours, found))
    table = _table(table_name, n_seeds, found)
    return Shown(claims, (table,), partial(_sections, table_name, table, found))


def collapsed(positive: Array) -> NDArray[np.bool_]:
    """Which runs say one class of nearly all rows.

    Parameters
    ----------
    positive : ndarray, shape (r,)
        Share of rows of which class 1 is said.

    Returns
    -------
    ndarray of bool, shape (r,)
    """
    return np.minimum(positive, 1 - positive) < _ONE_CLASS


def spread_ratio(ours: Array, theirs: Array) -> Estimate:
    """Ratio of standard deviations over the same seeds, with a bootstrap interval.

    Seeds are drawn again in pairs, for what they share of their beginning.

    Parameters
    ----------
    ours, theirs : ndarray, shape (r,)

    Returns
    -------
    Estimate
        Percentiles of resampled ratios; NaN where theirs do not vary.
    """
    if theirs.std() == 0:
        return Estimate(np.nan, np.nan, np.nan)
    random = np.random.default_rng(0)
    chosen = random.integers(len(ours), size=(_RESAMPLES, len(ours)))
    below = theirs[chosen].std(1, ddof=1)
    ratios = ours[chosen].std(1, ddof=1)[below > 0] / below[below > 0]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(ratios, [tail, 1 - tail])
    value = ours.std(ddof=1) / theirs.std(ddof=1)
    # A resampled spread is a little small, for ours as for theirs; the ends are moved as little.
    return Estimate(float(value), float(min(low, value)), float(max(high, value)))


def _claims(
    table_name: str, ours: str, found: Mapping[str, Mapping[str, Array]]
) -> tuple[Claim, ...]:
    mine, theirs = found[ours], found[GDA]
    start = f"{table_name}: {ours}"
    fell = [collapsed(one["positive"]).astype(float) for one in (mine, theirs)]
    more = over_seeds(fell[0] - fell[1])
    # Runs of which none has collapsed do not tell which way does so less often.
    told: Verdict = shown_at_most(more, 0.0) if any(one.any() for one in fell) else "cannot be told"
    lost = over_seeds(theirs["accuracy"] - mine["accuracy"])
    coin = found[CONTROLS[ours]]
    beside_coin = spread_ratio(mine["selection"], coin["selection"])
    return (
        *(
            _steadier(f"{start}: {name}", mine[figure], theirs[figure], coin[figure])
            for figure, name in _FIGURES.items()
        ),
        judged(
            f"{start}: selection gap varies less than under a coin of the same rate: ratio of "
            "standard deviations (below 1 asked for)",
            "none",
            beside_coin,
            shown_at_most(beside_coin, 1.0),
        ),
        judged(
            f"{start} collapses no more often: share of runs that say one class, less "
            f"descent-ascent's{'' if any(one.any() for one in fell) else ' (no run did)'}",
            "none",
            more,
            told,
        ),
        judged(
            f"{start} costs no accuracy: descent-ascent's less it, on the same seeds (at most "
            f"{_WORSE:g} asked for)",
            "none",
            lost,
            shown_at_most(lost, _WORSE),
        ),
    )


def _steadier(start: str, mine: Array, theirs: Array, coin: Array) -> Claim:
    what = f"{start} varies less from seed to seed than descent-ascent's"
    unit = "ratio of standard deviations (below 1 asked for)"
    ratio = spread_ratio(mine, theirs)
    verdict = shown_at_most(ratio, 1.0)
    # Fewer moves may be steadier by themselves: what a coin does too, the judge has not done.
    if verdict == "holds" and shown_at_most(spread_ratio(mine, coin), 1.0) != "holds":
        text = f"{what}; not shown against a coin of the same rate: {unit}"
        return Claim(text, "none", ratio.value, ratio.low, ratio.high, "holds with a condition")
    return judged(f"{what}: {unit}", "none", ratio, verdict)


def _table(table_name: str, n_seeds: int, found: Mapping[str, Mapping[str, Array]]) -> Table:
    rows = []
    for way, one in found.items():
        fell = share(collapsed(one["positive"]))
        rows.append(
            [
                way,
                *(
                    f"{number(over_seeds(one[figure]).value)} ± {one[figure].std(ddof=1):.3f}"
                    for figure in _FIGURES
                ),
                f"{fell.value:.0%} [{fell.low:.0%}, {fell.high:.0%}]",
                f"{one['moves'].mean():.0%}",
            ]
        )
    return Table(
        [
            Column("trained by"),
            *(Column(name, "right", "mean ± spread") for name in _FIGURES.values()),
            Column("collapsed", "right", "says one class"),
            Column("moves kept", "right", "of the predictor"),
        ],
        rows,
        f"Adversarial debiasing, {table_name}: {n_seeds} seeds, test rows; the spread is the "
        "standard deviation over seeds",
    )


def _sections(
    table_name: str, table: Table, found: Mapping[str, Mapping[str, Array]]
) -> list[Section]:
    text = Text(
        "A predictor against an adversary who guesses the group from its output (Zhang, Lemoine, "
        "Mitchell 2018), its direction projected as in the paper. Descent-ascent takes every step; "
        "accept/reject takes the same step as a proposal, and keeps it if the predictor's loss "
        "less the adversary's fell, or by a free pass. The controls move as often as accept/reject "
        "did on the same seed, as a coin says. Last iterates are compared, with one strength of "
        "the adversary: the library's method chooses among several, on rows held out, and "
        "is not what is measured here."
    )
    return [
        Section(
            "Adversarial debiasing", [text, table, *(_figure(name, found) for name in _FIGURES)]
        )
    ]


def _figure(figure: str, found: Mapping[str, Mapping[str, Array]]) -> Figure:
    def row(way: str, values: Array) -> Interval:
        low, middle, high = np.quantile(values, [0.0, 0.5, 1.0])
        half = np.quantile(values, [0.25, 0.75])
        return Interval(way, middle, low, high, note=f"half in {span(*half)}")

    return intervals(
        {"": [row(way, one[figure]) for way, one in found.items()]},
        x_label=f"{_FIGURES[figure]} of seeds: median, least and most",
        title=_FIGURES[figure],
    )
