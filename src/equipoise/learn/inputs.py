"""What a scikit-learn user passes to fit, as tables, codes and weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data


class Labels(NamedTuple):
    """Labels as codes.

    Attributes
    ----------
    classes : ndarray, shape (k,)
        Sorted.
    order : ndarray of int, shape (k,)
        The code of each class: the positive of two is the last. A permutation that swaps two
        classes or none, and so is its own inverse.
    codes : ndarray of int, shape (n,)
    """

    classes: NDArray[Any]
    order: NDArray[np.int64]
    codes: NDArray[np.int64]


def read_frame(estimator: BaseEstimator, X: Any, *, reset: bool) -> nw.DataFrame[Any]:
    """Take a table, or an array of numbers, as a table.

    Parameters
    ----------
    estimator : BaseEstimator
        Which notes the features when it is fitted, and knows them afterwards.
    X : dataframe or array-like, shape (n, d)
    reset : bool
        Whether it is being fitted.

    Returns
    -------
    DataFrame

    Raises
    ------
    ValueError
        If it has no rows, or other features than it was fitted with.
    """
    frame = nw.from_native(X, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        if not len(frame):
            raise ValueError("X has no rows.")
        return frame
    array = validate_data(
        estimator, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan"
    )
    return nw.from_dict(
        {f"x{j}": np.ascontiguousarray(array[:, j]) for j in range(array.shape[1])},
        backend="pyarrow",
    )


def read_labels(y: ArrayLike, n_rows: int, positive: Any = None) -> Labels:
    """Code the labels of a classifier.

    Parameters
    ----------
    y : array-like, shape (n,)
    n_rows : int
        How many there are to be.
    positive : optional
        The positive one of two classes; the larger by default.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError
        If labels are missing or no classes, there is one class, or lengths differ.
    """
    label = column_or_1d(y, warn=True)
    _refuse_missing(label)
    check_classification_targets(label)
    classes, codes = np.unique(label, return_inverse=True)
    if len(codes) != n_rows:
        raise ValueError(f"X has {n_rows:,} rows, but y has {len(codes):,}.")
    if len(classes) < 2:
        raise ValueError(f"y has only one class, {classes[0]!r}; two are needed.")
    order = _positive_last(classes, positive)
    return Labels(classes, order, order[codes])


def read_weights(
    sample_weight: ArrayLike | None, codes: NDArray[np.int64]
) -> tuple[NDArray[np.float64] | None, NDArray[np.int64]]:
    """Check the weights of rows.

    Parameters
    ----------
    sample_weight : array-like, shape (n,), or None
    codes : ndarray of int, shape (n,)
        The labels.

    Returns
    -------
    weights : ndarray of float64, shape (n,), or None
    counted : ndarray of int
        The rows that weigh something.

    Raises
    ------
    ValueError
        If they are no weights, or all rows that weigh something are of one class.
    """
    if sample_weight is None:
        return None, np.arange(len(codes))
    weights = _check_sample_weight(
        sample_weight, np.empty((len(codes), 1)), dtype=np.float64, ensure_non_negative=True
    )
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.isfinite(total):
        raise ValueError("sample_weight adds up to more than a number can hold; divide it.")
    counted = np.flatnonzero(weights > 0)
    if len(np.unique(codes[counted])) < 2:
        raise ValueError("y has only one class among the rows of positive sample_weight.")
    return weights, counted


def _refuse_missing(label: NDArray[Any]) -> None:
    if label.dtype.kind != "O":
        assert_all_finite(label, input_name="y")
        return
    try:
        missing = pa.array(label, from_pandas=True).null_count
    except pa.ArrowException:
        return  # of several types, which is refused for what it is
    if missing:
        raise ValueError(f"y has {missing:,} missing values; leave those rows out.")


def _positive_last(classes: NDArray[Any], positive: Any) -> NDArray[np.int64]:
    order = np.arange(len(classes))
    if positive is None:
        return order
    if positive not in classes.tolist():
        raise ValueError(f"positive is {positive!r}, but the classes are {classes.tolist()}.")
    if len(classes) > 2:
        raise ValueError(
            f"positive is {positive!r}, but there are {len(classes)} classes: each is looked at."
        )
    return order[::-1] if classes[0] == positive else order
