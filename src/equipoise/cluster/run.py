"""``equipoise.cluster(...)``: from a table of any size to one with clusters that are fair."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.cluster.bounds import Bounds, ShareBounds, asks_nothing, read_balance, read_bounds
from equipoise.cluster.features import Scaling, read_numbers
from equipoise.cluster.kept import Shares
from equipoise.cluster.labels import Labelled, Labeller, cells
from equipoise.cluster.sizes import read_size, read_whole
from equipoise.cluster.solve import Search, children
from equipoise.cluster.solve_fair import FairSolved, solve_fair
from equipoise.cluster.sources import Opened, open_source
from equipoise.cluster.summary import Progress, Summary, look, summarise_rows
from equipoise.coresets import Stratified
from equipoise.coresets.distances import nearest, to_power
from equipoise.data import DataError, table_suffix
from equipoise.data.drafts import write_blocks
from equipoise.groups import How
from equipoise.report import Page, Table

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

LABEL = "cluster"
"""The column that a labelled table has besides its own."""

# Rounds of a start, and when it ends: as the estimators have them.
_MAX_ITER, _TOL = 100, 1e-4


@dataclass(frozen=True, eq=False)
class Clustering:
    """Clusters of a table's rows, and what they rest on.

    Attributes
    ----------
    opened : Opened
        The rows.
    summary : Summary
        What the centres were found on.
    found : FairSolved
        Centres, in units of the scale, and the summary's assignment.
    labels : ndarray of int64, shape (n,)
        The cluster of each row.
    shares : Shares
        Who is in which, and the bounds.
    plain_shares : Shares
        The same at the best centres that were found without bounds.
    cost, plain_cost : float
        Of all rows at their centres; and without bounds.
    asked : tuple of str
        The bounds as they were asked for.
    seconds : float
        That it took, all passes over the rows included.
    """

    opened: Opened
    summary: Summary
    found: FairSolved
    labels: Integers
    shares: Shares
    plain_shares: Shares
    cost: float
    plain_cost: float
    asked: tuple[str, ...]
    seconds: float

    @property
    def name(self) -> str:
        """Of the data."""
        return self.opened.source.name

    @property
    def centres(self) -> Array:
        """Centres in the units of the table, shape (k, d)."""
        return self.summary.scale.to_rows(self.found.centres)

    @property
    def price(self) -> float:
        """How much more the rows cost than without bounds, as a share."""
        if self.plain_cost == 0:
            return 0.0 if self.cost == 0 else np.inf
        return self.cost / self.plain_cost - 1

    def write(self, path: str | Path) -> None:
        """Write the table with a column ``cluster`` to a .parquet, .csv or .tsv file.

        Rows are read again and written in blocks, whole or not at all.

        Parameters
        ----------
        path : path

        Raises
        ------
        DataError
            If it cannot be written, or the table has such a column already.
        """
        path = Path(path)
        suffix = table_suffix(path)
        write_blocks(self._labelled(as_text=suffix != ".parquet"), path, suffix)

    def tables(self) -> list[Table]:
        """What was found, as tables for a terminal or a page."""
        from equipoise.cluster.page import tables

        return tables(self)

    def page(self) -> Page:
        """The report."""
        from equipoise.cluster.page import page

        return page(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the rows, as JSON can hold it."""
        bounds, violation = self.shares.bounds, self.shares.violation
        return {
            "name": self.name,
            "rows": len(self.labels),
            "clusters": len(self.found.centres),
            "method": "k-median" if self.summary.coreset.power == 1 else "k-means",
            "features": list(self.summary.features),
            "left_out": dict(self.summary.left_out),
            "scale": self.summary.scale.scaling,
            "coreset": len(self.summary),
            "asked": list(self.asked),
            "groups": list(bounds.names),
            "shares_of_all": bounds.shares.tolist(),
            "at_least": bounds.at_least.tolist(),
            "at_most": bounds.at_most.tolist(),
            "sizes": self.shares.sizes.tolist(),
            "shares": [
                [None if np.isnan(share) else float(share) for share in row]
                for row in self.shares.shares
            ],
            "violation": {
                "rows": violation.rows,
                "share": violation.share,
                "group": violation.group or None,
                "cluster": violation.cluster if violation else None,
            },
            "cost": self.cost,
            "plain_cost": self.plain_cost,
            "plain_violation": self.plain_shares.violation.rows,
            "price": self.price if np.isfinite(self.price) else None,
            "coreset_cost": self.found.assignment.value + self.summary.coreset.offset,
            "coreset_gap": self.found.assignment.gap,
            "centres": self.centres.tolist(),
            "seconds": self.seconds,
        }

    def _labelled(self, as_text: bool) -> Iterator[pa.Table]:
        row = 0
        for block in self.opened.source.written_blocks(as_text):
            labels = self.labels[row : row + len(block)]
            row += len(block)
            yield block.append_column(LABEL, pa.array(labels))


def cluster(
    source: Any,
    *,
    n_clusters: int,
    sensitive: Sequence[str] | None = None,
    at_least: Bounds | None = None,
    at_most: Bounds | None = None,
    balance: float | None = None,
    how: How = "each",
    power: float = 2.0,
    size: int | None = None,
    eps: float | None = None,
    all_rows: bool = False,
    columns: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    weights: str | None = None,
    scale: Scaling = "standard",
    missing_group: str | None = None,
    data_dir: str | Path | None = None,
    n_init: int = 5,
    random_state: int = 0,
    progress: Progress | None = None,
) -> Clustering:
    """Cluster the rows of a table of any size, with a share of every cluster for every group.

    Rows are gone through three or four times, in memory for a block and about a hundred bytes a
    row: for the scale, for a summary, on which centres are found, and for the labels.

    Parameters
    ----------
    source : str, path, table, or list of tables
        "census-sim", a known table, a .parquet, .csv or .tsv file, a table of any library, or a
        :class:`Summary` that was written.
    n_clusters : int
        k.
    sensitive : sequence of str, optional
        Columns whose values make groups; ``"age:25,60"`` cuts a number into groups. Known tables
        have usual ones. Not needed with balance=0.
    at_least, at_most : str, several of them, or mapping, optional
        Shares of each cluster: ``"sex: Female >= 0.3"`` or, of one column alone, ``"Female >=
        0.3"``.
    balance : float, optional
        b: each group's share of each cluster is between b and 1/b times its share of all rows; 0.8
        if no other bound is given.
    how : {"each", "crossed", "lattice"}
        Of several sensitive columns: groups of each, which overlap; their intersections; or both.
    power : float
        z: 2 for k-means, 1 for k-median.
    size, eps : int or float, optional
        Points of the summary, or the error that it is to have; 0.01 by default.
    all_rows : bool
        Find centres on all rows, held in memory, instead of on a summary.
    columns, drop, weights, scale, missing_group, data_dir
        As :func:`summarise` has them. Of a summary features, weights and scale are its own.
    n_init : int
        Starts.
    random_state : int
        One seed gives the same clusters.
    progress : callable, optional
        Called with what is done, rows (or rounds) so far, and rows in all, if known.

    Returns
    -------
    Clustering

    Raises
    ------
    InfeasibleError
        If no clusters keep the bounds.
    ValueError
        For anything that could not give an answer; the message says what and why.
    """
    started = time.perf_counter()
    k = read_whole(n_clusters, "n_clusters")
    search = Search(k, float(power), read_whole(n_init, "n_init"), _MAX_ITER, _TOL)
    seed = read_whole(random_state, "random_state", 0)
    if all_rows and (size is not None or eps is not None):
        raise ValueError("all_rows: a summary's size or eps says the contrary; leave one out.")
    read_size(size, eps, k, power)
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
    _check(opened, asks_nothing(balance, at_least, at_most))
    survey = look(opened, scale, progress)
    points = read_size(size, eps, k, power, max(1, survey.n_combinations))
    builder = Stratified(k, np.iinfo(np.int64).max if all_rows else points)
    summary = summarise_rows(opened, survey.scale, builder, float(power), seed, progress)
    coreset = summary.coreset
    if coreset.n_rows < k:
        raise ValueError(
            f"n_clusters must not be more than the {coreset.n_rows:,} rows, not {k:,}: ask for "
            "fewer clusters."
        )
    groups = summary.combinations.groups(how)
    members = groups.matrix().astype(np.bool_)
    mass = np.bincount(coreset.collections, coreset.weights, len(members))
    bounds = ShareBounds.of(
        groups.names,
        members.T.astype(np.float64) @ mass / mass.sum(),
        at_least=at_least,
        at_most=at_most,
        balance=balance,
    )
    (solving,) = children(np.random.SeedSequence(seed), 1)
    found = solve_fair(
        coreset.points,
        coreset.weights,
        coreset.collections,
        members,
        bounds,
        search,
        solving,
        None if progress is None else lambda rounds: progress("searching, rounds", rounds, None),
    )
    labelled, plain_shares, plain_cost = _label(opened, summary, members, bounds, found, progress)
    return Clustering(
        opened,
        summary,
        found,
        labelled.labels,
        labelled.shares,
        plain_shares,
        labelled.cost,
        plain_cost,
        _said(at_least, at_most, balance),
        time.perf_counter() - started,
    )


def _check(opened: Opened, nothing_asked: bool) -> None:
    if not opened.source.lasting:
        raise DataError(
            "source: labels need another look at all rows, and these can be gone through only "
            "once; give a file or a list of tables, or summarise them and cluster the summary."
        )
    if not opened.roles.sensitive and not nothing_asked:
        raise DataError(
            "sensitive: name the columns whose values make groups, as in sensitive=['sex'] (on the "
            "command line: --sensitive sex); or ask for nothing with balance=0."
        )
    if LABEL in (opened.source.names or []):
        raise DataError(
            f"source: the table has a column {LABEL!r} already, in which clusters would be "
            "written; rename or drop it."
        )


def _label(
    opened: Opened,
    summary: Summary,
    members: NDArray[np.bool_],
    bounds: ShareBounds,
    found: FairSolved,
    progress: Progress | None,
) -> tuple[Labelled, Shares, float]:
    power, scale = summary.coreset.power, summary.scale
    labeller = Labeller(found.centres, power, found.assignment, members, bounds)
    plain_cost, done = 0.0, 0
    plain_cells = np.zeros((len(members), len(found.centres)))

    def blocks() -> Iterator[tuple[Array, Array, Integers]]:
        for block in read_numbers(opened.source, opened.roles):
            codes = summary.combinations.codes(block.groups, len(block.points))
            yield scale.to_points(block.points), block.weights, codes

    for points, weights, codes in blocks():
        labeller.add(points, weights, codes)
        labels, squares = nearest(points, found.plain.centres)
        plain_cells += cells(codes, labels, weights, plain_cells.shape)
        plain_cost += float(weights @ to_power(squares, power))
        done += len(points)
        if progress is not None:
            progress("labelling", done, opened.source.n_rows)
    plain_shares = Shares.of_cells(plain_cells, members, bounds)
    return labeller.finish(blocks), plain_shares, plain_cost


def _said(
    at_least: Bounds | None, at_most: Bounds | None, balance: float | None
) -> tuple[str, ...]:
    said = [str(b) for b in read_bounds(at_least, ">=", "at_least")]
    said += [str(b) for b in read_bounds(at_most, "<=", "at_most")]
    b = read_balance(balance, at_least, at_most)
    return tuple([f"balance {b:g}", *said] if b else said)
