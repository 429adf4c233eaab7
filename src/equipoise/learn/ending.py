"""Which of a run's iterates is kept, and what helps there to be a good one."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from equipoise.constraints import Constraint
from equipoise.learn.mixed import Network
from equipoise.learn.problem import FairProblem
from equipoise.learn.snapshots import Snapshots
from equipoise.learn.violations import Violations
from equipoise.optim.constrained import (
    AverageIterate,
    BestFeasible,
    Constraints,
    Estimator,
    Ratios,
)
from equipoise.optim.constrained.ratios import averages_of, constraints_at

ITERATES = ("best", "last", "average", "mixture")
"""Which iterate a run may end with."""

JUDGED = ("best", "mixture")
"""Those that are chosen by what is seen on the way."""

# From this share of the steps on the rates of all training rows are looked at, so many times.
_START = 0.3
MOST_LOOKS = 50
_FEWEST_LOOKS = 12
# Candidates come from the end, where the learning rate is small and the loss has settled.
_CANDIDATES = 0.7
# A look holds for the steps until the next only where parameters move little: late in a run. With
# fewer rows of a rate in a batch than this, what batches say is the greater error, and always.
_FEW_ROWS = 8
# What a look finds violated is asked for on top, in this part; what is kept is let go of slowly.
_GAIN = 0.5
_RELEASE = 0.7
# Asked for all the room, both sides of a gap would be violated and pull against each other.
_MOST_ROOM = 0.5
# Beyond any violation of a rate.
_UNDEFINED = 1e6


def affordable_looks(n_rows: int, rows_seen: int) -> int:
    """So many looks at all rows that they see about as many as the steps do.

    A row costs several times less in a look than in a step, which differentiates.

    Parameters
    ----------
    n_rows : int
        Rows in a look.
    rows_seen : int
        By all steps together.

    Returns
    -------
    int
    """
    return min(max(rows_seen // n_rows, _FEWEST_LOOKS), MOST_LOOKS)


class Ending:
    """Looks at all rows of a problem towards the end of a run, and keeps the best feasible iterate.

    The last iterate of a method with multipliers lies on either side of the constraint as chance
    has it, and tracked values differ a little from those of all rows. Each replicate is therefore
    asked to keep each promise with a margin, an integral of what it was seen to violate; and of
    the iterates looked at near the end, the last among them, the one with the least loss is kept
    among those that hold, or else the one that comes closest. A rate that is undefined, for want
    of rows that it is a share of, does not hold: it comes less close than any that is defined.

    Parameters
    ----------
    problem : FairProblem
        Its network is looked at, and ends as the iterate that is kept. Its rows may be others
        than the network is trained on.
    steps : int
    iterate : {"best", "last", "average", "mixture"}
        "best" as above; "average" over the last iterates; simply the last; or the random choice
        among all that were looked at which keeps the promise in expectation at the least loss.
        Without a promise the last is the best.
    looks : int
        How many, spread evenly.
    estimator : Estimator, optional
        It is told what is seen of all rows, late in the run.
    rows_behind : float
        On how many rows of a batch the rarest rate rests: with few, it is told at every look.

    Attributes
    ----------
    asked : Tensor, shape (r, p)
        The margins that promises are asked to be kept with, as :class:`Violations` has them.
    """

    def __init__(
        self,
        problem: FairProblem,
        steps: int,
        iterate: str,
        looks: int = MOST_LOOKS,
        estimator: Estimator | None = None,
        rows_behind: float = math.inf,
    ) -> None:
        parameters, r = list(problem.network.parameters()), problem.network.n_replicates
        promises = problem.fair_loss.constraints
        self._problem = problem
        self._estimator = estimator
        self._corrected_from = _START if rows_behind < _FEW_ROWS else _CANDIDATES
        self._steps = steps
        self._best = BestFeasible(parameters, r) if iterate == "best" and promises else None
        self._snapshots = None
        if iterate == "mixture" and promises:
            for one in promises:
                _require_linear(one, problem.n_classes)
            self._snapshots = Snapshots(problem.network)
        self._average = AverageIterate(parameters) if iterate == "average" else None
        self._every = max(1, round(steps * (1 - _START) / looks))
        most = [_MOST_ROOM * _room(one) for one in promises]
        self._most = torch.tensor(most, dtype=torch.float64)
        self.asked = torch.zeros(r, len(promises), dtype=torch.float64)
        self._stricter: Violations | None = None

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
        if self._stricter is None or not isinstance(constraints, Ratios):
            return seen
        return objective, Ratios(
            constraints.statistic, constraints.proxy, self._stricter, constraints.together
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
        looks = self._best is not None or self._snapshots is not None
        if not looks or done <= _START * self._steps:
            return
        if (self._steps - done) % self._every:
            return
        objective, seen = self._problem.everything()
        assert isinstance(seen, Ratios)
        if self._best is not None and done > _CANDIDATES * self._steps:
            self._best.offer(objective, broken_by(self._problem.fair_loss.violations, seen))
        if self._snapshots is not None:
            self._snapshots.keep(objective, constraints_at(averages_of(seen), seen))
        if self._estimator is not None and done > self._corrected_from * self._steps:
            self._estimator.correct(seen)
        shortfalls = self._problem.fair_loss.violations.shortfalls
        short = Ratios(seen.statistic, seen.proxy, shortfalls, seen.together)
        worst = constraints_at(averages_of(short), short).to(self.asked)
        asked = torch.where(worst > 0, self.asked + _GAIN * worst, self.asked * _RELEASE)
        self.asked = torch.minimum(asked, self._most)
        margins = self.asked.to(seen.values)  # moved once for all steps until the next look
        self._stricter = self._problem.fair_loss.violations.tightened(margins)

    def finish(self) -> Network:
        """End with the iterate that is kept.

        Returns
        -------
        StackedMLP or MixedMLP
            The problem's own network, or the mixture.

        Raises
        ------
        FloatingPointError
            If none of the iterates looked at had a finite loss.
        """
        if self._best is not None:
            if bool((self._best.step < 0).any()):
                raise FloatingPointError(
                    "training diverged: the loss on the training rows is not finite; a smaller "
                    "learning_rate may cure it."
                )
            self._best.restore()
        if self._snapshots is not None:
            return self._snapshots.mixed()
        if self._average is not None:
            with torch.no_grad():
                for p, mean in zip(
                    self._problem.network.parameters(), self._average.tensors, strict=True
                ):
                    p.copy_(mean)
        return self._problem.network


def broken_by(violations: Violations, seen: Ratios) -> Tensor:
    """By how much bounds are broken at most, in units of the disparities.

    Parameters
    ----------
    violations : Violations
    seen : Ratios
        Of r replicates, on all rows.

    Returns
    -------
    Tensor of float64, shape (r,)
        At most 0 where all promises are kept. What is undefined is broken by more than anything
        that is defined.
    """
    top, bottom = seen.values[:2].to("cpu", torch.float64)
    rates = torch.where(bottom > 0, top / bottom, torch.nan)
    undefined = rates.isnan().flatten(1).any(1)
    excess = []
    for one, where in violations.parts:
        # Of the groups whose rate is defined; what there is none of breaks nothing.
        high = rates[:, where].nan_to_num(nan=-torch.inf).amax(-1)
        low = rates[:, where].nan_to_num(nan=torch.inf).amin(-1)
        if one.disparity.kind == "gap":
            beyond = high - low - one.bound
        elif one.disparity.kind == "ratio":
            undefined |= (high == 0).any(-1)
            beyond = torch.where(high > 0, one.bound - low / high, -1.0)
        else:
            beyond = high - one.bound if one.sense == "<=" else one.bound - low
        excess.append(beyond.amax(-1).clamp(min=-1.0))
    most = torch.stack(excess).amax(0)
    return torch.where(undefined, most + _UNDEFINED, most)


def _room(constraint: Constraint) -> float:
    # By how much it can be tightened, as Violations does it, before it cannot be met.
    room = constraint.bound if constraint.sense == "<=" else 1 - constraint.bound
    return room / 2 if constraint.disparity.kind == "gap" else room


def _require_linear(constraint: Constraint, n_classes: int) -> None:
    # Of a mixture numerators and denominators are averages, and rates only where the latter are
    # the same for all members.
    rate = constraint.disparity.rate
    if rate.of_loss:
        return
    denominator = rate.cells(n_classes).denominator
    if (denominator != denominator[..., :1]).any():
        raise ValueError(
            f'iterate="mixture" cannot promise {constraint}: {rate} is a share of rows that the '
            'decisions choose, which does not mix. Take iterate="best".'
        )
