"""COCO's objects with gender as lines of JSON, after Wang et al. (2019, arXiv 1811.08489)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError, hint
from equipoise.data.image_groups.assemble import Asked, Codes, Columns, Copy, Labels
from equipoise.data.image_groups.one_file_each import OneFileEach
from equipoise.data.image_groups.parts import SplitPart
from equipoise.data.image_groups.tree import Tree, content_of

__all__ = ["read_coco_lines"]

_GENDERS = ("man", "woman")


def read_coco_lines(tree: Tree, asked: Asked) -> Copy | None:
    """Read ``coco_objects_train.jsonl``, ``_val`` and ``_test``, as many as are there.

    Parameters
    ----------
    tree : Tree
        A line has ``file_name``, ``gender`` ([1, 0] a man, [0, 1] a woman) and ``objects``, zeros
        and ones in the order of ``coco_objects_id_map.json``.
    asked : Asked

    Returns
    -------
    Copy or None
        None where no such file is there.

    Raises
    ------
    DataError
        If a file is damaged, or lines differ in the number of objects.
    """
    spelt: tuple[tuple[str, SplitPart], ...] = (
        ("train", "train"),
        ("val", "validation"),
        ("test", "test"),
    )
    found: dict[SplitPart, Path] = {}
    for word, part in spelt:
        path = tree.first(rf"coco_objects_{word}\.jsonl", rf"coco_objects_{word}\.jsonl\.gz")
        if path is not None:
            found[part] = path
    if not found:
        return None
    for name in asked.sensitive or ():
        if name != "gender":
            raise DataError(f"sensitive: this copy has no {name!r}. {hint(name, ['gender'])}")
    names = _names(tree)
    files: list[str] = []
    gender: list[int] = []
    objects: list[list[int]] = []
    parts: dict[SplitPart, NDArray[np.int64]] = {}
    for part, path in found.items():
        start = len(files)
        for number, line in enumerate(content_of(path).splitlines(), 1):
            if not line.strip():
                continue
            file, own, has = _line(line, len(names), f"line {number} of {path}")
            files.append(file)
            gender.append(own)
            objects.append(has)
        parts[part] = np.arange(start, len(files))
    all_files = np.array(files)

    def read(name: str) -> Codes:
        return np.array(gender, np.int64), _GENDERS

    return Copy(
        all_files,
        Columns(("gender",), read),
        parts,
        OneFileEach(
            all_files,
            asked.images or tree.root,
            [slice(int(rows[0]), int(rows[-1]) + 1) for rows in parts.values()],
            scenes=True,
        ),
        Labels(names, np.array(objects, bool)),
    )


def _names(tree: Tree) -> tuple[str, ...]:
    path = tree.first(r"coco_objects_id_map\.json", r"coco_objects_id_map\.json\.gz")
    if path is None:
        raise tree.nothing(["coco_objects_id_map.json, which names the objects,"])
    try:
        by_number = {
            int(key): str(name) for key, name in json.loads(content_of(path))["id2object"].items()
        }
        # As the annotations of COCO spell them.
        return tuple(by_number[at].replace("_", " ") for at in range(len(by_number)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"path: {path} wants id2object with the names of objects 0, 1, ..., but "
            f"{type(error).__name__}: {error}"
        ) from error


def _line(line: bytes, k: int, where: str) -> tuple[str, int, list[int]]:
    try:
        read = json.loads(line)
        file, gender, has = str(read["file_name"]), list(read["gender"]), list(read["objects"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"path: {where} wants file_name, gender and objects ({type(error).__name__}: {error})"
        ) from error
    if gender not in ([1, 0], [0, 1]):
        raise DataError(f"gender: {gender} in {where}, wanted [1, 0] (man) or [0, 1] (woman)")
    if len(has) != k or not set(has) <= {0, 1}:
        raise DataError(f"objects: {len(has)} values in {where}, wanted {k} of 0 and 1")
    return file, gender.index(1), has
