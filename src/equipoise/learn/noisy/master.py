"""The best random choice among rules that have been met, and what inequalities cost there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Best:
    """The solution of the program over mixtures of rules.

    Attributes
    ----------
    chances : ndarray, shape (k,)
    levels : ndarray, shape (c,)
    value : float
        Error, and price times what is missing.
    missing : float
        By how much inequalities are missed, summed.
    multipliers : ndarray, shape (m,)
        What each costs, between 0 and the price.
    """

    chances: Array
    levels: Array
    value: float
    missing: float
    multipliers: Array


def best_mixture(
    errors: Array, values: Array, on_levels: Array, at_least: Array, price: float
) -> Best:
    """Solve the program.

    ::

        minimise  errors w + price sum(s)
        subject to  values w + on_levels l + s >= at_least ,  sum w = 1 ,
                    w >= 0 ,  s >= 0 ,  0 <= l <= 1 .

    Parameters
    ----------
    errors : ndarray, shape (k,)
    values : ndarray, shape (m, k)
    on_levels : ndarray, shape (m, c)
    at_least : ndarray, shape (m,)
    price : float
        Of missing an inequality by 1. Multipliers are at most that, which keeps the first of them
        from running off while few rules are known.

    Returns
    -------
    Best

    Raises
    ------
    RuntimeError
        If the solver fails, which is not expected: the program has always a solution.
    """
    m, k = values.shape
    c = on_levels.shape[1]
    solved = linprog(
        np.concatenate([errors, np.zeros(c), np.full(m, price)]),
        A_ub=-np.concatenate([values, on_levels, np.eye(m)], axis=1),
        b_ub=-at_least,
        A_eq=np.concatenate([np.ones(k), np.zeros(c + m)])[None],
        b_eq=[1.0],
        bounds=[(0, None)] * k + [(0, 1)] * c + [(0, None)] * m,
        method="highs",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if solved.status != 0:
        raise RuntimeError(f"the linear program over rules was not solved: {solved.message}")
    chances = np.maximum(solved.x[:k], 0.0)
    return Best(
        chances / chances.sum(),
        solved.x[k : k + c],
        float(solved.fun),
        float(solved.x[k + c :].sum()),
        np.clip(-solved.ineqlin.marginals, 0.0, price),
    )
