"""Log-densities with gradients, of many chains at once: torch callables and NumPy callables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

Array = NDArray[Any]


class Target(Protocol):
    """A density on R^n, known up to a constant factor."""

    @property
    def identity(self) -> str:
        """What it is: chains of one target are not continued with another."""

    def log_density(self, position: Array) -> Array:
        """The log-density alone.

        Parameters
        ----------
        position : ndarray, shape (chains, n)

        Returns
        -------
        ndarray, shape (chains,)
            ``-inf`` where the density is zero.
        """

    def evaluate(self, position: Array) -> tuple[Array, Array]:
        """The log-density and its gradient.

        Parameters
        ----------
        position : ndarray, shape (chains, n)

        Returns
        -------
        log_density : ndarray, shape (chains,)
        gradient : ndarray, shape (chains, n)
        """


@dataclass(frozen=True)
class TorchTarget:
    """A log-density written in torch; its gradient is autograd's.

    Parameters
    ----------
    function : callable
        From positions, a tensor of shape (chains, n), to log-densities, of shape (chains,). Each
        may depend on its own row alone.
    name : str
        Says which density it is, data and settings included: a saved state is continued only by
        a target of the same name.
    dtype : {"float64", "float32"}
        In which it is computed. Differences of log-densities decide what is accepted, and in
        float32 a sum over more than some 1e5 rows is too coarse for that.
    device : str
    """

    function: Callable[[torch.Tensor], torch.Tensor]
    name: str
    dtype: str = "float64"
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.dtype not in ("float64", "float32"):
            raise ValueError(f"dtype is 'float64' or 'float32', not {self.dtype!r}")

    @property
    def identity(self) -> str:
        """Its name and how it is computed."""
        return f"{self.name} ({self.dtype} on {self.device})"

    def log_density(self, position: Array) -> Array:
        """The log-density alone; see :class:`Target`."""
        import torch

        with torch.no_grad():
            value = self.function(self._tensor(position))
        return _of_chains(value.double().cpu().numpy(), len(position), self.name)

    def evaluate(self, position: Array) -> tuple[Array, Array]:
        """The log-density and its gradient; see :class:`Target`."""
        import torch

        x = self._tensor(position).requires_grad_()
        value = self.function(x)
        if not value.requires_grad:
            raise ValueError(
                f"{self.name} gives values that autograd cannot follow back to the positions: "
                "compute them with torch, from the tensor that is given"
            )
        (gradient,) = torch.autograd.grad(value.sum(), x)
        values = _of_chains(value.detach().double().cpu().numpy(), len(position), self.name)
        return values, gradient.double().cpu().numpy()

    def _tensor(self, position: Array) -> torch.Tensor:
        import torch

        return torch.tensor(position, dtype=getattr(torch, self.dtype), device=self.device)


@dataclass(frozen=True)
class ArrayTarget:
    """A log-density and its gradient from one NumPy callable.

    Parameters
    ----------
    function : callable
        From positions, shape (chains, n), to log-densities, (chains,), and gradients,
        (chains, n); or, where it is not batched, from (n,) to a number and (n,).
    name : str
        Says which density it is, data and settings included.
    batched : bool
        Whether the function takes all chains at once.
    """

    function: Callable[[Array], tuple[Any, Array]]
    name: str
    batched: bool = True

    @property
    def identity(self) -> str:
        """Its name."""
        return self.name

    def log_density(self, position: Array) -> Array:
        """The log-density alone; see :class:`Target`."""
        return self.evaluate(position)[0]

    def evaluate(self, position: Array) -> tuple[Array, Array]:
        """The log-density and its gradient; see :class:`Target`."""
        if self.batched:
            value, gradient = self.function(position)
        else:
            pairs = [self.function(row) for row in position]
            value = np.array([float(one) for one, _ in pairs])
            gradient = np.array([one for _, one in pairs], dtype=float)
        value, gradient = np.asarray(value, dtype=float), np.asarray(gradient, dtype=float)
        if gradient.shape != position.shape:
            raise ValueError(
                f"{self.name} gives gradients of shape {position.shape}, not {gradient.shape}"
            )
        return _of_chains(value, len(position), self.name), gradient


def _of_chains(value: Array, chains: int, name: str) -> Array:
    if value.shape != (chains,):
        raise ValueError(
            f"{name} gives one log-density a chain, shape ({chains},), not {value.shape}"
        )
    return value
