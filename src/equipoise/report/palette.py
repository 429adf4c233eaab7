"""The colours of a page, by role, in light and in dark.

A role is what a colour is for (ink, grid, the third series). Pages and figures name roles only;
this file alone says what they look like.

The eight series colours keep their distance from each other for readers with protanopia,
deuteranopia or tritanopia, and from the background (at least 3 : 1); text colours keep at
least 4.5 : 1 (WCAG 2.1, success criteria 1.4.3 and 1.4.11).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SERIES = 8
"""How many series have a colour of their own; the ninth begins again."""

LIGHT: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#ffffff",
        "raised": "#f5f6f8",
        "ink": "#1d2127",
        "muted": "#5a626d",
        "grid": "#e2e5ea",
        "faint": "#aab1bb",
        "good": "#12703a",
        "good-tint": "#eaf6ee",
        "warn": "#8a5a00",
        "warn-tint": "#fdf4e0",
        "bad": "#b3261e",
        "bad-tint": "#fdeceb",
        "info": "#1f5aa8",
        "info-tint": "#ebf2fc",
        "series-1": "#1c5fd6",
        "series-2": "#b84300",
        "series-3": "#0f8f8c",
        "series-4": "#6d1b62",
        "series-5": "#a38600",
        "series-6": "#3d1aa3",
        "series-7": "#e0497a",
        "series-8": "#4a5a7c",
    }
)
"""Every value differs from every other, so that a drawn colour tells its role."""

DARK: Mapping[str, str] = MappingProxyType(
    {
        "paper": "#14171a",
        "raised": "#1e2226",
        "ink": "#e7e9ec",
        "muted": "#a3abb5",
        "grid": "#31363d",
        "faint": "#666e79",
        "good": "#5fd38d",
        "good-tint": "#14281c",
        "warn": "#f0bf4c",
        "warn-tint": "#2b2310",
        "bad": "#ff8f87",
        "bad-tint": "#331a19",
        "info": "#84b6f7",
        "info-tint": "#16243a",
        "series-1": "#4fb0ff",
        "series-2": "#ff7a3c",
        "series-3": "#30eb9e",
        "series-4": "#c56bb5",
        "series-5": "#f2d13b",
        "series-6": "#8478ff",
        "series-7": "#d9a3ac",
        "series-8": "#93dbe5",
    }
)
"""The same roles on a dark background."""


def series_colour(index: int) -> str:
    """Give the light colour of a series.

    Parameters
    ----------
    index : int
        Position of the series, from 0. Colours repeat after `SERIES`.

    Returns
    -------
    str
        A colour ``#rrggbb`` of `LIGHT`.
    """
    return LIGHT[f"series-{index % SERIES + 1}"]


def declarations(colours: Mapping[str, str]) -> str:
    """Write colours as CSS custom properties.

    Parameters
    ----------
    colours : Mapping[str, str]
        `LIGHT` or `DARK`.

    Returns
    -------
    str
        ``--ink: #1d2127; --muted: ...``, in the order of `colours`.
    """
    return " ".join(f"--{role}: {colour};" for role, colour in colours.items())
