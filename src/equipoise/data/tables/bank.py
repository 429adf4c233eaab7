"""Bank Marketing: who takes out a term deposit after a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw

from equipoise.data.delimited import file_bytes, parse_delimited
from equipoise.data.tables.known_table import KnownTable, locate

__all__ = ["TABLES", "read_bank"]

_SOURCE = "https://archive.ics.uci.edu/dataset/222/bank+marketing"
_FILES = ("bank/bank-additional-full.csv", "bank-additional/bank-additional-full.csv")


def read_bank(folder: Path) -> nw.DataFrame[Any]:
    """Read Bank Marketing in its larger form (bank-additional-full), 41,188 rows.

    "unknown" is what a clerk wrote down and stays a value. `pdays` is 999 for a client never
    called before.

    Parameters
    ----------
    folder : Path
        The data folder, with bank/bank-additional-full.csv.

    Returns
    -------
    narwhals.DataFrame
        21 columns; the label `y` is "yes" or "no".

    Raises
    ------
    DataError
        If the file is not there or damaged.
    """
    path = locate(folder, _FILES, _SOURCE)
    table = parse_delimited(file_bytes(path), str(path), delimiter=";")
    return nw.from_native(table, eager_only=True)


TABLES = (
    KnownTable(
        name="bank",
        title="Bank Marketing (UCI): does a client take out a term deposit?",
        read=read_bank,
        target="y",
        positive="yes",
        # Youth and old age are the groups that this table is studied for.
        sensitive=("age:25,60",),
        # The length of the call, known only after it, when the answer is known too.
        drop=("duration",),
        source=_SOURCE,
        files=_FILES,
    ),
)
