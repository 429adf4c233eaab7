"""Promises about groups as inequalities in their rates."""

from __future__ import annotations

import torch
from torch import Tensor

from equipoise.constraints import Constraint


class Violations:
    """Promises as inequalities ``v <= 0`` in the rates, with their gradient in closed form.

    Parameters
    ----------
    parts : list of (Constraint, slice)
        Which components of the rates each is about: all are, and slices are equal or apart.
    margins : Tensor, shape (..., p), optional
        By how much each promise is to be kept more strictly: a ratio is to exceed its bound by so
        much, and the inequalities of any other are to hold with so much room.

    Attributes
    ----------
    parts : list of (Constraint, slice), length p
    """

    def __init__(
        self, parts: list[tuple[Constraint, slice]], margins: Tensor | None = None
    ) -> None:
        self.parts = parts
        self._margins = margins

    def tightened(self, margins: Tensor) -> Violations:
        """The same promises, to be kept with margins.

        Parameters
        ----------
        margins : Tensor, shape (..., p)
            As the class has them.

        Returns
        -------
        Violations
        """
        return Violations(self.parts, margins)

    def __call__(self, rates: Tensor) -> Tensor:
        """The violations, shape (..., m), at rates of shape (..., c, g)."""
        if len(self.parts) == 1:
            return self._of_part(0, rates)
        parts = [self._of_part(i, rates[..., where, :]) for i, (_, where) in enumerate(self.parts)]
        return torch.cat(parts, dim=-1)

    def _of_part(self, number: int, rates: Tensor) -> Tensor:
        constraint = self.parts[number][0]
        violations: Tensor = constraint.violations(rates)
        if self._margins is None:
            return violations
        margin = self._margins[..., number, None].to(rates)
        if constraint.disparity.kind == "ratio":
            high = rates.max(dim=-1, keepdim=True).values
            margin = (margin[..., None] * high).expand_as(rates).flatten(-2)
        return violations + margin

    def shortfalls(self, rates: Tensor) -> Tensor:
        """By how much each promise is broken, or kept where negative, in units of its margin.

        Parameters
        ----------
        rates : Tensor, shape (..., c, g)

        Returns
        -------
        Tensor, shape (..., p)
            Without the margins. A ratio of rates that are all 0 is not there to be broken: 0.
        """
        return torch.stack([_shortfall(one, rates[..., at, :]) for one, at in self.parts], dim=-1)

    def pull_back(self, rates: Tensor, by_violation: Tensor) -> Tensor:
        """The gradient of the violations' sum with weights (..., m), of the shape of the rates."""
        if len(self.parts) == 1:
            return self._pull_back_part(0, rates, by_violation)
        # By where the components start, which promises about the loss have in common.
        gradients: dict[int, Tensor] = {}
        start = 0
        for i, (one, where) in enumerate(self.parts):
            of = rates[..., where, :]
            stop = start + one.n_violations_of(of.shape[-2], of.shape[-1])
            gradient = self._pull_back_part(i, of, by_violation[..., start:stop])
            before = gradients.get(where.start)
            gradients[where.start] = gradient if before is None else before + gradient
            start = stop
        return torch.cat([gradients[first] for first in sorted(gradients)], dim=-2)

    def _pull_back_part(self, number: int, rates: Tensor, pull: Tensor) -> Tensor:
        constraint = self.parts[number][0]
        bound: float | Tensor = constraint.bound
        if self._margins is not None and constraint.disparity.kind == "ratio":
            bound = bound + self._margins[..., number, None, None].to(rates)
        return _pull_back(constraint, bound, rates, pull)


def _shortfall(constraint: Constraint, rates: Tensor) -> Tensor:
    if constraint.disparity.kind != "ratio":
        worst: Tensor = constraint.violations(rates)
        return worst.amax(-1)
    high = rates.amax(-1)
    ratio = rates.amin(-1) / torch.where(high > 0, high, 1.0)
    return torch.where(high > 0, constraint.bound - ratio, 0.0).amax(-1)


def _pull_back(
    constraint: Constraint, bound: float | Tensor, rates: Tensor, pull: Tensor
) -> Tensor:
    # The gradient of (pull * violations).sum() for the constraint with that bound.
    if constraint.disparity.kind == "worst":
        pull = pull.reshape(rates.shape)
        return pull if constraint.sense == "<=" else -pull
    highest = rates.argmax(-1, keepdim=True)
    if constraint.disparity.kind == "ratio":
        pull = pull.reshape(rates.shape)
        return (-pull).scatter_add_(-1, highest, bound * pull.sum(-1, keepdim=True))
    above, below = pull.reshape(*rates.shape[:-2], 2, *rates.shape[-2:]).unbind(-3)
    gradient = above - below
    middle = gradient.sum(-1, keepdim=True).mul_(-0.5)
    gradient.scatter_add_(-1, highest, middle)
    return gradient.scatter_add_(-1, rates.argmin(-1, keepdim=True), middle)
