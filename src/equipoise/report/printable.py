"""Text and numbers as a page, a figure and a terminal can all show them."""

from __future__ import annotations

import math
import re

_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""What XML forbids or a terminal obeys, save tab and newline."""

UNDEFINED = "undefined"
"""How a number that does not exist (NaN) is shown."""


def printable(text: str) -> str:
    """Replace the characters that cannot be shown.

    Control characters (a terminal would obey them), lone surrogates (UTF-8 cannot hold them)
    and non-characters (XML forbids them) become U+FFFD, the replacement character. Line ends
    become newlines.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Text that HTML, SVG, UTF-8 and a terminal can all carry.
    """
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNPRINTABLE.sub("\ufffd", unified)


def one_line(text: str) -> str:
    """Make printable and put on one line, runs of white space as one space.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Text without newlines.
    """
    return " ".join(printable(text).split())


def number(value: float, *, percent: bool = False) -> str:
    """Write a number for a reader.

    Parameters
    ----------
    value : float
        The number; NaN is written "undefined".
    percent : bool, default False
        Whether 1 is written as 100%.

    Returns
    -------
    str
        Two decimals of a percent, or four significant digits (whole numbers with thousands
        separators from 1000 on).
    """
    if math.isnan(value):
        return UNDEFINED
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if percent:
        text = f"{value:.2%}"
    elif 1000 <= abs(value) < 1e9:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.4g}"
    return text.replace("-", "−")


def span(low: float, high: float, *, percent: bool = False) -> str:
    """Write an interval for a reader.

    Parameters
    ----------
    low, high : float
        The ends. An interval of which an end is NaN is not known.
    percent : bool, default False
        Whether 1 is written as 100%.

    Returns
    -------
    str
        ``"low to high"``, or an en dash if the interval is not known.
    """
    if math.isnan(low) or math.isnan(high):
        return "–"
    return f"{number(low, percent=percent)} to {number(high, percent=percent)}"
