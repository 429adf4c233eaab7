"""The exact optimum among randomised rules of a table whose rows fall into few cells.

Where features take few values, a rule is a chance for each cell of equal rows, and the program is
a linear program of as many variables: no model, no search. It is what every solver's frontier on
the same rows lies under, and costs as much as it does well: it learns each cell by heart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from equipoise.learn.noisy.errors import UnreachablePromiseError
from equipoise.learn.noisy.inequalities import Asked, Inequalities, needs_level
from equipoise.learn.noisy.levels import best_level
from equipoise.learn.noisy.moments import Moments

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """Rows gathered by cell.

    Attributes
    ----------
    mass : ndarray, shape (k, 2, p)
        Mean over all rows of W where the row is in the cell and has the label. Negative entries are
        as good as others.
    labels : ndarray, shape (k, 2)
        The share of rows of each cell and label.
    """

    mass: Array
    labels: Array

    @classmethod
    def of(
        cls,
        cell: NDArray[np.integer],
        label: NDArray[np.integer],
        membership: Array,
        n_cells: int,
        weight: Array | None = None,
    ) -> Cells:
        """Gather rows.

        Parameters
        ----------
        cell : ndarray of int, shape (n,)
        label : ndarray of int, shape (n,)
            0 or 1.
        membership : ndarray, shape (n, p)
            W.
        n_cells : int
        weight : ndarray, shape (n,), optional

        Returns
        -------
        Cells
        """
        counted = np.ones(len(cell)) if weight is None else weight
        counted = counted / counted.sum()
        at = 2 * cell.astype(np.int64) + label
        labels = np.bincount(at, counted, 2 * n_cells).astype(np.float64).reshape(n_cells, 2)
        mass = [np.bincount(at, counted * column, 2 * n_cells) for column in membership.T]
        return cls(np.stack([one.reshape(n_cells, 2) for one in mass], axis=2), labels)

    def moments(self, moments: Moments) -> tuple[Array, Array]:
        """What deciding cells 1 adds to all moments, and what they are at rest.

        Parameters
        ----------
        moments : Moments

        Returns
        -------
        added : ndarray, shape (2 c, p, k)
        rest : ndarray, shape (2 c, p)
        """
        added = np.einsum("sy,kyi->sik", moments.added, self.mass)
        return added, moments.at_rest(self.mass.sum(axis=0))


@dataclass(frozen=True, eq=False)
class ByCell:
    """An optimal rule.

    Attributes
    ----------
    chance : ndarray, shape (k,)
        Of being decided 1, by cell.
    error : float
    """

    chance: Array
    error: float


def solve_by_cell(cells: Cells, asked: Asked) -> ByCell:
    """Solve the program over cells.

    Parameters
    ----------
    cells : Cells
    asked : Asked

    Returns
    -------
    ByCell

    Raises
    ------
    UnreachablePromiseError
        If no rule keeps the promise.
    """
    moments = Moments.of(asked.promises)
    added, rest = cells.moments(moments)
    shares = cells.mass.sum(axis=(0, 1))

    def at(level: float | None) -> ByCell | None:
        return _linear(cells, asked.at(moments, rest, shares, level), added, rest)

    if needs_level(asked.promises, moments):
        found = best_level(at, lambda one: np.inf if one is None else one.error)
    else:
        found = at(None)
    if found is None:
        said = " and ".join(map(str, asked.promises))
        raise UnreachablePromiseError(f"no rule of the cells keeps {said}.", (), asked.floor)
    return found


def _linear(cells: Cells, asked: Inequalities, added: Array, rest: Array) -> ByCell | None:
    on_cells = asked.on_moments @ added.reshape(-1, added.shape[2])
    return fewest_errors(
        cells.labels,
        -np.concatenate([on_cells, asked.on_levels], axis=1),
        asked.on_moments @ rest.ravel() - asked.at_least,
        (0, 1),
    )


def fewest_errors(labels: Array, rows: Any, limits: Array, bounds: Any) -> ByCell | None:
    """The rule of fewest errors under linear inequalities.

    Parameters
    ----------
    labels : ndarray, shape (k, 2)
        Masses of cell and label.
    rows : ndarray or sparse array, shape (m, k + c)
        Of the chances of cells and c more variables.
    limits : ndarray, shape (m,)
        Which ``rows`` times the variables do not exceed.
    bounds : pair, or sequence of pairs
        Of all variables, as :func:`scipy.optimize.linprog` takes them.

    Returns
    -------
    ByCell or None
        None where nothing meets them.

    Raises
    ------
    RuntimeError
        If the solver gives up.
    """
    k = len(labels)
    costs = np.zeros(rows.shape[1])
    costs[:k] = labels[:, 0] - labels[:, 1]
    solved = linprog(costs, A_ub=rows, b_ub=limits, bounds=bounds, method="highs")
    if solved.status == 2:
        return None
    if solved.status != 0:
        raise RuntimeError(f"the linear program over cells was not solved: {solved.message}")
    return ByCell(np.clip(solved.x[:k], 0, 1), float(solved.fun + labels[:, 1].sum()))
