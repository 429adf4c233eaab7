"""What a mean can be that no maximum-entropy distribution has, and numbers that count nothing."""

from __future__ import annotations

from numbers import Integral
from typing import Any


class MeanOutsideError(ValueError):
    """No distribution on the domain has this mean: it is outside its convex hull."""


class MeanOnBoundaryError(ValueError):
    """Every distribution with this mean lives on a face of the domain, where the prior has none.

    The dual has no minimiser then, and the entropy is minus infinity.
    """


class NoConvergenceError(ArithmeticError):
    """Newton's method, or an evaluation that it needs, ran out of digits."""


def require_whole(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small a one.

    Parameters
    ----------
    name : str
        Of the argument.
    value : int
    least : int

    Raises
    ------
    ValueError
    """
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} is a whole number and at least {least}, not {value!r}")
