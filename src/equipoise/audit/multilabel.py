"""The audit of several yes-or-no labels at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.audit.aggregate import Aggregate
from equipoise.audit.counts import Counts
from equipoise.audit.result import Audit
from equipoise.audit.weights import as_weights
from equipoise.codes import as_array
from equipoise.constraints import Disparity
from equipoise.groups import Groups, How


@dataclass(frozen=True, eq=False)
class MultiLabelAudit:
    """An audit of each label, and how to sum them up.

    Attributes
    ----------
    labels : dict of Audit
        By the name of the label.
    """

    labels: dict[str, Audit]

    def disparity(self, disparity: str | Disparity, aggregate: Aggregate = "max") -> float:
        """A disparity over all labels.

        Parameters
        ----------
        disparity : str or Disparity
        aggregate : {"max", "mean", "prevalence"}
            That of the label that is worst off; the mean over labels; or the mean with the weights
            of how many rows are positive.

        Returns
        -------
        float
            NaN where it is undefined for some label.

        Raises
        ------
        ValueError
            If the aggregate is none of these.
        """
        disparity = Disparity.parse(disparity)
        values = np.array(
            [
                float(disparity.value(one.counts.rates(disparity.rate)))
                for one in self.labels.values()
            ]
        )
        if aggregate == "max":
            worst = values.max() if disparity.sense == "<=" else values.min()
            return float(worst)
        if aggregate == "mean":
            return float(values.mean())
        if aggregate == "prevalence":
            positive = np.array([one.counts.by_class[1] for one in self.labels.values()])
            return float(values @ positive / positive.sum()) if positive.sum() else float("nan")
        raise ValueError(f"aggregate must be 'max', 'mean' or 'prevalence', not {aggregate!r}.")


def audit_multilabel(
    label: ArrayLike,
    prediction: ArrayLike,
    *,
    sensitive_features: Any,
    sample_weight: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    how: How = "crossed",
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> MultiLabelAudit:
    """Audit several yes-or-no labels at once.

    Parameters
    ----------
    label, prediction : array-like of 0 and 1, shape (n, l)
        Or dataframes, whose columns name the labels and are matched by name.
    sensitive_features : Groups, array-like, mapping or dataframe
        One or several columns of n values; see :meth:`equipoise.Groups.of`.
    sample_weight : array-like, shape (n,), optional
        How much each row counts for.
    names : sequence of str, optional
        Of the labels; the columns of a dataframe, or their numbers, by default.
    how : {"crossed", "each", "lattice"}
        Whether several columns mean their intersections or stand side by side.
    confidence : float
        Of every interval.
    n_boot : int
    random_state : int

    Returns
    -------
    MultiLabelAudit

    Raises
    ------
    ValueError
        If shapes differ, something else than 0 and 1 is there, or a weight is negative or no
        number.
    """
    columns, y = _binary(label, "label")
    others, decided = _binary(prediction, "prediction")
    if columns and others:
        if {*columns} != {*others}:
            raise ValueError(f"label has the columns {columns}, but prediction {others}.")
        decided = decided[:, [others.index(name) for name in columns]]
    groups = Groups.of(sensitive_features, how)
    if y.shape != decided.shape or len(y) != groups.n_rows:
        raise ValueError(
            f"label and prediction must have one shape, of {groups.n_rows:,} rows as "
            f"sensitive_features has, not {y.shape} and {decided.shape}."
        )
    names = list(names or columns or others) or [str(n) for n in range(y.shape[1])]
    if len(names) != y.shape[1] or len({*names}) < len(names):
        raise ValueError(f"names must be {y.shape[1]} names that differ, not {names}.")
    weight = None if sample_weight is None else as_weights(sample_weight, len(y))
    return MultiLabelAudit(
        {
            name: Audit(
                Counts.from_block(y[:, at], decided[:, at], groups, (0, 1), weight=weight),
                confidence,
                n_boot=n_boot,
                random_state=random_state,
            )
            for at, name in enumerate(names)
        }
    )


def _binary(values: Any, argument: str) -> tuple[list[str], NDArray[np.int64]]:
    """The names of the columns, where they have any, and what they hold."""
    frame = nw.from_native(values, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        names = list(frame.columns)
        columns = [as_array(frame[name], f"{argument} {name!r}") for name in names]
    else:
        array = np.asarray(values)
        if array.ndim != 2 or not array.shape[1]:
            raise ValueError(
                f"{argument} must have a column for each label, not shape {array.shape}."
            )
        names, columns = [], list(array.T)
    for column in columns:
        if not all(value in (0, 1) for value in set(column.tolist())):
            raise ValueError(f"{argument} must hold 0 and 1 alone, one a row and label.")
    return names, np.stack([column.astype(np.int64) for column in columns], axis=1)
