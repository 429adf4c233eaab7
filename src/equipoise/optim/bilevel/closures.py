"""What closures return, and what is said when they return something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

Loss = Callable[[Tensor], Tensor]
InnerClosure = Callable[[], Tensor | tuple[Tensor, Loss]]
OuterClosure = Callable[[], Tensor]


def listed(name: str, closures: Any) -> list[Any]:
    """One closure or several, as a list.

    Parameters
    ----------
    name : str
        Of the argument.
    closures : callable or iterable of callable

    Returns
    -------
    list of callable

    Raises
    ------
    TypeError
        If there is none, or something is not callable.
    """
    found = [closures] if callable(closures) else list(closures)
    if not found or not all(callable(closure) for closure in found):
        raise TypeError(f"{name} must be a closure or a sequence of at least one.")
    return found


def inner_scalar(found: Tensor | tuple[Tensor, Loss]) -> Tensor:
    """The scalar that an inner closure stands for.

    Parameters
    ----------
    found : Tensor or tuple
        What the closure returned.

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    TypeError, ValueError
        If it is neither a scalar nor such a pair.
    """
    if isinstance(found, tuple):
        outputs, loss = checked_pair(found)
        found = loss(outputs)
    return checked_scalar("inner", found)


def checked_pair(found: tuple[Tensor, Loss]) -> tuple[Tensor, Loss]:
    """The pair, if it is one of outputs and a function of them.

    Parameters
    ----------
    found : tuple

    Returns
    -------
    tuple

    Raises
    ------
    TypeError
    """
    if len(found) != 2 or not isinstance(found[0], Tensor) or not callable(found[1]):
        raise TypeError(
            "the inner closure must return a scalar, or a pair of a tensor of outputs and a "
            f"function of it; it returned a tuple of {[type(x).__name__ for x in found]}."
        )
    return found


def checked_scalar(name: str, value: Tensor) -> Tensor:
    """The value, if it is a scalar tensor.

    Parameters
    ----------
    name : str
        Of the loss.
    value : Tensor

    Returns
    -------
    Tensor, shape ()

    Raises
    ------
    TypeError, ValueError
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"the {name} loss must be a tensor, not {type(value).__name__}.")
    if value.dim():
        raise ValueError(f"the {name} loss must be a scalar, not of shape {tuple(value.shape)}.")
    return value
