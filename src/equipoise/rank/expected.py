"""Groups that are known up to noise: what to expect of everybody, given what is written down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_ROUNDING = 1e-6


class Noisy(Protocol):
    """What is used of groups whose column has errors."""

    names: Sequence[str]

    def patterns(self) -> tuple[NDArray[np.int64], Array]:
        """The signed membership matrix as codes of its distinct rows, and these, by stratum."""
        ...


@dataclass(frozen=True, eq=False)
class ExpectedGroups:
    """How probably each row belongs to each group.

    Attributes
    ----------
    names : tuple of str, length g
    codes : ndarray of int64, shape (m,)
        The cell of each row.
    probability : ndarray, shape (cells, g)
        How probably a row of each cell belongs to each group.
    """

    names: tuple[str, ...]
    codes: NDArray[np.int64]
    probability: Array

    @classmethod
    def of_probabilities(cls, probability: ArrayLike, names: Sequence[str]) -> ExpectedGroups:
        """From the probabilities of each row, such as a model gives them.

        Parameters
        ----------
        probability : array-like, shape (m, g)
            Rows sum to 1. Rankings under bounds take the longer the more rows differ: round them.
        names : sequence of str, length g

        Returns
        -------
        ExpectedGroups

        Raises
        ------
        ValueError
            If they are no probabilities, or the shape does not fit.
        """
        matrix = np.asarray(probability, np.float64)
        if matrix.ndim != 2 or matrix.shape[1] != len(names):
            raise ValueError(
                f"probability must have shape (m, {len(names)}), one column a name, not "
                f"{matrix.shape}."
            )
        wrong = ~(matrix >= 0).all(axis=1) | ~(abs(matrix.sum(axis=1) - 1) <= _ROUNDING)
        if wrong.any():
            raise ValueError(
                f"probability must be 0 or more and sum to 1 in each row, but row "
                f"{int(wrong.argmax())} is {matrix[wrong.argmax()]}. Of a signed membership "
                "matrix, which a ranking by what is written down would misread, take "
                "ExpectedGroups.of_noisy."
            )
        if not len(matrix):
            raise ValueError("probability has no rows.")
        if len({*map(str, names)}) < len(names):
            raise ValueError(f"names must be distinct, not {', '.join(map(str, names))}.")
        cells, codes = np.unique(matrix, axis=0, return_inverse=True)
        return cls(tuple(map(str, names)), codes.reshape(-1), cells)

    @classmethod
    def of_noisy(cls, groups: Noisy) -> ExpectedGroups:
        """From groups with a flip matrix.

        By Bayes' rule P(true = i | observed = j) is in proportion to P(true = i) H_ij. The shares
        of the true groups are estimated from the data, in each stratum.

        A ranking under bounds looks at what is written down, and of the rows that it takes for it
        the signed matrix onehot(observed) inv(H) no longer tells the truth: of those
        observed in a group it would count each as more than one. Bounds on these expectations are
        kept on average if, given what is observed (and the stratum), who belongs to what does not
        depend on the score. Where it does, intervals of the score are strata.

        Parameters
        ----------
        groups : NoisyGroups
            Anything with `names` and `patterns()`, the distinct rows of the signed matrix.

        Returns
        -------
        ExpectedGroups
        """
        codes, signed = groups.patterns()
        g = len(groups.names)
        counts = np.bincount(codes, minlength=len(signed)).astype(np.float64)
        blocks = []
        for start in range(0, len(signed), g):
            inverse = signed[start : start + g]
            flips = np.linalg.inv(inverse)
            # An unbiased estimate may be below 0, which no share is.
            true = np.maximum(counts[start : start + g] @ inverse, 0.0)
            joint = (true[:, None] * flips).T
            total = joint.sum(axis=1, keepdims=True)
            # What is not observed has no probabilities, and no row that would need them.
            blocks.append(np.divide(joint, total, out=np.full_like(joint, 1 / g), where=total > 0))
        return cls(tuple(map(str, groups.names)), codes, np.concatenate(blocks))

    @property
    def n_rows(self) -> int:
        """The number of rows, m."""
        return len(self.codes)

    def matrix(self) -> Array:
        """The expected membership of each row.

        Returns
        -------
        ndarray, shape (m, g)
        """
        return self.probability[self.codes]

    def patterns(self) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """The cell of each row, and the expected membership of each cell."""
        return self.codes, self.probability
