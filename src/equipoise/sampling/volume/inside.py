"""The first stage: a Gaussian on all space, and the share of it that lies inside the body."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from equipoise.sampling.body import Body
from equipoise.sampling.volume.result import Stage

Array = NDArray[Any]

_OUTSIDE = 0.5  # bound on the mass outside, by a union over the rows
_AT_ONCE = 2_000_000  # numbers of a block of draws
_KEPT = 1000  # points to start chains from


def narrow_variance(body: Body) -> float:
    """Variance of the Gaussian at the centre whose mass outside the body is surely below a half.

    How much is outside is then measured, by independent draws: that costs about as much error as
    one stage, and a Gaussian with next to nothing outside would be several stages away.

    Parameters
    ----------
    body : Body

    Returns
    -------
    float
    """
    slack = body.slack(body.centre)

    def excess(log_deviation: float) -> float:
        return float(scipy.special.ndtr(-slack * np.exp(-log_deviation)).sum()) - _OUTSIDE

    # A row alone has less than a half outside, and two rows or more are never all far away.
    nearest = np.log(slack.min())
    low = nearest - np.log(10 + np.sqrt(2 * np.log(len(slack))))
    high = np.log(slack.max()) + 10
    return float(np.exp(2 * scipy.optimize.brentq(excess, low, high)))


class Inside:
    """Share of a Gaussian inside a body, from independent draws.

    Parameters
    ----------
    body : Body
    variance : float
    seed : int
    """

    def __init__(self, body: Body, variance: float, seed: int) -> None:
        self._body = body
        self.variance = variance
        self._rng = np.random.default_rng(seed)
        self._inside = 0
        self.draws = 0
        self.points = np.empty((0, body.dimension))

    def extend(self, number: int) -> None:
        """Draw so many more; ``points`` are the last of them that are inside."""
        body = self._body
        block = max(1, _AT_ONCE // max(body.A.shape))
        left = number
        while left:
            size = min(block, left)
            z = body.centre + np.sqrt(self.variance) * self._rng.standard_normal(
                (size, body.dimension)
            )
            inside = (body.slack(z) > 0).all(axis=1)
            self._inside += int(inside.sum())
            # The last block may be of one draw alone, and that outside.
            self.points = np.concatenate([self.points, z[inside]])[-_KEPT:]
            left -= size
        self.draws += number

    @property
    def unit_variance(self) -> float:
        """Squared standard error of the log times the number of draws."""
        # Half a draw added to either side: all being inside does not prove that nothing is not.
        share = (self._inside + 0.5) / (self.draws + 1)
        return (1 - share) / share

    def stage(self) -> Stage:
        """What is known so far."""
        variance = self.unit_variance / self.draws
        log_share = float(np.log((self._inside + 0.5) / (self.draws + 1)))
        return Stage(
            self.variance, log_share, float(np.sqrt(variance)), float(self.draws), self.draws
        )
