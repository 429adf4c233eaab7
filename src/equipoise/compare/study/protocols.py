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
    return np.where(np.isfinite(entry.train_loss), values, np.nan)


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
    return np.where(np.isfinite(entry.train_loss), found, np.nan)


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
    optimizers, searched rates, looks and seeds. What is left over is what an optimizer does besides
    having trained for longer or shorter. Every optimizer has the same weight in the fit, and
    entries that heed groups have none. Only losses count that every optimizer came to. A rate that
    is there only because it is the same for all does not count: what is learnt too slowly has
    another figure than what is unstable at the same loss, so that whoever had one more slow rate
    than others would seem to be another optimizer.

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
        What share of the figure's variance the curve explains; NaN where there is no curve, because
        no loss is one that every optimizer came to.
    residuals : dict of ndarray, shape (s,)
        Of each entry, the mean over its searched rates and looks; NaN of a seed without any such.
    """

    def __init__(
        self, entries: Sequence[Entry], values: Mapping[str, Floats], degree: int = 2
    ) -> None:
        logs = {one.name: _log_loss(one.train_loss) for one in entries}
        known = {
            one.name: np.isfinite(logs[one.name])
            & np.isfinite(values[one.name])
            & np.array(one.searched)[:, None, None]
            for one in entries
        }
        # What diverged at every rate has no losses that others could have come to.
        fitted = [one.name for one in entries if not one.heeds_groups and known[one.name].any()]
        low = max((logs[name][known[name]].min() for name in fitted), default=np.inf)
        high = min((logs[name][known[name]].max() for name in fitted), default=-np.inf)
        usable = {name: known[name] & (x >= low) & (x <= high) for name, x in logs.items()}
        x, y = (
            np.concatenate([np.empty(0), *(of[name][usable[name]] for name in fitted)])
            for of in (logs, values)
        )
        self._curve, self.r_squared = np.polynomial.Polynomial([np.nan]), np.nan
        if len(np.unique(x)) > degree:
            counts = np.array([usable[name].sum() for name in fitted])
            weight = np.repeat(1 / np.maximum(counts, 1), counts)
            # It weighs residuals before it squares them.
            self._curve = np.polynomial.Polynomial.fit(x, y, degree, w=weight**0.5)
            left = np.average((y - self._curve(x)) ** 2, weights=weight)
            spread = np.average((y - np.average(y, weights=weight)) ** 2, weights=weight)
            self.r_squared = float(1 - left / spread) if spread > 0 else np.nan
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
        found: Floats = self._curve(_log_loss(train_loss))
        return found


def _log_loss(train_loss: Floats) -> Floats:
    found: Floats = np.log(np.maximum(train_loss, _LEAST_LOSS))
    return found


def _mean_over_points(values: Floats, usable: np.ndarray) -> Floats:
    flat, kept = values.reshape(-1, values.shape[-1]), usable.reshape(-1, values.shape[-1])
    return divide(np.where(kept, flat, 0).sum(0), kept.sum(0))
