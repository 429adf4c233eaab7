"""The learning rate of an optimizer that is compared with others, chosen on validation rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from equipoise.audit import Counts
from equipoise.compare.choice import keeps
from equipoise.constraints import Constraint

# About the middle of what is usual for small networks: defaults differ by a factor of a hundred.
_USUAL = {
    "SGD": 0.3,
    "ASGD": 0.3,
    "Momentum": 0.03,
    "Nesterov": 0.03,
    "NormalisedSGD": 0.1,
    "Adagrad": 0.03,
    "Adadelta": 3.0,
    "Adafactor": 0.03,
    "Muon": 0.03,
    "SignSGD": 0.001,
    "Lion": 0.001,
    "Sophia": 0.0003,
    "SAM": 0.03,
}
_OF_ADAMS = 0.003
_STEP = math.sqrt(10)
_BESIDE = 2
_WIDEST = 4


@dataclass(frozen=True)
class Tried:
    """What a learning rate came to on the validation rows.

    Attributes
    ----------
    rate : float
    finished : int
        Models that did not diverge.
    kept : int
        Of these, those that keep what training was asked for; all of them where a method was asked
        for nothing.
    loss : float or None
        Their mean cross-entropy; None if all diverged.
    """

    rate: float
    finished: int
    kept: int
    loss: float | None

    @classmethod
    def of(cls, rate: float, validation: Sequence[Counts], targets: Sequence[Constraint]) -> Tried:
        """Judge the models of a rate.

        Parameters
        ----------
        rate : float
        validation : sequence of Counts
            One for each model that did not diverge.
        targets : sequence of Constraint
            Empty for a method that was asked for nothing.

        Returns
        -------
        Tried
        """
        kept = sum(keeps(counts, targets) for counts in validation)
        losses = [_mean_loss(counts) for counts in validation]
        mean = sum(losses) / len(losses) if losses else None
        return cls(rate, len(validation), kept, mean)

    @property
    def order(self) -> tuple[int, float]:
        """Best last: by loss, once half of the models keep what was asked for."""
        enough = min(self.kept, -(-self.finished // 2))
        return enough, -math.inf if self.loss is None else -self.loss

    def to_dict(self) -> dict[str, Any]:
        """The attempt as JSON can hold it."""
        return asdict(self)


def choose_rate(optimizer: str, attempt: Callable[[float], Tried]) -> list[Tried]:
    """Try learning rates, half a decade apart, until the best has neighbours on both sides.

    Five are tried at first, for every optimizer, and up to four more where the best of them lies
    at an edge.

    Parameters
    ----------
    optimizer : str
    attempt : callable
        Trains at a rate and judges.

    Returns
    -------
    list of Tried
        By rate. The best is that of the largest ``order``.
    """
    middle = _USUAL.get(optimizer, _OF_ADAMS)
    places = list(range(-_BESIDE, _BESIDE + 1))
    tried = {place: attempt(_rounded(middle * _STEP**place)) for place in places}
    while True:
        best = max(tried, key=lambda place: tried[place].order)
        if best not in (min(tried), max(tried)) or len(tried) >= len(places) + _WIDEST:
            return [tried[place] for place in sorted(tried)]
        beyond = best - 1 if best == min(tried) else best + 1
        tried[beyond] = attempt(_rounded(middle * _STEP**beyond))


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")


def _mean_loss(counts: Counts) -> float:
    assert counts.loss is not None
    return float(counts.loss[:, 0].sum() / counts.n_rows)
