"""What a repair moved: groups, labels, and every other column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.maxent.discrete import MaxEntropy, Rows
from equipoise.repair.law import Law
from equipoise.repair.noisy import true_given_observed
from equipoise.repair.table_model import TableModel

Array = NDArray[np.float64]


def label_rates(joint: Array) -> Array:
    """The rates of labels in each group.

    Parameters
    ----------
    joint : ndarray, shape (g, k)
        How much each label weighs in each group.

    Returns
    -------
    ndarray, shape (c, g)
        Of two labels those of the second, of more those of each: as constraints take them.
    """
    rates = (joint / joint.sum(axis=1, keepdims=True)).T
    return np.asarray(rates if len(rates) > 2 else rates[1:])


@dataclass(frozen=True, eq=False)
class MovedColumn:
    """A column before and after.

    Attributes
    ----------
    name : str
    levels : tuple of str
    before, after : ndarray, shape (levels,)
        Shares.
    """

    name: str
    levels: tuple[str, ...]
    before: Array
    after: Array

    @property
    def distance(self) -> float:
        """Total variation between the two."""
        return float(np.abs(self.after - self.before).sum() / 2)


@dataclass(frozen=True, eq=False)
class Moved:
    """How a law differs from the data; exact, not estimated from draws.

    Attributes
    ----------
    groups : tuple of str, length g
    classes : tuple, length k
    before, after : ndarray, shape (g, k)
        The joint shares of group and label; of noisy groups, of the true ones.
    columns : tuple of MovedColumn
        Those that label and group do not determine.
    distance : float
        Total variation between the law and the data, on the levels of all columns.
    divergence : float
        KL(data || law) in nats; infinite where the law never gives what the data have.
    product_mass : float
        How much of the law is its product part.
    gap : float
        The duality gap.
    """

    groups: tuple[str, ...]
    classes: tuple[Any, ...]
    before: Array
    after: Array
    columns: tuple[MovedColumn, ...]
    distance: float
    divergence: float
    product_mass: float
    gap: float

    @property
    def rates_before(self) -> Array:
        """The rate of each label in each group, shape (c, g): of two labels, of the second."""
        return label_rates(self.before)

    @property
    def rates_after(self) -> Array:
        """The same of the law."""
        return label_rates(self.after)

    def to_dict(self) -> dict[str, Any]:
        """What moved as JSON can hold it."""
        return {
            "groups": list(self.groups),
            "classes": [str(label) for label in self.classes],
            "before": self.before.tolist(),
            "after": self.after.tolist(),
            "columns": [
                {
                    "name": column.name,
                    "levels": list(column.levels),
                    "before": column.before.tolist(),
                    "after": column.after.tolist(),
                }
                for column in self.columns
            ],
            "total_variation": self.distance,
            "kl_of_data_from_law": self.divergence if np.isfinite(self.divergence) else None,
            "product_mass": self.product_mass,
            "gap": self.gap if np.isfinite(self.gap) else None,
        }


def what_moved(law: Law) -> Moved:
    """Compare a law with the data that it repairs.

    Parameters
    ----------
    law : Law

    Returns
    -------
    Moved
    """
    found, model, data = law.distribution, law.model, law.data
    counts = data.counts
    distance, divergence = _apart(found, model, data.weights)
    first = len(model.domain.attributes) - len(model.columns)
    columns = []
    for j, column in enumerate(model.columns, first):
        before = np.bincount(column.codes, data.weights, len(column.names))
        columns.append(
            MovedColumn(column.name, column.names, before / before.sum(), found.joint([j]))
        )
    joint = [0] if model.of_label == model.of_group else [model.of_group, model.of_label]
    before, after = counts / counts.sum(), found.joint(joint).reshape(counts.shape)
    if data.noise is not None:
        told = true_given_observed(data.label, data.noise, len(data.classes), data.weights)
        before, after = (np.einsum("zoy,oy->zy", told, law) for law in (before, after))
    return Moved(
        data.groups,
        data.classes,
        before,
        after,
        tuple(columns),
        distance,
        divergence,
        found.product_mass,
        found.gap,
    )


def _apart(found: MaxEntropy, model: TableModel, weights: Array) -> tuple[float, float]:
    # The data are a law on few points, whatever the size of the domain, and so both sums are
    # over them alone: what the law has elsewhere is what it has less of there.
    rows = Rows.of(model.domain.pack(model.codes), weights / weights.sum())
    law = np.exp(found.log_prob(model.domain.unpack(rows.levels)))
    seen = rows.weights > 0
    distance = float(np.maximum(rows.weights - law, 0).sum())
    if (law[seen] == 0).any():
        return distance, np.inf
    return distance, float(rows.weights[seen] @ np.log(rows.weights[seen] / law[seen]))
