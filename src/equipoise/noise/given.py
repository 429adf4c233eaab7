"""Flip probabilities as people write them down, read as a matrix with names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.noise.flips import FlipMatrix
from equipoise.noise.gold import GoldFlips

ARROW = "->"


def read_flips(p_flip: Any, names: Sequence[str]) -> FlipMatrix:
    """Read flip probabilities.

    Parameters
    ----------
    p_flip : FlipMatrix, mapping, dataframe or array-like
        A mapping from pairs of names to the probability that a member of the first is observed as
        one of the second, ``{("a", "b"): 0.3}`` or ``{"a -> b": 0.3}``, in which pairs that are
        not named do not occur; a dataframe with a row a true group and a column an observed one,
        both named (in its index, or in its first column); or an array of shape (p, p) in the order
        of ``names``. Whole numbers in either are counts of gold rows, as ``pd.crosstab(true,
        observed)`` makes them.
    names : sequence of str
        The groups that are observed.

    Returns
    -------
    FlipMatrix
        A FlipMatrix as it is; as a dataframe, it may know groups that do not occur here.

    Raises
    ------
    ValueError
        If a name does not occur, or one that occurs is missing, or these are no probabilities.
    """
    if isinstance(p_flip, FlipMatrix):
        unknown = [name for name in names if name not in p_flip.names]
        if unknown:
            raise ValueError(
                f"p_flip knows the groups {_listed(p_flip.names)}, but {unknown[0]!r} is observed "
                "too; give its flips, or join it with another group."
            )
        return p_flip
    if isinstance(p_flip, Mapping):
        return FlipMatrix(_of_pairs(p_flip, names), names)
    if hasattr(p_flip, "columns"):
        return _of_frame(p_flip, names)
    return _of_numbers(np.asarray(p_flip), names)


def _of_numbers(values: NDArray[Any], names: Sequence[str]) -> FlipMatrix:
    whole = values.dtype.kind in "iuf" and bool((values == np.rint(values)).all())
    if whole and values.ndim == 2 and (values.sum(axis=1) != 1).any():
        return GoldFlips.from_counts(values, names).flips
    return FlipMatrix(values, names)


def _of_pairs(pairs: Mapping[Any, Any], names: Sequence[str]) -> Any:
    matrix = np.zeros((len(names), len(names)))
    given = np.zeros(matrix.shape, np.bool_)
    place = {name: i for i, name in enumerate(names)}
    for key, probability in pairs.items():
        pair = _pair(key)
        for name in pair:
            if name not in place:
                raise ValueError(
                    f"p_flip: group {name!r} of {ARROW.join(pair)!r} does not occur; the observed "
                    f"groups are {_listed(names)}."
                )
        i, j = (place[name] for name in pair)
        if given[i, j]:
            raise ValueError(f"p_flip gives {names[i]} {ARROW} {names[j]} twice.")
        try:
            matrix[i, j] = float(probability)
        except (TypeError, ValueError):
            raise ValueError(
                f"p_flip: {names[i]} {ARROW} {names[j]} must have a probability, not "
                f"{probability!r}."
            ) from None
        given[i, j] = True
    for i, name in enumerate(names):
        gone = float(matrix[i].sum())
        if not given[i, i]:
            if gone > 1:
                raise ValueError(
                    f"p_flip: the flips of true group {name!r} to others add up to {gone:.6g}, "
                    "more than 1."
                )
            matrix[i, i] = 1 - gone
    return matrix


def _pair(key: Any) -> tuple[str, str]:
    parts = key.split(ARROW) if isinstance(key, str) else key
    if not isinstance(parts, list | tuple) or len(parts) != 2:
        raise ValueError(
            f"p_flip: cannot read the pair {key!r}; write it as ('true', 'observed') or "
            f"'true {ARROW} observed'."
        )
    first, second = (str(part).strip() if isinstance(key, str) else str(part) for part in parts)
    return first, second


def _of_frame(frame: Any, names: Sequence[str]) -> FlipMatrix:
    import narwhals as nw

    table = nw.from_native(frame, eager_only=True)
    columns = list(table.columns)
    index = getattr(frame, "index", None)  # of pandas, where rows have names of their own
    rows = None if index is None else [str(value) for value in index]
    if rows is None or (sorted(rows) != sorted(map(str, columns)) and len(columns) != len(names)):
        if len(columns) < 2:
            raise ValueError(
                f"p_flip must have a column for each of the observed groups {_listed(names)}, and "
                f"the names of the true groups in its first or in its index; it has the columns "
                f"{_listed(map(str, columns))}."
            )
        rows = [str(value) for value in table[columns[0]].to_list()]
        columns = columns[1:]
    observed = [str(column) for column in columns]
    for what, own in (("rows", rows), ("columns", observed)):
        if not {*names} <= {*own}:
            raise ValueError(
                f"p_flip: its {what} are named {_listed(own)}, but the observed groups are "
                f"{_listed(names)}."
            )
    if sorted(rows) != sorted(observed) or len({*rows}) < len(rows):
        raise ValueError(
            "p_flip must have a row and a column for each group, but its rows are named "
            f"{_listed(rows)} and its columns {_listed(observed)}."
        )
    # Groups that it knows and that do not occur here come last, in whatever order they were.
    known = [*names, *sorted({*rows} - {*names})]
    values = np.stack([_numbers(table[column]) for column in columns], axis=1)
    order = np.ix_([rows.index(name) for name in known], [observed.index(name) for name in known])
    return _of_numbers(values[order], known)


def _numbers(column: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(column.to_numpy(), np.float64)
    except (TypeError, ValueError):
        raise ValueError(
            f"p_flip: column {str(column.name)!r} must hold probabilities or numbers of rows, not "
            f"{column.to_list()!r}."
        ) from None


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names)
