"""Whether rows can say anything of a promise, asked before any training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.groups import Groups
from equipoise.noise import NoisyGroups


def require_support(
    constraint: Constraint,
    label: NDArray[np.integer],
    groups: Groups | NoisyGroups,
    classes: Sequence[Any],
    where: str,
) -> None:
    """Refuse rows on which a rate of the promise is undefined whatever is predicted.

    Parameters
    ----------
    constraint : Constraint
    label : ndarray of int, shape (n,)
        Codes into ``classes``.
    groups : Groups or NoisyGroups of n rows
        Of noisy ones the true groups must follow to have such rows.
    classes : sequence, length k
    where : str
        What these rows are, for the message.

    Raises
    ------
    ValueError
        If there is only one group, or a group has no row that the rate is a share of.
    """
    if len(groups) < 2 and constraint.disparity.kind != "worst":
        raise ValueError(
            f"{constraint} compares groups, but sensitive_features has only {groups.names[0]!r}."
        )
    if constraint.disparity.rate.of_loss:
        empty = np.flatnonzero(groups.sizes <= 0)
        if len(empty):
            raise ValueError(f"group {groups.names[empty[0]]!r} has no row among {where}.")
        return
    k = len(classes)
    # A label supports a component if some prediction puts its rows into the denominator.
    supports = constraint.disparity.rate.cells(k).denominator.max(axis=-1)
    by_label = groups.tabulate(label, k)
    rows = supports @ by_label.T
    if (rows > 0).all():
        return
    component, group = (int(i) for i in np.argwhere(rows <= 0)[0])
    name = constraint.disparity.rate.component_names(classes)[component]
    needed = [str(classes[int(c)]) for c in np.flatnonzero(supports[component])]
    raise ValueError(
        f"{name} of group {groups.names[group]!r} is undefined: among {where}, its "
        f"{int(by_label[group].sum()):,} rows have none labelled {' or '.join(needed)}. Join the "
        "group with another, or promise something of another rate."
    )
