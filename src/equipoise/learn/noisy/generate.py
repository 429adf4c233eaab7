"""Rules generated until none is better: the dual of the program, solved by cutting planes.

For multipliers mu of the inequalities the best rule of all is known in closed form,

    f(x) = 1[2 p(y = 1 | x) - 1 + sum_c mu_c a_c(x) >= 0] ,

with a_c(x) what deciding x as 1 adds to inequality c. It gives a cutting plane of the concave dual,
and a rule for the program over mixtures, whose multipliers are the next to try (Kelley 1960;
Dantzig and Wolfe 1960). The dual's value at any multipliers is a bound of what any rule of the
features can reach, so the difference from it is a certificate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.noisy.master import Best, best_mixture
from equipoise.learn.noisy.pool import Pool
from equipoise.learn.noisy.rules import Rule

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Program:
    """Inequalities in the moments that move: on_moments m + on_levels l >= at_least.

    Attributes
    ----------
    on_moments : ndarray, shape (m, q)
    on_levels : ndarray, shape (m, c)
    at_least : ndarray, shape (m,)
        Less what moments at rest give.
    """

    on_moments: Array
    on_levels: Array
    at_least: Array

    def shifted(self, offset: Array) -> Program:
        """The same with moments that are larger by an offset.

        Parameters
        ----------
        offset : ndarray, shape (q,)

        Returns
        -------
        Program
        """
        return Program(self.on_moments, self.on_levels, self.at_least - self.on_moments @ offset)


@dataclass(frozen=True, eq=False)
class Generated:
    """Where the generation of rules ended.

    Attributes
    ----------
    best : Best
        Of the mixtures of rules met, by modelled moments.
    bound : float
        What no rule's value is below: the largest value of the dual that was met.
    weights : ndarray, shape (q,)
        Of the moments, where the dual has that value.
    """

    best: Best
    bound: float
    weights: Array


def generate(
    pool: Pool,
    program: Program,
    price: float,
    *,
    of_error: float = 1.0,
    tolerance: float,
    max_rules: int,
) -> Generated:
    """Add rules to a pool until the best mixture of them is as good as any rule.

    Parameters
    ----------
    pool : Pool
        Grows.
    program : Program
        Whose moments are modelled ones.
    price : float
        Of missing an inequality by 1.
    of_error : float
        What an error costs: 1, or 0 to look for as little missing as can be.
    tolerance : float
        How far the value may be from the bound.
    max_rules : int
        How many rules are added at most.

    Returns
    -------
    Generated
    """
    bound, at_bound = -np.inf, np.zeros(program.on_moments.shape[1])
    for _ in range(max_rules):
        best = _best(pool, program, price, of_error)
        if best.value - bound <= tolerance:
            break
        weights = program.on_moments.T @ best.multipliers
        rule = Rule(of_error, weights)
        error, moments = pool.add(rule)
        # Of the levels, any in [0, 1], the worst is taken as it is the minimum that bounds.
        of_levels = np.minimum(-(program.on_levels.T @ best.multipliers), 0.0).sum()
        dual = of_error * error + best.multipliers @ program.at_least - weights @ moments
        if dual + of_levels > bound:
            bound, at_bound = float(dual + of_levels), weights
    else:
        best = _best(pool, program, price, of_error)
    return Generated(best, bound, at_bound)


def _best(pool: Pool, program: Program, price: float, of_error: float) -> Best:
    values = program.on_moments @ np.stack(pool.modelled, axis=1)
    errors = of_error * np.array(pool.errors)
    return best_mixture(errors, values, program.on_levels, program.at_least, price)


def best_counted(pool: Pool, program: Program, price: float, weights: Array) -> Best:
    """The mixture of rules met that is certified best, by the moments that rows themselves have.

    Of a mixture that keeps the inequalities by its counted moments, the modelled errors less the
    bound that the dual gives, once modelled moments are shifted to agree with the counted ones, are
    linear in the mixture: the sum of errors and ``weights (counted - modelled)``, but for a
    constant. So the mixture with the least gap is found by one linear program.

    Parameters
    ----------
    pool : Pool
    program : Program
    price : float
    weights : ndarray, shape (q,)
        Of the moments, in the dual.

    Returns
    -------
    Best
    """
    counted = np.stack(pool.counted, axis=1)
    errors = np.array(pool.errors) + weights @ (counted - np.stack(pool.modelled, axis=1))
    values = program.on_moments @ counted
    return best_mixture(errors, values, program.on_levels, program.at_least, price)
