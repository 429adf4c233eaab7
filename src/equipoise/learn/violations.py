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
        What is added to every inequality of each promise.

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
        return violations + self._margins[..., number, None].to(rates)

    def pull_back(self, rates: Tensor, by_violation: Tensor) -> Tensor:
        """The gradient of the violations' sum with weights (..., m), of the shape of the rates."""
        if len(self.parts) == 1:
            return _pull_back(self.parts[0][0], rates, by_violation)
        # By where the components start, which promises about the loss have in common.
        gradients: dict[int, Tensor] = {}
        start = 0
        for one, where in self.parts:
            of = rates[..., where, :]
            stop = start + one.n_violations_of(of.shape[-2], of.shape[-1])
            gradient = _pull_back(one, of, by_violation[..., start:stop])
            before = gradients.get(where.start)
            gradients[where.start] = gradient if before is None else before + gradient
            start = stop
        return torch.cat([gradients[first] for first in sorted(gradients)], dim=-2)


def _pull_back(constraint: Constraint, rates: Tensor, pull: Tensor) -> Tensor:
    # The gradient of (pull * constraint.violations(rates)).sum().
    if constraint.disparity.kind == "worst":
        pull = pull.reshape(rates.shape)
        return pull if constraint.sense == "<=" else -pull
    highest = rates.argmax(-1, keepdim=True)
    if constraint.disparity.kind == "ratio":
        pull = pull.reshape(rates.shape)
        return (-pull).scatter_add_(-1, highest, constraint.bound * pull.sum(-1, keepdim=True))
    above, below = pull.reshape(*rates.shape[:-2], 2, *rates.shape[-2:]).unbind(-3)
    gradient = above - below
    middle = gradient.sum(-1, keepdim=True).mul_(-0.5)
    gradient.scatter_add_(-1, highest, middle)
    return gradient.scatter_add_(-1, rates.argmin(-1, keepdim=True), middle)
