"""FairFace (Kärkkäinen and Joo 2021), in whatever form a user has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.delimited import parse_delimited, sniff_delimiter
from equipoise.data.errors import DataError
from equipoise.data.image_groups.assemble import Asked, Codes, Columns, Copy, refuse_images
from equipoise.data.image_groups.binary import levels_of, yes
from equipoise.data.image_groups.one_file_each import OneFileEach
from equipoise.data.image_groups.parquet import ParquetParts, parquet_parts, read_labels
from equipoise.data.image_groups.parts import SplitPart
from equipoise.data.image_groups.tree import Tree, content_of

__all__ = ["read_fairface"]

# In the order of the class numbers that Hugging Face's copies have.
_LEVELS = {
    "age": (
        *("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69"),
        "more than 70",
    ),
    "gender": ("Male", "Female"),
    "race": (
        *("East Asian", "Indian", "Black", "White", "Middle Eastern", "Latino_Hispanic"),
        "Southeast Asian",
    ),
}
# A spreadsheet takes these two bands for the 9th of March and the 19th of October.
_MANGLED = dict.fromkeys(("9-Mar", "09-Mar", "Mar-09", "3-Sep", "03-Sep"), "3-9")
_MANGLED |= dict.fromkeys(("19-Oct", "Oct-19"), "10-19")
_FLAG = "service_test"


def read_fairface(tree: Tree, asked: Asked) -> Copy:
    """Read a copy's labels; the published validation rows are its test part.

    Parameters
    ----------
    tree : Tree
        With ``fairface_label_train.csv`` and ``fairface_label_val.csv``, also named
        ``label_train.csv`` or ``fairface_labeled_val.csv``, also as .gz; or with Parquet files.
    asked : Asked

    Returns
    -------
    Copy

    Raises
    ------
    DataError
        If neither file is there, or one is damaged.
    """
    found: dict[SplitPart, Path] = {}
    spelt: tuple[tuple[str, SplitPart], ...] = (("train", "train"), ("val", "test"))
    for word, part in spelt:
        path = tree.first(
            *(rf"(fairface_)?label(s|ed)?_{word}\.csv{packed}" for packed in ("", r"(\.gz|\.zip)?"))
        )
        if path is not None:
            found[part] = path
    if not found:
        inside = parquet_parts(tree, " (one for each margin of the crop)")
        if inside is not None:
            refuse_images(asked)
            return _from_parquet(inside)
        raise tree.nothing(
            ["fairface_label_train.csv", "fairface_label_val.csv", "Parquet files with images"]
        )
    tables = {part: _read_csv(path) for part, path in found.items()}
    table = pa.concat_tables(list(tables.values()))
    ends = np.cumsum([own.num_rows for own in tables.values()]).tolist()
    starts = [0, *ends[:-1]]
    files = table["file"].to_numpy().astype(np.str_)

    def line(row: int) -> str:
        number = int(np.searchsorted(ends, row, side="right"))
        return f"line {row - starts[number] + 2} of {list(found.values())[number]}"

    return Copy(
        files,
        _columns(table, line),
        {
            part: np.arange(start, end)
            for part, start, end in zip(tables, starts, ends, strict=True)
        },
        OneFileEach(
            files,
            asked.images or tree.root,
            [slice(start, end) for start, end in zip(starts, ends, strict=True)],
        ),
        carved=True,
    )


def _read_csv(path: Path) -> pa.Table:
    content = content_of(path)
    table = parse_delimited(
        content, str(path), delimiter=sniff_delimiter(content, str(path)), as_text=True
    )
    wanted = ["file", *_LEVELS, *([_FLAG] if _FLAG in table.column_names else [])]
    lacking = [name for name in wanted if name not in table.column_names]
    if lacking:
        raise DataError(
            f"path: {path} lacks the columns {', '.join(lacking)}; its columns are "
            f"{', '.join(table.column_names)}"
        )
    return table.select(wanted)


def _from_parquet(found: ParquetParts) -> Copy:
    lacking = [name for name in _LEVELS if name not in found.labels]
    if lacking:
        raise DataError(f"path: {found.files[0]} lacks the columns {', '.join(lacking)}")
    wanted = [*_LEVELS, *([_FLAG] if _FLAG in found.labels else [])]
    table = read_labels(found, wanted)
    for at, (name, usual) in enumerate(_LEVELS.items()):
        if pa.types.is_integer(table[name].type):
            levels: Sequence[str] = found.classes.get(name, list(usual))
            ends = pc.min_max(table[name]).as_py()
            if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] < len(levels):
                raise DataError(
                    f"{name}: {found.files[0]} and the files beside it have numbers from "
                    f"{ends['min']} to {ends['max']}, wanted 0 to {len(levels) - 1}"
                )
            table = table.set_column(at, name, pc.take(pa.array(levels), table[name]))
    pictures = found.pictures
    parts = found.rows()
    # As with the files of text, what was published for validation is the test.
    if "test" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")
    return Copy(
        found.names(),
        _columns(table, pictures.name),
        parts,
        pictures,
        carved="validation" not in parts,
    )


def _columns(table: pa.Table, line: Callable[[int], str]) -> Columns:
    def read(name: str) -> Codes:
        column = table[name]
        if name == _FLAG:
            return yes(column, name, line).astype(np.int64), levels_of(name)
        levels = pa.array(_LEVELS[name])
        meant = pc.utf8_trim_whitespace(column.cast(pa.string()))
        if name == "age":
            for mangled, band in _MANGLED.items():
                meant = pc.if_else(pc.equal(meant, mangled), band, meant)
        codes: NDArray[np.int64] = np.asarray(
            pc.fill_null(pc.index_in(meant, levels), -1), dtype=np.int64
        )
        if (codes < 0).any():
            row = int(np.argmax(codes < 0))
            raise DataError(
                f"{name}: {column[row].as_py()!r} in {line(row)}, wanted one of "
                f"{', '.join(_LEVELS[name])}"
            )
        return codes, _LEVELS[name]

    return Columns(tuple(name for name in table.column_names if name != "file"), read)
