"""What was corrected for errors in the groups and at what price, as tables and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.audit.counts import Counts
from equipoise.audit.words import number, number_or_none
from equipoise.rates import find_rate
from equipoise.report import Column, Table

if TYPE_CHECKING:
    from equipoise.audit.noisy import NoisyAudit
    from equipoise.audit.result import Audit
    from equipoise.noise import FlipMatrix

_MOST_LISTED = 12
_RATE = "selection"


def is_corrected(audit: Audit | NoisyAudit) -> bool:
    """Whether an audit corrects for errors in the groups.

    Parameters
    ----------
    audit : Audit or NoisyAudit

    Returns
    -------
    bool
    """
    return not isinstance(audit.counts, Counts)


def noise_parts(audit: Audit | NoisyAudit) -> Sequence[Table | str]:
    """What the correction for errors in the groups did.

    Parameters
    ----------
    audit : Audit or NoisyAudit

    Returns
    -------
    sequence of Table or str
        Empty where groups are taken as they are observed.
    """
    from equipoise.audit.noisy import NoisyAudit

    if not isinstance(audit, NoisyAudit):
        return []
    counts = audit.counts
    said = [
        f"{'In stratum ' + repr(name) + ', t' if name else 'T'}{_flips(flips)}"
        for name, flips in zip(counts.strata or ("",), counts.flips, strict=True)
    ]
    depends = []
    if audit.dependence is not None:
        depends = [f"Do flips depend on labels and decisions? By the gold rows: {audit.dependence}"]
    return [
        "Groups are observed with errors. All figures are those of the true groups, as they follow "
        "from the flips, if these depend on nothing but the true group. "
        + " ".join(said)
        + " Figures without noise in them would lie between 0 and 1; these need not, and are not "
        "cut.",
        *depends,
        _group_table(audit),
        _disparity_table(audit),
    ]


def _flips(flips: FlipMatrix) -> str:
    p = flips.p_flip
    named = [
        f"{flips.names[i]} -> {flips.names[j]} {p[i, j]:.3g}"
        for i, j in np.argwhere(p > 0).tolist()
        if i != j
    ]
    if not named:
        return "he groups are taken to be observed rightly."
    more = f" and {len(named) - _MOST_LISTED} more" if len(named) > _MOST_LISTED else ""
    kind = "given" if flips.known else "estimated, with errors that intervals allow for"
    return f"he flips are {kind} (true -> observed): {', '.join(named[:_MOST_LISTED])}{more}."


def _group_table(audit: NoisyAudit) -> Table:
    counts = audit.counts
    price = audit.price(_RATE).max(axis=0)
    before, after = counts.observed, audit.rates(_RATE)
    observed = before.rates(find_rate(_RATE))
    rows = []
    for g, name in enumerate(counts.groups):
        rows.append(
            [
                name,
                f"{before.sizes[g]:,}",
                f"{counts.sizes[g]:,.0f}",
                number(observed[0, g]),
                number(float(after.values[0, g])),
                number(float(price[g])),
                f"{after.support[:, g].min():,.0f}",
            ]
        )
    return Table(
        [
            Column("group"),
            Column("rows observed", "right"),
            Column("rows that are", "right"),
            Column(f"{_RATE} observed", "right"),
            Column(f"{_RATE} of true groups", "right"),
            Column("price", "right"),
            Column("known rows that would do", "right"),
        ],
        rows,
        caption="What the correction costs; price: how many times as many rows it takes to be as "
        "sure as where groups are known",
    )


def _disparity_table(audit: NoisyAudit) -> Table:
    from equipoise.audit.result import DEFAULT_DISPARITIES

    before = audit.uncorrected
    rows = [
        [
            str(disparity),
            number(float(disparity.value(before.counts.rates(disparity.rate)))),
            number(float(disparity.value(audit.counts.rates(disparity.rate)))),
        ]
        for disparity in DEFAULT_DISPARITIES
    ]
    return Table(
        [Column("disparity"), Column("as observed", "right"), Column("of true groups", "right")],
        rows,
        caption="Errors in the groups make them look alike",
    )


def noise_dict(audit: NoisyAudit) -> dict[str, Any]:
    """What was corrected, as JSON can hold it.

    Parameters
    ----------
    audit : NoisyAudit

    Returns
    -------
    dict
    """
    from equipoise.audit.result import DEFAULT_DISPARITIES

    counts, before = audit.counts, audit.uncorrected.counts
    price = audit.price(_RATE).max(axis=0)
    strata = counts.strata or ("all rows",)
    return {
        "flips": {
            stratum: {
                "names": list(flips.names),
                "p_flip": flips.p_flip.tolist(),
                "estimated": not flips.known,
                "largest_norm_of_a_row": flips.price,
            }
            for stratum, flips in zip(strata, counts.flips, strict=True)
        },
        **({} if audit.dependence is None else {"dependence": audit.dependence._asdict()}),
        "price": {name: number_or_none(x) for name, x in zip(counts.groups, price, strict=True)},
        "rows_observed": dict(zip(counts.groups, before.sizes.tolist(), strict=True)),
        "as_observed": {
            str(d): number_or_none(float(d.value(before.rates(d.rate))))
            for d in DEFAULT_DISPARITIES
        },
    }
