"""Rules that decide by what models say, and random choices among them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Rule:
    """Decide 1 where ``on_gain gain + on_moments @ moments + offset >= 0``.

    Attributes
    ----------
    on_gain : float
        Of what deciding 1 gains in accuracy, 2 p(y = 1 | x) - 1.
    on_moments : ndarray, shape (q,)
        Of what it adds to each moment.
    offset : float
    """

    on_gain: float
    on_moments: Array
    offset: float = 0.0

    def decide(self, gain: Array, moments: Array) -> NDArray[np.bool_]:
        """Which rows are decided 1.

        Parameters
        ----------
        gain : ndarray, shape (n,)
        moments : ndarray, shape (q, n)

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        # Row after row of moments, so that a row's score has the same bits in any table.
        score = self.on_gain * gain
        for factor, moment in zip(self.on_moments, moments, strict=True):
            if factor:
                score += factor * moment
        return np.asarray(score >= -self.offset)


@dataclass(frozen=True, eq=False)
class RandomRule:
    """A random choice among rules.

    Attributes
    ----------
    rules : tuple of Rule
    chances : ndarray, shape (k,)
        Of sum 1.
    """

    rules: tuple[Rule, ...]
    chances: Array

    def chance(self, gain: Array, moments: Array) -> Array:
        """With what chance each row is decided 1.

        Parameters
        ----------
        gain : ndarray, shape (n,)
        moments : ndarray, shape (q, n)

        Returns
        -------
        ndarray, shape (n,)
        """
        total = np.zeros(len(gain))
        for rule, chance in zip(self.rules, self.chances, strict=True):
            total += chance * rule.decide(gain, moments)
        return np.clip(total, 0.0, 1.0)
