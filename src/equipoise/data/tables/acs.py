"""The American Community Survey tasks: income, public health cover, mobility (2018).

They are the folktables tasks [1]_ as the Aequitas project stores them: a random fifth of the
survey in each of two files, which are read together here.

References
----------
.. [1] F. Ding, M. Hardt, J. Miller, L. Schmidt, "Retiring Adult: New Datasets for Fair Machine
   Learning", NeurIPS 2021.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from equipoise.data.errors import DataError
from equipoise.data.tables.known_table import KnownTable, locate

__all__ = ["TABLES", "read_acs"]

_SOURCE = "https://github.com/dssg/aequitas/tree/master/datasets/FolkTables"
_PARTS = ("validation", "test")

# Ages, hours, dollars, minutes, and schooling, whose 24 codes rise with the years of it.
_NUMBERS = frozenset({"AGEP", "WKHP", "PINCP", "JWMNP", "SCHL"})

_SEX = {1: "male", 2: "female"}
# The survey counts from 1, these files from 0.
_RACE = dict(
    enumerate(
        (
            "White",
            "Black",
            "American Indian",
            "Alaska Native",
            "American Indian or Alaska Native",
            "Asian",
            "Pacific Islander",
            "Other",
            "Two or more",
        )
    )
)
_NAMED = {"SEX": _SEX, "RAC1P": _RACE}


def read_acs(folder: Path, *, task: str, target: str) -> nw.DataFrame[Any]:
    """Read one task, both of its parts.

    Codes are categories and become text, sex and race by name; ages, hours, dollars, minutes
    and schooling stay numbers. The column `index`, a row number, is left out.

    Parameters
    ----------
    folder : Path
        The data folder, with acs/`task`.validation.parquet and acs/`task`.test.parquet.
    task : str
        "ACSIncome", "ACSPublicCoverage" or "ACSMobility".
    target : str
        The label's column, which stays 0 or 1.

    Returns
    -------
    narwhals.DataFrame
        665,800 rows for income, 455,316 for public health cover, 248,375 for mobility.

    Raises
    ------
    DataError
        If a file is not there or damaged, or a code of sex or race is not known.
    """
    paths = [locate(folder, (name,), _SOURCE) for name in _files(task)]
    table = pa.concat_tables([_read_part(path) for path in paths])
    columns = {
        name: column if name == target else _convert(name, column)
        for name, column in zip(table.column_names, table.columns, strict=True)
    }
    return nw.from_native(pa.table(columns), eager_only=True)


def _files(task: str) -> tuple[str, ...]:
    return tuple(f"acs/{task}.{part}.parquet" for part in _PARTS)


def _read_part(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read([name for name in file.schema_arrow.names if name != "index"])
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            f"data_dir: {path} is no whole Parquet file ({str(error).splitlines()[0]}); "
            f"fetch it again from {_SOURCE}"
        ) from error


def _convert(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if name in _NUMBERS:
        return column
    codes = column.cast(pa.int32())
    if name not in _NAMED:
        return codes.cast(pa.string())
    names = _NAMED[name]
    where = pc.index_in(codes, value_set=pa.array(list(names), type=pa.int32()))
    if where.null_count:
        odd = sorted(set(pc.unique(codes).to_pylist()) - set(names), key=str)
        raise DataError(
            f"data_dir: column {name} of the survey holds the codes {odd}, wanted "
            f"{min(names)} to {max(names)}; get the files from {_SOURCE}"
        )
    return pc.take(pa.array(list(names.values())), where)


def _task(name: str, task: str, target: str, title: str) -> KnownTable:
    return KnownTable(
        name=name,
        title=f"{title} (American Community Survey 2018, two fifths)",
        read=partial(read_acs, task=task, target=target),
        target=target,
        positive=1,
        sensitive=("SEX",),
        drop=(),
        source=_SOURCE,
        files=_files(task),
    )


TABLES = (
    _task("acs-income", "ACSIncome", "PINCP", "Does a person earn more than 50,000 dollars?"),
    _task(
        "acs-public-coverage",
        "ACSPublicCoverage",
        "PUBCOV",
        "Has a person of low income public health cover?",
    ),
    _task(
        "acs-mobility",
        "ACSMobility",
        "MIG",
        "Does a person of 19 to 34 live where they lived a year ago?",
    ),
)
