"""CelebA (Liu, Luo, Wang, Tang 2015), in whatever form a user has it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.delimited import parse_delimited
from equipoise.data.errors import DataError
from equipoise.data.image_groups.assemble import Asked, Columns, Copy, refuse_images
from equipoise.data.image_groups.binary import levels_of, yes
from equipoise.data.image_groups.one_file_each import OneFileEach
from equipoise.data.image_groups.parquet import ParquetParts, parquet_parts, read_labels
from equipoise.data.image_groups.parts import SplitPart
from equipoise.data.image_groups.tree import Tree, content_of

__all__ = ["read_celeba"]

_PACKED = r"(\.gz|\.zip)?"
_ATTRIBUTES = [
    rf"list_attr_celeba\.{kind}{packed}" for packed in ("", _PACKED) for kind in ("txt", "csv")
]
_PARTITION = [
    rf"list_eval_partition\.{kind}{packed}" for packed in ("", _PACKED) for kind in ("txt", "csv")
]
_PARTS: tuple[SplitPart, ...] = ("train", "validation", "test")
# In the order of the official file, which copies with one list an image go by.
_NAMES = """
5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose
Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee
Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard
Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks Sideburns Smiling Straight_Hair
Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick Wearing_Necklace Wearing_Necktie
Young
""".split()  # noqa: SIM905  (one a line would be a page)


class _Table(NamedTuple):
    """Attributes by image, with what messages need."""

    files: NDArray[np.str_]
    attributes: dict[str, pa.ChunkedArray]
    line: Callable[[int], str]


def read_celeba(tree: Tree, asked: Asked) -> Copy:
    """Read a copy's attributes and its split.

    Parameters
    ----------
    tree : Tree
        With ``list_attr_celeba.txt`` or ``.csv`` and ``list_eval_partition``, anywhere, or with
        Parquet files. No checksum is looked at: copies differ in their line ends alone.
    asked : Asked

    Returns
    -------
    Copy

    Raises
    ------
    DataError
        If no file of attributes is there, or one is damaged.
    """
    path = tree.first(*_ATTRIBUTES)
    if path is None:
        found = parquet_parts(tree)
        if found is not None:
            refuse_images(asked)
            return _from_parquet(found)
        wanted = ["list_attr_celeba.txt", "list_attr_celeba.csv", "Parquet files with images"]
        raise tree.nothing(wanted)
    table = _read_text(path) if ".txt" in path.name.lower() else _read_csv(path)
    if pc.count_distinct(pa.array(table.files)).as_py() < len(table.files):
        raise DataError(f"path: {path} has an image more than once")
    pictures = OneFileEach(
        table.files,
        asked.images or tree.root,
        [slice(0, len(table.files))],
        # The official tree has the uncut pictures beside the aligned ones, by the same names.
        preferred="align",
    )
    split_at = tree.first(*_PARTITION)
    parts, dropped = None, {}
    if split_at is not None:
        parts, unknown = _read_partition(split_at, table.files)
        dropped = {"in the partition alone": unknown} if unknown else {}
    return Copy(
        table.files,
        _columns(table.attributes, table.line),
        parts,
        pictures,
        dropped=dropped,
    )


def _columns(attributes: dict[str, pa.ChunkedArray], line: Callable[[int], str]) -> Columns:
    def read(name: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        return yes(attributes[name], name, line).astype(np.int64), levels_of(name)

    return Columns(tuple(attributes), read)


def _read_text(path: Path) -> _Table:
    """Read the official file: a count, a line of names, and rows with runs of spaces."""
    content = content_of(path).replace(b"\r\n", b"\n").replace(b"\t", b" ").strip(b"\n")
    while b"  " in content:
        content = content.replace(b"  ", b" ")
    content = content.replace(b" \n", b"\n").replace(b"\n ", b"\n")
    head = content.split(b"\n", 3)
    count = int(head[0]) if head[0].strip().isdigit() else None
    at = 0 if count is None else 1  # some copies have lost the count
    if len(head) < at + 2:
        raise DataError(f"path: {path} has no rows below its head; fetch it again")
    names = head[at].decode("utf-8", "replace").split()
    if len(head[at + 1].split()) == len(names) + 1:
        names = ["image_id", *names]
    if len(set(names)) < len(names):
        raise DataError(f"path: {path} has a name twice in line {at + 1}; fetch it again")
    table = parse_delimited(
        content,
        str(path),
        delimiter=" ",
        names=names,
        skip_rows=at + 1,
        types={names[0]: pa.string(), **dict.fromkeys(names[1:], pa.int8())},
        missing=(),
    )
    if count is not None and count != table.num_rows:
        raise DataError(
            f"path: {path} has {table.num_rows:,} rows and says {count:,}; fetch it again"
        )
    return _Table(
        table[names[0]].to_numpy().astype(np.str_),
        {name: table[name] for name in names[1:]},
        lambda row: f"line {row + at + 2} of {path}",
    )


def _read_csv(path: Path) -> _Table:
    table = parse_delimited(content_of(path), str(path), delimiter=",", missing=())
    texts = [
        name
        for name, column in zip(table.column_names, table.columns, strict=True)
        if pa.types.is_string(column.type)
    ]
    key = "image_id" if "image_id" in table.column_names else next(iter(texts), None)
    if key is None:
        raise DataError(f"path: {path} has no column image_id with the names of the images")
    return _Table(
        table[key].cast(pa.string()).to_numpy(zero_copy_only=False).astype(np.str_),
        {name: table[name] for name in table.column_names if name != key},
        lambda row: f"line {row + 2} of {path}",
    )


def _read_partition(
    path: Path, files: NDArray[np.str_]
) -> tuple[dict[SplitPart, NDArray[np.int64]], int]:
    content = content_of(path)
    if ".txt" in path.name.lower():
        # A space, a tab or a comma between the two, and no head.
        for mark in (b"\t", b","):
            content = content.replace(mark, b" ")
        while b"  " in content:
            content = content.replace(b"  ", b" ")
        content = content.replace(b" \r", b"\r").replace(b" \n", b"\n")
        names, delimiter, first = ["image_id", "partition"], " ", 1
    else:
        names, delimiter, first = None, ",", 2
    table = parse_delimited(content, str(path), delimiter=delimiter, names=names, missing=())
    lacking = [name for name in ("image_id", "partition") if name not in table.column_names]
    if lacking:
        raise DataError(f"path: {path} lacks the columns {', '.join(lacking)}")
    codes = np.asarray(table["partition"])
    unfit = ~np.isin(codes, (0, 1, 2))
    if unfit.any():
        row = int(np.argmax(unfit))
        raise DataError(
            f"partition: {codes.tolist()[row]!r} in line {row + first} of {path}, wanted 0 "
            "(train), 1 (validation) or 2 (test)"
        )
    place = np.asarray(pc.fill_null(pc.index_in(pa.array(files), table["image_id"]), -1))
    if (place < 0).any():
        row = int(np.argmax(place < 0))
        raise DataError(
            f"path: {path} does not have {files[row]}, which the attributes have; fetch it again, "
            "or remove it to have the rows split at random"
        )
    own = codes[place]
    return (
        {part: np.flatnonzero(own == code) for code, part in enumerate(_PARTS)},
        table.num_rows - len(files),
    )


def _from_parquet(found: ParquetParts) -> Copy:
    table = read_labels(found, found.labels)
    columns: dict[str, pa.ChunkedArray] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_struct(column.type):  # all attributes in one column, by name
            flat = pa.table({name: column}).flatten()
            start = len(name) + 1
            columns |= {long[start:]: flat[long] for long in flat.column_names}
        elif pa.types.is_list(column.type) and _all_of_length(column, len(_NAMES)):
            values = pc.list_flatten(column)
            numbers = np.asarray(values).reshape(-1, len(_NAMES))
            columns |= {
                attribute: pa.chunked_array([pa.array(numbers[:, at])])
                for at, attribute in enumerate(_NAMES)
            }
        else:
            # A class label's number means what the file says: 0 may stand for "-1".
            columns[name] = _spelt_out(column, found.classes.get(name))
    attributes = {name: column for name, column in columns.items() if name in _NAMES}
    if not attributes:
        raise DataError(
            f"path: {found.files[0]} has none of CelebA's attributes, but {', '.join(columns)}"
        )
    pictures = found.pictures
    parts = found.rows()
    return Copy(
        found.names(),
        _columns(attributes, lambda row: pictures.name(row)),
        parts if len(parts) > 1 else None,
        pictures,
    )


def _all_of_length(column: pa.ChunkedArray, length: int) -> bool:
    return bool(pc.all(pc.equal(pc.list_value_length(column), length)).as_py())


def _spelt_out(column: pa.ChunkedArray, classes: list[str] | None) -> pa.ChunkedArray:
    if classes is None or not pa.types.is_integer(column.type):
        return column
    return pc.take(pa.array(classes), column)
