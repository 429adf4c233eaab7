"""Awasthi, Kleindessner and Morgenstern (AISTATS 2020, arXiv 1906.03284): groups after the fact.

Decisions of a classifier that heeds no group are changed at random with chances that depend on the
decision and the observed group, so that a promise about the observed groups is kept (the
post-processing of Hardt, Price and Srebro 2016). If what is observed is independent of the decision
given label and true group, the bias towards the true groups shrinks, without any knowledge of the
noise. It needs the observed group of everybody it decides on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.learn.noisy.by_cell import Cells, solve_by_cell
from equipoise.learn.noisy.inequalities import Asked

Array = NDArray[np.float64]
Codes = NDArray[np.integer]


@dataclass(frozen=True, eq=False)
class ByDecision:
    """With what chance each decision ends as 1.

    Attributes
    ----------
    chance : ndarray, shape (p, 2)
        By observed group and decision.
    """

    chance: Array

    def decide(self, decided: Array, observed: Codes) -> Array:
        """The chance that each row ends as 1.

        Parameters
        ----------
        decided : ndarray, shape (n,)
            With what chance rows were decided 1.
        observed : ndarray of int, shape (n,)

        Returns
        -------
        ndarray, shape (n,)
        """
        own = self.chance[observed]
        return np.asarray(own[:, 0] + decided * (own[:, 1] - own[:, 0]))


def after_the_fact(
    decided: Codes, label: Codes, observed: Codes, n_groups: int, asked: Asked
) -> ByDecision:
    """Find the chances with the fewest errors.

    Parameters
    ----------
    decided : ndarray of int, shape (n,)
        0 or 1.
    label : ndarray of int, shape (n,)
    observed : ndarray of int, shape (n,)
    n_groups : int
    asked : Asked
        Of the observed groups.

    Returns
    -------
    ByDecision
    """
    cell = 2 * observed + decided
    cells = Cells.of(cell, label, np.eye(n_groups)[observed], 2 * n_groups)
    return ByDecision(solve_by_cell(cells, asked).chance.reshape(n_groups, 2))
