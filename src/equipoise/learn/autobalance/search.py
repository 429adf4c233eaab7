"""Training a network while the loss that it is trained with is learnt."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from equipoise.learn.autobalance.network import optimizer_of
from equipoise.learn.autobalance.noise import Noise
from equipoise.learn.autobalance.settings import ESTIMATORS, SearchSettings
from equipoise.learn.autobalance.trajectory import Trajectory
from equipoise.learn.imbalance import Objective, ParametricCrossEntropy
from equipoise.learn.optimizers import DECOUPLED
from equipoise.learn.order import Order
from equipoise.learn.problem import Rows, as_tensor
from equipoise.learn.strata import StratifiedOrder
from equipoise.learn.train import SCHEDULES, Progress, TrainingSettings
from equipoise.optim.bilevel import Bilevel, CurvatureError

# Of inner steps from one outer step to the next. A network that lags behind its loss makes the loss
# go too far.
_FEWEST_BETWEEN = 5

Augment = Callable[[Tensor, Tensor], Tensor]
"""Features and labels of a batch in, features out."""


class Search:
    """The search of AutoBalance, Li et al. 2021 (arXiv 2201.01212), algorithm 1.

    Warm-up trains the network with the loss as it starts. From then on the terms of the loss take
    a step every so often, along the hyper-gradient of an objective on rows that are not trained on,
    while the network goes on training. The network that is left is one of a loss that has changed
    on the way: train another with what was found.

    Parameters
    ----------
    network : Module
        Maps features (b, ...) to logits (b, K).
    loss : ParametricCrossEntropy
        Which is changed in place.
    training, validation : Rows
        With groups apart if the loss has terms of groups.
    objective : callable
        Of (logits, label, group, weights) of validation rows; see
        :data:`equipoise.learn.imbalance.Objective`.
    settings : TrainingSettings
        How the network is trained, but for the schedule of its learning rate, which stays the
        same; what is said there of a method and of iterates is not used.
    how : SearchSettings
    seed : int
        Of the order of rows, and of what noise there is in the network or an augmentation.
    augment : Module or callable, optional
        Of features and labels of a training batch. If it is a Module, its parameters are learnt
        beside the loss.

    Raises
    ------
    ValueError
        If there is nothing to learn, or the hyper-gradient is not to be had of the optimizer or
        of an augmentation.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: ParametricCrossEntropy,
        training: Rows,
        validation: Rows,
        objective: Objective,
        settings: TrainingSettings,
        how: SearchSettings,
        seed: int,
        augment: Augment | None = None,
    ) -> None:
        self.network = network
        self.loss = loss
        self.trajectory = Trajectory()
        self._training, self._validation = training, validation
        self._groups = [group_codes(rows, loss) for rows in (training, validation)]
        self._objective = objective
        self._augment = augment
        self._steps = settings.steps
        # The first of the outer steps follows the warm-up, the last is well before the end.
        self._warmup = max(1, round(how.warmup * settings.steps))
        left = settings.steps - self._warmup
        every = max(_FEWEST_BETWEEN, ceil(left / how.outer_steps))
        variables = [*loss.parameters()]
        if isinstance(augment, nn.Module):
            variables += [*augment.parameters()]
        inner = optimizer_of(network, settings)
        if not variables:
            raise ValueError("loss has no terms that are learnt: name some of them in its learn.")
        _require_possible(how.hypergradient, inner, settings, augment)
        outer = getattr(torch.optim, how.optimizer)(variables, lr=how.learning_rate)
        self.bilevel = Bilevel(
            inner,
            outer,
            hypergradient=ESTIMATORS[how.hypergradient](),
            every=every,
            warmup=self._warmup,
        )
        # The network has to follow a loss that changes to the end, so that its own rate stays.
        outer_steps = max(1, ceil(left / every))
        self._schedule = torch.optim.lr_scheduler.LambdaLR(
            outer, lambda n: SCHEDULES["cosine"](min(1, n / outer_steps))
        )
        self._noise = Noise(seed, training.features.device)
        self._order = Order(len(training), settings.batch_size, [seed])
        self._looks = self._validation_order(how.batch_size, seed)

    def _validation_order(self, batch_size: int, seed: int) -> StratifiedOrder | None:
        rows = self._validation
        if len(rows) <= batch_size:
            return None
        _, strata = np.unique(rows.cells(self.loss.n_classes), return_inverse=True)
        shares = np.bincount(strata) / len(rows)
        return StratifiedOrder(strata, shares, batch_size, [seed])

    @property
    def done(self) -> int:
        """How many steps have been taken."""
        return self.bilevel.n_inner_steps

    def step(self) -> None:
        """Take a step of the network and, if it is time, one of the loss.

        Raises
        ------
        FloatingPointError
            If the search diverges, or the curvature of the inner loss does not allow it.
        """
        rows = self._order.next_batch()[0].to(self._training.features.device)
        try:
            with self._noise.of_its_own():
                if self.bilevel.due_next and self.done + 1 < self._steps:
                    self._step_of_both(rows)
                else:
                    self.bilevel.inner_step(lambda: self._inner(rows))
        except FloatingPointError as failure:
            raise FloatingPointError(
                f"the search diverged after {self.done} steps: {failure} A smaller learning_rate, "
                "of the network or of the terms (outer_learning_rate), may cure it."
            ) from failure
        except CurvatureError as failure:
            raise FloatingPointError(
                f"the search cannot go on after {self.done} steps: {failure} With "
                "hypergradient='identity' no curvature is looked at."
            ) from failure

    def _step_of_both(self, rows: Tensor) -> None:
        looked = self._look()
        self.bilevel.step(lambda: self._inner(rows), lambda: self._outer(looked))
        self._schedule.step()
        assert self.bilevel.objective is not None
        self.trajectory.note(self.done, float(self.bilevel.objective), self.loss)

    def run(self, progress: Progress | None = None) -> Trajectory:
        """Take all steps that are left.

        Parameters
        ----------
        progress : callable, optional

        Returns
        -------
        Trajectory
        """
        while self.done < self._steps:
            self.step()
            if progress is not None:
                progress(self.done, self._steps)
        return self.trajectory

    def _inner(self, rows: Tensor) -> Any:
        data = self._training
        x, y = data.features[rows], data.label[rows]
        group = None if self._groups[0] is None else self._groups[0][rows]
        weights = None if data.weights is None else data.weights[rows]
        if self._augment is None:
            return self.network(x), lambda z: mean_loss(self.loss, z, y, group, weights)
        return mean_loss(self.loss, self.network(self._augment(x, y)), y, group, weights)

    def _look(self) -> Tensor | slice:
        if self._looks is None:
            return slice(None)
        return self._looks.next_batch()[0].to(self._validation.features.device)

    def _outer(self, rows: Tensor | slice) -> Tensor:
        data = self._validation
        group = None if self._groups[1] is None else self._groups[1][rows]
        weights = None if data.weights is None else data.weights[rows]
        return self._objective(self.network(data.features[rows]), data.label[rows], group, weights)

    def state_dict(self) -> dict[str, Any]:
        """A snapshot, from which the search goes on bit for bit.

        Returns
        -------
        dict
            Of tensors, numbers, text, lists and dicts alone.
        """
        modules = {"network": self.network, "loss": self.loss}
        if isinstance(self._augment, nn.Module):
            modules["augment"] = self._augment
        return {
            **{
                name: {k: v.detach().clone() for k, v in module.state_dict().items()}
                for name, module in modules.items()
            },
            "bilevel": self.bilevel.state_dict(),
            "schedule": self._schedule.state_dict()["last_epoch"],
            "order": self._order.state_dict(),
            "looks": None if self._looks is None else self._looks.state_dict(),
            "trajectory": self.trajectory.to_dict(),
            "noise": self._noise.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot.

        Parameters
        ----------
        state : dict
            From :meth:`state_dict` of a search that was set up alike.
        """
        self.network.load_state_dict(state["network"])
        self.loss.load_state_dict(state["loss"])
        if isinstance(self._augment, nn.Module):
            self._augment.load_state_dict(state["augment"])
        self.bilevel.load_state_dict(state["bilevel"])
        self._schedule.last_epoch = state["schedule"]
        self._order.load_state_dict(state["order"])
        if self._looks is not None:
            self._looks.load_state_dict(state["looks"])
        self.trajectory = Trajectory.from_dict(state["trajectory"])
        self._noise.state = list(state["noise"])


def _require_possible(
    name: str, inner: torch.optim.Optimizer, settings: TrainingSettings, augment: Augment | None
) -> None:
    """Refuse, before any training, what the first outer step would stumble on after the warm-up."""
    if name == "unrolled" and not isinstance(inner, torch.optim.SGD):
        raise ValueError(
            f"hypergradient='unrolled' is of optimizer='SGD', not {settings.optimizer!r}: take one "
            "or the other."
        )
    decays = any(group.get("weight_decay") for group in inner.param_groups)
    if name == "cg" and settings.optimizer in DECOUPLED and decays:
        raise ValueError(
            "hypergradient='cg', the default for promises, knows no decoupled weight decay: take "
            "optimizer='Adam', weight_decay=0, or hypergradient='identity'."
        )
    if name == "cg" and isinstance(augment, nn.Module):
        raise ValueError(
            "hypergradient='cg' is of a loss of outputs, which an augmentation that is learnt is "
            "not: take hypergradient='identity'."
        )


def group_codes(rows: Rows, loss: ParametricCrossEntropy | None = None) -> Tensor | None:
    """The group of each row, where there are groups.

    Parameters
    ----------
    rows : Rows
    loss : ParametricCrossEntropy, optional
        Whose terms may be of groups.

    Returns
    -------
    Tensor of int64, shape (n,), or None

    Raises
    ------
    ValueError
        If groups overlap, or the loss has terms of groups and the rows have none.
    """
    if rows.groups is None:
        if loss is not None and loss.n_groups is not None:
            raise ValueError("the loss has terms of groups, and the rows have no groups.")
        return None
    if rows.groups.codes is None:
        raise ValueError(
            "groups overlap, but a row takes its terms from one group: cross the sensitive "
            "features (how='crossed')."
        )
    return as_tensor(rows.groups.codes).to(rows.features.device)


def mean_loss(
    loss: nn.Module, logits: Tensor, label: Tensor, group: Tensor | None, weights: Tensor | None
) -> Tensor:
    """The mean of a loss over the rows of a batch, each counting what it weighs.

    Parameters
    ----------
    loss : Module
        Of (logits, label) or, if it has terms of groups, (logits, label, group).
    logits : Tensor, shape (b, K)
    label : Tensor, shape (b,)
    group : Tensor, shape (b,), or None
    weights : Tensor, shape (b,), or None
        Of mean 1 over all rows.

    Returns
    -------
    Tensor, shape ()
    """
    given = (logits, label) if getattr(loss, "n_groups", None) is None else (logits, label, group)
    if weights is None:
        return loss(*given)
    return (loss.per_row(*given) * weights).mean()  # type: ignore[operator]
