"""What of an optimizer is compared: at one rate, at its best rate, or at equal training loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from equipoise.compare.study.course import Floats
from equipoise.compare.study.entry import Entry
from equipoise.constraints import Disparity
from equipoise.rates import divide

Protocol = Literal["fixed rate", "tuned", "tuned for the worst group"]
"""At the learning rate that is the same for all; or at that of the least validation loss, of all
rows or of the group that loses most."""

Over = Literal["mean", "worst"]
"""What becomes of the figures of several labels."""

# Beyond this, a network that has learnt all rows by heart would decide the fit.
_LEAST_LOSS = 1e-4


def figures(entry: Entry, disparity: Disparity, over: Over = "mean") -> Floats:
    """A figure of fairness, or of the worst group, at every rate, look and seed.

    Parameters
    ----------
    entry : Entry
    disparity : Disparity
        Such as ``gap("equalized_odds")``. Of several classes it takes the worst of them.
    over : {"mean", "worst"}
        Of several labels, of which those are left out that are undefined in a group.

    Returns
    -------
    ndarray of float64, shape (p, e, s)
    """
    values = disparity.value(disparity.rate.values(entry.table))
    if values.ndim == 4:
        known = np.ma.masked_invalid(values)
        if over == "mean":
            reduced = known.mean(-1)
        else:
            reduced = known.max(-1) if disparity.sense == "<=" else known.min(-1)
        values = reduced.filled(np.nan)
    return np.where(np.isnan(entry.train_loss), np.nan, values)


def accuracy(entry: Entry) -> Floats:
    """The share of right decisions at every rate, look and seed.

    Parameters
    ----------
    entry : Entry

    Returns
    -------
    ndarray of float64, shape (p, e, s)
    """
    right = np.trace(entry.table, axis1=-2, axis2=-1)
    axes = tuple(range(3, right.ndim))
    found: Floats = divide(right.sum(axes), entry.table.sum((*axes, -2, -1)))
    return np.where(np.isnan(entry.train_loss), np.nan, found)


def of_perfect_decisions(entry: Entry, disparity: Disparity) -> float:
    """What the figure would be if every decision were the label: a reference for parity.

    Parameters
    ----------
    entry : Entry
    disparity : Disparity

    Returns
    -------
    float
        In the mean over seeds; of several labels the mean over those that are defined.
    """
    label = entry.table[0, 0].sum(-1)
    right = label[..., None] * np.eye(label.shape[-1], dtype=np.int64)
    values = disparity.value(disparity.rate.values(right))
    return float(np.ma.masked_invalid(values).mean())


def chosen(entry: Entry, protocol: Protocol, look: int) -> int:
    """Which of an entry's rates a protocol looks at.

    Parameters
    ----------
    entry : Entry
    protocol : {"fixed rate", "tuned", "tuned for the worst group"}
    look : int

    Returns
    -------
    int
    """
    if protocol not in get_args(Protocol):
        known = ", ".join(get_args(Protocol))
        raise ValueError(f"protocol must be one of {known}, not {protocol!r}.")
    if protocol == "fixed rate":
        return entry.fixed
    return entry.tuned(look, for_worst=protocol != "tuned")


class MatchedLoss:
    """How far each optimizer is from what its training loss lets one expect.

    One curve, a polynomial in the logarithm of the training loss, is fitted to the figure over all
    optimizers, rates, looks and seeds. What is left over is what an optimizer does besides having
    trained for longer or shorter. Every optimizer has the same weight in the fit, and entries that
    heed groups have none. Only losses count that every optimizer came to.

    Parameters
    ----------
    entries : sequence of Entry
    values : mapping from names to ndarray, shape (p, e, s)
        As :func:`figures` gives them.
    degree : int
        Of the polynomial.

    Attributes
    ----------
    r_squared : float
        What share of the figure's variance the curve explains.
    residuals : dict of ndarray, shape (s,)
        Of each entry, the mean over its rates and looks.
    """

    def __init__(
        self, entries: Sequence[Entry], values: Mapping[str, Floats], degree: int = 2
    ) -> None:
        logs = {one.name: np.log(np.maximum(one.train_loss, _LEAST_LOSS)) for one in entries}
        fitted = [one.name for one in entries if not one.heeds_groups]
        low = max(np.nanmin(logs[name]) for name in fitted)
        high = min(np.nanmax(logs[name]) for name in fitted)
        usable = {
            name: (x >= low) & (x <= high) & np.isfinite(values[name]) for name, x in logs.items()
        }
        x = np.concatenate([logs[name][usable[name]] for name in fitted])
        y = np.concatenate([values[name][usable[name]] for name in fitted])
        weight = np.concatenate(
            [np.full(usable[name].sum(), usable[name].sum() ** -0.5) for name in fitted]
        )
        self._curve = np.polynomial.Polynomial.fit(x, y, degree, w=weight)
        around = np.average(y, weights=weight**2)
        left = np.average((y - self._curve(x)) ** 2, weights=weight**2)
        self.r_squared = float(1 - left / np.average((y - around) ** 2, weights=weight**2))
        self.residuals = {
            name: _mean_over_points(values[name] - self._curve(logs[name]), usable[name])
            for name in logs
        }

    def expected(self, train_loss: Floats) -> Floats:
        """The figure that a training loss lets one expect.

        Parameters
        ----------
        train_loss : ndarray

        Returns
        -------
        ndarray
            Of the same shape.
        """
        found: Floats = self._curve(np.log(np.maximum(train_loss, _LEAST_LOSS)))
        return found


def _mean_over_points(values: Floats, usable: np.ndarray) -> Floats:
    flat, kept = values.reshape(-1, values.shape[-1]), usable.reshape(-1, values.shape[-1])
    return divide(np.where(kept, flat, 0).sum(0), kept.sum(0))
