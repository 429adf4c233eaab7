"""Rules searched at one level of the rates, until models and rows agree on what is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.noisy.generate import Program, best_counted, generate
from equipoise.learn.noisy.pool import Pool

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
        self._chances[-1] = 1.0  # the rule of fewest errors

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
        found: Found | None = None
        for price in _PRICES:
            for _ in range(_ROUNDS):
                shifted = safe.shifted(self._difference())
                generated = generate(
                    self.pool,
                    shifted,
                    price,
                    tolerance=self.tolerance / 2,
                    max_rules=self.max_rules,
                )
                if found is not None:
                    found = replace(found, gap=max(found.error - generated.bound, 0.0))
                    if found.missing <= KEPT and found.gap <= self.tolerance:
                        return found
                best = best_counted(self.pool, safe, price, generated.weights)
                if found is not None and _same(self._chances, best.chances):
                    break  # nor would another round find any other
                self._chances = best.chances
                error = float(np.array(self.pool.errors) @ best.chances)
                found = Found(best.chances, error, np.inf, best.missing)
            assert found is not None
            if found.missing <= KEPT and np.isfinite(found.gap):
                break
        assert found is not None
        return found

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
