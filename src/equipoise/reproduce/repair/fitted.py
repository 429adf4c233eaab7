"""The paper's laws of a coded table, and what is measured of a law or of rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.repair.estimator import PARITY
from equipoise.repair.law import Choices, Expectation, Law, Product, RowsOfPrior
from equipoise.reproduce.repair.coded import Coded

Array = NDArray[np.float64]

SMOOTHING = 1e-7
"""What the published programs add to each cell's share before the divergence."""


@dataclass(frozen=True)
class Choice:
    """One of the paper's laws, or of those that fix the joint law of label and group.

    Attributes
    ----------
    share : float
        C.
    expectation : {"weighted", "data", "balanced"}
    prior : {"weighted", "data"}
    tau : float
        How many there are of the group 0 for one of the group 1.
    exact : bool
        Whether label and group are one attribute.
    product : {"uniform", "marginals"}
    """

    share: float
    expectation: Expectation = "weighted"
    prior: RowsOfPrior = "weighted"
    tau: float = 1.0
    exact: bool = False
    product: Product = "uniform"

    def fit(self, coded: Coded) -> Law:
        """Find the law.

        Parameters
        ----------
        coded : Coded

        Returns
        -------
        Law
        """
        choices = Choices(
            {"0": self.tau, "1": 1.0},
            self.share,
            self.product,
            self.prior,
            self.expectation,
            self.exact,
        )
        return Law.of(coded.labelled, [Constraint.parse(PARITY)], choices)

    @property
    def name(self) -> str:
        """In the paper's letters."""
        letter = {"weighted": "w", "data": "d", "balanced": "b"}
        tau = "" if self.tau == 1 else f", tau = {self.tau:g}"
        return f"q^{letter[self.prior]}, θ^{letter[self.expectation]}, C = {self.share:g}{tau}"

    @property
    def decides(self) -> dict[str, Any]:
        """As a cell is found again by it."""
        return asdict(self)


def statistical_rate(joint: Array) -> float:
    """The least ratio of the positive label's rates in two groups.

    Parameters
    ----------
    joint : ndarray, shape (2, 2)
        Of group and label.

    Returns
    -------
    float
        1 where neither group has any.
    """
    rates = joint[:, 1] / joint.sum(axis=1)
    return float(rates.min() / rates.max()) if rates.any() else 1.0


def representation_rate(joint: Array) -> float:
    """The least ratio of the groups' shares.

    Parameters
    ----------
    joint : ndarray, shape (2, 2)
        Of group and label.

    Returns
    -------
    float
    """
    shares = joint.sum(axis=1)
    return float(shares.min() / shares.max())


def joint_of(group: NDArray[np.integer], label: NDArray[np.integer]) -> Array:
    """How often rows have each group and label.

    Parameters
    ----------
    group, label : ndarray of int, shape (n,)
        0 or 1.

    Returns
    -------
    ndarray, shape (2, 2)
    """
    codes = 2 * group.astype(np.int64) + label
    return np.bincount(codes, minlength=4).reshape(2, 2) / len(codes)


def group_and_label(law: Law) -> Array:
    """The joint law of group and label, shape (2, 2).

    Parameters
    ----------
    law : Law

    Returns
    -------
    ndarray, shape (2, 2)
    """
    if law.model.of_label == law.model.of_group:
        return law.distribution.joint([0]).reshape(2, 2)
    return law.distribution.joint([law.model.of_group, law.model.of_label])


def cells(law: Law, coded: Coded) -> Array:
    """The probability of each cell, of a small domain.

    Parameters
    ----------
    law : Law
    coded : Coded

    Returns
    -------
    ndarray, shape (2, 2, ...)
    """
    found = law.distribution
    return found.joint(range(len(found.prior.domain.attributes))).reshape(coded.shape)


def divergence(law: Array, raw: Array) -> float:
    """KL(law || raw), as the published programs smooth it.

    Parameters
    ----------
    law, raw : ndarray, of one shape

    Returns
    -------
    float
        Nats.
    """
    occurs = law > 0
    found = float((law[occurs] * np.log(law[occurs] / (raw[occurs] + SMOOTHING))).sum())
    return max(found, 0.0)  # what was added makes it 1e-5 too small
