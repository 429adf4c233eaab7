"""Following training: loss, accuracy, disparity and multipliers at a few dozen moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.network import StackedMLP
from equipoise.learn.problem import Rows
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
    disparity : ndarray, shape (t, r)
        The constrained figure on the watched rows; NaN without a constraint.
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
                name: [[_json(x) for x in moment] for moment in getattr(self, name)]
                for name in ("loss", "accuracy", "disparity", "multiplier")
            },
        }

    @classmethod
    def from_dict(cls, state: dict[str, list[Any]]) -> History:
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


class Watch:
    """Looks at a network while it trains.

    Parameters
    ----------
    network : StackedMLP
    rows : Rows
        At most 4,000 of them, evenly spaced, are looked at.
    n_classes : int
    constraint : Constraint, optional
    """

    def __init__(
        self, network: StackedMLP, rows: Rows, n_classes: int, constraint: Constraint | None
    ) -> None:
        some = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_ROWS)).astype(int))
        self._network = network
        self._features = rows.features[torch.from_numpy(some).to(rows.features.device)]
        self._label = rows.label.cpu().numpy()[some]
        self._groups = None if rows.groups is None else rows.groups.take(some)
        self._n_classes = n_classes
        self._constraint = constraint
        self._loss: Tensor | None = None
        self._since = 0
        self._steps: list[int] = []
        self._moments: list[list[NDArray[Any]]] = []

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
        unknown = np.full(len(objective), np.nan)
        multiplier = unknown
        if multipliers is not None and multipliers.shape[-1]:
            multiplier = multipliers.amax(-1).double().cpu().numpy()
        loss = (self._loss / self._since).double().cpu().numpy()
        accuracy, disparity = self._look(unknown)
        self._steps.append(step + 1)
        self._moments.append([loss, accuracy, disparity, multiplier])
        self._loss, self._since = None, 0

    @torch.no_grad()
    def _look(self, unknown: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        logits = self._network(self._features)
        # No later batch would tell of a last step that went wrong.
        if not torch.isfinite(logits).all():
            raise FloatingPointError(
                "training diverged: the network's outputs are not finite; a smaller learning_rate "
                "may cure it."
            )
        decision = logits.argmax(-1).cpu().numpy()
        accuracy = (decision == self._label).mean(-1)
        if self._constraint is None or self._groups is None:
            return accuracy, unknown
        rate, groups, k = self._constraint.disparity.rate, self._groups, self._n_classes
        if rate.of_loss:
            log_probability = torch.log_softmax(logits.double(), -1).cpu().numpy()
            loss = -log_probability[:, np.arange(len(self._label)), self._label]
            nothing = np.zeros(len(self._label), np.int64)
            sums = np.stack([groups.tabulate(nothing, 1, row)[:, 0] for row in loss])
            rates = divide(sums, np.broadcast_to(groups.sizes, sums.shape))[:, None]
        else:
            tables = [groups.tabulate(self._label * k + row, k * k) for row in decision]
            rates = rate.values(np.stack(tables).reshape(len(decision), -1, k, k))
        return accuracy, self._constraint.disparity.value(rates)

    def history(self) -> History:
        """What was seen.

        Returns
        -------
        History
        """
        loss, accuracy, disparity, multiplier = np.array(self._moments).swapaxes(0, 1)
        return History(np.array(self._steps), loss, accuracy, disparity, multiplier)


def _json(x: float) -> float | None:
    return None if np.isnan(x) else round(float(x), 6)
