"""What classifiers make of a repair: trained on the data, on drawn rows, on weighted rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from equipoise.constraints import Constraint, gap, ratio
from equipoise.data.arrow import kind_of
from equipoise.data.split import split
from equipoise.groups import Groups
from equipoise.rates import RATES
from equipoise.repair.coding import code_column, microseconds
from equipoise.repair.law import Choices, Labelled, Law

Array = NDArray[np.float64]

_HELD_OUT = 0.3
# Trees on more take minutes, and rates on 30,000 rows are known well enough.
_MOST_ROWS = 100_000
# Categories that boosted trees can take as such.
_MOST_CATEGORIES = 255
_LEAF = 20


@dataclass(frozen=True, eq=False)
class Judged:
    """A classifier, judged on rows that nothing was learnt from.

    Attributes
    ----------
    learner : str
    rows : str
        What it was trained on.
    accuracy : float
    rates : ndarray, shape (c, g)
        How often each label is predicted in each group; of two labels the second.
    learnt, held : int
        Rows that it was trained on and judged on.
    fewest : int
        Rows of the smallest group that it was judged on.
    """

    learner: str
    rows: str
    accuracy: float
    rates: Array
    learnt: int
    held: int
    fewest: int

    @property
    def gap(self) -> float:
        """The gap of selection."""
        return float(gap("selection").value(self.rates))

    @property
    def ratio(self) -> float:
        """The ratio of selection."""
        return float(ratio("selection").value(self.rates))

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them."""
        return {
            "learner": self.learner,
            "rows": self.rows,
            "accuracy": self.accuracy,
            "gap": None if np.isnan(self.gap) else self.gap,
            "ratio": None if np.isnan(self.ratio) else self.ratio,
            "learnt": self.learnt,
            "held_out": self.held,
            "held_out_of_smallest_group": self.fewest,
        }


def judge(
    data: Labelled, promises: Sequence[Constraint], choices: Choices, seed: int
) -> list[Judged]:
    """Train classifiers with and without a repair, and compare them on rows held out.

    The law is found anew on the rows that are learnt from; those held out are as they are.
    Columns that say who belongs to which group are not learnt from.

    Parameters
    ----------
    data : Labelled
    promises : sequence of Constraint
    choices : Choices
    seed : int

    Returns
    -------
    list of Judged

    Raises
    ------
    ValueError
        If 7 in 10 rows are too few to find the law from, or no columns are left to learn from.
    """
    if not set(data.table.column_names) - set(data.with_group):
        raise ValueError("the table has no columns but the label and the sensitive ones.")
    used = min(1.0, _MOST_ROWS / len(data.label))
    shares = {"learnt": used * (1 - _HELD_OUT), "held out": used * _HELD_OUT}
    if used < 1:
        shares["left"] = 1 - used
    parts = split(data.cell, shares, seed)
    learnt, held = parts["learnt"], parts["held out"]
    law = Law.of(_take(data, learnt), promises, choices)
    rows = law.draw_rows(len(learnt), np.random.default_rng(seed))
    features, categorical = _features(data)
    names = [name for name in data.table.column_names if name not in data.with_group]
    own = features[learnt]
    drawn = np.stack(
        [own[rows[:, law.model.of_column[name]], c] for c, name in enumerate(names)], axis=1
    )
    label = data.label[learnt]
    trainings = {
        "the data": (own, label, data.weights[learnt]),
        "drawn rows": (drawn, label[rows[:, law.model.of_label]], None),
        "weighted rows": (own, label, law.sample_weight),
    }
    found = []
    for learner, make in _learners(categorical, seed).items():
        for name, (x, y, weights) in trainings.items():
            counted = np.ones(len(y), np.bool_) if weights is None else weights > 0
            # On a busy machine threads that wait for each other take minutes over a second.
            with threadpool_limits(1, user_api="openmp"):
                model = make().fit(
                    x[counted], y[counted], None if weights is None else weights[counted]
                )
                predicted = model.predict(features[held])
            found.append(_judged(learner, name, data, len(y), held, predicted))
    return found


def _judged(
    learner: str,
    name: str,
    data: Labelled,
    learnt: int,
    held: NDArray[np.int64],
    predicted: NDArray[np.int64],
) -> Judged:
    k, groups = len(data.classes), Groups.from_codes(data.group[held], data.groups)
    cells = groups.tabulate(data.label[held] * k + predicted, k * k, data.weights[held])
    table = cells.reshape(len(groups), k, k)
    right = float(np.trace(table.sum(axis=0)) / table.sum())
    fewest = int(groups.sizes.min())
    rates = RATES["selection"].values(table)
    return Judged(learner, name, right, rates, learnt, len(held), fewest)


def _learners(categorical: NDArray[np.bool_], seed: int) -> dict[str, Any]:
    # Loaded when classifiers are asked for: it takes longer than most repairs.
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.tree import DecisionTreeClassifier

    return {
        "decision tree": lambda: DecisionTreeClassifier(min_samples_leaf=_LEAF, random_state=seed),
        "boosted trees": lambda: HistGradientBoostingClassifier(
            categorical_features=categorical, random_state=seed
        ),
    }


def _features(data: Labelled) -> tuple[Array, NDArray[np.bool_]]:
    columns, categorical = [], []
    for name, column in zip(data.table.column_names, data.table.columns, strict=True):
        if name in data.with_group:
            continue
        kind = kind_of(column.type)
        if kind in ("integer", "float"):
            columns.append(column.cast(pa.float64()).to_numpy())
            categorical.append(False)
        elif kind in ("date", "timestamp"):
            columns.append(microseconds(column))
            categorical.append(False)
        else:
            coded = code_column(name, column, bins=2)
            columns.append(coded.codes.astype(np.float64))
            categorical.append(len(coded.names) <= _MOST_CATEGORIES)
    return np.stack(columns, axis=1), np.array(categorical)


def _take(data: Labelled, rows: NDArray[np.int64]) -> Labelled:
    return replace(
        data,
        table=data.table.take(rows),
        label=data.label[rows],
        group=data.group[rows],
        weights=data.weights[rows],
    )
