"""Labels and predictions as codes of the same classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.codes import Coded, encode

# Distinct values beyond which a column of "labels" is nearly always a score or a number.
_MOST_CLASSES = 200


def encode_pair(
    label: ArrayLike, prediction: ArrayLike, positive: Any = None
) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[Any, ...]]:
    """Code labels and predictions in the classes that occur in either.

    Parameters
    ----------
    label, prediction : array-like, shape (n,)
        Of one type: both numbers, both strings or both booleans (which count as 0 and 1).
    positive : optional
        The positive class of a binary task, given as it is or as it prints; the larger by
        default.

    Returns
    -------
    label, prediction : ndarray of int64, shape (n,)
    classes : tuple, length k
        Sorted, but with the positive class last in a binary task.

    Raises
    ------
    ValueError
        If the lengths or types differ, values are missing, there are fewer than two classes,
        predictions are scores, or the positive class is not among the classes.
    """
    y, p = encode(label, "label"), encode(prediction, "prediction")
    if len(y.codes) != len(p.codes):
        raise ValueError(
            f"label and prediction must have one value a row, but have {len(y.codes):,} and "
            f"{len(p.codes):,}."
        )
    if not len(y.codes):
        raise ValueError("label and prediction have no rows.")
    for name, coded in (("label", y), ("prediction", p)):
        if len(coded.levels) > _MOST_CLASSES:
            raise ValueError(
                f"{name} has {len(coded.levels):,} distinct values, so it looks like a score or a "
                "number; give decisions, for instance score >= 0.5."
            )
    if {isinstance(v, str) for v in y.levels} != {isinstance(v, str) for v in p.levels}:
        raise ValueError(
            f"label holds {y.levels[0]!r} and prediction {p.levels[0]!r}: text and numbers cannot "
            "be compared; write both in the same way."
        )
    if any(isinstance(v, float) for v in p.levels) and not any(
        isinstance(v, float) for v in y.levels
    ):
        score = next(v for v in p.levels if isinstance(v, float) and not v.is_integer())
        raise ValueError(
            f"prediction holds {score!r} where labels are such as {y.levels[0]!r}: it looks "
            "like a score; give decisions, for instance score >= 0.5."
        )
    strange = sorted({*p.levels} - {*y.levels})
    lone = not {*p.levels} & {*y.levels}
    if strange and (len(y.levels) == 2 or (lone and len(y.levels) > 2)):
        raise ValueError(
            f"prediction holds {strange[0]!r}, which no label is (labels are such as "
            f"{y.levels[0]!r} and {y.levels[-1]!r}): write both in the same way."
        )
    classes = tuple(sorted({*y.levels, *p.levels}))
    if len(classes) < 2:
        raise ValueError(f"label and prediction hold only {classes[0]!r}: there is one class.")
    classes = _positive_last(classes, positive)
    return _recode(y, classes), _recode(p, classes), classes


def encode_label(
    label: ArrayLike, positive: Any = None
) -> tuple[NDArray[np.int64], tuple[Any, Any]]:
    """Code the labels of a binary task.

    Parameters
    ----------
    label : array-like, shape (n,)
    positive : optional
        The positive class, given as it is or as it prints; the larger by default.

    Returns
    -------
    label : ndarray of int64, shape (n,)
        1 for the positive class.
    classes : tuple of two

    Raises
    ------
    ValueError
        If values are missing, or there are not two classes.
    """
    y = encode(label, "label")
    if len(y.levels) != 2:
        raise ValueError(
            f"label holds {len(y.levels):,} classes; scores are audited for two, such as "
            "label == one_of_them against the rest."
        )
    negative, last = _positive_last(y.levels, positive)
    return _recode(y, (negative, last)), (negative, last)


def encode_classes(
    label: ArrayLike, positive: Any = None
) -> tuple[NDArray[np.int64], tuple[Any, ...]]:
    """Code labels in the classes that occur among them.

    Parameters
    ----------
    label : array-like, shape (n,)
    positive : optional
        The positive class of a binary task, given as it is or as it prints; the larger by
        default.

    Returns
    -------
    label : ndarray of int64, shape (n,)
    classes : tuple, length k
        Sorted, but with the positive class last in a binary task.

    Raises
    ------
    ValueError
        If values are missing, there is one class, or they are numbers rather than classes.
    """
    y = encode(label, "label")
    if not 2 <= len(y.levels) <= _MOST_CLASSES:
        raise ValueError(
            f"label holds {len(y.levels):,} distinct values; decisions are audited between 2 and "
            f"{_MOST_CLASSES} classes."
        )
    classes = _positive_last(y.levels, positive)
    return _recode(y, classes), classes


def _positive_last(classes: tuple[Any, ...], positive: Any) -> tuple[Any, ...]:
    if positive is None:
        return classes
    named = [c for c in classes if c == positive or str(c) == str(positive)]
    if not named:
        raise ValueError(f"positive is {positive!r}, but the classes are {list(classes)}.")
    if len(classes) > 2:
        raise ValueError(
            f"positive is {positive!r}, but there are {len(classes)} classes: each is looked at."
        )
    return (*(c for c in classes if c != named[0]), named[0])


def _recode(coded: Coded, classes: tuple[Any, ...]) -> NDArray[np.int64]:
    if coded.levels == classes:
        return coded.codes
    return np.array([classes.index(level) for level in coded.levels], np.int64)[coded.codes]
