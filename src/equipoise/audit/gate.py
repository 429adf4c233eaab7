"""Conditions that stop a deployment where the data show them, and not where they may hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

from equipoise.audit.certificate import Certificate, certify
from equipoise.audit.counts import Counts
from equipoise.audit.words import bound, level
from equipoise.constraints import Constraint

_CONDITION = re.compile(r"(?P<disparity>[^<>]+)(?P<sign>[<>])(?P<bound>[^<>=]+)")


@dataclass(frozen=True)
class Gate:
    """A condition, and whether the data show that it is met.

    Attributes
    ----------
    condition : str
    certificate : Certificate
        Of the promise that it breaks.
    """

    condition: str
    certificate: Certificate

    @property
    def shut(self) -> bool:
        """Whether the condition is shown to be met."""
        return self.certificate.verdict == "broken"

    def __str__(self) -> str:
        found = self.certificate
        value = "undefined" if isnan(found.estimate) else f"{found.estimate:.3f}"
        told = f"{found.constraint.disparity} is {value}"
        sure = level(found.confidence)
        if self.shut:
            return f"{self.condition}: {told}, and {bound(found)} with {sure} confidence"
        if found.verdict == "kept":
            return f"not {self.condition}: {told}, and {bound(found)} with {sure} confidence"
        why = found.reason or f"which does not show it with {sure} confidence"
        return f"{self.condition} is not shown: {told}, {why}"

    def to_dict(self) -> dict[str, Any]:
        """The condition and what was found, as JSON can hold it."""
        return {"condition": self.condition, "met": self.shut, **self.certificate.to_dict()}


def gates(counts: Counts, conditions: Sequence[str], confidence: float = 0.95) -> list[Gate]:
    """Ask whether the data show any of some conditions.

    Parameters
    ----------
    counts : Counts
    conditions : sequence of str
        Such as ``gap("true_positive") > 0.1`` or ``ratio("selection") < 0.8``.
    confidence : float
        That whatever is shown is true, of all conditions together: if none is met, the
        probability that any is shown is at most one less this.

    Returns
    -------
    list of Gate
        In the order of the conditions.

    Raises
    ------
    ValueError
        If a condition cannot be read.
    """
    promises = [promise_against(condition) for condition in conditions]
    return [
        Gate(condition.strip(), certify(counts, promise, confidence, len(promises)))
        for condition, promise in zip(conditions, promises, strict=True)
    ]


def promise_against(condition: str) -> Constraint:
    """The promise that is broken where a condition is met.

    Parameters
    ----------
    condition : str

    Returns
    -------
    Constraint

    Raises
    ------
    ValueError
        If the condition cannot be read, or asks for what is fair.
    """
    match = _CONDITION.fullmatch(condition.strip())
    if match is None:
        raise ValueError(
            f'cannot read the condition {condition!r}; write it like \'gap("true_positive") > '
            "0.1' or 'ratio(\"selection\") < 0.8'."
        )
    kept = "<=" if match["sign"] == ">" else ">="
    try:
        return Constraint.parse(f"{match['disparity']} {kept} {match['bound']}")
    except ValueError as error:
        raise ValueError(f"the condition {condition!r} breaks no promise: {error}") from error
