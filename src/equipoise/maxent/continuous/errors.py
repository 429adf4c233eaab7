"""What a mean can be that no maximum-entropy distribution has."""

from __future__ import annotations


class MeanOutsideError(ValueError):
    """No distribution on the domain has this mean: it is outside its convex hull."""


class MeanOnBoundaryError(ValueError):
    """Every distribution with this mean lives on a face of the domain, where the prior has none.

    The dual has no minimiser then, and the entropy is minus infinity.
    """


class NoConvergenceError(ArithmeticError):
    """Newton's method, or an evaluation that it needs, ran out of digits."""
