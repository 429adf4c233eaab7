"""What a search saw on its way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.imbalance import ParametricCrossEntropy
from equipoise.report import Figure, Line, lines


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

    def figure(self, names: Sequence[Any] = ()) -> Figure:
        """The objective and the terms along the search, as a picture.

        Parameters
        ----------
        names : sequence, length K or K G, optional
            Of the classes, or of the classes of each group in turn (class by class).

        Returns
        -------
        Figure
            Whose ``save`` writes it.

        Raises
        ------
        ValueError
            If there were no outer steps, or as many names.
        """
        if not self.step:
            raise ValueError("the search took no outer step: there is nothing to draw.")
        shape = self.additive[0].shape
        given = [str(name) for name in names] or [
            f"class {'/'.join(map(str, cell))}" for cell in np.ndindex(*shape)
        ]
        if len(given) != int(np.prod(shape)):
            raise ValueError(f"names must be {int(np.prod(shape))}, one a term, not {len(given)}.")
        panels = {"objective": [Line(self.step, self.objective, "validation rows")]}
        for label, terms in (
            ("additive term l", self.additive),
            ("multiplicative term", self.multiplicative),
            ("weight", self.weight),
        ):
            values = np.stack(terms).reshape(len(terms), -1)
            if np.ptp(values, axis=0).any():
                columns = zip(values.T, given, strict=True)
                panels[label] = [Line(self.step, y, name) for y, name in columns]
        return lines(
            panels,
            x_label="steps of training",
            caption="Frequent classes have larger terms: rare ones are asked for a larger margin.",
        )

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
