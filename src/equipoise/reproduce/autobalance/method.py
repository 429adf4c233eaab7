"""What takes part in a comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from equipoise.reproduce.autobalance.material import Material
from equipoise.reproduce.autobalance.record import Found

Kind = Literal["fixed", "tuned", "searched"]
"""Whether a method's loss stands before any row is seen, or rows held out have a say in it."""


@dataclass(frozen=True)
class Method:
    """One way of training.

    Attributes
    ----------
    name : str
    title : str
    kind : {"fixed", "tuned", "searched"}
    run : callable
        Of the material, the task and the seed.
    """

    name: str
    title: str
    kind: Kind
    run: Callable[[Material, Any, int], Found]
