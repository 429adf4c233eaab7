"""Rows of cells with groups and labels: COMPAS, Adult, and a population that is known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.rates import find_rate
from equipoise.reproduce.repair.coded import READERS

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class People:
    """Rows of two groups and two labels.

    Attributes
    ----------
    features : ndarray, shape (k, d)
        Of each cell, one column for each level of each feature.
    cell, label, group : ndarray of int64, shape (n,)
    """

    features: Array
    cell: Codes
    label: Codes
    group: Codes

    def __len__(self) -> int:
        return len(self.cell)

    def take(self, rows: Codes) -> People:
        """Some of the rows.

        Parameters
        ----------
        rows : ndarray of int64

        Returns
        -------
        People
        """
        return People(self.features, self.cell[rows], self.label[rows], self.group[rows])

    @property
    def mass(self) -> Array:
        """The share of rows of each cell, label and group, shape (k, 2, 2)."""
        at = 4 * self.cell + 2 * self.label + self.group
        k = len(self.features)
        return np.bincount(at, minlength=4 * k).reshape(k, 2, 2) / len(self)


def read(folder: Path, table: str, protected: str) -> People:
    """A table in the cells of the authors' program.

    Parameters
    ----------
    folder : Path
        The folder of data.
    table : {"COMPAS", "Adult"}
    protected : {"race", "sex"}
        Which is not among the features. The group 1 is Caucasian or White, women in COMPAS and men
        in Adult, as there.

    Returns
    -------
    People
    """
    coded = READERS[table](folder, protected)
    at = np.ravel_multi_index(tuple(coded.features.T), coded.sizes)
    _, first, cell = np.unique(at, return_index=True, return_inverse=True)
    levels = coded.features[first]
    columns = [np.eye(size)[levels[:, j]] for j, size in enumerate(coded.sizes)]
    group = 1 - coded.group if (table, protected) == ("COMPAS", "sex") else coded.group
    return People(np.concatenate(columns, axis=1), cell.astype(np.int64), coded.label, group)


_SIZES = (6, 4, 3)


def population() -> tuple[Array, Array]:
    """A population of 72 cells in which the label is rarer in the group 0, whatever the features.

    Returns
    -------
    features : ndarray, shape (72, 13)
    mass : ndarray, shape (72, 2, 2)
        The probability of each cell, label and group.
    """
    levels = np.stack([one.ravel() for one in np.indices(_SIZES)], axis=1)
    place = levels / (np.array(_SIZES) - 1) - 0.5
    cell = np.exp(-0.8 * (place**2).sum(axis=1))
    of_group = _expit(0.4 + 2.0 * place[:, 0] - 1.0 * place[:, 1])
    of_label = _expit(
        -0.9
        + (1.6 * place[:, 0] + 2.4 * place[:, 2] + 1.5 * place[:, 0] * place[:, 1])[:, None]
        + np.array([0.0, 0.5])
    )
    groups = np.stack([1 - of_group, of_group], axis=1)
    mass = (cell / cell.sum())[:, None, None] * groups[:, None, :]
    mass = mass * np.stack([1 - of_label, of_label], axis=1)
    columns = [np.eye(size)[levels[:, j]] for j, size in enumerate(_SIZES)]
    return np.concatenate(columns, axis=1), mass


def _expit(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def drawn(n: int, random: np.random.Generator) -> People:
    """Rows drawn from the population.

    Parameters
    ----------
    n : int
    random : numpy Generator

    Returns
    -------
    People
    """
    features, mass = population()
    at = random.choice(mass.size, n, p=mass.ravel())
    return People(features, at // 4, at // 2 % 2, at % 2)


def judge(rule: Array, mass: Array, flips: Array, metric: str) -> tuple[float, float]:
    """Accuracy, and the least ratio of a rate in the true groups, in expectation.

    Parameters
    ----------
    rule : ndarray, shape (k, 2)
        With what chance each cell is decided 1, by observed group.
    mass : ndarray, shape (k, 2, 2)
        Of cell, label and true group.
    flips : ndarray, shape (2, 2)
    metric : {"selection", "false_positive"}

    Returns
    -------
    accuracy, ratio : float
        The ratio is NaN if nobody is decided 1 who counts.
    """
    chance = rule @ flips.T
    table = np.stack([mass * (1 - chance)[:, None], mass * chance[:, None]], axis=-1).sum(axis=0)
    accuracy = float(table[0, :, 0].sum() + table[1, :, 1].sum())
    [rates] = find_rate(metric).values(np.moveaxis(table, 1, 0))
    if not rates.max() > 0:
        return accuracy, float("nan")
    return accuracy, float(rates.min() / rates.max())
