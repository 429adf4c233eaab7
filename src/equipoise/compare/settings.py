"""Everything that decides the result of a comparison, as one value that JSON can hold."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import math
from dataclasses import dataclass, field, fields
from typing import Any

from equipoise.compare.contender import Contender
from equipoise.constraints import Constraint
from equipoise.groups import How
from equipoise.learn import TrainingSettings, as_promises

PARTS = {"train": 0.5, "validation": 0.15, "test": 0.15, "certificate": 0.2}
"""What share of the rows each part gets. Networks learn from the first, the second chooses among
seeds and among methods, figures are measured on the third, and what models decide on the fourth is
looked at for nothing but the certificate."""


@dataclass(frozen=True)
class Settings:
    """What is compared and how, apart from the data.

    Attributes
    ----------
    constraints : tuple of Constraint
        The promises, all about the same groups; one alone may be given as it is.
    methods : tuple of str
        Names of methods, or of methods with optimizers such as "alm+Muon".
    seeds : int
        How many models each method trains.
    confidence : float
        Of intervals and certificates.
    margin : float or None
        By how much training is asked to keep more than each promise, so that fresh rows can show
        that it is kept; None for what the number of rows calls for.
    how : {"crossed", "each", "lattice"}
        Whether several sensitive columns mean their intersections, stand side by side, or both.
    min_group : int
        Groups with fewer rows than this in the whole table are joined into one, or left out
        where groups overlap.
    seed : int
        Decides the parts, and with the number of a replicate its initial weights and order.
    training : TrainingSettings
        Its method is replaced by each of ``methods``, and its optimizer and learning rate by those
        of a method that comes with an optimizer.
    """

    constraints: tuple[Constraint, ...]
    methods: tuple[str, ...] = ("erm", "penalty", "alm")
    seeds: int = 5
    confidence: float = 0.95
    margin: float | None = None
    how: How = "crossed"
    min_group: int = 0
    seed: int = 0
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def __post_init__(self) -> None:
        object.__setattr__(self, "constraints", tuple(as_promises(self.constraints)))
        _require_different(self.constraints)
        if not self.methods:
            raise ValueError("methods is empty; name at least one.")
        contenders = [Contender.parse(name) for name in self.methods]
        object.__setattr__(self, "methods", tuple(map(str, contenders)))
        if len(set(self.methods)) < len(self.methods):
            raise ValueError(f"methods names one twice: {', '.join(self.methods)}.")
        if self.seeds < 1:
            raise ValueError(f"seeds must be at least 1, not {self.seeds}.")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(
                f"confidence must lie between 0.5 and 1 (0.95 is usual), not {self.confidence}."
            )
        if self.margin is not None and not 0 <= self.margin < math.inf:
            raise ValueError(f"margin must be at least 0 and finite, not {self.margin}.")
        if not 0 <= self.seed < 2**31:
            raise ValueError(f"seed must lie between 0 and 2^31 - 1, not {self.seed}.")
        if self.min_group < 0:
            raise ValueError(f"min_group must be at least 0, not {self.min_group}.")
        for constraint in self.constraints:
            _require_readable(constraint)

    @property
    def n_certificates(self) -> int:
        """How many certificates are issued together: one for each method and promise."""
        return len(self.methods) * len(self.constraints)

    @property
    def replicate_seeds(self) -> list[int]:
        """The seed of each replicate; the same for every method, so that seeds are paired."""
        return [1000 * self.seed + number for number in range(self.seeds)]

    def to_dict(self) -> dict[str, Any]:
        """The settings as JSON can hold them."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return values | {
            "constraints": [str(constraint) for constraint in self.constraints],
            "methods": list(self.methods),
            # Each of the methods takes the place of the one that is named there.
            "training": {k: v for k, v in self.training.to_dict().items() if k != "method"},
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Settings:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        Settings
        """
        training = state["training"]
        return cls(
            **{
                **state,
                "constraints": tuple(as_promises(state["constraints"])),
                "methods": tuple(state["methods"]),
                "training": TrainingSettings(**{**training, "hidden": tuple(training["hidden"])}),
            }
        )


def _require_different(constraints: tuple[Constraint, ...]) -> None:
    if not constraints:
        raise ValueError("constraint is empty; name at least one promise.")
    for number, one in enumerate(constraints):
        for other in constraints[:number]:
            if one == other:
                raise ValueError(f"constraint says '{one}' twice; leave one of them out.")
            if one.disparity == other.disparity:
                raise ValueError(
                    f"'{other}' and '{one}' promise the same of the same figure; keep the "
                    "stricter of them alone."
                )


def _require_readable(constraint: Constraint) -> None:
    try:
        readable = Constraint.parse(str(constraint)) == constraint
    except ValueError:
        readable = False
    if not readable:
        raise ValueError(
            f"{constraint} is about a rate of your own, which a run's folder could not "
            "name again; compare takes the named rates, and FairClassifier any."
        )


def versions() -> dict[str, str]:
    """Versions of what the numbers depend on.

    Returns
    -------
    dict of str
    """
    return {
        name: importlib.metadata.version(name)
        for name in ("equipoise", "numpy", "pyarrow", "scipy", "torch")
    }


def digest(description: dict[str, Any]) -> str:
    """A short name for a description: equal descriptions have equal names.

    Parameters
    ----------
    description : dict
        JSON can hold it.

    Returns
    -------
    str
        Eight hexadecimal digits.
    """
    text = json.dumps(description, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
