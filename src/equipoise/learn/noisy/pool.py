"""The rules met so far, and what they do on the rows."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.noisy.rules import RandomRule, Rule

Array = NDArray[np.float64]


FEWEST_ERRORS = 2
"""The place in a pool of the rule with the fewest modelled errors."""


@dataclass(frozen=True, eq=False)
class Scored:
    """What models and rows say of n rows, or of cells of equal rows.

    Attributes
    ----------
    gain : ndarray, shape (n,)
        Weight times 2 p(y = 1 | x) - 1; weights add up to 1.
    modelled : ndarray, shape (q, n)
        What deciding a row 1 adds to each of q moments, in expectation given its features.
    counted : ndarray, shape (q, n)
        The same by the row's own label and groups.
    base : float
        The modelled error of the rule that decides 0.
    """

    gain: Array
    modelled: Array
    counted: Array
    base: float


@dataclass(eq=False)
class Pool:
    """Rules with their modelled errors and their moments, modelled and counted.

    Parameters
    ----------
    scored : Scored
    """

    scored: Scored
    rules: list[Rule] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    modelled: list[Array] = field(default_factory=list)
    counted: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        still = np.zeros(len(self.scored.modelled))
        for rule in (Rule(0.0, still, -1.0), Rule(0.0, still, 1.0), Rule(1.0, still)):
            self.add(rule)

    def add(self, rule: Rule) -> tuple[float, Array]:
        """Try a rule.

        Parameters
        ----------
        rule : Rule

        Returns
        -------
        error : float
            Modelled.
        moments : ndarray, shape (q,)
            Modelled, without what they are at rest.
        """
        scored = self.scored
        decided = rule.decide(scored.gain, scored.modelled).astype(np.float64)
        error, moments = scored.base - float(scored.gain @ decided), scored.modelled @ decided
        self.rules.append(rule)
        self.errors.append(error)
        self.modelled.append(moments)
        self.counted.append(scored.counted @ decided)
        return error, moments

    def mixed(self, chances: Array) -> RandomRule:
        """A random choice among the rules.

        Parameters
        ----------
        chances : ndarray, shape (k,)

        Returns
        -------
        RandomRule
            Of those with a chance.
        """
        drawn = np.flatnonzero(chances > 0)
        return RandomRule(tuple(self.rules[k] for k in drawn), chances[drawn])
