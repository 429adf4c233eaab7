"""Groups that are observed with errors: what is corrected in a comparison, and what is refused.

What a run stores is counted by observed groups. Whatever is said of groups is said of the true
ones, which follow from those counts by one small product each time that they are looked at.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from equipoise.audit import (
    Audit,
    Certificate,
    Counts,
    NoisyAudit,
    NoisyCounts,
    certify,
    certify_noisy,
)
from equipoise.audit.noise_specs import groups_with_flips
from equipoise.compare.contender import Contender
from equipoise.compare.settings import Settings
from equipoise.constraints import Constraint
from equipoise.data import Dataset
from equipoise.groups import Groups
from equipoise.noise import FlipMatrix, NoisyGroups

Counted = Counts | NoisyCounts
"""Counts that tell of the groups that a promise is about."""


def true_groups(dataset: Dataset, settings: Settings, noise: Any) -> Groups | NoisyGroups:
    """The groups of a data set whose sensitive columns are observed with errors.

    Parameters
    ----------
    dataset : Dataset
    settings : Settings
    noise : str, sequence of str, or mapping from sensitive columns to flips
        As :func:`equipoise.audit.audit_noisy_stream` takes it.

    Returns
    -------
    Groups or NoisyGroups
        Groups where the flips say that nothing errs.

    Raises
    ------
    ValueError
        If flips cannot be read or undone, or with errors in the groups something that is asked
        for could not be right.
    """
    _require_correctable(dataset, settings)
    columns = {name: dataset.sensitive[name].to_numpy() for name in dataset.sensitive.columns}
    groups = groups_with_flips(columns, noise)
    flips = groups.flips
    if flips.known and np.array_equal(flips.p_flip, np.eye(len(flips))):
        return Groups.of(columns)
    return groups


def _require_correctable(dataset: Dataset, settings: Settings) -> None:
    for name in settings.methods:
        if Contender.parse(name).method.train is not None:
            raise ValueError(
                f"method {name!r} looks at rows group by group, and cannot correct for errors in "
                "the groups (noise, --noise): leave it out, and take others such as 'alm'."
            )
    if settings.how != "crossed":
        raise ValueError(
            f"how={settings.how!r} (--how) lets groups overlap, which cannot be corrected for "
            "errors in them (noise, --noise): take how='crossed'."
        )
    if settings.min_group:
        raise ValueError(
            "min_group (--min-group) joins groups by how many rows are observed in them, and flips "
            "are not of joined groups (noise, --noise): join them in the table, and give flips "
            "of those."
        )
    for constraint in settings.constraints:
        if constraint.disparity.rate.of_loss:
            raise ValueError(
                f"{constraint} is about losses, which cannot be corrected for errors in the groups "
                "(noise, --noise): promise something of decisions, such as the accuracy."
            )
    # Of the rows of a true group, such a model decides otherwise on those that are observed as of
    # another: then what flips say of all rows of a group is wrong of those that are selected.
    both = [name for name in dataset.sensitive.columns if name in dataset.features.columns]
    if both:
        raise ValueError(
            f"a model that learns from {both[0]!r} (keep_sensitive, --keep-sensitive) decides by "
            "its errors, and then nothing can be corrected for them (noise, --noise): leave the "
            "column out of what is learnt from."
        )


def observed(groups: Groups | NoisyGroups) -> Groups:
    """The groups by which rows are counted.

    Parameters
    ----------
    groups : Groups or NoisyGroups

    Returns
    -------
    Groups
    """
    return groups.observed if isinstance(groups, NoisyGroups) else groups


def corrected(counts: Counts, flips: FlipMatrix | None) -> Counted:
    """Counts that tell of the groups that a promise is about.

    Parameters
    ----------
    counts : Counts
        By observed groups.
    flips : FlipMatrix or None
        None where the observed groups are the true ones.

    Returns
    -------
    Counts or NoisyCounts
    """
    if flips is None:
        return counts
    # Patterns of disjoint groups are one-hot, in an order of their own.
    order = counts.patterns.argmax(axis=1)
    table = np.zeros((1, len(counts.groups), *counts.table.shape[1:]), counts.table.dtype)
    np.add.at(table[0], order, counts.table)
    return NoisyCounts(counts.groups, counts.classes, (flips,), table)


def certificate_of(
    counts: Counted, constraint: Constraint, confidence: float, n_certificates: int
) -> Certificate:
    """Certify a model to the groups that a promise is about.

    Parameters
    ----------
    counts : Counts or NoisyCounts
    constraint : Constraint
    confidence : float
    n_certificates : int

    Returns
    -------
    Certificate
    """
    if isinstance(counts, NoisyCounts):
        return certify_noisy(counts, constraint, confidence, n_certificates)
    return certify(counts, constraint, confidence, n_certificates)


def audit_of(counts: Counted, confidence: float) -> Audit | NoisyAudit:
    """Audit a model's decisions.

    Parameters
    ----------
    counts : Counts or NoisyCounts
    confidence : float

    Returns
    -------
    Audit or NoisyAudit
    """
    if isinstance(counts, NoisyCounts):
        return NoisyAudit(counts, confidence)
    return Audit(counts, confidence)


def flips_to_dict(flips: FlipMatrix) -> dict[str, Any]:
    """Flips as JSON can hold them, of each column where several are crossed.

    Parameters
    ----------
    flips : FlipMatrix

    Returns
    -------
    dict
    """
    if flips.factors:
        return {"columns": [flips_to_dict(one) for one in flips.factors]}
    covariance = None if flips.covariance is None else flips.covariance.tolist()
    return {"names": list(flips.names), "p_flip": flips.p_flip.tolist(), "covariance": covariance}


def flips_from_dict(state: dict[str, Any]) -> FlipMatrix:
    """Read what :func:`flips_to_dict` wrote.

    Parameters
    ----------
    state : dict

    Returns
    -------
    FlipMatrix
    """
    if "columns" in state:
        return FlipMatrix.product([flips_from_dict(one) for one in state["columns"]])
    covariance = None if state["covariance"] is None else np.array(state["covariance"])
    return FlipMatrix(state["p_flip"], state["names"], covariance)
