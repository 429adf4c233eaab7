"""Small problems of two groups whose minima are known, as a stochastic optimizer sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Problem(Protocol):
    """Two groups, each with a loss of its own, of which a batch holds rows at random."""

    @property
    def p0(self) -> float:
        """The share of the first group."""
        ...

    def gradient(self, w: Tensor, share: float | Tensor) -> Tensor:
        """Gradient of the mean loss of a batch.

        Parameters
        ----------
        w : Tensor, shape (chains,) or (chains, d)
        share : float or Tensor, shape (chains,)
            Of the batch, the rows of the first group.

        Returns
        -------
        Tensor
            Shaped as w.
        """
        ...


def gradient_variance(problem: Problem, w: Tensor, batch: int) -> Tensor:
    """Variance of a batch's gradient, whose only noise is how many rows of each group it holds.

    Parameters
    ----------
    problem : Problem
        Whose gradient is linear in the share.
    w : Tensor, shape (chains,) or (chains, d)
    batch : int
        Rows.

    Returns
    -------
    Tensor
        Shaped as w.
    """
    apart = problem.gradient(w, 1.0) - problem.gradient(w, 0.0)
    return problem.p0 * (1 - problem.p0) / batch * apart**2


@dataclass(frozen=True)
class TwoGroupQuadratic:
    """(w - 1)^2 / 2 for one group and (w + 1)^2 / 2 for the other.

    Both groups lose the same at w = 0, which is the minimum for equal groups; the mean loss has its
    own at p0 - p1. Kolahdouzi, Gunes, Etemad 2025 (arXiv 2504.14882), section 3.

    Parameters
    ----------
    p0 : float
        The share of the first group.

    Raises
    ------
    ValueError
        If it is not between 0 and 1.
    """

    p0: float

    def __post_init__(self) -> None:
        _require_share(self.p0)

    @property
    def mean(self) -> float:
        """p0 - p1: the minimum of the mean loss, and the mean of all stationary laws."""
        return 2 * self.p0 - 1

    def gradient(self, w: Tensor, share: float | Tensor) -> Tensor:
        """``w - (2 share - 1)``."""
        return w - (2 * share - 1)


@dataclass(frozen=True)
class DoubleWell:
    """Two basins of one depth, tilted a little for the first group and much for the second.

    The loss of a group is ``16 barrier w^2 (1 - w)^2 + tilt w``. With the tilts by default the
    first group gains a little in the basin at 1, and the second loses much more there: the basin
    at 0 is fair, and the other one is not.

    Parameters
    ----------
    p0 : float
        The share of the first group.
    barrier : float
        Height of what lies between the basins, at w = 1/2.
    tilts : tuple of two float
        Of the first and of the second group.

    Raises
    ------
    ValueError
        If the share is not between 0 and 1, or the barrier is not positive.
    """

    p0: float
    barrier: float = 0.01
    tilts: tuple[float, float] = (-0.01, 0.3)

    def __post_init__(self) -> None:
        _require_share(self.p0)
        if not self.barrier > 0:
            raise ValueError(f"barrier must be positive, not {self.barrier}.")

    def gradient(self, w: Tensor, share: float | Tensor) -> Tensor:
        """That of the two basins, plus the tilt of the batch."""
        basins = 32 * self.barrier * w * (1 - w) * (1 - 2 * w)
        return basins + self.tilts[0] * share + self.tilts[1] * (1 - share)


@dataclass(frozen=True)
class OwnCoordinates:
    """Two coordinates, each in the loss of one group alone: (w_a - 1)^2 / 2.

    As one-hot columns of a rare category are: what a group's rows know of the model, no other row
    touches.

    Parameters
    ----------
    p0 : float
        The share of the first group.

    Raises
    ------
    ValueError
        If it is not between 0 and 1.
    """

    p0: float

    def __post_init__(self) -> None:
        _require_share(self.p0)

    def gradient(self, w: Tensor, share: float | Tensor) -> Tensor:
        """Of w of shape (chains, 2)."""
        of_first = torch.as_tensor(share, dtype=w.dtype).expand(w.shape[:-1])
        return torch.stack([of_first, 1 - of_first], dim=-1) * (w - 1)


def speed_ratio(p0: float, batch: int | None) -> float:
    r"""How fast the second group's coordinate moves over the first's, under RMSProp.

    Of :class:`OwnCoordinates`, at equal distances from the minimum and with v at its mean::

        sqrt((1 + p1 / (p0 B)) / (1 + p0 / (p1 B)))

    since E g_a = p_a and E g_a^2 = p_a^2 + p0 p1 / B, in units of the distance. Plain descent has
    p1 / p0 whatever its rate and batch. Kunstner et al. 2024 (arXiv 2402.19449) have the
    phenomenon; the formula is ours.

    Parameters
    ----------
    p0 : float
    batch : int or None
        B; None for the gradient of all rows, whose ratio is 1.

    Returns
    -------
    float
    """
    _require_share(p0)
    if batch is None:
        return 1.0
    p1 = 1 - p0
    return math.sqrt((1 + p1 / (p0 * batch)) / (1 + p0 / (p1 * batch)))


def _require_share(p0: float) -> None:
    if not 0 < p0 < 1:
        raise ValueError(f"p0, the share of the first group, must be between 0 and 1, not {p0}.")
