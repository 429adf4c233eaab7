"""From what a user names to rows with roles: known tables, files, streams, summaries."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from equipoise.cluster.features import Roles, Scale
from equipoise.cluster.reading import Source, kinds_of
from equipoise.cluster.summary_format import WEIGHT, said_by
from equipoise.data import DataError, known_tables, load
from equipoise.data.arrow import to_arrow
from equipoise.data.load import SIMULATED


@dataclass(frozen=True, eq=False)
class Opened:
    """Rows and the roles of their columns.

    Attributes
    ----------
    source : Source
    roles : Roles
    scale : Scale or None
        That of a summary, which its points were found with.
    power : float or None
        That of a summary, which it was made for.
    """

    source: Source
    roles: Roles
    scale: Scale | None = None
    power: float | None = None

    def require_power(self, power: float) -> None:
        """Refuse a summary that was made for other distances.

        Parameters
        ----------
        power : float
            1 for k-median, 2 for k-means.

        Raises
        ------
        DataError
            Since its costs are close to those of its table at its own power alone.
        """
        if self.power is not None and self.power != power:
            raise DataError(
                f"power: this summary was made for power {self.power:g} (2 is k-means, 1 k-median, "
                f"on the command line --median), and at {power:g} its costs may be far from its "
                f"table's; ask for {self.power:g}, or summarise the table for {power:g}."
            )


def open_source(
    given: Any,
    *,
    columns: Sequence[str] | None,
    drop: Sequence[str],
    sensitive: Sequence[str] | None,
    weights: str | None,
    missing_group: str | None,
    data_dir: str | Path | None,
) -> Opened:
    """Open a table, and give its columns their roles.

    Parameters
    ----------
    given : str, path, table, Arrow stream, or iterable of tables
    columns, drop, sensitive, weights, missing_group
        As :meth:`Roles.of` has them. Known tables have usual sensitive columns, and their labels
        are no features.
    data_dir : path or None
        Where known tables are.

    Returns
    -------
    Opened

    Raises
    ------
    DataError
        If there is no such source, or a column cannot have its role.
    """
    scale = power = None
    if (said := said_by(given)) is not None:
        # A summary is clustered as what it stands for.
        power = said["power"]
        columns = said["features"] if columns is None else columns
        sensitive = said["keys"] if sensitive is None else sensitive
        weights = WEIGHT if weights is None else weights
        if list(columns) == said["features"]:
            scale = Scale(said["scale"], np.array(said["divisors"]))
    if isinstance(given, str) and (given == SIMULATED or given in known_tables()):
        dataset = load(
            given,
            sensitive=sensitive,
            weights=weights,
            drop=drop,
            missing_group=missing_group,
            data_dir=data_dir,
        )
        groups, table = to_arrow(dataset.sensitive), to_arrow(dataset.features)
        for name in groups.column_names:
            table = table.append_column(name, groups[name])
        if weights is not None:
            table = table.append_column(weights, pa.array(dataset.weights))
        source, drop = Source([table], given), ()
        sensitive = groups.column_names  # numbers are cut already
    else:
        source = Source.of(given)
    kinds = source.kinds
    if kinds is None:
        first, source = _peeked(source)
        kinds = kinds_of(first.schema)
    roles = Roles.of(
        kinds,
        columns=columns,
        drop=drop,
        sensitive=sensitive or (),
        weights=weights,
        missing_group=missing_group,
    )
    return Opened(source, roles, scale, power)


def _peeked(source: Source) -> tuple[pa.Table, Source]:
    """The first block of a stream, and the stream as if nobody had looked."""
    blocks = source.blocks()
    first = next(blocks, None)
    if first is None:
        raise DataError("source: it has no rows.")
    return first, Source(itertools.chain([first], blocks), source.name)
