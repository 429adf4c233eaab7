"""Where SGD and RMSProp come to rest on two groups' quadratics, as stationary laws."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal, get_args

from scipy.optimize import brentq

from equipoise.optim.dynamics.problem import TwoGroupQuadratic

_LARGEST = math.log(sys.float_info.max)

Method = Literal["sgd", "rmsprop"]
"""The optimizers whose laws are known in closed form."""

Convention = Literal["derived", "reported"]
"""Whose constants: derived here, or reported for the paper, which are twice the variance."""


@dataclass(frozen=True)
class Normal:
    """A normal law.

    Attributes
    ----------
    mean, variance : float
    """

    mean: float
    variance: float

    def log_density(self, at: float) -> float:
        """The logarithm of the density at a point."""
        deviation = (at - self.mean) ** 2 / self.variance
        return -0.5 * (math.log(2 * math.pi * self.variance) + deviation)


def stationary(
    problem: TwoGroupQuadratic,
    method: Method,
    rate: float,
    batch: int = 1,
    convention: Convention = "derived",
) -> Normal:
    r"""The stationary law of an optimizer's stochastic differential equation.

    The gradient of a batch has mean w - m, m = p0 - p1, and variance 4 p0 p1 / B wherever w is, so
    that SGD is an Ornstein-Uhlenbeck process::

        dW = -(W - m) dt + sqrt(rate 4 p0 p1 / B) dB      variance  2 rate p0 p1 / B

    and so is RMSProp once its v has come to 4 p0 p1 / B, in the form of Malladi et al. 2022 (arXiv
    2205.10287), where noise outweighs the gradient::

        dW = -(W - m) / (rate sqrt(v)) dt + dB            variance  rate sqrt(p0 p1 / B)

    with one step of the optimizer in a time of rate^2. Theorem 1 of Kolahdouzi, Gunes, Etemad 2025
    (arXiv 2504.14882) is reported with precisions 1 / (8 rate p0 p1) and 1 / (4 rate sqrt(p0 p1)),
    half of ours each, as if the diffusion's factor 1/2 were missing in the Fokker-Planck equation;
    chains agree with ours. Both laws have the same mean: RMSProp is not nearer to the point where
    groups lose the same, it is more spread out.

    Parameters
    ----------
    problem : TwoGroupQuadratic
    method : {"sgd", "rmsprop"}
    rate : float
        The learning rate.
    batch : int
        B.
    convention : {"derived", "reported"}

    Returns
    -------
    Normal

    Raises
    ------
    ValueError
        If an argument is none of these.
    """
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, not {method!r}.")
    _require_rate(rate, batch, convention)
    both = problem.p0 * (1 - problem.p0)
    variance = 2 * rate * both / batch if method == "sgd" else rate * math.sqrt(both / batch)
    return Normal(problem.mean, variance * (2 if convention == "reported" else 1))


def chain_variance(problem: TwoGroupQuadratic, rate: float, batch: int = 1) -> float:
    """The stationary variance of SGD itself, not of its differential equation.

    Parameters
    ----------
    problem : TwoGroupQuadratic
    rate : float
        Below 2, or the chain diverges.
    batch : int

    Returns
    -------
    float
        4 rate p0 p1 / (B (2 - rate)).
    """
    _require_rate(rate, batch)
    if rate >= 2:
        raise ValueError(f"rate must be below 2, where the chain diverges, but is {rate}.")
    return 4 * rate * problem.p0 * (1 - problem.p0) / (batch * (2 - rate))


def density_ratio(
    problem: TwoGroupQuadratic,
    rate: float,
    batch: int = 1,
    convention: Convention = "derived",
    at: float = 0.0,
) -> float:
    """RMSProp's stationary density over SGD's, by default where both groups lose the same.

    Theorem 1 of Kolahdouzi, Gunes, Etemad 2025 (arXiv 2504.14882) compares these. Far from the mean
    the normal laws are not those of the chains, whose noise has two values: at p0 = 0.95 and a rate
    of 0.2 the ratio of the laws is 1e5, that of what chains do near 0 is about 20.

    Parameters
    ----------
    problem : TwoGroupQuadratic
    rate : float
    batch : int
    convention : {"derived", "reported"}
    at : float

    Returns
    -------
    float
        Infinite where it is beyond what a number can hold.
    """
    ours, theirs = (
        stationary(problem, method, rate, batch, convention) for method in get_args(Method)[::-1]
    )
    log_ratio = ours.log_density(at) - theirs.log_density(at)
    return math.exp(log_ratio) if log_ratio < _LARGEST else math.inf


def threshold(rate: float, batch: int = 1, convention: Convention = "derived") -> float:
    """How far p0 and p1 are apart from where on RMSProp's density at 0 is the larger one.

    Parameters
    ----------
    rate : float
    batch : int
    convention : {"derived", "reported"}

    Returns
    -------
    float
        About ``sqrt(rate / 2)`` for small rates and batches of 1, ``sqrt(rate)`` as reported; 0
        where RMSProp's is the larger one for equal groups already.
    """
    _require_rate(rate, batch, convention)

    def log_ratio(apart: float) -> float:
        problem = TwoGroupQuadratic((1 + apart) / 2)
        ours, theirs = (
            stationary(problem, method, rate, batch, convention)
            for method in get_args(Method)[::-1]
        )
        return ours.log_density(0.0) - theirs.log_density(0.0)

    nothing = 1e-6
    if log_ratio(nothing) > 0:
        return 0.0
    return float(brentq(log_ratio, nothing, 1 - 1e-12))


def _require_rate(rate: float, batch: int, convention: str = "derived") -> None:
    if not 0 < rate < math.inf:
        raise ValueError(f"rate must be positive and finite, not {rate}.")
    if batch < 1:
        raise ValueError(f"batch must be at least 1, not {batch}.")
    if convention not in get_args(Convention):
        known = ", ".join(get_args(Convention))
        raise ValueError(f"convention must be one of {known}, not {convention!r}.")
