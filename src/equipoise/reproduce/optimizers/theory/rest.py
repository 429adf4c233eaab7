"""Chains of an optimizer, and what they look like at rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from equipoise.audit import Estimate
from equipoise.optim.dynamics import TwoGroupQuadratic, run_chains, run_diffusion
from equipoise.optim.stacked import SGD, Adam, Lion, RMSProp, Rule, SignSGD
from equipoise.reproduce.part import Cell, Result

RULES: dict[str, Rule] = {
    "SGD": SGD(),
    "RMSProp": RMSProp(0.999),
    "RMSProp, beta .99": RMSProp(0.99),
    "RMSProp, beta .9": RMSProp(0.9),
    "Adam, beta .95": Adam((0.9, 0.95)),
    "Lion": Lion(),
    "sign descent": SignSGD(),
}
"""By the names of the tables."""

NEAR, VERY_NEAR = 0.25, 0.1
"""How far from the point where both groups lose the same."""

_LOOKS = (2000, 2500, 3000, 3500, 4000)
EDGES = np.linspace(-1.0, 2.5, 141)


@dataclass(frozen=True)
class Scaled:
    """Two groups' quadratics with all losses multiplied.

    Parameters
    ----------
    p0, scale : float
    """

    p0: float
    scale: float

    def gradient(self, w: Tensor, share: float | Tensor) -> Tensor:
        """That of the quadratics, times the scale."""
        return self.scale * TwoGroupQuadratic(self.p0).gradient(w, share)


@dataclass(frozen=True)
class Rest:
    """A setting of chains.

    Attributes
    ----------
    p0 : float
    rule : str
        One of :data:`RULES`.
    rate : float
    batch : int
    scale : float
        Of the losses.
    equation : bool
        Whether of the stochastic equation in place of the optimizer.
    chains : int
    """

    p0: float
    rule: str
    rate: float
    batch: int = 1
    scale: float = 1.0
    equation: bool = False
    chains: int = 20_000

    def cell(self) -> Cell:
        """The setting as a cell of the re-run."""
        decides = {"looks": list(_LOOKS), **vars(self)}
        return Cell(f"{self.rule} at rate {self.rate:g}, p0 = {self.p0:g}", decides, self.run)

    def run(self) -> Result:
        """Run the chains from the minimum of the mean loss."""
        problem = Scaled(self.p0, self.scale)
        rule = RULES[self.rule]
        start = torch.full((self.chains,), 2 * self.p0 - 1)
        square = 4 * self.p0 * (1 - self.p0) / self.batch * self.scale**2
        if self.equation:
            assert isinstance(rule, SGD | RMSProp)
            found = run_diffusion(
                problem, rule, self.rate, start, _LOOKS, batch=self.batch, start_square=square
            )
        else:
            begin = {"square": square} if isinstance(rule, RMSProp) else None
            found = run_chains(
                problem, rule, self.rate, start, _LOOKS, batch=self.batch, begin_with=begin
            )
        w = found.double().numpy()
        return {
            "mean": _estimate(w),
            "variance": _estimate((w - w.mean()) ** 2),
            "near": _estimate(np.abs(w) < NEAR),
            "very near": _estimate(np.abs(w) < VERY_NEAR),
            "gap": _estimate(2 * np.abs(w)),
            "histogram": (np.histogram(w, EDGES)[0] / (w.size * np.diff(EDGES))).tolist(),
        }


def _estimate(values: np.ndarray) -> list[float]:
    # A chain's looks are of one chain: it is averaged first.
    each = values.astype(float).mean(0)
    return [float(each.mean()), float(each.std(ddof=1) / len(each) ** 0.5)]


def figure(result: Result, name: str) -> Estimate:
    """A figure with its interval.

    Parameters
    ----------
    result : dict
        As :meth:`Rest.run` gives it.
    name : {"mean", "variance", "near", "very near", "gap"}

    Returns
    -------
    Estimate
    """
    value, error = result[name]
    return Estimate(value, value - 1.96 * error, value + 1.96 * error)


def ratio(ours: Result, theirs: Result, name: str) -> Estimate:
    """A figure over another one, with the interval that its logarithm's error gives.

    Parameters
    ----------
    ours, theirs : dict
    name : str

    Returns
    -------
    Estimate
        NaN where one of them is 0.
    """
    value, half = log_ratio(ours, theirs, name)
    return Estimate(*(float(np.exp(value + side * half)) for side in (0, -1, 1)))


def log_ratio(ours: Result, theirs: Result, name: str) -> tuple[float, float]:
    """The logarithm of a figure over another one, and half the width of its interval.

    Parameters
    ----------
    ours, theirs : dict
    name : str

    Returns
    -------
    value, half : float
    """
    (a, error_a), (b, error_b) = ours[name], theirs[name]
    if min(a, b) <= 0:
        return float("nan"), float("nan")
    return float(np.log(a / b)), 1.96 * float(np.hypot(error_a / a, error_b / b))
