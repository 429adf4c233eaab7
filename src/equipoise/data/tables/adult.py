"""Adult (Census Income): who earned more than 50,000 dollars in 1994."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from equipoise.data.delimited import file_bytes, parse_delimited
from equipoise.data.tables.known_table import KnownTable, locate

__all__ = ["TABLES", "read_adult"]

_SOURCE = "https://archive.ics.uci.edu/dataset/2/adult"
_FILES = ("adult/adult.data", "adult/adult.test")
_COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation",
    "relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week",
    "native-country", "income",
)  # fmt: skip


def read_adult(folder: Path) -> nw.DataFrame[Any]:
    """Read Adult, both of its parts, 48,842 rows.

    The training part comes first. "?" is a missing value, and the label has lost the full stop
    that the second part gives it.

    Parameters
    ----------
    folder : Path
        The data folder, with adult/adult.data and adult/adult.test.

    Returns
    -------
    narwhals.DataFrame
        15 columns; `income` is "<=50K" or ">50K".

    Raises
    ------
    DataError
        If a file is not there or damaged.
    """
    parts = [_read_part(locate(folder, (name,), _SOURCE)) for name in _FILES]
    return nw.from_native(pa.concat_tables(parts, promote_options="none"), eager_only=True)


def _read_part(path: Path) -> pa.Table:
    content = file_bytes(path)
    table = parse_delimited(
        content,
        str(path),
        delimiter=",",
        names=_COLUMNS,
        # The second part opens with a remark on cross validation.
        skip_rows=int(content.startswith(b"|")),
        missing=(" ?", "?"),
    )
    columns = [
        pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column
        for column in table.columns
    ]
    columns[-1] = pc.utf8_rtrim(columns[-1], characters=".")
    return pa.Table.from_arrays(columns, names=list(_COLUMNS))


TABLES = (
    KnownTable(
        name="adult",
        title="Adult, census income (UCI): does a person earn more than 50,000 dollars?",
        read=read_adult,
        target="income",
        positive=">50K",
        sensitive=("sex",),
        # How many people a row stands for in the census: a weight, and nothing about the person.
        drop=("fnlwgt",),
        source=_SOURCE,
        files=_FILES,
    ),
)
