"""Rules searched at one level of the rates, until models and rows agree on what is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.noisy.generate import Program, best_counted, generate
from equipoise.learn.noisy.pool import FEWEST_ERRORS, Pool

Array = NDArray[np.float64]

KEPT = 1e-8
"""What counts as no inequality missed, in units of rates."""

_PRICES = (10.0, 1e3)
_SAFE = 1e-9
"""By how much more is asked, so that what is left of the solver's arithmetic keeps the promise."""
_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Found:
    """What was found at a level.

    Attributes
    ----------
    chances : ndarray, shape (k,)
        Of the first k rules of the pool.
    error : float
        Modelled.
    gap : float
        From the bound, in errors.
    missing : float
        By how much inequalities are missed on the rows, summed.
    """

    chances: Array
    error: float
    gap: float
    missing: float

    @property
    def cost(self) -> float:
        """Errors, where nothing is missed; otherwise more than any."""
        return self.error if self.missing <= KEPT else 1.0 + self.missing


@dataclass(eq=False)
class Search:
    """A search that remembers all rules it met.

    Parameters
    ----------
    pool : Pool
    tolerance : float
        Wanted gap.
    max_rules : int
        How many rules one generation may try.
    """

    pool: Pool
    tolerance: float
    max_rules: int

    def __post_init__(self) -> None:
        self._chances = np.zeros(len(self.pool.rules))
        self._chances[FEWEST_ERRORS] = 1.0

    def at(self, program: Program) -> Found:
        """Generate rules by models and mix them by rows, in turns.

        Parameters
        ----------
        program : Program

        Returns
        -------
        Found
        """
        safe = replace(program, at_least=program.at_least + _SAFE)
        for price in _PRICES:
            found = self._in_turns(safe, price)
            if found.missing <= KEPT and np.isfinite(found.gap):
                break
        # Which shift is found depends on where one begins, so a second is begun at the mixture that
        # has the fewest errors of all that keep the promise, certified or not.
        still = np.zeros(safe.on_moments.shape[1])
        fewest = best_counted(self.pool, safe, _PRICES[-1], still)
        if fewest.missing <= KEPT and self._error(fewest.chances) < found.error - self.tolerance:
            self._chances = fewest.chances
            other = self._in_turns(safe, _PRICES[-1])
            if other.cost < found.cost and other.gap <= max(found.gap, self.tolerance):
                found = other
        self._chances = found.chances
        return found

    def _in_turns(self, safe: Program, price: float) -> Found:
        found: Found | None = None
        for _ in range(_ROUNDS):
            generated = generate(
                self.pool,
                safe.shifted(self._difference()),
                price,
                tolerance=self.tolerance / 2,
                max_rules=self.max_rules,
            )
            if found is not None:
                found = replace(found, gap=max(found.error - generated.bound, 0.0))
                if found.missing <= KEPT and found.gap <= self.tolerance:
                    break
            best = best_counted(self.pool, safe, price, generated.weights)
            if found is not None and _same(self._chances, best.chances):
                break  # nor would another round find any other
            self._chances = best.chances
            found = Found(best.chances, self._error(best.chances), np.inf, best.missing)
        assert found is not None
        return found

    def _error(self, chances: Array) -> float:
        return float(np.array(self.pool.errors[: len(chances)]) @ chances)

    def least_missing(self, program: Program) -> float:
        """The least by which inequalities are missed, whatever the errors.

        Parameters
        ----------
        program : Program

        Returns
        -------
        float
        """
        generate(
            self.pool,
            program.shifted(self._difference()),
            1.0,
            of_error=0.0,
            tolerance=KEPT / 10,
            max_rules=self.max_rules,
        )
        still = np.zeros(program.on_moments.shape[1])
        return best_counted(self.pool, program, _PRICES[-1], still).missing

    def _difference(self) -> Array:
        k = len(self._chances)
        modelled = np.stack(self.pool.modelled[:k], axis=1) @ self._chances
        counted = np.stack(self.pool.counted[:k], axis=1) @ self._chances
        return np.asarray(counted - modelled)


def _same(one: Array, other: Array) -> bool:
    return np.allclose(np.pad(one, (0, len(other) - len(one))), other, rtol=0, atol=1e-12)
