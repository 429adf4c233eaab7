"""Gaussian cooling on a body: the stages, and draws for each as their errors need them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from equipoise.sampling.body import Body
from equipoise.sampling.columns import Columns
from equipoise.sampling.sample import TooFewDrawsWarning
from equipoise.sampling.volume.cooling import cool
from equipoise.sampling.volume.inside import Inside, narrow_variance
from equipoise.sampling.volume.ratio import Ratio
from equipoise.sampling.volume.result import Volume

_FIRST = 1000  # independent draws of the narrow Gaussian
_FEWEST = 100  # draws of each chain at each stage
_AIM = 0.95  # of the standard error asked for: what comes out differs from what is planned
_GROWTH = 0.1  # of the draws so far, at least, in a further round


class VolumeProgress(NamedTuple):
    """How far the estimate of a volume has come.

    Attributes
    ----------
    stages : int
        Known so far.
    scheduled : bool
        Whether they are all.
    se : float
        Standard error so far; NaN until every stage has been drawn from.
    steps : int
        Coordinates drawn so far, of all chains.
    """

    stages: int
    scheduled: bool
    se: float
    steps: int


def estimate(
    body: Body,
    *,
    se: float,
    seed: int,
    n_chains: int,
    workers: int,
    max_steps: int,
    progress: Callable[[VolumeProgress], None] | None,
) -> Volume:
    """Estimate a body's volume; see :func:`log_volume`.

    Parameters
    ----------
    body : Body
        In whose coordinates widths are alike.
    se : float
    seed, n_chains, workers, max_steps : int
    progress : callable or None

    Returns
    -------
    Volume
    """
    d = body.dimension
    root = np.random.SeedSequence(seed)

    def seeds() -> int:
        return int.from_bytes(root.spawn(1)[0].generate_state(4).tobytes(), "little")

    def tell(stages: int, scheduled: bool, error: float, steps: int) -> None:
        if progress is not None:
            progress(VolumeProgress(stages, scheduled, error, steps))

    inside = Inside(body, narrow_variance(body), seeds())
    inside.extend(_FIRST)
    ratios, spent = cool(
        body,
        inside.variance,
        inside.points[np.arange(n_chains) % len(inside.points)],
        seeds,
        workers,
        max_steps,
        lambda stages, steps: tell(stages + 1, False, np.nan, steps),
    )
    pieces: list[Inside | Ratio] = [inside, *ratios]
    error, spent = _draw(
        pieces,
        se,
        _FEWEST * n_chains,
        d,
        spent + _FIRST * d,
        max_steps,
        lambda error, steps: tell(len(pieces), True, error, steps),
    )
    stages = tuple(piece.stage() for piece in pieces)
    if error > se:
        warnings.warn(
            f"the standard error is {error:.3g}, not {se:g}, after {spent} steps: raise max_steps",
            TooFewDrawsWarning,
            stacklevel=3,
        )
    log_volume = (
        d / 2 * np.log(2 * np.pi * inside.variance)
        + sum(stage.log_ratio for stage in stages)
        + body.log_det
    )
    kind = "sparse" if Columns(body, "auto").sparse else "dense"
    return Volume(float(log_volume), error, d, f"Gaussian cooling ({kind} columns)", stages, spent)


def _draw(
    pieces: Sequence[Inside | Ratio],
    se: float,
    fewest: int,
    d: int,
    spent: int,
    allowed: int,
    tell: Callable[[float, int], None],
) -> tuple[float, int]:
    """Draw for all stages until the standard error is reached or the steps are spent.

    The plan has the least total number of draws for a given sum of variances (Neyman's
    allocation). It rests on the pilots alone, and all stages grow alike afterwards: were draws
    given to stages by their own draws so far, those that happen to have missed large weights would
    be left as they are, and the sum would be too low; by a third of its standard error, measured.
    """
    roots = np.sqrt([piece.unit_variance for piece in pieces])
    plan = np.maximum(roots * roots.sum() / (_AIM * se) ** 2, fewest)
    if spent + fewest * len(pieces) * d > allowed:
        raise RuntimeError(
            "max_steps were spent on the choice of the stages, and none are left to draw from "
            "them: raise max_steps"
        )
    drawn, error = 0.0, np.nan
    while not error <= se:
        wanted = 1.0
        if drawn:
            wanted = drawn * max((error / (_AIM * se)) ** 2 - 1, _GROWTH)
        share = min(wanted, max(allowed - spent, 0) / (plan.sum() * d))
        numbers = np.floor(share * plan).astype(int)
        if not drawn:
            numbers = np.maximum(numbers, fewest)
        elif not numbers.any():
            break
        for piece, number in zip(pieces, numbers, strict=True):
            if number:
                before = piece.draws
                piece.extend(int(number))
                spent += (piece.draws - before) * d
                tell(error, spent)
        drawn += share
        error = float(np.sqrt(sum(piece.unit_variance / piece.draws for piece in pieces)))
    return error, spent
