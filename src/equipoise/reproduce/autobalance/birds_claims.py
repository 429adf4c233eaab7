"""What is claimed of Waterbirds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.birds_methods import FAMILIES
from equipoise.reproduce.autobalance.results import Results
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import at_least, at_most, judged, over_seeds

_CUT = 3.0
_SAID = {
    "balanced": "balanced error",
    "worst": "worst cell's error",
    "deo": "difference of equalized odds",
}
_PLANES = {"balanced": "balanced error", "deo": "difference of equalized odds"}
_OURS = "AutoBalance"


def birds_claims(results: Results, weights: Sequence[float]) -> list[Claim]:
    """The claims on Waterbirds.

    Parameters
    ----------
    results : Results
    weights : sequence of float
        Of the cross-entropy, in the blends of the frontiers.

    Returns
    -------
    list of Claim
    """
    where = results.task.name
    table = published.TABLE_3
    share = over_seeds(results.of(_OURS, "deo") / results.of("CE", "deo"))
    above = over_seeds(results.behind(_OURS, "CE"))
    return [
        judged(
            f"{where}: AutoBalance cuts CE's difference of equalized odds at least threefold; what "
            "is left of it",
            f"{table[_OURS]['deo'] / table['CE']['deo']:.3f}",
            share,
            at_most(share, 1 / _CUT),
        ),
        judged(
            f"{where}: at no higher balanced error; points above CE's",
            f"{table[_OURS]['balanced'] - table['CE']['balanced']:+.2f}",
            above,
            at_most(above, 0),
        ),
        *(_least(results, figure) for figure in _SAID),
        *(_larger_volume(results, weights, figure) for figure in _PLANES),
    ]


def _least(results: Results, figure: str) -> Claim:
    others = [name for name in published.TABLE_3 if name != _OURS]
    theirs = published.TABLE_3[_OURS][figure]
    theirs -= min(published.TABLE_3[name][figure] for name in others)
    best = results.best(figure, lambda method: method.name in others)
    found = over_seeds(results.behind(_OURS, best, figure))
    return judged(
        f"{results.task.name}: AutoBalance has the least {_SAID[figure]} of the paper's methods; "
        f"points above the best other, {best}",
        f"{theirs:+.2f}",
        found,
        at_most(found, 0),
    )


def _larger_volume(results: Results, weights: Sequence[float], figure: str) -> Claim:
    volumes = {family: results.volumes(family, weights, figure) for family in FAMILIES}
    others = [family for family in FAMILIES if family != _OURS]
    best = max(others, key=lambda family: float(np.nan_to_num(volumes[family].mean(), nan=-1)))
    found = over_seeds(volumes[_OURS] - volumes[best])
    return judged(
        f"{results.task.name}: AutoBalance's frontier of standard error and {_PLANES[figure]} "
        f"dominates the other blends' (figure 5); points of hypervolume above the best, {best}",
        "yes",
        found,
        at_least(found, 0),
    )
