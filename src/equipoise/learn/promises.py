"""One promise or several, as users give them."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.constraints import Constraint


def as_promises(
    constraint: str | Constraint | Sequence[str | Constraint] | None,
) -> list[Constraint]:
    """Read one promise, several or none.

    Parameters
    ----------
    constraint : str or Constraint, or a sequence of them, or None

    Returns
    -------
    list of Constraint

    Raises
    ------
    ValueError
        If one of them cannot be read.
    """
    if constraint is None:
        return []
    if isinstance(constraint, str | Constraint) or not isinstance(constraint, Sequence):
        return [Constraint.parse(constraint)]
    return [Constraint.parse(one) for one in constraint]
