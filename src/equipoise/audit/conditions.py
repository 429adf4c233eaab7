"""The columns of a table as simple conditions, each true of some rows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.arrow import kind_of, to_arrow, value_text

# Of a column with more values than this those that are rare are left to themselves.
_MOST_VALUES = 20
_QUARTERS = (0.25, 0.5, 0.75)


class Conditions(NamedTuple):
    """Conditions on rows.

    Attributes
    ----------
    words : list of str, length c
        As a person reads them.
    holds : ndarray of bool, shape (n, c)
    column : ndarray of int, shape (c,)
        The number of the column that a condition is about.
    """

    words: list[str]
    holds: NDArray[np.bool_]
    column: NDArray[np.int64]


def conditions_of(table: Any) -> Conditions:
    """Every value of a column of few values, and the quarters of a column of numbers.

    Parameters
    ----------
    table : dataframe of n rows
        pandas, polars, pyarrow or narwhals.

    Returns
    -------
    Conditions
        Without such as hold of all rows or of none. Missing values meet none but "is missing".
    """
    arrow = to_arrow(table)
    words: list[str] = []
    holds: list[NDArray[np.bool_]] = []
    column: list[int] = []
    for number, name in enumerate(arrow.column_names):
        for text, where in _of_column(name, arrow[name].combine_chunks()):
            if 0 < np.count_nonzero(where) < len(where):
                words.append(text)
                holds.append(where)
                column.append(number)
    n = arrow.num_rows
    stacked = np.stack(holds, axis=1) if holds else np.zeros((n, 0), np.bool_)
    return Conditions(words, stacked, np.array(column, np.int64))


def _of_column(name: str, values: pa.Array) -> list[tuple[str, NDArray[np.bool_]]]:
    found: list[tuple[str, NDArray[np.bool_]]] = []
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = kind_of(values.type)
    if kind in ("null", "other"):
        return found  # lists and the like, of which nobody would make a rule
    if values.null_count:
        found.append((f"{name} is missing", values.is_null().to_numpy(zero_copy_only=False)))
    distinct = pc.value_counts(values.drop_null())
    if kind in ("integer", "float") and len(distinct) > _MOST_VALUES:
        numbers = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        cuts = np.nanquantile(numbers, _QUARTERS, method="inverted_cdf")
        for cut in dict.fromkeys(cuts[np.isfinite(cuts)].tolist()):
            found.append((f"{name} <= {cut:.6g}", numbers <= cut))
            found.append((f"{name} > {cut:.6g}", numbers > cut))
        return found
    order = np.argsort(-distinct.field("counts").to_numpy(), kind="stable")[:_MOST_VALUES]
    encoded = values.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    place = {value: code for code, value in enumerate(encoded.dictionary.to_pylist())}
    for at in order:
        value = distinct.field("values")[int(at)].as_py()
        found.append((f"{name} is {value_text(value)}", codes == place[value]))
    return found
