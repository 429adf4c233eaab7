"""An audit over draws of a classifier, as tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from equipoise.audit.tables import plain_text
from equipoise.audit.words import level, number
from equipoise.report import Column, Table

if TYPE_CHECKING:
    from equipoise.audit.posterior import PosteriorAudit, Range, Uncertainty

MEANING = (
    "Rows: how far the figure of all people may lie from that of these rows, if the model stays as "
    "it is. Model: where the figures of the draws lie on these very rows, which is what the rows "
    "that the model was learnt from leave open; more rows to audit on do not make it narrower. "
    "Both: the two put together, for rows that nothing was learnt from. The gap of any draw is "
    "positive, so that the last two hardly reach 0; what chance makes of rows is said above."
)
"""What the three intervals are, for a reader."""


def posterior_disparities(posterior: PosteriorAudit) -> Table:
    """Disparities with the three intervals.

    Parameters
    ----------
    posterior : PosteriorAudit

    Returns
    -------
    Table
    """
    from equipoise.audit.result import DEFAULT_DISPARITIES

    rows = [[str(d), *_cells(posterior.disparity(d))] for d in DEFAULT_DISPARITIES]
    return Table([Column("disparity"), *_COLUMNS], rows, caption=_caption(posterior))


def posterior_rates(posterior: PosteriorAudit) -> Table:
    """Rates of groups with the three intervals.

    Parameters
    ----------
    posterior : PosteriorAudit

    Returns
    -------
    Table
    """
    from equipoise.audit.result import DEFAULT_RATES

    rows = [
        [component, name, *_cells(found)]
        for rate in DEFAULT_RATES
        for component, groups in posterior.rates(rate).items()
        for name, found in groups.items()
    ]
    columns = [Column("rate"), Column("group"), *_COLUMNS]
    return Table(columns, rows, caption=_caption(posterior))


def posterior_text(posterior: PosteriorAudit) -> str:
    """The audit and its three intervals as plain text.

    Parameters
    ----------
    posterior : PosteriorAudit

    Returns
    -------
    str
    """
    tables = posterior_rates(posterior), posterior_disparities(posterior)
    return f"{posterior.audit}\n\n{plain_text([*tables, MEANING])}"


_COLUMNS = [
    Column("value", "right"),
    Column("rows", "right"),
    Column("median draw", "right"),
    Column("model", "right"),
    Column("both", "right"),
]


def _caption(posterior: PosteriorAudit) -> str:
    return (
        f"With {level(posterior.audit.confidence)} intervals, of {posterior.n_draws:,} draws of "
        "the model; value: of the decisions by all together"
    )


def _cells(found: Uncertainty) -> list[str]:
    return [
        number(found.value),
        _range(found.rows),
        number(found.median),
        _range(found.model),
        _range(found.both),
    ]


def _range(part: Range) -> str:
    return "undefined" if math.isnan(part.low) else f"[{part.low:.3f}, {part.high:.3f}]"
