"""Audits among rows that are alike in something that may rightly make a difference."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.audit.counts import Counts
from equipoise.audit.labels import encode_pair
from equipoise.audit.result import Audit
from equipoise.audit.weights import as_weights
from equipoise.groups import Groups, How


def audit_within(
    label: ArrayLike,
    prediction: ArrayLike,
    *,
    sensitive_features: Any,
    control_features: Any,
    sample_weight: ArrayLike | None = None,
    how: How = "crossed",
    positive: Any = None,
    confidence: float = 0.95,
    n_boot: int = 2000,
    random_state: int = 0,
) -> dict[str, Audit]:
    """Audit each stratum of control features alone: groups are compared within, never across.

    Parameters
    ----------
    label, prediction : array-like, shape (n,)
    sensitive_features : Groups, array-like, mapping or dataframe
        One or several columns of n values; see :meth:`equipoise.Groups.of`.
    control_features : array-like, mapping or dataframe
        One or several columns of n values, such as a department or a grade; strata are their
        intersections.
    sample_weight : array-like, shape (n,), optional
        How much each row counts for.
    how : {"crossed", "each", "lattice"}
        Whether several sensitive columns mean their intersections or stand side by side.
    positive : optional
        The positive class of a binary task; the larger by default.
    confidence : float
        Of every interval.
    n_boot : int
    random_state : int

    Returns
    -------
    dict of Audit
        By stratum. A stratum's audit has the groups that it has rows of, and the classes of all
        rows.

    Raises
    ------
    ValueError
        If lengths differ, values are missing, there is one class, predictions are scores, or a
        weight is negative or no number.

    Examples
    --------
    >>> from equipoise.audit import audit_within
    >>> found = audit_within(
    ...     [0, 1, 0, 1], [0, 1, 1, 1],
    ...     sensitive_features=["f", "m", "f", "m"],
    ...     control_features=["arts", "arts", "law", "law"],
    ... )
    >>> [(name, one.disparity('gap("selection")').value) for name, one in found.items()]
    [('arts', 1.0), ('law', 0.0)]
    """
    y, decided, classes = encode_pair(label, prediction, positive)
    groups = Groups.of(sensitive_features, how)
    try:
        strata = Groups.of(control_features)
    except ValueError as error:
        raise ValueError(str(error).replace("sensitive_features", "control_features")) from error
    if strata.codes is None:
        raise ValueError("control_features must be strata, of which no row belongs to two.")
    if not len(y) == groups.n_rows == strata.n_rows:
        raise ValueError(
            "label, sensitive_features and control_features must have one value a row, but have "
            f"{len(y):,}, {groups.n_rows:,} and {strata.n_rows:,}."
        )
    weight = None if sample_weight is None else as_weights(sample_weight, len(y))
    order = np.argsort(strata.codes, kind="stable")
    found = {}
    ends = np.cumsum(strata.sizes)
    for name, start, end in zip(strata.names, ends - strata.sizes, ends, strict=True):
        rows = order[start:end]
        counts = Counts.from_block(
            y[rows],
            decided[rows],
            groups.take(rows),
            classes,
            weight=None if weight is None else weight[rows],
        )
        found[name] = Audit(
            counts.without_empty_groups(), confidence, n_boot=n_boot, random_state=random_state
        )
    return found
