"""How far from the truth estimated derivatives of the smoothing may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.minmax.smoothing import Draws

_N_BOOTSTRAP = 400
_N_NEIGHBOURS = 10


@dataclass(frozen=True)
class Interval:
    """An estimate and what it may be as well.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float


def derivatives(draws: Draws, sigma: float, confidence: float) -> tuple[Interval, Interval]:
    r"""Length of the smoothing's gradient and lowest eigenvalue of its second derivative.

    Both are around means over the draws. Half the width is the radius of the ball around such a
    mean that holds a share ``confidence`` of resampled means, in the norm in which an error carries
    over to the length or to an eigenvalue, in units of the resamples' own spread.

    Parameters
    ----------
    draws : Draws
        In the order of their shells.
    sigma : float
    confidence : float

    Returns
    -------
    gradient, curvature : Interval
    """
    z = torch.stack(
        [torch.cat([p.detach().double().cpu().flatten() for p in part]) for part in draws.z]
    )
    a = torch.tensor(draws.plus, dtype=torch.float64)
    b = torch.tensor(draws.minus, dtype=torch.float64)
    d = z.shape[1]
    slopes = z * ((a - b) / (2 * sigma))[:, None]
    squares = z[:, :, None] * z[:, None, :] - torch.eye(d, dtype=torch.float64)
    bends = squares * ((a + b) / (2 * sigma**2))[:, None, None]
    slope, bend = slopes.mean(0), bends.mean(0)
    off_slope = _radius(slopes, lambda e: e.norm(dim=1), confidence)
    off_bend = _radius(
        bends.flatten(1),
        lambda e: torch.linalg.eigvalsh(e.unflatten(1, (d, d))).abs().amax(1),
        confidence,
    )
    length = slope.norm().item()
    lowest = torch.linalg.eigvalsh(bend)[0].item()
    return (
        Interval(length, max(0.0, length - off_slope), length + off_slope),
        Interval(lowest, lowest - off_bend, lowest + off_bend),
    )


def _radius(draws: Tensor, size: Callable[[Tensor], Tensor], confidence: float) -> float:
    # A draw is of one shell, and what differs from shell to shell is no error: so it is resampled
    # among its neighbours. A stream of its own: the caller's is left alone.
    stream = torch.Generator().manual_seed(0)
    n = len(draws)
    errors = torch.zeros(_N_BOOTSTRAP, draws.shape[1], dtype=torch.float64)
    squares = torch.zeros(_N_BOOTSTRAP, dtype=torch.float64)
    spread = torch.zeros((), dtype=torch.float64)
    for block in draws.tensor_split(max(1, n // _N_NEIGHBOURS)):
        centred = block - block.mean(0)
        chosen = torch.randint(len(block), (_N_BOOTSTRAP, len(block)), generator=stream)
        weights = torch.zeros_like(chosen, dtype=torch.float64)
        weights.scatter_add_(1, chosen, torch.ones_like(weights))
        moved = weights @ centred
        errors += moved / n
        lengths = centred.square().sum(1)
        spread += lengths.sum() / n
        squares += (weights @ lengths - moved.square().sum(1) / len(block)) / n
    # Errors in units of their own spread: few draws have most of the say, and resampled errors as
    # they are would be too small where the draws happened to be tame.
    own = squares.clamp_min(0).sqrt()
    # A resample without any draw that improves has no spread to speak of.
    own = torch.where(own > 1e-3 * spread.sqrt(), own, spread.sqrt())
    ratios = torch.where(spread > 0, size(errors) / own, 0.0)
    return (ratios.quantile(torch.tensor(confidence, dtype=torch.float64)) * spread.sqrt()).item()
