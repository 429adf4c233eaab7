"""The learning rate of an optimizer that is compared with others, chosen on validation rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from equipoise.audit import Counts
from equipoise.compare.choice import keeps
from equipoise.compare.corrected import corrected
from equipoise.compare.rate_search import rate_at, search_places, usual_place
from equipoise.constraints import Constraint
from equipoise.noise import FlipMatrix


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
    def of(
        cls,
        rate: float,
        validation: Sequence[Counts],
        targets: Sequence[Constraint],
        flips: FlipMatrix | None = None,
    ) -> Tried:
        """Judge the models of a rate.

        Parameters
        ----------
        rate : float
        validation : sequence of Counts
            One for each model that did not diverge.
        targets : sequence of Constraint
            Empty for a method that was asked for nothing.
        flips : FlipMatrix, optional
            Of the groups, where they are observed with errors.

        Returns
        -------
        Tried
        """
        kept = sum(keeps(corrected(counts, flips), targets) for counts in validation)
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
    tried = search_places(
        usual_place(optimizer),
        lambda places: [attempt(rate_at(place)) for place in places],
        lambda so_far: [max(so_far, key=lambda place: so_far[place].order)],
    )
    return list(tried.values())


def _mean_loss(counts: Counts) -> float:
    assert counts.loss is not None
    return float(counts.loss[:, 0].sum() / counts.n_rows)
