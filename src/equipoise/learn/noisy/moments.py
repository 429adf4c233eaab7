"""What decisions do to the numerators and denominators of rates.

A rate of two classes is a share of (label, decision) cells, so that numerator and denominator of
every group are affine in the chance f(x) with which a row is decided 1, whatever the rate: with W
the matrix of membership, signed where groups are noisy,

    N_i(f) = E[W_i (num(Y, 0) + f(X) (num(Y, 1) - num(Y, 0)))] ,

and D_i alike. A rate is linear where D does not move with f (selection, true and false positives)
and linear-fractional where it does (false discoveries and omissions).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.constraints import Constraint

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Moments:
    """The moments that some promises look at: numerator and denominator of each component.

    Attributes
    ----------
    fixed : ndarray of float64, shape (2 c, 2)
        By label, what a row of weight 1 adds when it is decided 0: first the numerators of the c
        components, then their denominators.
    added : ndarray of float64, shape (2 c, 2)
        What it adds on top of that when it is decided 1.
    """

    fixed: Array
    added: Array

    @classmethod
    def of(cls, promises: Sequence[Constraint]) -> Moments:
        """The moments of promises, component after component.

        Parameters
        ----------
        promises : sequence of Constraint
            Of counted rates.

        Returns
        -------
        Moments

        Raises
        ------
        ValueError
            If a promise is about a loss, which decisions do not determine.
        """
        if not promises:
            return cls(np.empty((0, 2)), np.empty((0, 2)))
        cells = [promise.disparity.rate.cells(2) for promise in promises]
        numerators = np.concatenate([one.numerator for one in cells])
        table = np.concatenate([numerators, *(one.denominator for one in cells)])
        return cls(table[:, :, 0], table[:, :, 1] - table[:, :, 0])

    @property
    def n_components(self) -> int:
        """The number of components, c."""
        return len(self.fixed) // 2

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Which of them decisions move, shape (2 c,)."""
        return np.asarray(self.added.any(axis=1))

    @property
    def fractional(self) -> NDArray[np.bool_]:
        """Which components have a denominator that decisions move, shape (c,)."""
        return self.moving[self.n_components :]

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels whose groups are to be told apart, none if the label does not matter."""
        moved = self.added[self.moving]
        if (moved[:, 0] == moved[:, 1]).all():
            return ()
        return tuple(int(label) for label in np.flatnonzero(moved.any(axis=0)))

    def at_rest(self, by_label: Array) -> Array:
        """The moments when nobody is decided 1.

        Parameters
        ----------
        by_label : ndarray, shape (2, p)
            The mean of W over rows, by label.

        Returns
        -------
        ndarray, shape (2 c, p)
        """
        return np.asarray(self.fixed @ by_label)

    def counted(self, label: NDArray[np.integer], membership: Array, weight: Array) -> Array:
        """What deciding a row 1 adds to each moving moment, by the row's own label and groups.

        Parameters
        ----------
        label : ndarray of int, shape (n,)
        membership : ndarray, shape (n, p)
            W.
        weight : ndarray, shape (n,)
            Of sum 1.

        Returns
        -------
        ndarray, shape (moving p, n)
        """
        by_row = membership.T * weight
        return np.concatenate(
            [
                by_row * (each[0] if each[0] == each[1] else each[label])
                for each in self.added[self.moving]
            ]
        )

    def modelled(
        self,
        probability: Array,
        membership: Array | None,
        membership_of: dict[int, Array],
        weight: Array,
    ) -> Array:
        """The same in expectation given the features, by models.

        Parameters
        ----------
        probability : ndarray, shape (n,)
            Of the label 1, p(y = 1 | x).
        membership : ndarray, shape (n, p), or None
            E[W | x]; needed where :attr:`labels` is empty.
        membership_of : dict of ndarray, shape (n, p)
            E[W | x, y] for each label of :attr:`labels`.
        weight : ndarray, shape (n,)
            Of sum 1.

        Returns
        -------
        ndarray, shape (moving p, n)
        """
        moved = self.added[self.moving]
        if not self.labels:
            assert membership is not None
            once = membership.T * weight
            return np.concatenate([each[0] * once for each in moved])
        chance = {1: weight * probability, 0: weight * (1 - probability)}
        of = {label: membership_of[label].T * chance[label] for label in self.labels}
        rows = [
            np.sum([each[label] * of[label] for label in self.labels if each[label]], axis=0)
            for each in moved
        ]
        return np.concatenate(rows)
