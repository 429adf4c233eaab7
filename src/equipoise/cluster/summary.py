"""``equipoise.summarise(...)``: a table of any size as a few thousand weighted rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.cluster.combinations import Combinations
from equipoise.cluster.features import Scale, Scaler, Scaling, read_numbers
from equipoise.cluster.sizes import read_size, read_whole
from equipoise.cluster.sources import Opened, open_source
from equipoise.cluster.summary_format import ROW, WEIGHT, as_metadata, said_by
from equipoise.coresets import Coreset, CoresetStream, Stratified
from equipoise.coresets.centres import centre_families
from equipoise.coresets.distances import nearest, to_power
from equipoise.coresets.distortion import Distortion
from equipoise.data import DataError, read_table, write_table
from equipoise.data.arrow import to_arrow
from equipoise.data.blocks import column_names
from equipoise.report import Table

Array = NDArray[np.float64]

# Sets of centres of each kind at which a summary is checked.
_SETS = 4

Progress = Callable[[str, int, int | None], None]
"""Told of what is done, how many rows of it, and of how many, if that is known."""


@dataclass(frozen=True, eq=False)
class Summary:
    """Weighted rows in place of a table's, for clustering.

    Attributes
    ----------
    name : str
        Of the data.
    coreset : Coreset
        Points are rows divided by the scale; collections are combinations of sensitive values.
    scale : Scale
    features : tuple of str
    combinations : Combinations
        Of the values of the sensitive columns.
    left_out : mapping of str to str
        Columns that are no features, and why.
    observed : Distortion or None
        By how much its costs differ from those of all rows at some centres, if that was looked at.
    """

    name: str
    coreset: Coreset
    scale: Scale
    features: tuple[str, ...]
    combinations: Combinations
    left_out: Mapping[str, str] = field(default_factory=dict)
    observed: Distortion | None = None

    def __len__(self) -> int:
        return len(self.coreset)

    @property
    def rows(self) -> Array:
        """The points in the units of the table, shape (m, d)."""
        return self.scale.to_rows(self.coreset.points)

    @property
    def sensitive(self) -> tuple[str, ...]:
        """The sensitive columns."""
        return self.combinations.columns

    @property
    def keys(self) -> tuple[str, ...]:
        """What the sensitive columns are called in the table."""
        # A number that was cut into groups may be a feature too.
        return tuple(n if n not in self.features else f"{n} (group)" for n in self.sensitive)

    def table(self) -> pa.Table:
        """A table: features, sensitive columns, ``weight``, and ``row``, the row's number from 0.

        Returns
        -------
        pyarrow.Table
        """
        coreset = self.coreset
        columns: dict[str, Any] = dict(zip(self.features, self.rows.T, strict=True))
        values = list(self.combinations.known)
        for c, key in enumerate(self.keys):
            of_each = pa.array([one[c] for one in values], pa.string())
            columns[key] = of_each.take(pa.array(coreset.collections))
        for added in (WEIGHT, ROW):
            if added in columns:
                raise DataError(
                    f"the table has a column {added!r} of its own, which a summary needs for "
                    "itself; rename it."
                )
        columns[WEIGHT] = coreset.weights
        columns[ROW] = coreset.rows
        return pa.table(columns)

    def write(self, path: str | Path) -> None:
        """Write the table to a .parquet, .csv or .tsv file, whole or not at all.

        Parquet keeps what else is known of the summary with its schema, so that :meth:`load` gives
        all of it back and :func:`equipoise.cluster` knows the weights.

        Parameters
        ----------
        path : path

        Raises
        ------
        DataError
            If it cannot be written.
        """
        write_table(self.table(), path, as_metadata(self.to_dict()))

    @classmethod
    def load(cls, path: str | Path) -> Summary:
        """Read a summary that was written as Parquet.

        Parameters
        ----------
        path : path

        Returns
        -------
        Summary

        Raises
        ------
        DataError
            If it is no such file, or its rows or columns are not those that were written.
        """
        columns = column_names(Path(path))
        said = said_by(path)
        if said is None:
            raise DataError(
                f"path: {path} is no summary; write one as Parquet, by equipoise summarise."
            )
        for name in (*said["features"], *said["keys"], WEIGHT, ROW):
            if name not in columns:
                raise DataError(
                    f"path: {path} is a summary that has lost its column {name!r}; write it anew "
                    "by equipoise summarise."
                )
        table = to_arrow(read_table(path))
        mass = np.sum(table[WEIGHT].to_numpy())
        if len(table) != said["points"] or not np.isclose(mass, said["mass"], rtol=1e-9, atol=0):
            raise DataError(
                f"path: {path} has {len(table):,} points of weight {mass:g}, but was written with "
                f"{said['points']:,} of {said['mass']:g}; write it anew by equipoise summarise."
            )
        scale = Scale(said["scale"], np.array(said["divisors"]))
        features, sensitive = tuple(said["features"]), tuple(said["sensitive"])
        rows = np.stack([table[name].to_numpy() for name in features], axis=1)
        combinations = Combinations(
            sensitive, {tuple(values): c for c, values in enumerate(said["combinations"])}
        )
        codes = combinations.codes(
            {
                name: table[key].combine_chunks()
                for name, key in zip(sensitive, said["keys"], strict=True)
            },
            len(table),
        )
        coreset = Coreset(
            np.ascontiguousarray(scale.to_points(rows)),
            table[WEIGHT].to_numpy(),
            codes,
            table[ROW].to_numpy(),
            said["power"],
            said["movement"],
            said["offset"],
            said["n_rows"],
            tuple(said["lineage"]),
        )
        return cls(said["name"], coreset, scale, features, combinations, said["left_out"])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the points, as JSON can hold it."""
        coreset = self.coreset
        return {
            "name": self.name,
            "points": len(coreset),
            "n_rows": coreset.n_rows,
            "mass": coreset.mass,
            "power": coreset.power,
            "movement": coreset.movement,
            "offset": coreset.offset,
            "lineage": list(coreset.lineage),
            "features": list(self.features),
            "scale": self.scale.scaling,
            "divisors": self.scale.divisors.tolist(),
            "sensitive": list(self.sensitive),
            "keys": list(self.keys),
            "combinations": [list(values) for values in self.combinations.known],
            "masses": [coreset.masses.get(c, 0.0) for c in self.combinations.known.values()],
            "left_out": dict(self.left_out),
            "observed": None
            if self.observed is None
            else {
                name: [float(error) if np.isfinite(error) else None for error in errors]
                for name, errors in self.observed.errors.items()
            },
        }

    def tables(self) -> list[Table]:
        """What it is, as tables for a terminal or a page."""
        from equipoise.cluster.summary_tables import tables

        return tables(self)


def summarise(
    source: Any,
    *,
    n_clusters: int,
    size: int | None = None,
    eps: float | None = None,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    sensitive: Sequence[str] | None = None,
    weights: str | None = None,
    power: float = 2.0,
    scale: Scaling = "standard",
    missing_group: str | None = None,
    data_dir: str | Path | None = None,
    check: bool = False,
    random_state: int = 0,
    progress: Progress | None = None,
) -> Summary:
    """Summarise a table of any size by weighted rows of it, in memory for a block.

    What k clusters cost on the summary is close to what they cost on the table, whatever their
    centres; and each combination of sensitive values has exactly the weight that it has there.

    Parameters
    ----------
    source : str, path, table, Arrow stream, or iterable of tables
        "census-sim", a known table, a .parquet, .csv or .tsv file, or tables of any library.
    n_clusters : int
        k: clusters that are going to be looked for, at most.
    size : int, optional
        Points of the summary, about. By default as many as ``eps`` asks for.
    eps : float, optional
        The error of costs that it is to have, by a rule of experience; 0.01 by default.
    columns : sequence of str, optional
        The features. By default all columns of numbers that have no other role; others are left
        out, which ``left_out`` tells.
    drop : sequence of str
        Columns that are no features.
    sensitive : sequence of str, optional
        Columns whose values make groups; ``"age:25,60"`` cuts a number into groups. Known tables
        have usual ones.
    weights : str, optional
        A column of how much each row counts.
    power : float
        z: 2 for k-means, 1 for k-median.
    scale : {"standard", "max", "none"}
        What features are divided by: their standard deviation, their largest absolute value, or
        nothing. A distance adds up features in their units, so that without it the one in the
        smallest unit decides alone (of Adult's six numbers one has 99.5 % of the variance).
        Deviations are the default and not largest values, since one outlier would shrink its
        column. Either takes one more pass, so that one-shot streams must say "none".
    missing_group : str, optional
        The group of rows whose sensitive value is missing; without it they are refused.
    data_dir : path, optional
        Where known tables are.
    check : bool
        Whether to go through the rows once more, to look by how much costs on the summary differ
        from those of all rows at centres of several kinds. It is observed, not guaranteed.
    random_state : int
        One seed gives the same bytes, whatever blocks the rows come in.
    progress : callable, optional
        Called with what is done, rows so far, and rows in all, if known.

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        For anything that could not give an answer; the message says what and why.
    """
    k = read_whole(n_clusters, "n_clusters")
    read_size(size, eps, k, power)
    seed = read_whole(random_state, "random_state", 0)
    opened = open_source(
        source,
        columns=columns,
        drop=drop,
        sensitive=sensitive,
        weights=weights,
        missing_group=missing_group,
        data_dir=data_dir,
    )
    opened.require_power(float(power))
    survey = look(opened, scale, progress)
    builder = Stratified(k, read_size(size, eps, k, power, max(1, survey.n_combinations)))
    summary = summarise_rows(opened, survey.scale, builder, float(power), seed, progress)
    if not check:
        return summary
    if not opened.source.lasting:
        raise DataError(
            "check: it needs another look at all rows, and these can be gone through only once."
        )
    return replace(summary, observed=observe(opened, summary, k, seed, progress))


@dataclass(frozen=True, eq=False)
class Survey:
    """What a first look at all rows tells.

    Attributes
    ----------
    scale : Scale
    n_combinations : int
        Of sensitive values; 0 if they were not counted.
    """

    scale: Scale
    n_combinations: int


def look(opened: Opened, scaling: Scaling, progress: Progress | None = None) -> Survey:
    """Go through the rows once, where that is possible and needed.

    Parameters
    ----------
    opened : Opened
    scaling : {"standard", "max", "none"}
    progress : callable, optional

    Returns
    -------
    Survey

    Raises
    ------
    DataError
        If it is needed, and rows can be gone through only once.
    """
    source, roles = opened.source, opened.roles
    scaler = Scaler(len(roles.features), scaling)
    combinations = Combinations(roles.sensitive_names)
    if opened.scale is None and scaler.needs_rows and not source.lasting:
        raise DataError(
            f"scale: {scaling!r} needs a look at all rows first, and these can be gone through "
            "only once: give a file or a list of tables, or scale them before and say "
            'scale="none".'
        )
    if source.lasting and (combinations.columns or (opened.scale is None and scaler.needs_rows)):
        done = 0
        for block in read_numbers(source, roles):
            scaler.add(block)
            # Each combination needs points of its own.
            combinations.codes(block.groups, len(block.points))
            done += len(block.points)
            if progress is not None:
                progress("looking", done, source.n_rows)
    return Survey(opened.scale or scaler.scale, len(combinations.known))


def summarise_rows(
    opened: Opened,
    scale: Scale,
    builder: Stratified,
    power: float,
    seed: int,
    progress: Progress | None = None,
) -> Summary:
    """Summarise rows whose roles and scale are known.

    Parameters
    ----------
    opened : Opened
    scale : Scale
    builder : Stratified
    power : float
    seed : int
    progress : callable, optional

    Returns
    -------
    Summary
    """
    source, roles = opened.source, opened.roles
    combinations = Combinations(roles.sensitive_names)
    stream = CoresetStream(builder, len(roles.features), power, seed=seed)
    done = 0
    for block in read_numbers(source, roles):
        codes = combinations.codes(block.groups, len(block.points))
        stream.add(scale.to_points(block.points), block.weights, codes)
        done += len(block.points)
        if progress is not None:
            progress("summarising", done, source.n_rows)
    if not done:
        raise DataError("source: it has no rows.")
    coreset = stream.coreset
    if not len(coreset):
        raise DataError("weights: they are zero in every row; wanted a positive sum.")
    return Summary(source.name, coreset, scale, roles.features, combinations, roles.left_out)


def observe(
    opened: Opened, summary: Summary, k: int, seed: int, progress: Progress | None = None
) -> Distortion:
    """Compare costs on a summary with those of all rows, in one pass.

    Parameters
    ----------
    opened : Opened
    summary : Summary
        Of these rows.
    k : int
        Centres of each set.
    seed : int
    progress : callable, optional

    Returns
    -------
    Distortion
        At sets of centres of several kinds, which are drawn from the summary: all rows cannot be
        drawn from where they are more than memory holds.
    """
    coreset = summary.coreset
    families = centre_families(
        coreset.points, k, weights=coreset.weights, power=coreset.power, n_sets=_SETS, seed=seed
    )
    exact = {name: np.zeros(len(sets)) for name, sets in families.items()}
    done = 0
    for block in read_numbers(opened.source, opened.roles):
        points = summary.scale.to_points(block.points)
        for name, sets in families.items():
            for i, centres in enumerate(sets):
                squares = nearest(points, centres)[1]
                exact[name][i] += block.weights @ to_power(squares, coreset.power)
        done += len(points)
        if progress is not None:
            progress("checking", done, opened.source.n_rows)
    errors = {}
    for name, sets in families.items():
        found = np.array([coreset.cost(centres) for centres in sets])
        with np.errstate(divide="ignore", invalid="ignore"):
            errors[name] = (found - exact[name]) / exact[name]
    return Distortion(errors)
