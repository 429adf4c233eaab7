"""What can be wrong with a polytope, by name."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


class EmptyPolytopeError(ValueError):
    """No point satisfies all constraints."""


class UnboundedPolytopeError(ValueError):
    """Some direction goes on for ever, so there is no uniform distribution."""


class SinglePointError(ValueError):
    """The constraints leave one point, and nothing to sample.

    Attributes
    ----------
    point : ndarray, shape (n,)
    """

    def __init__(self, point: NDArray[Any]) -> None:
        super().__init__(f"the constraints leave one point: {point}")
        self.point = point
