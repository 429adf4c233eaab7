"""Timing many loops against each other: processor time, in turns, compared within each round."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping


class Rounds:
    """Processor time of loops that take turns.

    What else runs on the machine slows all of a round down alike, so that the ratio of two loops
    is steadier than the time of either; and of a thread's own processor time steadier still.

    Parameters
    ----------
    loops : mapping from str to callable
        Each call takes one step.
    steps : int
        How many steps each takes in its turn.
    rounds : int
        How many turns each has.
    warm_up : int
        How many steps each takes before that.
    """

    def __init__(
        self,
        loops: Mapping[str, Callable[[], object]],
        steps: int = 20,
        rounds: int = 40,
        warm_up: int = 40,
    ) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in loops}
        for step in loops.values():
            for _ in range(warm_up):
                step()
        for _ in range(rounds):
            for name, step in loops.items():
                began = time.thread_time()
                for _ in range(steps):
                    step()
                self.seconds[name].append((time.thread_time() - began) / steps)

    def milliseconds(self, name: str) -> float:
        """The median of a step.

        Parameters
        ----------
        name : str

        Returns
        -------
        float
        """
        return 1e3 * statistics.median(self.seconds[name])

    def ratio(self, name: str, unit: str) -> float:
        """How many times as long one takes as another, by the median over the rounds.

        Parameters
        ----------
        name, unit : str

        Returns
        -------
        float
        """
        pairs = zip(self.seconds[name], self.seconds[unit], strict=True)
        return statistics.median(one / other for one, other in pairs)
