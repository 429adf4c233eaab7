"""Steps that undo nothing of what hinders an opponent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.minmax.player import Closure, Player


def project_out(
    gradient: Sequence[Tensor],
    opposing: Sequence[Tensor],
    strength: float | Tensor,
    *,
    stacked: bool = False,
) -> list[Tensor]:
    """The direction g - proj_h g - strength h, of all parameters as one vector.

    Without the projection a step down along g could help the opponent more than the last term
    hinders it. Where h is 0 there is nothing to project on.

    Parameters
    ----------
    gradient : sequence of Tensor
        g.
    opposing : sequence of Tensor
        h, of the same shapes.
    strength : float or Tensor, shape () or (r,)
    stacked : bool
        Whether the first axis of every tensor, of length r, counts independent problems: each has
        a projection of its own.

    Returns
    -------
    list of Tensor
    """
    along, size = _dot(gradient, opposing, stacked), _dot(opposing, opposing, stacked)
    share = torch.where(size > 0, along / torch.where(size > 0, size, 1.0), 0.0)
    factor = share + strength
    return [
        g - (factor.reshape(-1, *[1] * (g.dim() - 1)) if stacked else factor) * h
        for g, h in zip(gradient, opposing, strict=True)
    ]


@dataclass(frozen=True)
class ProjectedStep:
    """A step of the optimizer along the gradient of one loss, projected by that of an opponent's.

    The predictor's step of Zhang, Lemoine and Mitchell (AIES 2018, arXiv 1801.07593, equation 1),
    on the whole vector of parameters, as there, and not on each tensor. It is not the gradient of
    any function; as a proposal of :class:`AcceptReject` it need not be.

    Parameters
    ----------
    losses : callable
        Without arguments, returns the player's own loss and the opponent's on the batch, both of
        shape (), or (r,) where r independent problems are stacked along the first axis of every
        parameter.
    strength : float or Tensor, shape (r,)
        How much is done to make the opponent's loss large.

    Raises
    ------
    ValueError
        If a strength is negative or not finite.
    """

    losses: Callable[[], tuple[Tensor, Tensor]]
    strength: float | Tensor = 1.0

    def __post_init__(self) -> None:
        strength = torch.as_tensor(self.strength)
        if not bool((strength.isfinite() & (strength >= 0)).all()):
            raise ValueError(f"strength must be finite and not negative, not {self.strength}.")

    def __call__(self, player: Player, closure: Closure) -> None:
        """Move.

        Parameters
        ----------
        player : Player
        closure : callable
            Not asked.

        Raises
        ------
        ValueError
            If the two losses differ in shape.
        FloatingPointError
            If one is not finite.
        """
        own, opposing = self.losses()
        if own.shape != opposing.shape or own.dim() > 1:
            raise ValueError(
                "losses must return two tensors of shape () or (r,), not of "
                f"{tuple(own.shape)} and {tuple(opposing.shape)}."
            )
        for name, loss in (("own", own), ("opponent's", opposing)):
            if not loss.isfinite().all():
                raise FloatingPointError(f"the {name} loss is not finite: {loss.tolist()}.")
        parameters = player.parameters
        # What the opponent does not look at, or the player's loss does not depend on, counts 0.
        gradient = torch.autograd.grad(
            own.sum(), parameters, retain_graph=True, materialize_grads=True
        )
        against = torch.autograd.grad(opposing.sum(), parameters, materialize_grads=True)
        player.move(project_out(gradient, against, self.strength, stacked=own.dim() == 1))


def _dot(a: Sequence[Tensor], b: Sequence[Tensor], stacked: bool) -> Tensor:
    products = [x * y for x, y in zip(a, b, strict=True)]
    parts = [one.flatten(1).sum(1) if stacked else one.sum() for one in products]
    return torch.stack(parts).sum(0)
