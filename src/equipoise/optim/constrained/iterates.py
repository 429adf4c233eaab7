"""What to keep of a run besides its last point.

The last point of a method with multipliers need not be its best one: it circles a saddle, and
noise decides on which side of a constraint it stops. Both keepers here look at parameters alone,
so they serve any method, and none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


class AverageIterate:
    r"""The average of the iterates of a run.

    Without a decay it is Polyak and Ruppert's, the mean of all iterates from one on (Polyak and
    Juditsky 1992, SIAM J. Control Optim. 30, 838); with one it is exponential, ::

        mean_n = sum_k decay^(n - k) x_k / sum_k decay^(n - k) .

    An average has the smaller variance, and in a saddle-point problem it may converge where the
    last iterate circles. In a problem that is not convex it may also be worse than every iterate
    that went into it: measure both.

    ``torch.optim.swa_utils.AveragedModel`` is not used because it averages a module, of which it
    keeps a whole copy, where replicates in one stack of parameters have no module of their own;
    because its exponential average keeps the first iterate at full weight; and because it averages
    in the precision of the parameters, in which a late iterate's share may be rounded to nothing.

    Parameters
    ----------
    parameters : iterable of Tensor
        The parameters of the run, which are looked at and, by :meth:`applied`, exchanged.
    decay : float, optional
        What share of the average is kept at each update, in [0, 1). Weights sum to one from the
        first update on.
    start : int
        How many updates are let pass before the average begins; until then it is the last
        iterate.

    Attributes
    ----------
    tensors : list of Tensor
        The average, in single precision at least; the parameters as they were given, before the
        first update.
    n_updates : int

    Raises
    ------
    ValueError
        If there are no parameters, or decay or start are out of range.
    """

    def __init__(
        self, parameters: Iterable[Tensor], decay: float | None = None, start: int = 0
    ) -> None:
        if decay is not None and not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), not {decay}.")
        if not isinstance(start, int) or isinstance(start, bool) or start < 0:
            raise ValueError(f"start must be a whole number of at least 0, not {start!r}.")
        self._parameters = _listed(parameters)
        self.decay = decay
        self.start = start
        self.n_updates = 0
        self.tensors = [
            p.detach().to(torch.promote_types(p.dtype, torch.float32), copy=True)
            for p in self._parameters
        ]

    @torch.no_grad()
    def update(self) -> None:
        """Take the parameters as they are now into the average."""
        share = self._share(self.n_updates - self.start + 1)
        for mean, p in zip(self.tensors, self._parameters, strict=True):
            if share == 1:  # forget what was before, also where it was not finite
                mean.copy_(p)
            else:
                mean.lerp_(p.to(mean.dtype), share)
        self.n_updates += 1

    def _share(self, n: int) -> float:
        # Of the newest among n iterates; 0 and less are those that are let pass.
        if n <= 1:
            return 1.0
        return 1 / n if self.decay is None else (1 - self.decay) / (1 - self.decay**n)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the parameters are at the average; afterwards they are back.

        They come back bit for bit, also from a block that fails, so that it is no place to train
        in.
        """
        now = [p.detach().clone() for p in self._parameters]
        _overwrite(self._parameters, self.tensors)
        try:
            yield
        finally:
            _overwrite(self._parameters, now)

    def state_dict(self) -> dict[str, Any]:
        """A snapshot.

        Returns
        -------
        dict
        """
        return {"tensors": [x.clone() for x in self.tensors], "n_updates": self.n_updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict` for parameters of the same shapes.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        _require_shapes(state["tensors"], self.tensors)
        _overwrite(self.tensors, state["tensors"])
        self.n_updates = int(state["n_updates"])


class BestFeasible:
    """The best point of a run that keeps the constraints, or else the one that comes closest.

    What counts is measured by the caller, best on data that the run did not train on. Of two
    points that keep the constraints the one with the lower objective is better; one that keeps
    them is better than one that does not; and of two that do not, the one that is closer. The
    first of equals stays. A point with a value that is not finite is never kept.

    To keep a constraint is ``violation + caution * error <= -margin``. The same sum says which
    of two points is closer, so that what wins by it cannot lose by it.

    Parameters
    ----------
    parameters : iterable of Tensor
        The parameters of the run.
    n_replicates : int, optional
        r, where independent problems are trained as one: the first axis of every parameter is
        then of this length, and each replicate keeps a point of its own.
    margin : float
        In units of the constraints; a negative one tolerates some violation.
    caution : float
        How many standard errors are added to a violation that is given with one. With 1.64 an
        offer that violates a constraint passes once in twenty times at most; among many offers
        it is the likelier that one passes by luck, so that a certificate needs data of its own.

    Attributes
    ----------
    tensors : list of Tensor
        The point kept; the parameters as they were given, where nothing has been kept yet.
    objective, violation : Tensor, shape () or (r,)
        What was measured there, in double precision; infinite where nothing has been kept yet.
    feasible : Tensor of bool, shape () or (r,)
    step : Tensor of int, shape () or (r,)
        The number of its offer, counted from 0; -1 where nothing has been kept yet.
    n_offers : int

    Raises
    ------
    ValueError
        If there are no parameters, their first axes are not r long, or a number is out of range.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor],
        n_replicates: int | None = None,
        *,
        margin: float = 0.0,
        caution: float = 1.0,
    ) -> None:
        if not math.isfinite(margin):
            raise ValueError(f"margin must be finite, not {margin}.")
        if not 0 <= caution < math.inf:
            raise ValueError(f"caution must be at least 0 and finite, not {caution}.")
        self._parameters = _listed(parameters)
        for p in self._parameters:
            if n_replicates is not None and (not p.dim() or p.shape[0] != n_replicates):
                raise ValueError(
                    f"the first axis of every parameter must be of length n_replicates = "
                    f"{n_replicates}, but one has shape {tuple(p.shape)}."
                )
        self.margin = margin
        self.caution = caution
        self.n_offers = 0
        self.tensors = [p.detach().clone() for p in self._parameters]
        shape = () if n_replicates is None else (n_replicates,)
        self.objective = torch.full(shape, torch.inf, dtype=torch.float64)
        self.violation = self.objective.clone()
        self._above = self.objective.clone()
        self.step = torch.full(shape, -1)

    @property
    def feasible(self) -> Tensor:
        """Whether the point kept keeps the constraints."""
        return self._above <= -self.margin

    @torch.no_grad()
    def offer(
        self,
        objective: Tensor | float,
        violation: Tensor | float,
        *,
        error: Tensor | float | None = None,
    ) -> Tensor:
        """Keep the parameters as they are now, where they are better than what was kept.

        Parameters
        ----------
        objective : Tensor or float, shape () or (r,)
        violation : Tensor or float, shape () or (r,)
            The largest value of a constraint.
        error : Tensor or float, shape () or (r,), optional
            Its standard error.

        Returns
        -------
        Tensor of bool, shape () or (r,)
            Whether they were kept.

        Raises
        ------
        ValueError
            If a shape is wrong.
        """
        f, v = self._measured("objective", objective), self._measured("violation", violation)
        above = v
        if error is not None and self.caution > 0:
            above = v + self.caution * self._measured("error", error)
        feasible = above <= -self.margin
        rivals = self.feasible  # where the point kept is feasible too
        closer, lower = above < self._above, f < self.objective
        better = torch.where(feasible, ~rivals | lower, ~rivals & closer)
        better = better & f.isfinite() & above.isfinite()
        if bool(better.any()):
            self.objective = torch.where(better, f, self.objective)
            self.violation = torch.where(better, v, self.violation)
            self._above = torch.where(better, above, self._above)
            self.step = torch.where(better, self.n_offers, self.step)
            for kept, p in zip(self.tensors, self._parameters, strict=True):
                which = better.to(p.device).reshape(better.shape + (1,) * (p.dim() - better.dim()))
                kept.copy_(torch.where(which, p, kept))
        self.n_offers += 1
        return better

    def restore(self) -> None:
        """Put the point kept into the parameters."""
        _overwrite(self._parameters, self.tensors)

    def state_dict(self) -> dict[str, Any]:
        """A snapshot.

        Returns
        -------
        dict
        """
        return {
            "tensors": [x.clone() for x in self.tensors],
            "objective": self.objective.clone(),
            "violation": self.violation.clone(),
            "above": self._above.clone(),
            "step": self.step.clone(),
            "n_offers": self.n_offers,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict` for parameters and replicates of the same shapes.

        Raises
        ------
        ValueError
            If the shapes differ.
        """
        _require_shapes([*state["tensors"], state["step"]], [*self.tensors, self.step])
        _overwrite(self.tensors, state["tensors"])
        self.objective, self.violation = state["objective"].clone(), state["violation"].clone()
        self._above, self.step = state["above"].clone(), state["step"].clone()
        self.n_offers = int(state["n_offers"])

    def _measured(self, name: str, value: Tensor | float) -> Tensor:
        measured = torch.as_tensor(value, dtype=torch.float64, device="cpu").detach()
        if measured.shape != self.step.shape:
            raise ValueError(
                f"the {name} must have shape {tuple(self.step.shape)}, not {tuple(measured.shape)}."
            )
        return measured


def _listed(parameters: Iterable[Tensor]) -> list[Tensor]:
    listed = list(parameters)
    if not listed:
        raise ValueError("parameters must be at least one tensor; an iterator may be used up.")
    return listed


@torch.no_grad()
def _overwrite(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)


def _require_shapes(given: Sequence[Tensor], wanted: Sequence[Tensor]) -> None:
    shapes = [tuple(x.shape) for x in given]
    if shapes != [tuple(x.shape) for x in wanted]:
        raise ValueError(
            f"the state is of shapes {shapes}, but {[tuple(x.shape) for x in wanted]} are needed."
        )
