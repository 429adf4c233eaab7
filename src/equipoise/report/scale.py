"""The scale of an axis: from where to where, and which places on it have a name."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_PLAIN = (1e-4, 1e6)
"""Sizes of number that are written in full."""


@dataclass(frozen=True)
class Scale:
    """An axis before it is drawn.

    Parameters
    ----------
    low, high : float
        Its ends.
    ticks : tuple of (place, label)
        The places on it that have a name, in order.
    log : bool, default False
        Whether equal distances are equal ratios.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    log: bool = False

    def clip(self, value: float) -> float:
        """Move a value that lies beyond an end, such as infinity, to that end."""
        return min(max(value, self.low), self.high)


def linear(
    values: Iterable[float], *, count: int = 6, percent: bool = False, margin: float = 0.06
) -> Scale:
    """Make a scale that holds all finite values.

    Parameters
    ----------
    values : iterable of float
        What the axis has to show; NaN and infinity are passed over.
    count : int, default 6
        The most ticks there may be.
    percent : bool, default False
        Whether 1 is written as 100%.
    margin : float, default 0.06
        Room left at each end, as a share of the distance between the extreme values.

    Returns
    -------
    Scale
        From 0 to 1 if no value is finite.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    room = high - low
    # Values that are one value, or differ by rounding alone, still need some room around them.
    if room <= 1e-9 * max(abs(low), abs(high)):
        room, margin = 1.0, 0.5 * (abs(high) or 1.0)
    low, high = low - margin * room, high + margin * room
    step = _step(low, high, count)
    first, last = math.ceil(low / step), math.floor(high / step)
    places = [i * step for i in range(first, last + 1)]
    unit = 100 if percent else 1
    largest = unit * max(abs(low), abs(high))
    plain = unit * step >= _PLAIN[0] and largest < _PLAIN[1]
    decimals = max(0, math.ceil(-math.log10(unit * step) - 1e-9))
    if round(unit * step, decimals) != round(unit * step, decimals + 2):
        decimals += 1  # a step such as 0.025 needs one digit more than its size tells
    labels = [
        (f"{unit * place:,.{decimals}f}" if plain else f"{unit * place:.4g}") + "%" * percent
        for place in places
    ]
    named = ((place, label.replace("-", "−")) for place, label in zip(places, labels, strict=True))
    return Scale(low, high, tuple(named))


def _step(low: float, high: float, count: int) -> float:
    """Give the smallest round step of which at most `count` fit."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * (1 - 1e-9))


def logarithmic(values: Iterable[float]) -> Scale:
    """Make a logarithmic scale that holds all positive finite values, with a margin.

    Parameters
    ----------
    values : iterable of float
        What the axis has to show, at least one positive; others have no place on it.

    Returns
    -------
    Scale
        With ticks at powers of ten, or at 1, 2 and 5 times them where few powers fit.
    """
    positive = [value for value in values if math.isfinite(value) and value > 0]
    low, high = math.log10(min(positive)), math.log10(max(positive))
    margin = max(0.06 * (high - low), 0.1)
    low, high = low - margin, high + margin
    powers = range(math.ceil(low), math.floor(high) + 1)
    if len(powers) >= 3:
        places = [(1, power) for power in powers[:: math.ceil(len(powers) / 5)]]
    else:
        places = [
            (digit, power)
            for power in range(math.floor(low), math.floor(high) + 1)
            for digit in (1, 2, 5)
            if low <= math.log10(digit) + power <= high
        ]
    plain = all(-4 <= power <= 5 for _, power in places)
    ticks = tuple(
        (digit * 10.0**power, _power_label(digit, power, plain=plain)) for digit, power in places
    )
    return Scale(10.0**low, 10.0**high, ticks, log=True)


def _power_label(digit: int, power: int, *, plain: bool) -> str:
    if plain:
        return f"{digit * 10.0**power:,.{max(0, -power)}f}"
    raised = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{raised}" if digit == 1 else f"{digit}·10{raised}"
