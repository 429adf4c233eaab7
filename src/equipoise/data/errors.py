"""The one error of this package, and the hint that closes most of its messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

__all__ = ["DataError", "hint", "require_columns"]


class DataError(ValueError):
    """Data or a description of data that cannot be used as given.

    The message names the argument, what was given, what is wanted and the cure.
    """


def hint(given: str, known: Iterable[str]) -> str:
    """Close a message about an unknown name with what was probably meant.

    Parameters
    ----------
    given : str
        The name that is not known.
    known : iterable of str
        The names that are.

    Returns
    -------
    str
        "Did you mean 'a' or 'b'? Known: 'a', 'b', 'c'."; the question is left out when nothing
        is close, and of a long list only the first twenty names are shown, with their number.
    """
    names = list(known)
    folded = {name.lower(): name for name in names}
    close = [folded[match] for match in difflib.get_close_matches(given.lower(), folded, n=3)]
    question = f"Did you mean {' or '.join(map(repr, close))}? " if close else ""
    shown = ", ".join(map(repr, names[:20]))
    rest = f", and {len(names) - 20} more" if len(names) > 20 else ""
    return f"{question}Known: {shown}{rest}."


def require_columns(columns: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse columns that a table does not have.

    Parameters
    ----------
    columns : mapping of str to str
        By the argument that names them.
    known : iterable of str
        The table's.

    Raises
    ------
    DataError
        If one is missing.
    """
    names = list(known)
    for argument, column in columns.items():
        if column not in names:
            raise DataError(f"{argument}: no column {column!r} in the table. {hint(column, names)}")
