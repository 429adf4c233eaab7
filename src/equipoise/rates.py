"""Rates: P(event | condition, group), defined once, counted on arrays and learnt through.

A rate is two sets of (label, prediction) cells: the condition, and the part of it that is the
event. From those follow its exact value on a table of counts, its differentiable stand-in on
predicted probabilities, and the coefficients of a program in which rates are linear-fractional.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

CellTest = Callable[[NDArray[np.int64], NDArray[np.int64], int], NDArray[np.bool_] | bool]
"""Tells of (label, prediction, positive class), broadcast as arrays, which cells belong."""


def _everyone(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> bool:
    return True


class Cells(NamedTuple):
    """The coefficients of a rate over the cells of a (label, prediction) table.

    Attributes
    ----------
    numerator, denominator : ndarray of float64, shape (c, k, k)
        For each of c components, 1 where cell (label, prediction) is counted.
    """

    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """A linear-fractional statistic of each group, P(event | condition, group).

    Attributes
    ----------
    name : str
        What it is called in a constraint.
    event, condition : CellTest
        Functions of (label, prediction, positive class), given as integer arrays that
        broadcast, which return True where a cell belongs. The event is counted only within
        the condition.
    better : {"high", "low"} or None
        Which end is good for the people concerned; None where neither is.
    per_class : bool
        Whether the rate speaks of one class. It then has one component, the positive class, on
        a binary task, and one component a class beyond.
    parts : tuple of Rate
        The rates that this one names together (equalized odds are two); event and condition are
        then not used.
    of_loss : bool
        Whether it is the mean loss of the group's rows instead of a share of them.

    Examples
    --------
    A false-negative share of one's own:

    >>> missed = Rate(
    ...     "missed",
    ...     event=lambda label, prediction, positive: prediction != positive,
    ...     condition=lambda label, prediction, positive: label == positive,
    ...     better="low",
    ... )
    >>> missed.cells(2).numerator[0]
    array([[0., 0.],
           [1., 0.]])
    """

    name: str
    event: CellTest = _everyone
    condition: CellTest = _everyone
    better: Literal["high", "low"] | None = None
    per_class: bool = True
    parts: tuple[Rate, ...] = ()
    of_loss: bool = False

    def __str__(self) -> str:
        return self.name

    def n_components(self, n_classes: int) -> int:
        """How many figures a group has under this rate.

        Parameters
        ----------
        n_classes : int
            Number of classes k of the target.

        Returns
        -------
        int
        """
        if self.parts:
            return sum(part.n_components(n_classes) for part in self.parts)
        return n_classes if self.per_class and n_classes > 2 else 1

    def component_names(self, classes: Sequence[Any]) -> list[str]:
        """Name the components in the order in which they are computed.

        Parameters
        ----------
        classes : sequence, length k
            The label values.

        Returns
        -------
        list of str
        """
        if self.parts:
            return [name for part in self.parts for name in part.component_names(classes)]
        if self.n_components(len(classes)) == 1:
            return [self.name]
        return [f"{self.name} of {label}" for label in classes]

    @cache  # noqa: B019  (rates are few, and live as long as the program)
    def cells(self, n_classes: int) -> Cells:
        """The coefficients over the (label, prediction) table.

        Parameters
        ----------
        n_classes : int
            Number of classes k of the target, at least 2.

        Returns
        -------
        Cells
            Two arrays of shape (components, k, k).

        Raises
        ------
        ValueError
            If the rate is one of the loss, which no table of predictions determines.
        """
        if self.parts:
            parts = [part.cells(n_classes) for part in self.parts]
            return _shared(*(np.concatenate(cells) for cells in zip(*parts, strict=True)))
        if self.of_loss:
            raise ValueError(f"rate {self.name!r} is a mean loss: no table of counts gives it.")
        label, prediction = np.indices((n_classes, n_classes))
        positives = range(n_classes) if self.n_components(n_classes) > 1 else [1]
        shape = (n_classes, n_classes)
        denominator = np.stack(
            [np.broadcast_to(self.condition(label, prediction, c), shape) for c in positives]
        )
        event = np.stack(
            [np.broadcast_to(self.event(label, prediction, c), shape) for c in positives]
        )
        return _shared((event & denominator).astype(float), denominator.astype(float))

    def fractions(self, table: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Numerators and denominators on tables of counts.

        Parameters
        ----------
        table : ndarray, shape (..., g, k, k)
            Rows by group, label and prediction; any leading axes (bootstrap replicates).

        Returns
        -------
        numerator, denominator : ndarray, shape (..., c, g)
        """
        k = table.shape[-1]
        cells = self.cells(k)
        flat = table.reshape(*table.shape[:-2], k * k)
        numerator = flat @ cells.numerator.reshape(-1, k * k).T
        denominator = flat @ cells.denominator.reshape(-1, k * k).T
        return np.moveaxis(numerator, -1, -2), np.moveaxis(denominator, -1, -2)

    def values(self, table: NDArray[Any]) -> NDArray[np.float64]:
        """The rate of each group, exactly; NaN where the condition never occurs.

        Parameters
        ----------
        table : ndarray, shape (..., g, k, k)
            Rows by group, label and prediction.

        Returns
        -------
        ndarray of float64, shape (..., c, g)
        """
        return divide(*self.fractions(table))


def _shared(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> Cells:
    # They are kept and handed out again, so nobody may write to them.
    for cells in (numerator, denominator):
        cells.flags.writeable = False
    return Cells(numerator, denominator)


def divide(numerator: NDArray[Any], denominator: NDArray[Any]) -> NDArray[np.float64]:
    """Divide, with NaN for an undefined ratio: 0/0 is not 0.

    Parameters
    ----------
    numerator, denominator : ndarray of equal shape

    Returns
    -------
    ndarray of float64
    """
    undefined = np.full(np.shape(numerator), np.nan)
    return np.divide(numerator, denominator, out=undefined, where=np.asarray(denominator) > 0)


def _selected(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> NDArray[np.bool_]:
    return prediction == positive


def _rejected(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> NDArray[np.bool_]:
    return prediction != positive


def _deserving(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> NDArray[np.bool_]:
    return label == positive


def _undeserving(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> NDArray[np.bool_]:
    return label != positive


def _right(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> NDArray[np.bool_]:
    return label == prediction


def _wrong(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> NDArray[np.bool_]:
    return label != prediction


def _mistaken(label: NDArray[Any], prediction: NDArray[Any], positive: int) -> NDArray[np.bool_]:
    return (label != prediction) & ((label == positive) | (prediction == positive))


_SELECTION = Rate("selection", _selected, _everyone)
_TRUE_POSITIVE = Rate("true_positive", _selected, _deserving, better="high")
_FALSE_POSITIVE = Rate("false_positive", _selected, _undeserving, better="low")
_PREDICTIVE_VALUE = Rate("predictive_value", _deserving, _selected, better="high")
_ACCURACY = Rate("accuracy", _right, _everyone, better="high", per_class=False)
_ERROR = Rate("error", _wrong, _everyone, better="low", per_class=False)

RATES: dict[str, Rate] = {
    rate.name: rate
    for rate in (
        _SELECTION,
        _TRUE_POSITIVE,
        _FALSE_POSITIVE,
        Rate("true_negative", _rejected, _undeserving, better="high"),
        Rate("false_negative", _rejected, _deserving, better="low"),
        _PREDICTIVE_VALUE,
        Rate("false_discovery", _undeserving, _selected, better="low"),
        Rate("false_omission", _deserving, _rejected, better="low"),
        # Misses among mistakes, which is the same in all groups just where the ratio of misses
        # to false alarms is, and stays defined where there are no false alarms.
        Rate("treatment", _deserving, _mistaken),
        _ACCURACY,
        _ERROR,
        Rate("equalized_odds", parts=(_TRUE_POSITIVE, _FALSE_POSITIVE)),
        Rate("loss", better="low", per_class=False, of_loss=True),
    )
}
"""The named rates."""

SYNONYMS: dict[str, str] = {
    "demographic_parity": "selection",
    "statistical_parity": "selection",
    "disparate_impact": "selection",
    "selection_rate": "selection",
    "equal_opportunity": "true_positive",
    "true_positive_rate": "true_positive",
    "recall": "true_positive",
    "false_positive_rate": "false_positive",
    "predictive_equality": "false_positive",
    "true_negative_rate": "true_negative",
    "false_negative_rate": "false_negative",
    "predictive_parity": "predictive_value",
    "precision": "predictive_value",
    "false_discovery_rate": "false_discovery",
    "false_omission_rate": "false_omission",
    "treatment_equality": "treatment",
    "accuracy_parity": "accuracy",
    "error_rate": "error",
    "error_rate_parity": "error",
}
"""Names of the field that mean one of the named rates, as Fairlearn's documentation uses them."""


def find_rate(name: str | Rate) -> Rate:
    """Look a rate up by its name or a synonym.

    Parameters
    ----------
    name : str or Rate
        A Rate is returned as it is.

    Returns
    -------
    Rate

    Raises
    ------
    ValueError
        If there is no such rate; the message lists the names, nearest first.
    """
    if isinstance(name, Rate):
        return name
    if not isinstance(name, str):
        raise ValueError(f"rate must be a name or a Rate, not {name!r}.")
    key = name.strip().lower().replace(" ", "_").replace("-", "_")
    key = SYNONYMS.get(key, key)
    if key in RATES:
        return RATES[key]
    import difflib

    near = difflib.get_close_matches(key, [*RATES, *SYNONYMS], n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown rate {name!r}.{hint} The rates are {', '.join(RATES)}.")
