"""Gaussian cooling on a body: the stages, and draws for each as their errors need them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from equipoise.sampling.body import Body
from equipoise.sampling.columns import Columns
from equipoise.sampling.sample import TooFewDrawsWarning
from equipoise.sampling.volume.cooling import cool
from equipoise.sampling.volume.inside import Inside, narrow_variance
from equipoise.sampling.volume.result import Volume

_FIRST = 1000  # independent draws of the narrow Gaussian
_FEWEST = 50  # draws of each chain at each stage
_AIM = 0.95  # of the standard error asked for: what comes out differs from what is planned
_FIRST_ROUND = 0.5  # of the draws that the pilots call for: half of them know better
_GROWTH = 0.1  # of a stage's draws, at least, in a further round


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
    pieces = [inside, *ratios]
    spent += _FIRST * d
    error, share, enough = np.nan, _FIRST_ROUND, True
    # The least total number of draws for a given sum of variances (Neyman's allocation).
    while not error <= se and enough:
        unit = np.array([piece.unit_variance for piece in pieces])
        have = np.array([piece.draws for piece in pieces])
        wanted = share * np.sqrt(unit) * np.sqrt(unit).sum() / (_AIM * se) ** 2
        more = np.where(wanted > have, np.maximum(wanted - have, _GROWTH * have), 0.0)
        more = np.where(have == 0, np.maximum(more, _FEWEST * n_chains), more)
        affordable = (max_steps - spent) / d
        if more.sum() > affordable:
            enough = False
            more *= max(affordable, 0.0) / more.sum()
            more = np.where(have == 0, np.maximum(more, _FEWEST * n_chains), more)
        for piece, number in zip(pieces, more, strict=True):
            if number < 1:
                continue
            piece.extend(int(number))
            spent += int(number) * d
            tell(len(pieces), True, error, spent)
        if share == 1.0 or not enough:
            error = float(np.sqrt(sum(piece.unit_variance / piece.draws for piece in pieces)))
        share = 1.0
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
