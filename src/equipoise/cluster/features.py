"""Which columns of a table are features, and in which units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.cluster.reading import Source, is_number, numbers
from equipoise.data.arrow import Kind
from equipoise.data.errors import DataError, hint
from equipoise.data.sensitive import SensitiveColumn, group_names, sensitive_columns

Array = NDArray[np.float64]
Scaling = Literal["standard", "max", "none"]

# Rows of a block of numbers. Sums over blocks depend on how rows are cut, so they are always cut
# like this, whatever blocks they are read in.
_ROWS = 65_536


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are for.

    Attributes
    ----------
    features : tuple of str
    left_out : mapping of str to str
        Other columns, and why they are no features.
    sensitive : tuple of SensitiveColumn
    weights : str or None
    missing_group : str or None
    """

    features: tuple[str, ...]
    left_out: Mapping[str, str]
    sensitive: tuple[SensitiveColumn, ...]
    weights: str | None
    missing_group: str | None

    @classmethod
    def of(
        cls,
        kinds: Mapping[str, Kind],
        *,
        columns: Sequence[str] | None,
        drop: Sequence[str],
        sensitive: Sequence[str],
        weights: str | None,
        missing_group: str | None,
    ) -> Roles:
        """Give the columns their roles, and check them.

        Parameters
        ----------
        kinds : mapping of str to Kind
            What each column of the table holds.
        columns : sequence of str or None
            The features. By default all columns of numbers that have no other role: a distance
            needs numbers, and how categories become such is for the user to say.
        drop : sequence of str
            Columns that are no features.
        sensitive : sequence of str
        weights : str or None
        missing_group : str or None

        Returns
        -------
        Roles

        Raises
        ------
        DataError
            If there is no such column, a feature holds no numbers, or no feature is left.
        """
        for argument, given in (("columns", columns), ("drop", drop), ("sensitive", sensitive)):
            if isinstance(given, str):
                raise DataError(f"{argument}: given the text {given!r}, wanted a list: [{given!r}]")
        names = list(kinds)
        specs = tuple(sensitive_columns(sensitive, names)) if sensitive else ()
        for argument, named in (
            ("columns", columns or ()), ("drop", drop), ("weights", [weights] if weights else ()),
        ):  # fmt: skip
            for name in named:
                if name not in kinds:
                    raise DataError(
                        f"{argument}: no column {name!r} in the table. {hint(name, names)}"
                    )
        if columns is not None:
            if both := [name for name in columns if name in drop]:
                raise DataError(
                    f"drop: column {both[0]!r} is among the columns too, which are the only "
                    "features if they are named; leave it out of one of them."
                )
            chosen = _chosen(columns, kinds, weights)
            return cls(chosen, {}, specs, weights, missing_group)
        taken = {spec.column: "sensitive" for spec in specs} | dict.fromkeys(drop, "left out")
        if weights is not None:
            taken[weights] = "weights"
        rest = [name for name in names if name not in taken]
        features = tuple(name for name in rest if is_number(kinds[name]))
        left_out = {name: f"holds {_held(kinds[name])}" for name in rest if name not in features}
        if not features:
            raise DataError(
                "columns: no column of numbers is left to be a feature: "
                + "; ".join(f"{name!r} {why}" for name, why in list(left_out.items())[:10])
                + ". Encode categories as numbers first, one column a category, say."
            )
        return cls(features, left_out, specs, weights, missing_group)

    @property
    def sensitive_names(self) -> tuple[str, ...]:
        """The sensitive columns."""
        return tuple(spec.column for spec in self.sensitive)

    @property
    def columns(self) -> list[str]:
        """All that are read."""
        used = [*self.features, *(spec.column for spec in self.sensitive)]
        return [*dict.fromkeys([*used, *([self.weights] if self.weights else [])])]


class Block(NamedTuple):
    """Rows as numbers.

    Attributes
    ----------
    points : ndarray, shape (n, d)
    weights : ndarray, shape (n,)
    groups : dict of str to pyarrow.Array
        The value of each sensitive column in each row, as text.
    """

    points: Array
    weights: Array
    groups: dict[str, pa.Array]


def read_numbers(source: Source, roles: Roles) -> Iterator[Block]:
    """Go through the rows of a source, always cut alike.

    Parameters
    ----------
    source : Source
    roles : Roles

    Yields
    ------
    Block
        Of 65,536 rows, but for the last.

    Raises
    ------
    DataError
        If values are missing, not finite or no numbers.
    """
    held: list[pa.Table] = []
    waiting, row = 0, 0
    for table in source.typed_blocks(roles.columns):
        some = table.select(roles.columns)
        while len(some):
            part = some.slice(0, _ROWS - waiting)
            some = some.slice(len(part))
            held.append(part)
            waiting += len(part)
            if waiting == _ROWS:
                yield _numbers(held, roles, row)
                row += waiting
                held, waiting = [], 0
    if waiting:
        yield _numbers(held, roles, row)


@dataclass(frozen=True, eq=False)
class Scale:
    """What features are divided by, so that none decides by its unit alone.

    Nothing is subtracted: distances do not change when all rows move together.

    Attributes
    ----------
    scaling : {"standard", "max", "none"}
    divisors : ndarray, shape (d,)
    """

    scaling: Scaling
    divisors: Array

    def to_points(self, rows: Array) -> Array:
        """From the units of the table.

        Parameters
        ----------
        rows : ndarray, shape (n, d)

        Returns
        -------
        ndarray, shape (n, d)
        """
        return rows if self.scaling == "none" else rows / self.divisors

    def to_rows(self, points: Array) -> Array:
        """Back to the units of the table.

        Parameters
        ----------
        points : ndarray, shape (n, d)

        Returns
        -------
        ndarray, shape (n, d)
            To 15 significant digits, so that what was 39 is not 38.999999999999996.
        """
        if self.scaling == "none":
            return points
        back = points * self.divisors
        size = np.floor(np.log10(np.abs(back), where=back != 0, out=np.zeros_like(back)))
        # Powers of ten are exact only up to 22: what is smaller or larger stays as it is.
        exact = np.abs(14 - size) <= 22
        step = 10.0 ** np.where(exact, 14 - size, 0.0)
        return np.where(exact, np.round(back * step) / step, back)


class Scaler:
    """Finds the scale block by block.

    Weighted means and squares are put together as Chan, Golub and LeVeque (1983) do.

    Parameters
    ----------
    n_features : int
    scaling : {"standard", "max", "none"}
        Standard deviations; largest absolute values, as in Huang, Jiang and Vishnoi's experiments;
        or 1.

    Raises
    ------
    DataError
        If it is none of these.
    """

    def __init__(self, n_features: int, scaling: Scaling) -> None:
        if scaling not in get_args(Scaling):
            raise DataError(
                f"scale: given {scaling!r}, wanted one of {', '.join(get_args(Scaling))}"
            )
        self.scaling = scaling
        self._weight = 0.0
        self._mean = np.zeros(n_features)
        self._squares = np.zeros(n_features)
        self._largest = np.zeros(n_features)
        self._unit = np.ones(n_features)

    @property
    def needs_rows(self) -> bool:
        """Whether all rows have to be added before the scale is known."""
        return self.scaling != "none"

    def add(self, block: Block) -> None:
        """Take rows into account.

        Parameters
        ----------
        block : Block
        """
        some = block.weights > 0
        X, w = block.points[some], block.weights[some]
        if not len(X):
            return
        self._largest = np.maximum(self._largest, np.abs(X).max(axis=0))
        self._measure_in(_unit(self._largest))
        X = X / self._unit
        weight = w.sum()
        mean = w @ X / weight
        squares = w @ (X - mean) ** 2
        moved = mean - self._mean
        total = self._weight + weight
        self._squares += squares + moved**2 * (self._weight * weight / total)
        self._mean += moved * (weight / total)
        self._weight = total

    def _measure_in(self, unit: Array) -> None:
        ratio = self._unit / unit
        self._mean *= ratio
        self._squares *= ratio
        self._squares *= ratio
        self._unit = unit

    @property
    def scale(self) -> Scale:
        """The scale; a column that is constant (or 0, for "max") stays as it is."""
        found = self._largest
        if self.scaling == "standard" and self._weight:
            found = np.sqrt(self._squares / self._weight) * self._unit
            # What rounding makes of a column that is constant is no deviation.
            found = np.where(found > 1e-13 * self._largest, found, 0.0)
        if self.scaling == "none":
            found = np.ones(len(found))
        return Scale(self.scaling, np.where(found > 0, found, 1.0))


def _unit(largest: Array) -> Array:
    """The power of two next above, in which squares neither overflow nor vanish.

    Dividing by it is exact. It ends short of the largest and least floats, so that its inverse is
    one too.
    """
    return np.ldexp(1.0, np.clip(np.frexp(largest)[1], -1000, 1000))


def _chosen(
    columns: Sequence[str], kinds: Mapping[str, Kind], weights: str | None
) -> tuple[str, ...]:
    if not columns:
        raise DataError("columns: given none, wanted at least one column of numbers.")
    if len(set(columns)) < len(columns):
        twice = next(name for name in columns if list(columns).count(name) > 1)
        raise DataError(f"columns: column {twice!r} is named twice; name it once.")
    for name in columns:
        if name == weights:
            raise DataError(f"columns: column {name!r} has the weights; it is no feature.")
        if not is_number(kinds[name]):
            raise DataError(
                f"columns: column {name!r} holds {_held(kinds[name])}, and distances need numbers; "
                "encode it first (one column a category, say), or leave it out."
            )
    return tuple(columns)


def _held(kind: Kind) -> str:
    return {"null": "no values", "other": "neither numbers nor text"}.get(kind, f"{kind}")


def _numbers(parts: list[pa.Table], roles: Roles, first: int) -> Block:
    block = pa.concat_tables(parts, promote_options="permissive")
    points = np.empty((len(block), len(roles.features)))
    for j, name in enumerate(roles.features):
        points[:, j] = numbers(block, name, "columns")
    _require_finite(block, points, roles.features, first)
    weights = np.ones(len(block))
    if roles.weights is not None:
        weights = numbers(block, roles.weights, "weights")
        wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
        if len(wrong):
            raise DataError(
                f"weights: column {roles.weights!r} must have a finite number of at least 0 in "
                f"every row, but row {first + wrong[0] + 1:,} has {weights[wrong[0]]:g}."
            )
    groups = {
        spec.column: group_names(block[spec.column], spec, roles.missing_group)
        for spec in roles.sensitive
    }
    return Block(points, weights, groups)


def _require_finite(block: pa.Table, points: Array, features: tuple[str, ...], first: int) -> None:
    # A sum is finite only if all terms are; only then is it worth looking where.
    if np.isfinite(points.sum()) or np.isfinite(points).all():
        return
    for j, name in enumerate(features):
        wrong = np.flatnonzero(~np.isfinite(points[:, j]))
        if len(wrong):
            missing: Any = block[name].null_count
            what = f"{missing:,} missing" if missing else f"{len(wrong):,} infinite"
            raise DataError(
                f"columns: column {name!r} has {what} values in rows {first + 1:,} to "
                f"{first + len(points):,}, the first in row {first + wrong[0] + 1:,}; fill them, "
                f"remove those rows, or leave the column out (by default all columns of numbers "
                f"are features: drop=[{name!r}]; on the command line --drop {name})."
            )
