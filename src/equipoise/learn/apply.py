"""Applying a saved model to a table."""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa

from equipoise.learn.model import Model


def with_predictions(model: Model, table: Any, shown: Any = None) -> nw.DataFrame[Any]:
    """Add a model's decisions and probabilities to a table.

    Parameters
    ----------
    model : Model
    table : dataframe of n rows
        With the columns that the model was trained on.
    shown : dataframe of n rows, optional
        What the decisions are added to; the table itself by default.

    Returns
    -------
    narwhals DataFrame
        The table with a column ``prediction`` and, for each class, ``probability of CLASS``; in a
        binary task for the positive class alone.

    Raises
    ------
    ValueError
        If a column that the model needs is not there, or one that is to be added is.
    """
    probabilities = model.predict_proba(table)
    frame = nw.from_native(table if shown is None else shown, eager_only=True)
    shown = model.classes[1:] if len(model.classes) == 2 else model.classes
    first = len(model.classes) - len(shown)
    decided = probabilities.argmax(axis=1)
    added = {"prediction": pa.array(model.classes).take(pa.array(decided))} | {
        f"probability of {label}": pa.array(np.ascontiguousarray(probabilities[:, first + j]))
        for j, label in enumerate(shown)
    }
    taken = [name for name in added if name in frame.columns]
    if taken:
        raise ValueError(
            f"the table has a column {taken[0]!r} already, which would be overwritten; rename it."
        )
    arrow = pa.table({name: frame[name].to_arrow() for name in frame.columns} | added)
    return nw.from_native(arrow, eager_only=True)
