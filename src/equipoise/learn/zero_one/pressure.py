"""Promises about groups as a price on tables of groups, with its derivative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.learn.violations import Violations

Array = NDArray[np.float64]

# Of rows: a rate is a share of some, or it is not far from undefined.
_FEWEST = 1e-6


class Pressure:
    """The augmented Lagrangian of promises, as a function of tables.

    With multipliers y and violations v of promises, ``v <= 0``, it is
    ``sum_j (max(0, y_j + rho v_j)^2 - y_j^2) / (2 rho)`` (Rockafellar 1973). Every rate that is a
    ratio of linear functions of a table is served by its coefficients.

    Parameters
    ----------
    promises : sequence of Constraint
        About rates of decisions of two classes.
    n_groups : int
        g.
    penalty : float
        rho.

    Attributes
    ----------
    multipliers : ndarray, shape (m,)
    """

    def __init__(self, promises: Sequence[Constraint], n_groups: int, penalty: float) -> None:
        cells = [one.disparity.rate.cells(2) for one in promises]
        self._top = np.concatenate([one.numerator for one in cells])
        self._bottom = np.concatenate([one.denominator for one in cells])
        parts, start = [], 0
        for one, of in zip(promises, cells, strict=True):
            stop = start + len(of.numerator)
            parts.append((one, slice(start, stop)))
            start = stop
        self._violations = Violations(parts)
        self._promises = list(promises)
        self.penalty = penalty
        self.multipliers = np.zeros(sum(one.n_violations(2, n_groups) for one in promises))

    def __call__(self, tables: Array) -> tuple[Array, Array]:
        """The price, and its derivative by the tables.

        Parameters
        ----------
        tables : ndarray, shape (k, g, 2, 2)

        Returns
        -------
        price : ndarray, shape (k,)
        slope : ndarray, shape (k, g, 2, 2)
        """
        bottom, rates = self._rates(tables)
        seen = torch.from_numpy(rates)
        pushed = np.maximum(self.multipliers + self.penalty * self._violations(seen).numpy(), 0)
        price = ((pushed**2).sum(1) - (self.multipliers**2).sum()) / (2 * self.penalty)
        by_rate = self._violations.pull_back(seen, torch.from_numpy(pushed)).numpy() / bottom
        slope = np.einsum("kcg,cyd->kgyd", by_rate, self._top)
        slope -= np.einsum("kcg,cyd->kgyd", by_rate * rates, self._bottom)
        return price, slope

    def rise(self, tables: Array) -> None:
        """Move the multipliers along the mean violation of some tables.

        Parameters
        ----------
        tables : ndarray, shape (k, g, 2, 2)
        """
        seen = self._violations(torch.from_numpy(self._rates(tables)[1])).numpy().mean(axis=0)
        self.multipliers = np.maximum(self.multipliers + self.penalty * seen, 0)

    def broken(self, tables: Array) -> Array:
        """By how much bounds are broken at most, in units of the disparities.

        Parameters
        ----------
        tables : ndarray, shape (k, g, 2, 2)
            Of decisions.

        Returns
        -------
        ndarray, shape (k,)
            At most 0 where all are kept; infinite where a rate is undefined.
        """
        beyond = []
        for one in self._promises:
            value = one.disparity.value(one.disparity.rate.values(tables))
            excess = value - one.bound if one.sense == "<=" else one.bound - value
            beyond.append(np.where(np.isnan(excess), np.inf, excess))
        return np.max(beyond, axis=0)

    def _rates(self, tables: Array) -> tuple[Array, Array]:
        total = tables.sum(axis=(1, 2, 3))[:, None, None]
        bottom = np.einsum("kgyd,cyd->kcg", tables, self._bottom)
        bottom = np.maximum(bottom, _FEWEST * total)
        return bottom, np.einsum("kgyd,cyd->kcg", tables, self._top) / bottom
