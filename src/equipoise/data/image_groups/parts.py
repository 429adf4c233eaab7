"""Train, validation and test: as files are named, and as rows are drawn where none says so."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.data.split import split

__all__ = ["SplitPart", "carve", "known_part", "split_at_random"]

SplitPart = Literal["train", "validation", "test"]

# As in the published split of CelebA: 162,770, 19,867 and 19,962 of 202,599.
_SHARES: tuple[tuple[SplitPart, float], ...] = (
    ("train", 0.8),
    ("validation", 0.1),
    ("test", 0.1),
)
_CARVED = 0.1
_MEANT: dict[str, SplitPart] = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}
_PART = re.compile(rf"({'|'.join(_MEANT)})(?=[-.]|$)", re.IGNORECASE)


def known_part(name: str) -> SplitPart | None:
    """Read off the name of a file or folder which part it holds.

    Parameters
    ----------
    name : str
        Such as "train", "val-00000-of-00001.parquet" or "Validation"; "training_data" is none.

    Returns
    -------
    {"train", "validation", "test"} or None
    """
    match = _PART.match(name)
    return None if match is None else _MEANT[match[1].lower()]


def split_at_random(
    columns: Sequence[NDArray[np.integer]], seed: int, why: str
) -> dict[SplitPart, NDArray[np.int64]]:
    """Split all rows 80 : 10 : 10, with a warning that no published figure compares with it.

    Parameters
    ----------
    columns : sequence of ndarray of int, shape (n,)
        Labels and groups, of which each part gets its share.
    seed : int
    why : str
        What the warning begins with.

    Returns
    -------
    dict of ndarray of int64
    """
    warnings.warn(
        f"{why}: rows are split at random, 80 : 10 : 10, seed {seed}. Pictures of one person may "
        "fall on both sides, which makes a test too easy, and no published figure compares.",
        stacklevel=4,
    )
    rows = split(_strata(columns), {str(part): share for part, share in _SHARES}, seed)
    return {part: rows[part] for part, _ in _SHARES}


def carve(
    rows: NDArray[np.int64], columns: Sequence[NDArray[np.integer]], seed: int
) -> dict[SplitPart, NDArray[np.int64]]:
    """Take a tenth of the train rows as validation.

    Parameters
    ----------
    rows : ndarray of int64, shape (m,)
        Of the published train part.
    columns : sequence of ndarray of int, shape (n,)
        Labels and groups, of which both parts get their share.
    seed : int

    Returns
    -------
    dict of ndarray of int64
        "train" and "validation".
    """
    found = split(_strata(columns)[rows], {"train": 1 - _CARVED, "validation": _CARVED}, seed)
    return {"train": rows[found["train"]], "validation": rows[found["validation"]]}


def _strata(columns: Sequence[NDArray[np.integer]]) -> NDArray[np.int64]:
    joint = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        joint = joint * (int(column.max(initial=0)) + 1) + column
        # Kept small, so that no number of columns overflows.
        joint = np.unique(joint, return_inverse=True)[1].reshape(-1)
    return joint
