"""Which of a run's iterates is kept, and what helps there to be a good one."""

from __future__ import annotations

import torch
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.problem import FairProblem
from equipoise.optim.constrained import AverageIterate, BestFeasible, Constraints, Ratios
from equipoise.optim.constrained.ratios import averages_of, constraints_at

ITERATES = ("best", "last", "average")
"""Which iterate a run may end with."""

# From this share of the steps on the rates of all training rows are looked at, so many times.
_START = 0.3
_LOOKS = 50
# Candidates come from the end, where the learning rate is small and the loss has settled.
_CANDIDATES = 0.7
# What a look finds violated is asked for on top, in this part; what is kept is let go of slowly.
_GAIN = 0.5
_RELEASE = 0.9
# Asked for all the room, both sides of a gap would be violated and pull against each other.
_MOST_ROOM = 0.5


class Ending:
    """Looks at all training rows towards the end of a run, and keeps the best feasible iterate.

    The last iterate of a method with multipliers lies on either side of the constraint as chance
    has it, and tracked values differ a little from those of all rows. Each replicate is therefore
    asked for more than was promised by an integral of what it was seen to violate, and of the
    iterates looked at near the end the one with the least loss is kept among those that hold.

    Parameters
    ----------
    problem : FairProblem
        Its network is looked at, and ends as the iterate that is kept.
    steps : int
    iterate : {"best", "last", "average"}
        "best" as above; "average" over the last iterates; or simply the last.
    """

    def __init__(self, problem: FairProblem, steps: int, iterate: str) -> None:
        parameters, r = list(problem.network.parameters()), problem.network.n_replicates
        self._problem = problem
        self._steps = steps
        self._best = BestFeasible(parameters, r) if iterate == "best" else None
        self._average = AverageIterate(parameters) if iterate == "average" else None
        self._every = max(1, round(steps * (1 - _START) / _LOOKS))
        rooms = [_room(one) for one in problem.fair_loss.constraints]
        self._room = torch.tensor(_MOST_ROOM * min(rooms, default=0.0))
        self._asked: Tensor | None = None

    def tightened(self, seen: tuple[Tensor, Constraints]) -> tuple[Tensor, Constraints]:
        """A batch, with what is asked for on top.

        Parameters
        ----------
        seen : tuple of objective and constraints

        Returns
        -------
        tuple of objective and constraints
        """
        objective, constraints = seen
        if self._asked is None or not isinstance(constraints, Ratios):
            return seen
        function = _Raised(constraints.function, self._asked)
        return objective, Ratios(
            constraints.statistic, constraints.proxy, function, constraints.together
        )

    def after_step(self, step: int) -> None:
        """Look, if it is time to.

        Parameters
        ----------
        step : int
            From 0.
        """
        done = step + 1
        if self._average is not None and done > _CANDIDATES * self._steps:
            self._average.update()
        if self._best is None or done <= _START * self._steps:
            return
        if (self._steps - done) % self._every:
            return
        objective, seen = self._problem.everything()
        violation = constraints_at(averages_of(seen), seen).amax(-1)
        if done > _CANDIDATES * self._steps:
            self._best.offer(objective, violation)
        if self._asked is None:
            self._asked = torch.zeros_like(violation)[:, None]
        more = violation[:, None]
        asked = torch.where(more > 0, self._asked + _GAIN * more, self._asked * _RELEASE)
        self._asked = torch.minimum(asked, self._room)

    def finish(self) -> None:
        """Put the iterate that is kept into the network."""
        if self._best is not None:
            self._best.restore()
        if self._average is not None:
            with torch.no_grad():
                for p, mean in zip(
                    self._problem.network.parameters(), self._average.tensors, strict=True
                ):
                    p.copy_(mean)


def _room(constraint: Constraint) -> float:
    # By how much its inequalities can be tightened before they cannot be met.
    room = constraint.bound if constraint.sense == "<=" else 1 - constraint.bound
    return room / 2 if constraint.disparity.kind == "gap" else room


class _Raised:
    """Constraints with something added, whose gradient is the same."""

    def __init__(self, function: object, more: Tensor) -> None:
        self._function = function
        self._more = more
        if hasattr(function, "pull_back"):
            self.pull_back = function.pull_back

    def __call__(self, ratios: Tensor) -> Tensor:
        return self._function(ratios) + self._more  # type: ignore[operator]
