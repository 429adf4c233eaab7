"""A summary as tables for a terminal or a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from equipoise.report import Cell, Column, Table

if TYPE_CHECKING:
    from equipoise.cluster.summary import Summary
    from equipoise.coresets.distortion import Distortion

_MOST = 20


def tables(summary: Summary) -> list[Table]:
    """What it is, and what each combination of sensitive values has of it.

    Parameters
    ----------
    summary : Summary

    Returns
    -------
    list of Table
    """
    coreset = summary.coreset
    facts: list[list[str | Cell]] = [
        ["points", f"{len(coreset):,}"],
        ["rows", f"{coreset.n_rows:,}"],
        ["weight", f"{coreset.mass:,.6g}"],
        ["features", ", ".join(summary.features)],
        ["divided by", _DIVIDED[summary.scale.scaling]],
        ["for", "k-median" if coreset.power == 1 else "k-means"],
    ]
    if summary.left_out:
        facts.append(["left out", ", ".join(f"{n} ({w})" for n, w in summary.left_out.items())])
    shown = [Table([Column(""), Column("")], facts, caption=f"Summary of {summary.name}")]
    if summary.sensitive:
        shown.append(_combinations(summary))
    if summary.observed is not None:
        shown.append(_observed(summary.observed))
    return shown


_DIVIDED = {
    "standard": "standard deviations",
    "max": "largest absolute values",
    "none": "nothing",
}


def _combinations(summary: Summary) -> Table:
    names = summary.combinations.names()
    points = np.bincount(summary.coreset.collections, minlength=len(names))
    masses = np.bincount(summary.coreset.collections, summary.coreset.weights, len(names))
    order = np.argsort(-masses, kind="stable")
    rows: list[list[str | Cell]] = [
        [names[c], f"{masses[c]:,.6g}", f"{points[c]:,}"] for c in order[:_MOST]
    ]
    if len(order) > _MOST:
        rest = order[_MOST:]
        rows.append([f"{len(rest)} more", f"{masses[rest].sum():,.6g}", f"{points[rest].sum():,}"])
    return Table(
        [
            Column(", ".join(summary.sensitive)),
            Column("weight", "right", note="exact"),
            Column("points", "right"),
        ],
        rows,
        caption="What each combination has",
    )


def _observed(observed: Distortion) -> Table:
    rows: list[list[str | Cell]] = []
    for name, errors in observed.errors.items():
        seen = np.abs(errors[~np.isnan(errors)])
        mean, worst = (
            (f"{100 * seen.mean():.2f} %", f"{100 * seen.max():.2f} %")
            if len(seen)
            else ("undefined", "undefined")
        )
        rows.append([name, str(len(errors)), mean, worst])
    return Table(
        [
            Column("centres"),
            Column("sets", "right"),
            Column("error", "right", note="mean"),
            Column("error", "right", note="largest"),
        ],
        rows,
        caption="By how much costs differ from those of all rows: observed, not guaranteed",
    )
