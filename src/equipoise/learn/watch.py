"""Following training: loss, accuracy, disparity and multipliers at a few dozen moments."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.learn.network import StackedMLP
from equipoise.learn.problem import Rows
from equipoise.noise import NoisyGroups
from equipoise.rates import divide

_MOMENTS = 25
# Enough rows to see a disparity to a point, few enough that looking costs little.
_MOST_ROWS = 4_000


@dataclass(frozen=True)
class History:
    """Training as it went, at t moments, for each of r replicates.

    Attributes
    ----------
    step : ndarray of int, shape (t,)
    loss : ndarray, shape (t, r)
        Mean objective of the batches since the moment before.
    accuracy : ndarray, shape (t, r)
        On the watched rows.
    disparity : ndarray, shape (t, r, p)
        The figure of each of p promises on the watched rows; NaN where it is undefined.
    multiplier : ndarray, shape (t, r)
        The largest multiplier; NaN where the method has none.
    """

    step: NDArray[np.int64]
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    disparity: NDArray[np.float64]
    multiplier: NDArray[np.float64]

    def to_dict(self) -> dict[str, list[Any]]:
        """The curves as JSON can hold them, with None for what is undefined."""
        return {
            "step": self.step.tolist(),
            **{
                name: _json(getattr(self, name).tolist())
                for name in ("loss", "accuracy", "disparity", "multiplier")
            },
        }

    @classmethod
    def from_dict(cls, state: dict[str, list[Any]]) -> Self:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        History
        """
        curves = {
            name: np.array(curve, np.float64) for name, curve in state.items() if name != "step"
        }
        return cls(np.array(state["step"], np.int64), **curves)

    @classmethod
    def side_by_side(cls, histories: Sequence[Self]) -> Self:
        """Join runs of as many steps, replicate by replicate.

        Parameters
        ----------
        histories : sequence of History

        Returns
        -------
        History
        """
        curves = {
            name: np.concatenate([getattr(one, name) for one in histories], axis=1)
            for name in ("loss", "accuracy", "disparity", "multiplier")
        }
        return cls(histories[0].step, **curves)


class Watch:
    """Looks at a network while it trains.

    Parameters
    ----------
    network : StackedMLP
    rows : Rows
        At most 4,000 of them, evenly spaced, are looked at.
    n_classes : int
    constraints : sequence of Constraint, length p
    """

    def __init__(
        self,
        network: StackedMLP,
        rows: Rows,
        n_classes: int,
        constraints: Sequence[Constraint] = (),
    ) -> None:
        some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(int))
        self._network = network
        self._features = rows.features[torch.from_numpy(some).to(rows.features.device)]
        self._label = rows.label.cpu().numpy()[some]
        self._groups = None if rows.members is None else rows.members.take(some)
        self._n_classes = n_classes
        self._disparities = [one.disparity for one in constraints]
        self._loss: Tensor | None = None
        self._since = 0
        self._steps: list[int] = []
        self._moments: list[tuple[NDArray[Any], ...]] = []

    def after_step(
        self, step: int, steps: int, objective: Tensor, multipliers: Tensor | None
    ) -> None:
        """Note one step, and look at the watched rows if it is time to.

        Parameters
        ----------
        step : int
            From 0.
        steps : int
            How many there will be.
        objective : Tensor, shape (r,)
        multipliers : Tensor, shape (r, m), or None

        Raises
        ------
        FloatingPointError
            If the network has no finite outputs on the watched rows any more.
        """
        self._loss = objective if self._loss is None else self._loss + objective
        self._since += 1
        every = max(1, steps // _MOMENTS)
        if (step + 1) % every and step + 1 != steps:
            return
        multiplier = np.full(len(objective), np.nan)
        if multipliers is not None and multipliers.shape[-1]:
            multiplier = multipliers.amax(-1).double().cpu().numpy()
        loss = (self._loss / self._since).double().cpu().numpy()
        accuracy, disparity = self._look()
        self._steps.append(step + 1)
        self._moments.append((loss, accuracy, disparity, multiplier))
        self._loss, self._since = None, 0

    @torch.no_grad()
    def _look(self) -> tuple[NDArray[Any], NDArray[Any]]:
        logits = self._network(self._features)
        # No later batch would tell of a last step that went wrong.
        if not torch.isfinite(logits).all():
            raise FloatingPointError(
                "training diverged: the network's outputs are not finite; a smaller learning_rate "
                "may cure it."
            )
        decision = logits.argmax(-1).cpu().numpy()
        accuracy = (decision == self._label).mean(-1)
        disparity = np.full((len(decision), len(self._disparities)), np.nan)
        if self._groups is not None and self._disparities:
            k = self._n_classes
            counted = [self._groups.tabulate(self._label * k + row, k * k) for row in decision]
            tables = np.stack(counted).reshape(len(decision), -1, k, k)
            for number, one in enumerate(self._disparities):
                losses = one.rate.of_loss
                rates = self._losses(logits, self._groups) if losses else one.rate.values(tables)
                disparity[:, number] = one.value(rates)
        return accuracy, disparity

    def _losses(self, logits: Tensor, groups: Groups | NoisyGroups) -> NDArray[Any]:
        # The mean cross-entropy of each group, shape (r, 1, g).
        log_probability = torch.log_softmax(logits.double(), -1).cpu().numpy()
        loss = -log_probability[:, np.arange(len(self._label)), self._label]
        nothing = np.zeros(len(self._label), np.int64)
        sums = np.stack([groups.tabulate(nothing, 1, row)[:, 0] for row in loss])
        return divide(sums, np.broadcast_to(groups.sizes, sums.shape))[:, None]

    def history(self) -> History:
        """What was seen.

        Returns
        -------
        History
        """
        curves = (np.stack(curve) for curve in zip(*self._moments, strict=True))
        return History(np.array(self._steps), *curves)


def _json(curve: Any) -> Any:
    if isinstance(curve, list):
        return [_json(part) for part in curve]
    return None if math.isnan(curve) else round(curve, 6)
