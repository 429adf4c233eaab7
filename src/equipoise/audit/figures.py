"""Every figure of an audit, as JSON can hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from equipoise.audit.weights import effective_rows
from equipoise.audit.words import number_or_none

if TYPE_CHECKING:
    from equipoise.audit.noisy import NoisyAudit
    from equipoise.audit.result import Audit


def figures_of_audit(audit: Audit | NoisyAudit) -> dict[str, Any]:
    """Every figure of an audit, as JSON can hold it.

    Parameters
    ----------
    audit : Audit or NoisyAudit

    Returns
    -------
    dict
        None for what is undefined.
    """
    from equipoise.audit.result import DEFAULT_DISPARITIES, DEFAULT_RATES

    names, weight = audit.counts.groups, audit.counts.weight
    by_group: dict[str, dict[str, Any]] = {
        name: {"rows": _rounded(n)} for name, n in zip(names, audit.counts.sizes, strict=True)
    }
    for rate in DEFAULT_RATES:
        found = audit.rates(rate)
        for c, component in enumerate(found.components):
            for g, name in enumerate(names):
                by_group[name][component] = {
                    **found.estimate(c, g).to_dict(),
                    "support": _rounded(found.support[c, g]),
                }
    return {
        "rows": audit.counts.n_rows,
        **({} if weight is None else {"effective_rows": effective_rows(weight)}),
        "classes": list(audit.counts.classes),
        "confidence": audit.confidence,
        "accuracy": number_or_none(audit.counts.accuracy),
        "groups": by_group,
        "disparities": {str(d): audit.disparity(d).to_dict() for d in DEFAULT_DISPARITIES},
        "parity": {
            str(d): audit.parity(d).to_dict() for d in DEFAULT_DISPARITIES if d.kind != "worst"
        },
        "undefined": audit.undefined,
        "unsure": audit.unsure,
    }


def _rounded(support: float) -> float:
    # Of weighted rows, and of groups observed with errors, numbers of rows are no whole numbers.
    return int(support) if float(support).is_integer() else round(float(support), 3)
