"""Tables as the paper codes them: COMPAS of 144 cells, Adult of 504, and a simulated one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import special

from equipoise.data import DataError
from equipoise.data.tables.adult import read_adult
from equipoise.data.tables.compas import read_compas
from equipoise.repair.law import Labelled

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coded:
    """A table of codes.

    Attributes
    ----------
    group : ndarray of int64, shape (n,)
        0 or 1; the paper's tau makes the group 0 the smaller one.
    label : ndarray of int64, shape (n,)
        0 or 1.
    features : ndarray of int64, shape (n, d)
    sizes : tuple of int, length d
        How many levels each feature has.
    """

    group: Codes
    label: Codes
    features: Codes
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: Codes) -> Coded:
        """Some of the rows.

        Parameters
        ----------
        rows : ndarray of int64

        Returns
        -------
        Coded
        """
        return Coded(self.group[rows], self.label[rows], self.features[rows], self.sizes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the domain: groups, labels, and each feature's levels."""
        return (2, 2, *self.sizes)

    @property
    def shares(self) -> Array:
        """How often each cell occurs, shape (2, 2, ...); only for small domains."""
        columns = (self.group, self.label, *self.features.T)
        at = np.ravel_multi_index(columns, self.shape)
        counted = np.bincount(at, minlength=int(np.prod(self.shape)))
        return counted.reshape(self.shape) / len(self)

    @property
    def labelled(self) -> Labelled:
        """The same, as a repair takes it."""
        names = [np.array([f"{level:04d}" for level in range(size)]) for size in self.sizes]
        columns = {f"x{j}": pa.array(name[self.features[:, j]]) for j, name in enumerate(names)}
        table, ones = pa.table(columns), np.ones(len(self))
        return Labelled(table, self.label, self.group, (0, 1), ("0", "1"), (), ones)


def compas(folder: Path, protected: str) -> Coded:
    """COMPAS of 5,278 rows and 144 cells: those who are African-American or Caucasian.

    Parameters
    ----------
    folder : Path
        The folder of data.
    protected : {"race", "sex"}

    Returns
    -------
    Coded
        Race: 1 for Caucasian. Sex: 1 for men. Ages below 25, below 45 and from 45, which the file
        calls greater than 45; priors 0, to 3 and more.
    """
    frame = read_compas(folder)
    frame = frame.filter(nw.col("race").is_in(["African-American", "Caucasian"]))
    column = {name: frame[name].to_numpy() for name in frame.columns}
    coded = {
        "race": column["race"] == "Caucasian",
        "sex": column["sex"] == "Male",
        "age": np.digitize(column["age"], [25, 45]),
        "priors": np.digitize(column["priors_count"], [1, 4]),
        "charge": column["c_charge_degree"] == "F",
    }
    return _coded(coded, protected, column["two_year_recid"] == 1)


def adult(folder: Path, protected: str) -> Coded:
    """Adult of 48,842 rows and 504 cells.

    Parameters
    ----------
    folder : Path
        The folder of data.
    protected : {"race", "sex"}

    Returns
    -------
    Coded
        Race: 1 for White. Sex: 1 for men. Ages by decades, from 70 together; years of education
        from 6 to 12, fewer and more.
    """
    frame = read_adult(folder)
    column = {name: frame[name].to_numpy() for name in frame.columns}
    coded = {
        "race": column["race"] == "White",
        "sex": column["sex"] == "Male",
        "age": np.minimum(column["age"] // 10, 7) - 1,
        "education": np.clip(column["education-num"], 5, 13) - 5,
    }
    return _coded(coded, protected, column["income"] == ">50K")


READERS: dict[str, Callable[[Path, str], Coded]] = {"COMPAS": compas, "Adult": adult}


def available(folder: Path | None, name: str) -> bool:
    """Whether a table can be read.

    Parameters
    ----------
    folder : Path or None
    name : {"COMPAS", "Adult"}

    Returns
    -------
    bool
    """
    if folder is None:
        return False
    try:
        READERS[name](folder, "sex")
    except DataError:
        return False
    return True


def simulated(n: int, sizes: tuple[int, ...], seed: int) -> Coded:
    """A table in which labels are rarer in one group, and features tell of both.

    Parameters
    ----------
    n : int
    sizes : tuple of int
        Levels of the features. A third of these follow the label, a third the group, all each
        other.
    seed : int

    Returns
    -------
    Coded
    """
    random = np.random.default_rng([seed, n, len(sizes)])
    group = (random.random(n) < 0.7).astype(np.int64)
    label = (random.random(n) < np.where(group == 1, 0.35, 0.15)).astype(np.int64)
    shared = random.standard_normal(n)
    features = np.empty((n, len(sizes)), np.int64)
    for j, size in enumerate(sizes):
        pull = 0.8 * label * (j % 3 == 0) + 0.8 * group * (j % 3 == 1) + 0.4 * shared
        place = special.ndtr(pull - 0.4 + random.standard_normal(n))
        features[:, j] = np.minimum((place * size).astype(np.int64), size - 1)
        features[:size, j] = np.arange(size)  # every level occurs
    return Coded(group, label, features, sizes)


def _coded(columns: dict[str, Any], protected: str, label: Any) -> Coded:
    group = np.asarray(columns[protected], np.int64)
    others = [np.asarray(column, np.int64) for name, column in columns.items() if name != protected]
    sizes = tuple(int(column.max()) + 1 for column in others)
    return Coded(group, np.asarray(label, np.int64), np.stack(others, axis=1), sizes)
