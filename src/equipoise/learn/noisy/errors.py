"""A promise that no rule can keep."""

from __future__ import annotations

from equipoise.constraints import Constraint


class UnreachablePromiseError(ValueError):
    """No group-blind rule was found to keep the promise on these rows.

    Of programs over cells, and of models that agree with the rows, there is none.

    Parameters
    ----------
    message : str
    reachable : tuple of Constraint
        The strictest bounds that can be kept together; empty where the floor alone is too high.
    floor : float
        The floor that they can be kept with: what was asked for or, where nothing can be kept with
        that, the highest that can be reached.
    """

    def __init__(self, message: str, reachable: tuple[Constraint, ...], floor: float) -> None:
        super().__init__(message)
        self.reachable = reachable
        self.floor = floor
