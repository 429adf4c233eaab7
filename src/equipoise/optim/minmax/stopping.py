"""When refusals are evidence, and of what: free passes, stop rules, certificates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy.stats import beta

FreePass = float | Callable[[int], float]


@dataclass(frozen=True)
class Annealed:
    """The probability e^(-i / tau) of a free pass at the i-th proposal.

    It does not depend on how bad a proposal is, unlike the rule of Metropolis.

    Parameters
    ----------
    tau : float
        In proposals; infinite to accept them all.
    """

    tau: float

    def __post_init__(self) -> None:
        if not self.tau > 0:
            raise ValueError(f"tau must be positive, not {self.tau}.")

    def __call__(self, i: int) -> float:
        """The probability."""
        return math.exp(-i / self.tau)


@dataclass(frozen=True)
class StopRule:
    """Stop after as many refusals in a row as a point that is no equilibrium would rarely see.

    If proposals improve with a probability of omega or more, log(1 - confidence) / log(1 - omega)
    of them fail in a row with a probability of at most 1 - confidence. That speaks of one point
    that does not move. A run has a try at every point that it visits, so that the chance of
    stopping too early anywhere is larger: for a statement about where it stopped, ask
    :meth:`AcceptReject.certify` for fresh proposals there.

    Parameters
    ----------
    omega : float
        Between 0 and 1.
    confidence : float
        Between 0 and 1.
    """

    omega: float = 0.05
    confidence: float = 0.95

    def __post_init__(self) -> None:
        for name, value in (("omega", self.omega), ("confidence", self.confidence)):
            if not 0 < value < 1:
                raise ValueError(f"{name} must be between 0 and 1, not {value}.")

    @property
    def n_rejections(self) -> int:
        """How many refusals in a row: 59 for 0.05 at 95%, 299 for 0.01."""
        return math.ceil(math.log1p(-self.confidence) / math.log1p(-self.omega))


@dataclass(frozen=True)
class Certificate:
    """What fresh proposals at a point say of it: an approximate local equilibrium, or not.

    With the stated confidence, a proposal lowers the value that the maximizer answers with by
    delta or more with a probability below ``omega``.

    Attributes
    ----------
    n, n_improving : int
        Proposals, and those among them that would have been accepted.
    omega : float
        Upper bound of the probability (Clopper and Pearson, one-sided).
    confidence : float
    delta : float
    stationarity : float
        Norm of the maximizer's gradient mapping at the point, the largest over the batches.
    """

    n: int
    n_improving: int
    omega: float
    confidence: float
    delta: float
    stationarity: float


def upper_bound(n_improving: int, n: int, confidence: float) -> float:
    """One-sided Clopper-Pearson upper bound of a probability.

    Parameters
    ----------
    n_improving, n : int
        Successes and trials.
    confidence : float

    Returns
    -------
    float
    """
    return (
        1.0 if n_improving == n else float(beta.ppf(confidence, n_improving + 1, n - n_improving))
    )


def probability(free_pass: FreePass, i: int) -> float:
    """Of a free pass at the i-th proposal.

    Parameters
    ----------
    free_pass : float or callable
    i : int

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If it is no probability.
    """
    p = free_pass(i) if callable(free_pass) else free_pass
    if not 0 <= p <= 1:
        raise ValueError(f"free_pass must be a probability, but is {p} at proposal {i}.")
    return p
