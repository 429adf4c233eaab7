"""The report of a clustering: who is in which cluster, and what the bounds cost."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from equipoise.cluster.kept import Shares
from equipoise.report import (
    Callout,
    Cell,
    Column,
    Facts,
    Figure,
    Interval,
    Page,
    Point,
    Section,
    Table,
    intervals,
    scatter,
)
from equipoise.report.printable import number

if TYPE_CHECKING:
    from equipoise.cluster.run import Clustering

_MOST_GROUPS = 30
_MOST_CLUSTERS = 12
_BESIDE = 8
_POINTS = 300


def page(found: Clustering) -> Page:
    """Describe the report.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Page
    """
    k, bounds = len(found.found.centres), found.shares.bounds
    sections = [Section("In short", [_callout(found), cost_table(found)])]
    if not bounds.idle:
        sections.append(Section("Groups", [share_figure(found), group_table(found)], note=_SHARES))
    sections.append(
        Section("Clusters", [cluster_table(found), centre_table(found), projection(found)], _PLANE)
    )
    sections.append(Section("What it rests on", [_rests_on(found), cost_figure(found)], note=_COST))
    asked = "; ".join(found.asked) or "no bounds"
    return Page(
        title=f"Clusters of {found.name}",
        lead=f"{len(found.labels):,} rows in {k} clusters by {_method(found)}, under {asked}.",
        sections=sections,
        footer=f"Made by equipoise {metadata.version('equipoise')}.",
    )


_SHARES = (
    "Bars of clusters reach from the lowest to the highest share of a cluster, and have their mark "
    "at the median one. Beside them stands the group's share of all rows."
)
_PLANE = (
    "The plane of the two directions in which the data vary most, seen through the scale. "
    "Distances within it are less than those that count, which are in all features."
)
_COST = (
    "On the summary the bar reaches from what no assignment to these centres can cost less than, "
    "to what was found. Whether other centres cost less is not known: clusterings are local optima."
)


def tables(found: Clustering) -> list[Table]:
    """What was found, as tables.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    list of Table
    """
    groups = [] if found.shares.bounds.idle else [group_table(found)]
    return [cost_table(found), *groups, cluster_table(found)]


def cost_table(found: Clustering) -> Table:
    """Costs and broken bounds, with and without bounds.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Table
    """
    rows: list[list[str | Cell]] = [
        ["cost", f"{found.plain_cost:,.6g}", f"{found.cost:,.6g}"],
        ["price of the bounds", "", _percent(max(found.price, 0.0))],
        ["bound broken most", _broken(found.plain_shares), _broken(found.shares)],
    ]
    return Table(
        [Column(""), Column("without bounds", "right"), Column("with bounds", "right")],
        rows[:1] if found.shares.bounds.idle else rows,
        caption=f"What {_method(found)} costs",
    )


def group_table(found: Clustering) -> Table:
    """Bounds of each group, and its shares of clusters.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Table
    """
    bounds = found.shares.bounds
    kept, plain = found.shares.shares, found.plain_shares.shares
    broken = found.shares.excess
    rows: list[list[str | Cell]] = []
    for g, name in enumerate(bounds.names[:_MOST_GROUPS]):
        rows.append(
            [
                name,
                _percent(bounds.shares[g]),
                f"{100 * bounds.at_least[g]:.1f} to {_percent(bounds.at_most[g])}",
                _range(plain[:, g]),
                _range(kept[:, g]),
                Cell(f"off by {broken[g].max():,.3g}", "warn") if broken[g].any() else "kept",
            ]
        )
    left = len(bounds.names) - len(rows)
    return Table(
        [
            Column("group"),
            Column("of all", "right"),
            Column("allowed", "right"),
            Column("clusters", "right", note="without bounds"),
            Column("clusters", "right", note="with bounds"),
            Column("bounds"),
        ],
        rows,
        caption="Shares of groups in clusters" + (f" ({left} groups more)" if left > 0 else ""),
    )


def cluster_table(found: Clustering) -> Table:
    """Size of each cluster, and what the first groups have of it.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Table
    """
    names, shares = found.shares.bounds.names, found.shares.shares
    shown = [] if found.shares.bounds.idle else list(range(len(names)))[:_BESIDE]
    total = found.shares.sizes.sum()
    columns = [Column("cluster"), Column("rows", "right"), Column("of all", "right")]
    columns += [Column(names[g], "right") for g in shown]
    rows: list[list[str | Cell]] = [
        [str(j), f"{size:,.6g}", _percent(size / total), *(_percent(shares[j, g]) for g in shown)]
        for j, size in enumerate(found.shares.sizes)
    ]
    left = 0 if found.shares.bounds.idle else len(names) - len(shown)
    more = f"; {left} more groups are in what --json prints" if left else ""
    return Table(columns, rows, caption=f"Clusters{more}")


def centre_table(found: Clustering) -> Table:
    """The centres, in the units of the table.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Table
    """
    features, k = found.summary.features, len(found.centres)
    rows: list[list[str | Cell]]
    if k <= _MOST_CLUSTERS:
        columns = [Column("feature"), *(Column(f"cluster {j}", "right") for j in range(k))]
        rows = [
            [name, *(number(value) for value in found.centres[:, c])]
            for c, name in enumerate(features)
        ]
    else:
        columns = [Column("cluster"), *(Column(name, "right") for name in features)]
        rows = [[str(j), *map(number, found.centres[j])] for j in range(k)]
    return Table(columns, rows, caption="Centres")


def share_figure(found: Clustering) -> Figure:
    """What bounds allow, and what clusters have, beside the group's share of all rows.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Figure
    """
    bounds = found.shares.bounds
    some = np.flatnonzero(bounds.shares > 0)[:_MOST_GROUPS]
    of_all = bounds.shares
    drawn = {
        "allowed": [
            Interval(
                bounds.names[g], 1.0, bounds.at_least[g] / of_all[g], bounds.at_most[g] / of_all[g]
            )
            for g in some
        ]
    }
    for title, shares in (
        ("clusters without bounds", found.plain_shares),
        ("clusters with bounds", found.shares),
    ):
        ratios = shares.shares / np.where(of_all > 0, of_all, 1.0)
        drawn[title] = [
            Interval(
                bounds.names[g],
                float(np.nanmedian(ratios[:, g])),
                float(np.nanmin(ratios[:, g])),
                float(np.nanmax(ratios[:, g])),
                note=_percent(of_all[g]) if title.endswith("with bounds") else "",
            )
            for g in some
        ]
    return intervals(
        drawn,
        x_label="share of a cluster, as a multiple of the group's share of all rows",
        reference=(1.0, "as in all rows"),
        caption="Shares of groups in clusters, and what is allowed",
    )


def projection(found: Clustering) -> Figure:
    """Centres and points of the summary, in the plane in which they vary most.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Figure
    """
    coreset, centres = found.summary.coreset, found.found.centres
    plane, middle, words = _plane(found)
    labels = _labels_of_points(found)
    order = np.argsort(-found.shares.sizes, kind="stable")[:_MOST_CLUSTERS]
    # In proportion to weight, at equal steps: as many points as rows of each kind would be.
    steps = (np.arange(_POINTS) + 0.5) / _POINTS * coreset.mass
    drawn = np.unique(np.searchsorted(np.cumsum(coreset.weights), steps).clip(0, len(coreset) - 1))
    spots = (coreset.points[drawn] - middle) @ plane
    centred = (centres - middle) @ plane
    faint = [
        _point(x, y, "", f"cluster {labels[row]}")
        for (x, y), row in zip(spots, drawn, strict=True)
        if labels[row] in order
    ]
    points = [
        _point(centred[j, 0], centred[j, 1], f"cluster {j}", f"cluster {j}")
        for j in sorted(order.tolist())
    ]
    more = f"; the {_MOST_CLUSTERS} largest clusters" if len(centres) > _MOST_CLUSTERS else ""
    return scatter(
        points,
        x_label=words[0],
        y_label=words[1],
        faint=faint,
        caption=f"Centres, and points that were clustered{more}",
    )


def cost_figure(found: Clustering) -> Figure:
    """Costs of a row, with and without bounds.

    Parameters
    ----------
    found : Clustering

    Returns
    -------
    Figure
    """
    coreset, assignment = found.summary.coreset, found.found.assignment
    mass = found.shares.sizes.sum()
    low, high = (
        (part + coreset.offset) / coreset.mass for part in (assignment.lower, assignment.value)
    )
    rows = [
        Interval("without bounds, all rows", found.plain_cost / mass, np.nan, np.nan),
        Interval("with bounds, all rows", found.cost / mass, np.nan, np.nan),
        Interval("with bounds, summary", high, min(low, high), high),
    ]
    squared = "squared distance" if coreset.power == 2 else "distance"
    return intervals(
        {"": rows}, x_label=f"mean {squared} of a row to its centre", caption="What bounds cost"
    )


def _rests_on(found: Clustering) -> Facts:
    summary, bounds = found.summary, found.shares.bounds
    facts = {
        "Features": ", ".join(summary.features),
        "Divided by": {"standard": "standard deviations", "max": "largest absolute values"}.get(
            summary.scale.scaling, "nothing"
        ),
        "Summary": f"{len(summary):,} points for {summary.coreset.n_rows:,} rows",
        "Rounds": f"{found.found.n_iter}, of the best start",
        "Seconds": f"{found.seconds:.1f}",
    }
    if summary.left_out:
        facts["Left out"] = ", ".join(f"{name} ({why})" for name, why in summary.left_out.items())
    if not bounds.idle:
        facts["Gap of the assignment"] = f"{found.found.assignment.gap:.1e} of the summary's cost"
    return Facts(facts)


def _callout(found: Clustering) -> Callout:
    violation = found.shares.violation
    if found.shares.bounds.idle:
        return Callout(
            "info", "Nothing was asked of groups", "Each row is with its nearest centre."
        )
    price = f"They cost {_percent(max(found.price, 0.0))} more than the best without bounds."
    if violation:
        return Callout(
            "warn",
            "The bounds are kept but for a few rows",
            f"{violation.group} is off by {violation.rows:,.3g} rows in cluster "
            f"{violation.cluster}, which is {_percent(violation.share)} of it: rows are not "
            f"divided. {price}",
        )
    return Callout("good", "Every cluster keeps the bounds", price)


def _labels_of_points(found: Clustering) -> NDArray[np.int64]:
    from equipoise.cluster.labels import cheapest

    coreset, solved = found.summary.coreset, found.found
    return cheapest(
        coreset.points,
        coreset.collections,
        solved.centres,
        coreset.power,
        solved.assignment.prices,
    )[0]


def _plane(
    found: Clustering,
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, str]]:
    coreset, names = found.summary.coreset, found.summary.features
    middle = coreset.weights @ coreset.points / coreset.mass
    if len(names) == 1:
        return np.array([[1.0, 0.0]]), np.zeros(1), (names[0], "")
    if len(names) == 2:
        return np.eye(2), np.zeros(2), (names[0], names[1])
    centred = (coreset.points - middle) * np.sqrt(coreset.weights)[:, None]
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    # A direction and its opposite are the same; the larger part goes up.
    signs = np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])
    shares = sizes**2 / max((sizes**2).sum(), np.finfo(float).tiny)
    first, second = (f"direction {i + 1} ({_percent(shares[i])} of the variance)" for i in range(2))
    return (axes[:2] * signs[:, None]).T, middle, (first, second)


def _point(x: float, y: float, label: str, series: str) -> Point:
    nothing = float("nan")
    return Point(float(x), float(y), nothing, nothing, nothing, nothing, label, series)


def _method(found: Clustering) -> str:
    return "k-median" if found.summary.coreset.power == 1 else "k-means"


def _broken(shares: Shares) -> str:
    violation = shares.violation
    if not violation:
        return "none"
    return f"{violation.group}, by {violation.rows:,.4g} rows ({_percent(violation.share)})"


def _range(shares: NDArray[np.float64]) -> str:
    return f"{100 * np.nanmin(shares):.1f} to {_percent(np.nanmax(shares))}"


def _percent(share: float) -> str:
    return "undefined" if not np.isfinite(share) else f"{100 * share:.1f} %"
