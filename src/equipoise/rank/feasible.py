"""Whether lower and upper bounds can be kept together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.rank.windows import InfeasibleError, Windows

Places = NDArray[np.int64]


def check_schedule(windows: Windows) -> None:
    """Refuse windows that no schedule keeps.

    Serving whoever is due first finds a schedule of unit jobs with whole releases and deadlines if
    there is one (Jackson 1955), and what it does up to a prefix does not depend on later
    deadlines, so that the first it misses is the first that cannot be kept.

    Parameters
    ----------
    windows : Windows

    Raises
    ------
    InfeasibleError
    """
    from equipoise.rank.loops import schedule

    found = int(schedule(*flattened(windows), windows.sizes, windows.n))
    if found > 0:
        raise _missed(windows, found)
    if found < 0:
        raise _empty(windows, -found)


def flattened(
    windows: Windows,
) -> tuple[Places, Places, Places, Places, NDArray[np.bool_]]:
    """The windows as arrays without gaps, for compiled loops.

    Parameters
    ----------
    windows : Windows

    Returns
    -------
    deadlines, due_starts, openings, open_starts, capped : ndarray
        As :func:`equipoise.rank.loops.place` takes them.
    """
    openings = [np.empty(0, np.int64) if one is None else one for one in windows.openings]
    capped = np.array([one is not None for one in windows.openings])
    return (*_joined(windows.deadlines), *_joined(openings), capped)


def _joined(parts: list[Places] | tuple[Places, ...]) -> tuple[Places, Places]:
    starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64), starts


def _missed(windows: Windows, prefix: int) -> InfeasibleError:
    needed = windows.needed(prefix)
    for name, count, size in zip(windows.names, needed, windows.sizes, strict=True):
        if count > size:
            return InfeasibleError(
                prefix,
                [name],
                f"no ranking keeps the bounds: the first {prefix:,} places must have {count:,} of "
                f"{name!r}, of whom there are {size:,}.",
            )
    allowed = _allowed(windows, prefix)
    for name, count, most in zip(windows.names, needed, allowed, strict=True):
        if count > most:
            return InfeasibleError(
                prefix,
                [name],
                f"no ranking keeps the bounds: the first {prefix:,} places must have at least "
                f"{count:,} and at most {most:,} of {name!r}; raise the one or lower the other.",
            )
    if needed.sum() > prefix:
        return windows.overfull(prefix)
    # Everybody fits but for openings: some are due soon after they are let in.
    before = np.arange(prefix)
    due = np.zeros(prefix, np.int64)
    for one, count in zip(windows.openings, needed, strict=True):
        let_in = before if one is None else np.searchsorted(one, before, "right")
        due += np.maximum(count - let_in, 0)
    start = int(np.flatnonzero(due > prefix - before)[-1]) + 1
    within = np.maximum(needed - _allowed(windows, start - 1), 0)
    who = [name for name, count in zip(windows.names, within, strict=True) if count]
    asked = ", ".join(
        f"{c:,} of {name!r}" for name, c in zip(windows.names, within, strict=True) if c
    )
    return InfeasibleError(
        prefix,
        who,
        f"no ranking keeps the bounds: {asked} must be in the first {prefix:,} places and may not "
        f"come before place {start:,}, of which there are {prefix - start + 1:,}; loosen the upper "
        "or the lower bounds of these groups.",
    )


def _empty(windows: Windows, place: int) -> InfeasibleError:
    allowed = _allowed(windows, place)
    who = [
        name for name, one in zip(windows.names, windows.openings, strict=True) if one is not None
    ]
    let_in = ", ".join(f"{name} {c:,}" for name, c in zip(windows.names, allowed, strict=True))
    return InfeasibleError(
        place,
        who,
        f"no ranking keeps the bounds: the first {place:,} places may have no more than {let_in}, "
        f"which is {allowed.sum():,} together; rank fewer, or raise the upper bounds.",
    )


def _allowed(windows: Windows, prefix: int) -> Places:
    return np.array(
        [
            min(size, prefix) if one is None else min(size, np.searchsorted(one, prefix, "right"))
            for one, size in zip(windows.openings, windows.sizes, strict=True)
        ],
        np.int64,
    )
