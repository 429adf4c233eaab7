"""What came of one method on one seed of one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.autobalance import Trajectory
from equipoise.learn.imbalance import ParametricCrossEntropy

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """What a method gives.

    Attributes
    ----------
    decision : ndarray of int64, shape (n,)
        Of the test rows.
    note : str
        What was chosen on the way.
    loss : ParametricCrossEntropy or None
        What a search has found.
    trajectory : Trajectory or None
        Of the search.
    """

    decision: NDArray[np.int64]
    note: str = ""
    loss: ParametricCrossEntropy | None = None
    trajectory: Trajectory | None = None


@dataclass(frozen=True, eq=False)
class Record:
    """Decisions counted, and what a search found.

    Attributes
    ----------
    cell : dict
        All that decided it.
    seconds : float
        Of the processor.
    counts : ndarray, shape (K, G)
        Rows learnt from.
    table : ndarray, shape (G, K, K)
        Test rows by group, label and decision. Empty if training failed.
    note : str
    additive, multiplicative : ndarray, shape (K,) or (K, G), or None
        What a search found; the first less its mean over classes.
    trajectory : Trajectory or None
    failed : str
        Why there is no model; empty if there is one.
    """

    cell: dict[str, Any]
    seconds: float
    counts: NDArray[np.int64]
    table: NDArray[np.int64]
    note: str = ""
    additive: Array | None = None
    multiplicative: Array | None = None
    trajectory: Trajectory | None = None
    failed: str = ""

    @property
    def errors(self) -> Array:
        """Share of wrong decisions in each class of each group, shape (K, G); NaN if it failed."""
        if self.failed:
            return np.full(self.counts.shape, np.nan)
        right = self.table[:, np.arange(self.table.shape[1]), np.arange(self.table.shape[1])]
        return (1 - right / self.table.sum(2)).T

    @property
    def figures(self) -> dict[str, float]:
        """What it is judged by, in percent.

        ``balanced`` is the mean over cells of their error and ``worst`` the largest, ``standard``
        weights the cells as in the rows learnt from, and ``deo`` is the difference of equalized
        odds, the distances of the errors of two groups summed over classes; NaN without two.
        """
        errors = 100 * self.errors
        apart = np.abs(errors[:, 0] - errors[:, 1]).sum() if errors.shape[1] == 2 else np.nan
        return {
            "standard": float((errors * self.counts).sum() / self.counts.sum()),
            "balanced": float(errors.mean()),
            "worst": float(errors.max()),
            "deo": float(apart),
        }

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON can hold it."""
        return {
            "cell": self.cell,
            "seconds": self.seconds,
            "counts": self.counts.tolist(),
            "table": self.table.tolist(),
            "note": self.note,
            "additive": None if self.additive is None else self.additive.tolist(),
            "multiplicative": None if self.multiplicative is None else self.multiplicative.tolist(),
            "trajectory": None if self.trajectory is None else self.trajectory.to_dict(),
            "failed": self.failed,
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Record:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        Record
        """
        additive, multiplicative = (
            None if state[name] is None else np.array(state[name], np.float64)
            for name in ("additive", "multiplicative")
        )
        return cls(
            state["cell"],
            state["seconds"],
            np.array(state["counts"], np.int64),
            np.array(state["table"], np.int64),
            state["note"],
            additive,
            multiplicative,
            None if state["trajectory"] is None else Trajectory.from_dict(state["trajectory"]),
            state["failed"],
        )
