"""What a search saw on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.imbalance import ParametricCrossEntropy


@dataclass(eq=False)
class Trajectory:
    """The terms of a loss, and what they led to, at each outer step.

    Attributes
    ----------
    step : list of int
        Inner steps taken before.
    objective : list of float
        The outer objective on the validation rows looked at, before the step.
    weight, additive, multiplicative : list of ndarray, each of shape (K,) or (K, G)
        After the step; the additive term less its mean over classes, which changes nothing.
    """

    step: list[int] = field(default_factory=list)
    objective: list[float] = field(default_factory=list)
    weight: list[NDArray[np.float64]] = field(default_factory=list)
    additive: list[NDArray[np.float64]] = field(default_factory=list)
    multiplicative: list[NDArray[np.float64]] = field(default_factory=list)

    def note(self, step: int, objective: float, loss: ParametricCrossEntropy) -> None:
        """Add a moment.

        Parameters
        ----------
        step : int
        objective : float
        loss : ParametricCrossEntropy
        """
        self.step.append(step)
        self.objective.append(objective)
        for name, term in (
            ("weight", loss.weight),
            ("additive", loss.centred_additive),
            ("multiplicative", loss.multiplicative),
        ):
            getattr(self, name).append(term.detach().double().cpu().numpy().copy())

    def to_dict(self) -> dict[str, Any]:
        """The trajectory as JSON can hold it."""
        return {
            "step": list(self.step),
            "objective": list(self.objective),
            **{
                name: [x.tolist() for x in getattr(self, name)]
                for name in ("weight", "additive", "multiplicative")
            },
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Trajectory:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        Trajectory
        """
        terms = ("weight", "additive", "multiplicative")
        return cls(
            list(state["step"]),
            list(state["objective"]),
            *([np.array(x, np.float64) for x in state[name]] for name in terms),
        )
