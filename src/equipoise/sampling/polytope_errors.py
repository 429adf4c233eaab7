"""What can be wrong with a polytope, by name."""

from __future__ import annotations


class EmptyPolytopeError(ValueError):
    """No point satisfies all constraints."""


class UnboundedPolytopeError(ValueError):
    """Some direction goes on for ever, so there is no uniform distribution."""


class SinglePointError(ValueError):
    """The constraints leave one point, and nothing to sample."""
