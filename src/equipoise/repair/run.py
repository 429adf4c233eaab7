"""``equipoise.repair(...)``: from a table to a repaired one and what moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.data import DataError, Dataset, load, write_table
from equipoise.data.arrow import to_arrow
from equipoise.groups import Groups, How
from equipoise.repair.estimator import PARITY
from equipoise.repair.inputs import read_promises
from equipoise.repair.judged import Judged, judge
from equipoise.repair.law import Choices, Labelled, Law
from equipoise.repair.moved import Moved, what_moved
from equipoise.repair.reweight import disjoint
from equipoise.report import Page, Table


@dataclass(frozen=True, eq=False)
class Repair:
    """A repaired table, and what it rests on.

    Attributes
    ----------
    name : str
        Of the data.
    table : narwhals.DataFrame
        The rows drawn, or those of the data with a column of weights. The label is last.
    law : Law
    moved : Moved
        How the law differs from the data.
    drawn : ndarray of float64, shape (g, k)
        How much each label weighs in each group of the table.
    promises : list of Constraint
    judged : list of Judged
        Classifiers with and without the repair; empty if they were not asked for.
    not_judged : str
        Why there are none, if they were asked for.
    """

    name: str
    table: nw.DataFrame[Any]
    law: Law
    moved: Moved
    drawn: NDArray[np.float64]
    promises: list[Constraint]
    judged: list[Judged]
    not_judged: str = ""

    def write(self, path: str | Path) -> None:
        """Write the table to a .csv, .tsv or .parquet file.

        Parameters
        ----------
        path : path

        Raises
        ------
        DataError
            If it cannot be written.
        """
        write_table(self.table, path)

    def tables(self) -> list[Table]:
        """What moved, as tables for a terminal or a page."""
        from equipoise.repair.page import tables

        return tables(self)

    def page(self) -> Page:
        """The report of what moved."""
        from equipoise.repair.page import page

        return page(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the rows, as JSON can hold it."""
        return {
            "name": self.name,
            "rows": len(self.table),
            "constraint": [str(promise) for promise in self.promises],
            "moved": self.moved.to_dict(),
            "drawn": self.drawn.tolist(),
            "classifiers": [one.to_dict() for one in self.judged],
            "not_judged": self.not_judged,
        }


def repair(
    source: Any,
    *,
    target: str | None = None,
    sensitive: Sequence[str] | None = None,
    constraint: str | Constraint | Sequence[str | Constraint] | None = PARITY,
    n: int | None = None,
    weigh: str | None = None,
    choices: Choices | None = None,
    positive: Any = None,
    weights: str | None = None,
    drop: Sequence[str] = (),
    how: How = "crossed",
    min_group: int = 0,
    missing_group: str | None = None,
    data_dir: str | Path | None = None,
    classifiers: bool = True,
    seed: int = 0,
) -> Repair:
    """Draw a table that is as close to another as a promise about its labels allows.

    Parameters
    ----------
    source : str, path, dataframe or Dataset
        ``"census-sim"``, a known table, the path of a CSV or Parquet file, or a table in memory.
    target : str, optional
        The label's column; known tables have one of their own.
    sensitive : sequence of str, optional
        The columns whose values make the groups; ``"age:25,60"`` cuts a number into groups. They
        stay in the table.
    constraint : str or Constraint, a sequence of them, or None
        Gaps and ratios of selection, the decisions being the labels. By default labels become
        independent of groups.
    n : int, optional
        Rows to draw; by default as many as there are.
    weigh : str, optional
        Draw nothing, but give the rows that there are a column of this name with their weights.
    choices : Choices, optional
        The groups' shares, the prior and the expectation; as
        :class:`equipoise.repair.MaxEntropyRepair` has them by default.
    positive : optional
        Of two labels the one that is spoken of; the larger by default.
    weights : str, optional
        A column that says what each row counts in the data; it is not in the table drawn.
    drop : sequence of str
        Columns to leave out.
    how : {"crossed", "each", "lattice"}
        What several sensitive columns mean.
    min_group : int
        Groups with fewer rows are joined into one, or left out where groups overlap.
    missing_group : str, optional
        The group of rows whose sensitive value is missing.
    data_dir : path, optional
        Where known tables are.
    classifiers : bool
        Whether classifiers are trained on the data and on what the repair makes of them.
    seed : int
        Of everything that is drawn.

    Returns
    -------
    Repair

    Raises
    ------
    ValueError
        For anything that could not give an answer; the message says what and why.
    """
    choices = choices or Choices()
    promises = read_promises(constraint)
    dataset = _load(
        source,
        target=target,
        sensitive=sensitive,
        positive=positive,
        weights=weights,
        drop=drop,
        missing_group=missing_group,
        data_dir=data_dir,
    )
    if n is not None and n < 1:
        raise ValueError(f"n must be at least 1, not {n}.")
    data = _labelled(dataset, how, min_group)
    law = Law.of(data, promises, choices)
    if weigh is None:
        table, drawn = _drawn(law, dataset.target_name, n or len(data.label), seed)
    else:
        table, drawn = _weighed(law, dataset.target_name, weigh)
    judged: list[Judged] = []
    why = ""
    if classifiers:
        try:
            judged = judge(data, promises, choices, seed)
        except ValueError as error:
            why = str(error)
    frame = nw.from_native(table, eager_only=True)
    return Repair(dataset.name, frame, law, what_moved(law), drawn, promises, judged, why)


def _load(source: Any, **roles: Any) -> Dataset:
    if isinstance(source, Dataset):
        return load(source, **roles)
    return load(source, keep_sensitive=True, **roles)


def _labelled(dataset: Dataset, how: How, min_group: int) -> Labelled:
    columns = {name: dataset.sensitive[name].to_numpy() for name in dataset.sensitive.columns}
    groups = Groups.of(columns, how)
    small = groups.join_rare if groups.disjoint else groups.drop_rare
    group, names = disjoint(small(min_group))
    table = to_arrow(dataset.features)
    for name in dataset.sensitive.columns:
        if name not in table.column_names:  # of a data set that has them beside its features
            table = table.append_column(name, to_arrow(dataset.sensitive)[name])
    weights = np.ones(len(dataset)) if dataset.weights is None else dataset.weights
    with_group = tuple(dataset.sensitive.columns)
    return Labelled(table, dataset.target, group, dataset.classes, names, with_group, weights)


def _drawn(law: Law, target: str, n: int, seed: int) -> tuple[pa.Table, NDArray[np.float64]]:
    data, model = law.data, law.model
    rows = law.draw_rows(n, np.random.default_rng(seed))
    columns = {
        name: data.table[name].take(rows[:, model.of_column[name]])
        for name in data.table.column_names
    }
    label = data.label[rows[:, model.of_label]]
    group = data.group[rows[:, model.of_group]]
    columns[target] = pa.array(data.classes).take(label)
    return pa.table(columns), _counted(data, group, label, np.ones(n))


def _weighed(law: Law, target: str, weigh: str) -> tuple[pa.Table, NDArray[np.float64]]:
    data = law.data
    if weigh in (*data.table.column_names, target):
        raise DataError(
            f"weigh: the table has a column {weigh!r} already; give the weights another name"
        )
    table = data.table.append_column(target, pa.array(data.classes).take(data.label))
    table = table.append_column(weigh, pa.array(law.sample_weight))
    return table, _counted(data, data.group, data.label, law.sample_weight)


def _counted(
    data: Labelled,
    group: NDArray[np.int64],
    label: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    g, k = len(data.groups), len(data.classes)
    return np.bincount(group * k + label, weights, g * k).reshape(g, k).astype(np.float64)
