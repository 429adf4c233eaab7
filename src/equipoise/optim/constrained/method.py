"""What every constrained method is: a torch optimizer that decides another one's direction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils.hooks import RemovableHandle
from typing_extensions import override

from equipoise.optim.constrained.estimator import Estimator
from equipoise.optim.constrained.evaluations import Closure, Evaluations, finite, require_finite
from equipoise.optim.constrained.layout import Layout
from equipoise.optim.constrained.multipliers import Multipliers
from equipoise.optim.constrained.ratios import Constraints
from equipoise.optim.wrapper import OptimizerWrapper


class ConstrainedOptimizer(OptimizerWrapper):
    """Base of the methods for min E f(x) subject to E c(x) <= 0 or = 0.

    It shares parameter groups and state with the optimizer that it wraps, so a learning-rate
    scheduler may be given either, and so may a hook of the step. Such hooks run as the wrapped one
    takes its step, where the gradients are: one that clips them does.

    Independent problems can be trained as one: with objectives of shape (r,) and constraints of
    shape (r, m), each of the r replicates has multipliers of its own, and the replicates do not
    see each other as long as the wrapped optimizer acts on each coordinate alone (SGD, Adam,
    RMSprop, ... do). What a method needs of one replicate's parameters it takes from their first
    axis, which is then of length r.

    Parameters
    ----------
    base : torch.optim.Optimizer
        Takes the step.
    n_constraints : int or mapping from str to int
        m, or how many constraints there are under each name.
    n_replicates : int, optional
        r, where independent problems are trained as one.
    equalities : collection of str
        Names of constraints that are to be 0 and not at most 0.
    estimator : Estimator
        Of the constraints' values.

    Attributes
    ----------
    n_batches : int
        How many independent batches a step evaluates.
    """

    _n_batches = 1

    def __init__(
        self,
        base: torch.optim.Optimizer,
        n_constraints: int | Mapping[str, int],
        n_replicates: int | None = None,
        *,
        equalities: Collection[str] = (),
        estimator: Estimator,
    ) -> None:
        if not isinstance(base, torch.optim.Optimizer):
            raise TypeError(f"base must be a torch optimizer, not {type(base).__name__}.")
        super().__init__(base)
        if n_replicates is not None and not (_is_whole(n_replicates) and n_replicates > 0):
            raise ValueError(f"n_replicates must be a whole number above 0, not {n_replicates!r}.")
        self.layout = Layout(n_constraints, equalities)
        self.n_replicates = n_replicates
        self._shape = () if n_replicates is None else (n_replicates,)
        self.estimator = estimator
        self._multipliers: Multipliers | None = None
        self._constraints: Tensor | None = None
        self._objective: Tensor | None = None
        self._previous: list[Tensor] | None = None
        # Only while a step is taken, for bases that take the gradient a second time.
        self._again: Callable[[], Any] | None = None

    @abstractmethod
    def lagrangian(self, objective: Tensor, constraints: Tensor) -> Tensor:
        """The function whose gradient is the direction.

        Parameters
        ----------
        objective : Tensor, shape () or (r,)
        constraints : Tensor, shape (m,) or (r, m)
            Estimated values with the gradient of the batch.

        Returns
        -------
        Tensor
            Of the objective's shape.
        """

    def ascend(self, constraints: Tensor) -> None:
        """Update the multipliers, after the step; methods without any do nothing.

        Autograd is not turned off for it, since that would take longer than what is done here:
        take the data of whatever else has a graph.

        Parameters
        ----------
        constraints : Tensor, shape (m,) or (r, m)
            Estimated values, detached.
        """

    @property
    def n_batches(self) -> int:
        """How many independent batches a step evaluates."""
        return max(self._n_batches, self.estimator.n_batches)

    @property
    def multipliers(self) -> Tensor | None:
        """Estimates of the Lagrange multipliers, shape (m,) or (r, m), where there are any."""
        return None if self._multipliers is None else self._multipliers.value

    @property
    def named_multipliers(self) -> dict[str, Tensor]:
        """The multipliers by the names of the constraints, as views of one tensor."""
        return {} if self._multipliers is None else self.layout.views(self._multipliers.value)

    @property
    def dual(self) -> torch.optim.Optimizer:
        """The optimizer of the multipliers: a scheduler of their rate goes here."""
        if self._multipliers is None:
            raise AttributeError(f"{type(self).__name__} has no multipliers to schedule.")
        return self._multipliers.optimizer

    def step(self, closure: Closure | None = None) -> Tensor:  # type: ignore[override]
        """Take one step.

        Parameters
        ----------
        closure : callable, optional
            ``closure(i)`` evaluates the i-th independent batch and returns the objective, shape
            () or (r,), and the constraints, shape (m,) or (r, m) or by name, without calling
            backward. Left out where :meth:`surrogate` has been differentiated.

        Returns
        -------
        Tensor
            The objective on the batch, detached.

        Raises
        ------
        FloatingPointError
            If the objective or a constraint is not finite; parameters, multipliers and the
            wrapped optimizer are left as they were before the step.
        ValueError
            If the shapes of objective, constraints and multipliers do not go together.
        RuntimeError
            If there is neither a closure nor a surrogate.
        """
        if closure is None:
            objective = self._differentiated()
        elif getattr(self.base, "differentiates_again", False):
            return self._step_of_two_gradients(closure)
        else:
            objective = self._differentiate(closure)
        self._update()
        return objective

    # So marked, torch does not wrap it in hooks and in a record for the profiler. The wrapped
    # optimizer's step has both; having them twice costs a small network 6% of its step.
    step.hooked = True  # type: ignore[attr-defined]

    @override
    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters.

        Parameters
        ----------
        set_to_none : bool
            Whether there is none afterwards; otherwise it is zero.
        """
        if not set_to_none or type(self.base).zero_grad is not torch.optim.Optimizer.zero_grad:
            self.base.zero_grad(set_to_none)
            return
        # What torch's own does, less its record for the profiler.
        for group in self.param_groups:
            for p in group["params"]:
                p.grad = None

    @override
    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a function before the wrapped optimizer's step.

        Parameters
        ----------
        hook : callable
            Called with this optimizer and the arguments of the wrapped one's step.

        Returns
        -------
        torch.utils.hooks.RemovableHandle
        """
        return self.base.register_step_pre_hook(lambda _, *given: hook(self, *given))

    @override
    def register_step_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call a function after the wrapped optimizer's step, before the multipliers'.

        Parameters
        ----------
        hook : callable
            Called with this optimizer and the arguments of the wrapped one's step.

        Returns
        -------
        torch.utils.hooks.RemovableHandle
        """
        return self.base.register_step_post_hook(lambda _, *given: hook(self, *given))

    def _differentiate(self, closure: Closure) -> Tensor:
        if not torch.is_grad_enabled():
            with torch.enable_grad():
                return self._differentiate(closure)
        parameters: list[Tensor] = []
        previous = self._previous
        if previous is not None:
            parameters = self._parameters()
            # What has joined since has not moved.
            previous = previous + [p.detach().clone() for p in parameters[len(previous) :]]
        step = Evaluations(closure, self.layout, parameters, previous)
        merit = self._merit(step)
        self._objective = None  # a surrogate from before has had its gradient taken away
        # A view of a parameter would show the objective after the step.
        objective = step.look(0)[0].detach().clone()
        self.zero_grad()
        merit.backward()
        return objective

    def surrogate(
        self, objective: Tensor, constraints: Constraints | Mapping[str, Tensor]
    ) -> Tensor:
        """What to differentiate, in a training loop of one's own.

        Two lines of a plain loop change: ``optimizer.surrogate(loss, constraints).backward()``,
        and ``optimizer.step()`` has no closure.

        Parameters
        ----------
        objective : Tensor, shape () or (r,)
        constraints : Tensor, shape (m,) or (r, m), Ratios, or mapping from names to tensors

        Returns
        -------
        Tensor, shape ()

        Raises
        ------
        ValueError
            If the method or its estimator needs more than one evaluation, or shapes are wrong.
        FloatingPointError
            If the objective or a constraint is not finite.
        """
        if self.n_batches > 1 or self.estimator.looks_back:
            raise ValueError(
                f"{type(self).__name__} evaluates a step more than once: give step a closure."
            )
        merit = self._merit(Evaluations(lambda _: (objective, constraints), self.layout))
        self._objective = objective.detach().clone()
        return merit

    def _differentiated(self) -> Tensor:
        objective, self._objective = self._objective, None
        if objective is None:
            raise RuntimeError(
                "step without a closure comes after surrogate(objective, constraints).backward()."
            )
        return objective

    def _merit(self, step: Evaluations) -> Tensor:
        # All batches before anything is noted, so that a failed step leaves no trace anywhere.
        objective, seen = step.look(0, with_gradient=True)
        for number in range(1, self.n_batches):
            step.look(number)
        with self.estimator.all_or_nothing():
            constraints = self.estimator.estimate(seen, step)
            self._require_shapes(objective, constraints)
            lagrangian = self.lagrangian(objective, constraints)
            merit = lagrangian.sum() if lagrangian.dim() else lagrangian
            if not finite(merit):
                require_finite("constraints", constraints, self.layout)
                require_finite("Lagrangian", lagrangian)
        # A view of a parameter would show the constraints after the step.
        self._constraints = constraints.detach().clone()
        return merit

    def _step_of_two_gradients(self, closure: Closure) -> Tensor:
        # Of SAM and its like. The second one has the weights and values of the first, since what
        # is descended on is the Lagrangian as it is in this step.
        previous = None if self._previous is None else [x.clone() for x in self._previous]
        self._again = partial(self._differentiate_again, closure)
        try:
            with self.estimator.all_or_nothing():
                objective = self._differentiate(closure)
                self._update()
        except BaseException:
            self._previous = previous
            raise
        finally:
            self._again = None
        return objective

    def _differentiate_again(self, closure: Closure) -> Any:
        objective, seen = Evaluations(closure, self.layout).look(0, with_gradient=True)
        lagrangian = self.lagrangian(objective, self.estimator.again(seen))
        require_finite("Lagrangian at the point of the second gradient", lagrangian)
        self.zero_grad()
        lagrangian.sum().backward()
        return objective.detach()

    def _update(self) -> None:
        if self.estimator.looks_back:
            self._remember()
        if self._again is None:
            self.base.step()
        else:
            self.base.step(self._again)
        assert self._constraints is not None
        self.ascend(self._constraints)

    def _remember(self) -> None:
        now = [p.detach() for p in self._parameters()]
        if self._previous is None or len(self._previous) != len(now):
            self._previous = [p.clone() for p in now]
        else:
            for kept, p in zip(self._previous, now, strict=True):
                kept.copy_(p)

    def _require_shapes(self, objective: Tensor, constraints: Tensor) -> None:
        # Shapes that only broadcast would count some terms several times.
        if objective.shape != self._shape:
            raise ValueError(
                f"the objective must have shape {self._shape}, not {tuple(objective.shape)}."
            )
        wanted = (*self._shape, self.layout.n_constraints)
        if constraints.shape != wanted:
            raise ValueError(
                f"the constraints have shape {tuple(constraints.shape)}, but this "
                f"{type(self).__name__} was made for {wanted}."
            )

    def state_dict(self) -> dict[str, Any]:
        """A snapshot: the wrapped optimizer, the estimator, and what the method itself keeps.

        Returns
        -------
        dict
            Of tensors, numbers, strings, lists and dicts alone.
        """
        multipliers = self._multipliers
        return {
            # torch gives its live tensors, which the next step would change.
            "base": deepcopy(self.base.state_dict()),
            "estimator": self.estimator.state_dict(),
            "multipliers": None if multipliers is None else multipliers.state_dict(),
            "layout": self.layout.to_dict(),
            "previous": None if self._previous is None else [x.clone() for x in self._previous],
            "method": self._own_state(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state_dict : dict
            From :meth:`state_dict` of the same method around the same kind of optimizer.

        Raises
        ------
        ValueError
            If it is another method's, or of another number of constraints or replicates.
        """
        own, given = self._own_state().keys(), state_dict["method"].keys()
        multipliers = state_dict["multipliers"]
        if own != given or (multipliers is None) != (self._multipliers is None):
            raise ValueError(f"the state is not one of {type(self).__name__}.")
        if state_dict["layout"] != self.layout.to_dict():
            raise ValueError(
                f"the state is one of constraints {state_dict['layout']}, but this "
                f"{type(self).__name__} has {self.layout.to_dict()}."
            )
        if self._multipliers is not None:
            self._multipliers.load_state_dict(multipliers)
        self.estimator.load_state_dict(state_dict["estimator"])
        self.base.load_state_dict(deepcopy(state_dict["base"]))
        previous = state_dict["previous"]
        if previous is not None:
            # Fewer than the parameters, where some have joined since the last step.
            previous = [x.to(p.device, copy=True) for x, p in zip(previous, self._parameters())]  # noqa: B905
        self._previous = previous
        self._load_own_state(state_dict["method"])

    def _own_state(self) -> dict[str, Any]:
        # Copies; what a method keeps besides its multipliers.
        return {}

    def _load_own_state(self, state: dict[str, Any]) -> None:
        pass


def _is_whole(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool)
