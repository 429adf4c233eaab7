"""Flips as they are written on a command line, or in a file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equipoise.data.errors import DataError
from equipoise.data.read import SUFFIXES, read_table
from equipoise.groups import Groups
from equipoise.noise import FlipMatrix, NoisyGroups, randomised_response
from equipoise.noise.given import read_flips

_ENTRY = re.compile(
    r"\s*(?P<true>[^>=]+?)\s*-?>\s*(?P<observed>[^>=]+?)\s*=\s*(?P<p>[^,=\s]+)\s*(?:,|$)"
)
_KEEP = re.compile(r"\s*keep\s*=\s*(?P<p>\S+)\s*")
_HOW = (
    "write it like 'Male>Female=0.1,Female>Male=0.3' (true > observed), 'keep=0.75', or the name "
    "of a .csv or .json file"
)


def flips_of_specs(
    specs: Sequence[str], observed: Mapping[str, Sequence[str]]
) -> dict[str, FlipMatrix]:
    """Read flips of sensitive columns.

    Parameters
    ----------
    specs : sequence of str
        One a column, as in ``"sex: Male>Female=0.1,Female>Male=0.3"``: that a member of the first
        is observed as one of the second has this probability. ``"keep=0.75"`` says how often the
        true group is observed, the others being equally probable otherwise. A .csv, .tsv or
        .parquet file has a row a true group, named in the first column, and a column an observed
        one, of probabilities or of numbers of rows; a .json file has ``{"Male -> Female": 0.1}``.
        Without a column's name it is of the only sensitive column.
    observed : mapping from names of columns to the names of their groups

    Returns
    -------
    dict of FlipMatrix
        Of the columns that are named.

    Raises
    ------
    DataError
        If one cannot be read, or a column is named twice or not there.
    """
    found: dict[str, FlipMatrix] = {}
    for spec in specs:
        column, written = _column(spec, observed)
        if column in found:
            raise DataError(f"noise: the flips of column {column!r} are given twice.")
        try:
            found[column] = _read(written, observed[column])
        except DataError:
            raise
        except ValueError as error:
            raise DataError(f"noise: of column {column!r}: {error}") from error
    return found


def groups_with_flips(columns: Mapping[str, Any], noise: Any) -> NoisyGroups:
    """The groups of sensitive columns that are observed with errors.

    Parameters
    ----------
    columns : mapping from names to array-like of n values
        Several are crossed.
    noise : str, sequence of str, or mapping from names of columns to flips
        As :func:`flips_of_specs` reads it, or as :meth:`equipoise.NoisyGroups.of` takes it.

    Returns
    -------
    NoisyGroups of n rows

    Raises
    ------
    ValueError
        If flips cannot be read or undone.
    """
    if not isinstance(noise, Mapping):
        written = [noise] if isinstance(noise, str) else noise
        noise = flips_of_specs(written, {name: Groups.of(x).names for name, x in columns.items()})
    return NoisyGroups.of(columns, p_flip=noise)


def _column(spec: str, observed: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    for name in sorted(observed, key=len, reverse=True):
        if spec.strip().startswith(f"{name}:"):
            return name, spec.strip()[len(name) + 1 :]
    if len(observed) > 1:
        raise DataError(
            f"noise: {spec!r} names none of the sensitive columns {', '.join(map(repr, observed))} "
            "whose flips it gives; begin it with one and a colon."
        )
    return next(iter(observed)), spec


def _read(written: str, names: Sequence[str]) -> FlipMatrix:
    path = Path(written.strip())
    if path.name.endswith(SUFFIXES):
        return read_flips(read_table(path).to_native(), names)
    if path.suffix == ".json":
        return read_flips(_read_json(path), names)
    keep = _KEEP.fullmatch(written)
    if keep:
        return randomised_response(names, _number(keep["p"], written))
    pairs: dict[tuple[str, str], float] = {}
    at = 0
    while at < len(written):
        entry = _ENTRY.match(written, at)
        if entry is None:
            raise DataError(f"noise: cannot read {written[at:].strip()!r}; {_HOW}.")
        pair = entry["true"], entry["observed"]
        if pair in pairs:
            raise DataError(f"noise: {pair[0]} > {pair[1]} is given twice.")
        pairs[pair] = _number(entry["p"], written)
        at = entry.end()
    if not pairs:
        raise DataError(f"noise: {written!r} names no flip; {_HOW}.")
    return read_flips(pairs, names)


def _number(text: str, written: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"noise: {text!r} in {written!r} is no probability.") from None


def _read_json(path: Path) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"noise: cannot read {path}: {error.strerror}.") from error
    except ValueError as error:
        raise DataError(f"noise: {path} is no JSON ({error}).") from error
    if not isinstance(found, dict):
        raise DataError(f'noise: {path} must hold an object such as {{"Male -> Female": 0.1}}.')
    return found
