"""MS-COCO (Lin et al. 2014): objects in scenes, and the gender of people by captions or by eye."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.data.delimited import parse_delimited
from equipoise.data.errors import DataError, hint
from equipoise.data.image_groups.assemble import Asked, Codes, Columns, Copy, Labels
from equipoise.data.image_groups.captions import (
    GENDER_WORDS,
    NOBODY,
    SEVERAL,
    check_words,
    named_groups,
)
from equipoise.data.image_groups.coco_json import Instances, read_captions, read_instances
from equipoise.data.image_groups.coco_lines import read_coco_lines
from equipoise.data.image_groups.one_file_each import OneFileEach
from equipoise.data.image_groups.parts import SplitPart
from equipoise.data.image_groups.tree import Tree, content_of

__all__ = ["read_coco"]

PERSON = "person"
_BY_EYE = {"bb_gender": ("Male", "Female"), "bb_skin": ("Light", "Dark")}


class _Part(NamedTuple):
    part: SplitPart
    word: str
    year: int
    instances: Instances


def read_coco(
    tree: Tree, asked: Asked, year: int | None, words: Mapping[str, Sequence[str]] | None
) -> Copy:
    """Read a copy's objects and groups; the published validation images are its test part.

    Parameters
    ----------
    tree : Tree
        With ``instances_train2014.json``, ``instances_val2014.json`` or those of 2017, and
        ``captions_*`` beside them or ``images_val2014.csv`` (Zhao, Wang, Russakovsky 2021); or
        with ``coco_objects_train.jsonl``, ``_val`` and ``_test`` and ``coco_objects_id_map.json``.
    asked : Asked
        Sensitive may be "gender" by captions, "bb_gender" and "bb_skin" by eye.
    year : int or None
        Needed where the folder has both.
    words : mapping of str to sequence of str, or None
        For "gender".

    Returns
    -------
    Copy
        The category "person" is no label: it goes by definition with the groups.

    Raises
    ------
    DataError
        If no such file is there, one is damaged, or the year is not to be told.
    """
    found = _instances(tree, year)
    if not found:
        lines = read_coco_lines(tree, asked)
        if lines is not None:
            if year is not None or words is not None:
                raise DataError("year and words: not for this copy, whose groups are given")
            return lines
        raise tree.nothing(
            ["instances_train2014.json or _val2014, _train2017, _val2017", "coco_objects_*.jsonl"]
        )
    sensitive = list(asked.sensitive or ())
    _check_sensitive(sensitive)
    own_words = GENDER_WORDS if words is None else words
    check_words(own_words)
    if words is not None and "gender" not in sensitive:
        raise DataError("words: they are for sensitive 'gender', which is not asked for")

    dropped: dict[str, int] = {}
    kept: dict[SplitPart, NDArray[np.int64]] = {}
    columns: dict[str, list[NDArray[np.int64]]] = {name: [] for name in sensitive}
    for one in found:
        codes = {name: _groups(tree, one, name, own_words) for name in sensitive}
        left = np.ones(len(one.instances.images), bool)
        for name, own in codes.items():
            for why, number in (("no group", NOBODY), ("several groups", SEVERAL)):
                unfit = left & (own == number)
                reason = f"{name}: {why}"
                dropped[reason] = dropped.get(reason, 0) + int(unfit.sum())
            left &= own >= 0
        kept[one.part] = np.flatnonzero(left)
        for name, own in codes.items():
            columns[name].append(own[left])
    starts = np.cumsum([0, *(len(rows) for rows in kept.values())]).tolist()
    if not starts[-1]:
        raise DataError(
            f"sensitive: no image of {tree.root} has one group each of {', '.join(sensitive)} "
            f"({', '.join(f'{reason} {count:,}' for reason, count in dropped.items())})"
        )
    parts = {
        part: np.arange(start, end)
        for part, start, end in zip(kept, starts[:-1], starts[1:], strict=True)
        if end > start
    }
    files = np.concatenate([one.instances.files[kept[one.part]] for one in found])
    levels = {name: _BY_EYE.get(name, tuple(own_words)) for name in sensitive}

    def read(name: str) -> Codes:
        return np.concatenate(columns[name]), levels[name]

    return Copy(
        files,
        Columns(tuple(sensitive), read),
        parts,
        OneFileEach(
            files,
            asked.images or tree.root,
            [slice(int(rows[0]), int(rows[-1]) + 1) for rows in parts.values()],
            scenes=True,
        ),
        _labels(found, kept),
        dropped,
        carved=True,
    )


def _instances(tree: Tree, year: int | None) -> list[_Part]:
    paths: dict[int, list[tuple[SplitPart, str, Path]]] = {}
    spelt: tuple[tuple[str, SplitPart], ...] = (("train", "train"), ("val", "test"))
    for of_year in (2014, 2017):
        for word, part in spelt:
            name = rf"instances_{word}{of_year}\.json"
            path = tree.first(name, rf"{name}(\.gz|\.zip)")
            if path is not None:
                paths.setdefault(of_year, []).append((part, word, path))
    if not paths:
        return []
    if year is not None and year not in paths:
        raise DataError(
            f"year: no instances_*{year}.json in {tree.root}, but those of "
            f"{', '.join(map(str, paths))}"
        )
    if year is None and len(paths) > 1:
        raise DataError(
            f"year: {tree.root} has the splits of {' and '.join(map(str, paths))}, which share "
            "images; say year=2014 or year=2017"
        )
    own = next(iter(paths)) if year is None else year
    return [_Part(part, word, own, read_instances(path)) for part, word, path in paths[own]]


def _check_sensitive(sensitive: list[str]) -> None:
    known = ["gender", *_BY_EYE]
    for name in sensitive:
        if name not in known:
            raise DataError(f"sensitive: COCO has no {name!r}. {hint(name, known)}")


def _labels(found: list[_Part], kept: Mapping[SplitPart, NDArray[np.int64]]) -> Labels:
    names = found[0].instances.categories
    for one in found:
        if one.instances.categories != names:
            raise DataError(
                f"folder: instances_{one.word}{one.year}.json and "
                f"instances_{found[0].word}{one.year}.json differ in their categories"
            )
    has = np.concatenate([one.instances.has[kept[one.part]] for one in found])
    chosen = [at for at, name in enumerate(names) if name != PERSON]
    return Labels(tuple(names[at] for at in chosen), has[:, chosen])


def _groups(
    tree: Tree, one: _Part, name: str, words: Mapping[str, Sequence[str]]
) -> NDArray[np.int64]:
    """The group of each image of a part, or the code of why it has none."""
    if name == "gender":
        file = f"captions_{one.word}{one.year}.json"
        path = tree.first(re.escape(file), rf"{re.escape(file)}(\.gz|\.zip)")
        if path is None:
            raise tree.nothing([f"{file}, from which gender is read,"])
        return named_groups(read_captions(path), one.instances.images, words)
    path = tree.first(r"images_val2014\.csv", r"images_val2014\.csv(\.gz|\.zip)")
    if path is None:
        raise tree.nothing([f"images_val2014.csv (Zhao et al. 2021), which has {name},"])
    return _by_eye(path, name, one.instances.images)


def _by_eye(path: Path, name: str, images: NDArray[np.int64]) -> NDArray[np.int64]:
    # Both years' images have the same numbers: those of other parts find no row here.
    table = parse_delimited(content_of(path), str(path), delimiter=",", missing=())
    lacking = [column for column in ("id", name) if column not in table.column_names]
    if lacking:
        raise DataError(f"path: {path} lacks the columns {', '.join(lacking)}")
    if not pa.types.is_integer(table["id"].type):
        raise DataError(f"path: {path} has an id that is no whole number")
    own = pc.fill_null(pc.index_in(table[name], pa.array(_BY_EYE[name])), -1)
    # "Both" is several groups; "Unsure", and whatever else is written, is none.
    codes = np.where(np.asarray(pc.equal(table[name], "Both")), SEVERAL, np.asarray(own))
    place = np.asarray(pc.fill_null(pc.index_in(pa.array(images), table["id"]), -1))
    return np.where(place >= 0, codes[place], NOBODY)
