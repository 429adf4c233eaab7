"""Two torch optimizers, one inside the other."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from equipoise.optim.bilevel.closures import (
    InnerClosure,
    Loss,
    OuterClosure,
    inner_scalar,
    listed,
)
from equipoise.optim.bilevel.hypergradient import Diagnostics, HyperGradient
from equipoise.optim.bilevel.problem import Problem, devices_of
from equipoise.optim.passes import Replay, buffers_kept


class Bilevel:
    """min over alpha of L_V(theta*(alpha), alpha), with theta*(alpha) = argmin of L_T(., alpha).

    ``inner`` trains theta on L_T, and every so often ``outer`` takes a step on alpha by the
    hyper-gradient. Either may be any torch optimizer, and a learning-rate scheduler is given the
    one that it is for. The inner optimizer's weight decay is part of L_T, and of its Hessian.

    Closures return a scalar and do not call backward. An inner closure may return a pair
    ``(outputs, loss)`` instead, where ``loss(outputs)`` is the scalar: if the outer variables enter
    through ``loss`` alone, no hyper-gradient needs a graph through the network for the mixed second
    derivative, and the Gauss-Newton matrix is to be had. A sequence of closures stands for the mean
    of their losses, one in memory at a time.

    An outer step of ``step`` is taken where its inner step leads or, if the hyper-gradient has use
    for the outputs of the inner step's own pass (:class:`Identity`, of pairs), where that begins.

    In the passes of one hyper-gradient, each closure sees the same random numbers every time
    (dropout), and buffers of modules (running means of batch normalisation) are as before
    afterwards, bit for bit. ``loss`` itself is not to draw any random numbers. Parameters that
    require no gradient take no part in anything.

    Parameters
    ----------
    inner : torch.optim.Optimizer
        Of theta.
    outer : torch.optim.Optimizer
        Of alpha.
    hypergradient : HyperGradient
        How the hyper-gradient is estimated: :class:`Identity`, :class:`Neumann`,
        :class:`ConjugateGradient`, :class:`Dense`, :class:`LastLayer`, :class:`Unrolled` or
        :class:`F2SA`.
    every : int
        Inner steps from one outer step to the next.
    warmup : int
        Inner steps before the first outer step, since a hyper-gradient means little far from an
        inner solution.
    diagnose : int
        Every how many outer steps there are diagnostics; 0 for never. They cost about as much as
        forty inner steps on the same batches.
    differences : bool, optional
        Whether central differences stand in for forward-mode passes (J p by two forward passes
        rather than one at the price of three, to about a percent in single precision) and for
        double backward passes in the mixed derivative. By default they do in :class:`Identity`,
        where it finds them to be good enough, and not in other methods, some of which divide by
        what the error is of. They do in any case where an operation of the model has no
        forward-mode rule.

    Attributes
    ----------
    diagnostics : Diagnostics or None
        The latest.
    objective : Tensor or None, shape ()
        The outer loss before the latest outer step.
    n_inner_steps, n_outer_steps : int
        Taken so far.
    """

    def __init__(
        self,
        inner: torch.optim.Optimizer,
        outer: torch.optim.Optimizer,
        *,
        hypergradient: HyperGradient,
        every: int = 1,
        warmup: int = 0,
        diagnose: int = 0,
        differences: bool | None = None,
    ) -> None:
        for name, optimizer in (("inner", inner), ("outer", outer)):
            if not isinstance(optimizer, torch.optim.Optimizer):
                raise TypeError(
                    f"{name} must be a torch optimizer, not {type(optimizer).__name__}."
                )
            if any(group.get("maximize") for group in optimizer.param_groups):
                raise ValueError(f"{name} maximises: both are to minimise; negate the loss.")
        if not isinstance(hypergradient, HyperGradient):
            raise TypeError(
                "hypergradient must be one of Identity(), Neumann(), ConjugateGradient(), ..., not "
                f"{hypergradient!r}."
            )
        for name, value, least in (
            ("every", every, 1),
            ("warmup", warmup, 0),
            ("diagnose", diagnose, 0),
        ):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} must be a whole number from {least} up, not {value!r}.")
        if {id(p) for p in _trained(inner)} & {id(a) for a in _trained(outer)}:
            raise ValueError("inner and outer share a parameter: each is to have its own.")
        self.inner = inner
        self.outer = outer
        self.hypergradient = hypergradient
        self.every = every
        self.warmup = warmup
        self.diagnose = diagnose
        self.differences = differences
        self.diagnostics: Diagnostics | None = None
        self.objective: Tensor | None = None
        self.n_inner_steps = 0
        self.n_outer_steps = 0
        self._paired: bool | None = None

    @property
    def due(self) -> bool:
        """Whether an outer step is due after the last inner one."""
        return self._due_at(self.n_inner_steps)

    @property
    def due_next(self) -> bool:
        """Whether an outer step will be due after the next inner one, so that ``step`` takes it."""
        return self._due_at(self.n_inner_steps + 1)

    def _due_at(self, n_inner_steps: int) -> bool:
        n = n_inner_steps - self.warmup
        return n_inner_steps > 0 and n >= 0 and n % self.every == 0

    @torch.enable_grad()
    def step(
        self,
        inner: InnerClosure | Sequence[InnerClosure],
        outer: OuterClosure | Sequence[OuterClosure],
    ) -> Tensor:
        """Take an inner step, and an outer one on the same batches if it is due.

        Parameters
        ----------
        inner, outer : callable or sequence of callable
            The outer one is called only when an outer step is due.

        Returns
        -------
        Tensor, shape ()
            The inner loss, detached and without weight decay.

        Raises
        ------
        FloatingPointError
            If a loss or the hyper-gradient is not finite; what it would have moved is as before.
        CurvatureError
            If the hyper-gradient's method cannot go on; the outer variables are as before.
        """
        if not (self.hypergradient.uses_outputs and self.due_next):
            objective = self.inner_step(inner)
            if self.due:
                self.outer_step(inner, outer)
            return objective
        devices = devices_of(_trained(self.inner), _trained(self.outer))
        closures = [Replay(closure, devices) for closure in listed("inner", inner)]
        objective, outputs = self._inner_gradient(closures)
        self._outer_step(closures, outer, outputs)
        self._take_inner_step()
        return objective

    @torch.enable_grad()
    def inner_step(self, inner: InnerClosure | Sequence[InnerClosure]) -> Tensor:
        """Take a step of the inner optimizer.

        Parameters
        ----------
        inner : callable or sequence of callable

        Returns
        -------
        Tensor, shape ()
            The inner loss, detached and without weight decay.

        Raises
        ------
        FloatingPointError
            If the inner loss is not finite; no parameter has changed.
        ValueError
            If no outer variable enters the loss, or one enters through the outputs of a pair.
        """
        objective, _ = self._inner_gradient(listed("inner", inner))
        self._take_inner_step()
        return objective

    def _take_inner_step(self) -> None:
        self.inner.step()
        torch.clear_autocast_cache()  # which knows nothing of the step
        self.n_inner_steps += 1

    @torch.enable_grad()
    def _inner_gradient(self, closures: Sequence[InnerClosure]) -> tuple[Tensor, list[Tensor]]:
        """The inner loss, its gradient left with the parameters, and the outputs of pairs."""
        parameters = _trained(self.inner)
        self.inner.zero_grad()
        objective, outputs = None, []
        for closure in closures:
            found = closure()
            value = inner_scalar(found) / len(closures)
            if isinstance(found, tuple):
                outputs.append(found[0].detach())
            if self._paired is None:
                self._require_dependence(found, value)
                self._paired = isinstance(found, tuple)
            if not value.isfinite():
                raise FloatingPointError(f"the inner loss is {value.item()}.")
            # The outer variables have no use for a gradient of the inner loss.
            value.backward(inputs=parameters)
            share = value.detach().clone()
            objective = share if objective is None else objective + share
        assert objective is not None
        return objective, outputs

    @torch.enable_grad()
    def outer_step(
        self,
        inner: InnerClosure | Sequence[InnerClosure],
        outer: OuterClosure | Sequence[OuterClosure],
    ) -> Tensor:
        """Take a step of the outer optimizer, whether it is due or not.

        Gradients of the inner parameters are forgotten.

        Parameters
        ----------
        inner, outer : callable or sequence of callable
            Not necessarily those of an inner step.

        Returns
        -------
        Tensor, shape ()
            The outer loss before the step, detached.

        Raises
        ------
        FloatingPointError
            If the outer loss or the hyper-gradient is not finite; alpha has not changed.
        CurvatureError
            If the hyper-gradient's method cannot go on; alpha has not changed.
        """
        # Those of the last inner step would be in memory beside those of the hyper-gradient.
        self.inner.zero_grad()
        return self._outer_step(listed("inner", inner), outer)

    def _outer_step(
        self,
        inner: Sequence[InnerClosure],
        outer: OuterClosure | Sequence[OuterClosure],
        outputs: Sequence[Tensor] | None = None,
    ) -> Tensor:
        variables = _trained(self.outer)
        problem = Problem(
            self.inner,
            variables,
            inner,
            listed("outer", outer),
            differences=self.differences,
            paired=self._paired,
            known_outputs=outputs or None,
        )
        diagnose = self.diagnose > 0 and self.n_outer_steps % self.diagnose == 0
        with buffers_kept():
            found = self.hypergradient(problem, diagnose=diagnose)
        torch.clear_autocast_cache()  # of parameters that were elsewhere
        self._paired = problem.known_paired
        if not all(g.isfinite().all() for g in found.gradient):
            raise FloatingPointError(
                f"the hyper-gradient of {type(self.hypergradient).__name__} is not finite."
            )
        self.outer.zero_grad()
        for a, g in zip(variables, found.gradient, strict=True):
            a.grad = g.detach()
        self.outer.step()
        if found.diagnostics is not None:
            self.diagnostics = found.diagnostics
        self.n_outer_steps += 1
        self.objective = found.objective
        return found.objective

    def state_dict(self) -> dict[str, Any]:
        """A snapshot: both optimizers, what the hyper-gradient keeps, and the counts.

        theta and alpha themselves are saved with the model that they belong to.

        Returns
        -------
        dict
            Of tensors, numbers, strings, lists, dicts and None alone.
        """
        return {
            # torch gives its live tensors, which the next step would change.
            "inner": deepcopy(self.inner.state_dict()),
            "outer": deepcopy(self.outer.state_dict()),
            "hypergradient": {
                "method": type(self.hypergradient).__name__,
                "state": self.hypergradient.state_dict(),
            },
            "n_inner_steps": self.n_inner_steps,
            "n_outer_steps": self.n_outer_steps,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict` of the same method around the same kinds of optimizers.

        Raises
        ------
        ValueError
            If it is another method's.
        """
        method, mine = state_dict["hypergradient"]["method"], type(self.hypergradient).__name__
        if method != mine:
            raise ValueError(f"the state is one of {method}, but this hypergradient is {mine}.")
        self.inner.load_state_dict(deepcopy(state_dict["inner"]))
        self.outer.load_state_dict(deepcopy(state_dict["outer"]))
        self.hypergradient.load_state_dict(state_dict["hypergradient"]["state"])
        self.n_inner_steps = state_dict["n_inner_steps"]
        self.n_outer_steps = state_dict["n_outer_steps"]
        self.diagnostics = self.objective = None

    def _require_dependence(self, found: Tensor | tuple[Tensor, Loss], value: Tensor) -> None:
        """Refuse outer variables where they would be left out of the mixed derivative."""
        variables = _trained(self.outer)
        if not _enters(variables, value):
            raise ValueError("no outer variable enters the inner loss: there is nothing to learn.")
        if isinstance(found, tuple) and _enters(variables, found[0]):
            raise ValueError(
                "an outer variable enters the outputs, and the pair (outputs, loss) would leave "
                "that part of its gradient out: have the inner closure return the scalar."
            )


def _trained(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]


def _enters(variables: Sequence[Tensor], value: Tensor) -> bool:
    """Whether a value's graph has one of the variables among its leaves."""
    leaves = {id(a) for a in variables}
    seen: set[Any] = set()
    waiting: list[Any] = [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        if id(getattr(node, "variable", None)) in leaves:
            return True
        seen.add(node)
        waiting += [after for after, _ in node.next_functions]
    return False
