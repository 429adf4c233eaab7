"""The paper's tables: numbers to cluster, and the groups of each row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import NDArray

from equipoise.codes import encode
from equipoise.data import DataError
from equipoise.data.delimited import file_bytes, parse_delimited
from equipoise.data.tables.adult import read_adult
from equipoise.data.tables.bank import read_bank
from equipoise.data.tables.diabetes import read_stays
from equipoise.data.tables.known_table import locate

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class People:
    """A table to cluster.

    Attributes
    ----------
    points : ndarray of float64, shape (n, d)
    collections : ndarray of int64, shape (n,)
        Of which combination of groups each row is: only those that occur, from 0 on.
    members : ndarray of bool, shape (collections, groups)
        Which groups each combination is made of; the values of all sensitive columns are groups.
    """

    points: Floats
    collections: Codes
    members: NDArray[np.bool_]

    def scaled(self) -> People:
        """Each column divided by its largest absolute value, as the paper's second version."""
        largest = np.abs(self.points).max(axis=0)
        return People(
            self.points / np.where(largest > 0, largest, 1), self.collections, self.members
        )

    def take(self, rows: Codes) -> People:
        """Some of the rows; combinations stay, also those left empty."""
        return People(self.points[rows], self.collections[rows], self.members)


def people_of(points: Floats, columns: list[Any]) -> People:
    """Rows with the groups that columns make.

    Parameters
    ----------
    points : ndarray of float64, shape (n, d)
    columns : list of array-like, each of shape (n,)
        Whose values are groups.

    Returns
    -------
    People
    """
    coded = [encode(column, "sensitive column") for column in columns]
    codes = np.stack([c.codes for c in coded], axis=1)
    found, collections = np.unique(codes, axis=0, return_inverse=True)
    blocks = [found[:, j, None] == np.arange(len(column.levels)) for j, column in enumerate(coded)]
    return People(points, collections.reshape(-1).astype(np.int64), np.concatenate(blocks, axis=1))


def adult(folder: Path) -> People:
    """Adult's 32,561 rows for training: six numbers, sex and marital status."""
    frame = read_adult(folder).head(32_561)
    numbers = (
        *("age", "fnlwgt", "education-num"),
        *("capital-gain", "capital-loss", "hours-per-week"),
    )
    return _people(frame, numbers, ("sex", "marital-status"))


def bank(folder: Path) -> People:
    """Bank Marketing's 41,188 rows: ten numbers, marital status and default."""
    numbers = (
        *("age", "duration", "campaign", "pdays", "previous"),
        *("emp.var.rate", "cons.price.idx", "cons.conf.idx", "euribor3m", "nr.employed"),
    )
    return _people(read_bank(folder), numbers, ("marital", "default"))


def diabetes(folder: Path) -> People:
    """Diabetes 130's 101,766 rows: eight numbers, gender and age by decades.

    The three rows whose gender is unknown are counted as women, as the authors do.
    """
    frame = read_stays(folder)
    numbers = (
        *("time_in_hospital", "num_lab_procedures", "num_procedures", "num_medications"),
        *("number_outpatient", "number_emergency", "number_inpatient", "number_diagnoses"),
    )
    men = frame["gender"].to_numpy() == "Male"
    return people_of(_numbers(frame, numbers), [men, frame["age"]])


_ATHLETES = ("olympics/athlete_events.csv", "athlete_events.csv")
_ATHLETES_SOURCE = "https://www.kaggle.com/datasets/heesoo37/120-years-of-olympic-history"


def athletes(folder: Path) -> People:
    """Olympic athletes' 206,165 entries with a weight, an age and a height; sex."""
    path = locate(folder, _ATHLETES, _ATHLETES_SOURCE)
    table = parse_delimited(file_bytes(path), str(path), delimiter=",")
    numbers = ("Weight", "Age", "Height")
    frame = nw.from_native(table, eager_only=True).drop_nulls(list(numbers))
    return _people(frame, numbers, ("Sex",))


READERS: dict[str, Callable[[Path], People]] = {
    "Adult": adult,
    "Bank": bank,
    "Diabetes": diabetes,
    "Athlete": athletes,
}


def people_in(table: str, folder: Path | None, rows: int, features: int = 6) -> People:
    """One of the paper's tables, or the simulated one.

    Parameters
    ----------
    table : str
        A name of :data:`READERS`, or "simulated".
    folder : Path or None
        Of the paper's tables.
    rows, features : int
        Of the simulated one.

    Returns
    -------
    People
    """
    if table == "simulated":
        return simulated(rows, features)
    assert folder is not None
    return READERS[table](folder)


def setting_name(table: str, scaled: bool, power: float, k: int) -> str:
    """What a clustering of a table is called in claims.

    Parameters
    ----------
    table : str
    scaled : bool
    power : float
        z.
    k : int

    Returns
    -------
    str
    """
    version = "scaled" if scaled else "raw"
    kind = "k-median" if power == 1 else "k-means"
    return f"{table}, {version}, {kind}, k = {k}"


def available(folder: Path | None) -> tuple[str, ...]:
    """Which of the tables can be read.

    Parameters
    ----------
    folder : Path or None

    Returns
    -------
    tuple of str
    """
    if folder is None:
        return ()
    found = []
    for name, read in READERS.items():
        try:
            read(folder)
        except DataError:
            continue
        found.append(name)
    return tuple(found)


def simulated(n: int, d: int = 6, clusters: int = 12, seed: int = 0) -> People:
    """Clusters of very unequal sizes with outliers, and two sensitive columns that go with them.

    Parameters
    ----------
    n, d, clusters : int
        Sizes of the clusters fall as 1, 1/2, 1/3, ...; two rows in 10,000 lie far off, by
        Student's law of two degrees of freedom.
    seed : int

    Returns
    -------
    People
        Of two and three groups, six combinations.
    """
    mixture = np.random.default_rng([seed, d, clusters])
    shares = 1 / np.arange(1, clusters + 1)
    centres = mixture.normal(0, 4, (clusters, d))
    widths = mixture.uniform(0.3, 1.5, clusters)
    first = mixture.uniform(0.2, 0.8, clusters)
    second = mixture.dirichlet((4, 2, 0.5), clusters)[:, :2].cumsum(axis=1)
    random = np.random.default_rng([seed, d, clusters, n])
    of = random.choice(clusters, n, p=shares / shares.sum())
    points = centres[of] + widths[of, None] * random.standard_normal((n, d))
    far = random.choice(n, max(1, n // 5000), replace=False)
    points[far] += 20 * random.standard_t(2, (len(far), d))
    columns = [random.random(n) < first[of], (random.random(n)[:, None] > second[of]).sum(axis=1)]
    return people_of(points, columns)


def _people(
    frame: nw.DataFrame[Any], numbers: tuple[str, ...], sensitive: tuple[str, ...]
) -> People:
    return people_of(_numbers(frame, numbers), [frame[name] for name in sensitive])


def _numbers(frame: nw.DataFrame[Any], names: tuple[str, ...]) -> Floats:
    return np.stack([frame[name].to_numpy().astype(np.float64) for name in names], axis=1)
