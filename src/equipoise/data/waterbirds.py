"""Waterbirds as features of a network that somebody has extracted."""

from __future__ import annotations

import io
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from equipoise.data.errors import DataError
from equipoise.data.read import read_table

__all__ = ["Waterbirds", "read_waterbirds"]

_CODES = {"y": (0, 1), "place": (0, 1), "split": (0, 1, 2)}


@dataclass(frozen=True, eq=False)
class Waterbirds:
    """Rows of one part.

    Attributes
    ----------
    features : ndarray of float32, shape (n, d)
    label : ndarray of int64, shape (n,)
        1 is a waterbird.
    place : ndarray of int64, shape (n,)
        1 is a background of water.
    """

    features: NDArray[np.float32]
    label: NDArray[np.int64]
    place: NDArray[np.int64]


def read_waterbirds(path: str | os.PathLike[str]) -> dict[str, Waterbirds]:
    """Read the features of Waterbirds.

    Parameters
    ----------
    path : path-like
        An .npz file with ``features`` (n, d), ``y`` (1 is a waterbird), ``place`` (1 is water) and
        ``split`` (0 train, 1 validation, 2 test), each of the last three of shape (n,), as the
        published metadata codes them (Sagawa et al. 2020, arXiv 1911.08731); or a .parquet file
        with these three columns, in which all others are features.

    Returns
    -------
    dict of Waterbirds
        By "train", "validation" and "test".

    Raises
    ------
    DataError
        If there is no such file, an array is missing or of another length, a code is another, a
        feature is no finite number, or a cell of label and place has no row in train or test.
    """
    path = Path(path)
    arrays = _from_parquet(path) if path.suffix == ".parquet" else _from_npz(path)
    features = arrays["features"]
    if features.ndim != 2 or not features.size or features.dtype.kind not in "fiu":
        raise DataError(
            f"features: {path} has {features.dtype} of shape {features.shape}, wanted numbers of "
            "shape (n, d)"
        )
    if not np.isfinite(features).all():
        raise DataError(f"features: {path} has NaN or infinity; leave such rows out")
    codes = {}
    for name, wanted in _CODES.items():
        values = arrays[name]
        if values.shape != (len(features),) or not np.isin(values, wanted).all():
            raise DataError(
                f"{name}: {path} has {values.dtype} of shape {values.shape}, wanted "
                f"{len(features)} of the codes {', '.join(map(str, wanted))}"
            )
        codes[name] = values.astype(np.int64)
    found = {}
    for number, part in enumerate(("train", "validation", "test")):
        own = codes["split"] == number
        found[part] = Waterbirds(
            features[own].astype(np.float32), codes["y"][own], codes["place"][own]
        )
        cells = np.bincount(2 * codes["y"][own] + codes["place"][own], minlength=4)
        if part != "validation" and cells.min() < 1:
            raise DataError(
                f"split: {path} has {cells.tolist()} {part} rows by y and place (0 0, 0 1, 1 0, "
                "1 1), wanted some of each"
            )
    return found


def _from_npz(path: Path) -> dict[str, NDArray[np.generic]]:
    if not path.is_file():
        raise DataError(f"path: no file {path}; wanted an .npz or .parquet file of features")
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
            return {name: file[name] for name in ("features", *_CODES)}
    except KeyError as error:
        raise DataError(f"path: {path} lacks an array: {error.args[0]}") from error
    except (ValueError, OSError, AttributeError, TypeError) as error:
        raise DataError(f"path: {path} is no npz file of arrays of numbers") from error


def _from_parquet(path: Path) -> dict[str, NDArray[np.generic]]:
    table = read_table(path)
    lacking = [name for name in _CODES if name not in table.columns]
    if lacking:
        raise DataError(f"path: {path} lacks the columns {', '.join(lacking)}")
    names = [name for name in table.columns if name not in _CODES]
    if not names:
        raise DataError(f"path: {path} has no column besides {', '.join(_CODES)}, wanted features")
    features = np.stack([table[name].to_numpy() for name in names], axis=1)
    return {"features": features, **{name: table[name].to_numpy() for name in _CODES}}
