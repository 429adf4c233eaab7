"""The probabilities with which the groups of people are written down as others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

MAX_CONDITION = 100.0
"""Beyond this condition of the flip matrix nothing is corrected: it would take some ten thousand
times as many rows as of groups that are known."""

# As far as rows of probabilities that are written as decimals may be from adding up to 1.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class FlipMatrix:
    """How often members of each group are written down as members of another.

    Attributes
    ----------
    p_flip : ndarray of float64, shape (p, p)
        ``p_flip[i, j]`` is P(observed = names[j] | true = names[i]): from a row, to a column. Each
        row sums to 1. To confuse the two indices is the commonest error there is, and no error
        message can tell: prefer to name pairs, as :meth:`NoisyGroups.of` takes them.
    names : tuple of str, length p
        Of the true groups and, in the same order, of what is observed.
    covariance : ndarray, shape (p, p, p, p), or None
        ``covariance[i, j, k, l]`` of the errors of ``p_flip[i, j]`` and ``p_flip[k, l]`` where the
        matrix was estimated; None where it is known.
    factors : tuple of FlipMatrix
        Of each of several columns, if this is their Kronecker product; otherwise empty.

    Raises
    ------
    ValueError
        If a probability is negative or no number, a row does not sum to 1, shapes do not fit, or
        the groups cannot be told apart: the matrix is singular, or its condition is above 100.

    Notes
    -----
    With u the shares of what is observed and a those of the true groups, u = H^T a, so that a =
    H^-T u (Celis, Huang, Keswani and Vishnoi, ICML 2021, arXiv 2006.04778, section 3).

    Examples
    --------
    >>> flips = FlipMatrix([[0.7, 0.3], [0.1, 0.9]], ("a", "b"))
    >>> flips.inverse.round(3)
    array([[ 1.5  , -0.5  ],
           [-0.167,  1.167]])
    >>> round(flips.price, 3)
    2.0
    """

    p_flip: Array
    names: tuple[str, ...]
    covariance: Array | None = None
    factors: tuple[FlipMatrix, ...] = ()

    def __init__(
        self,
        p_flip: ArrayLike,
        names: Sequence[str],
        covariance: Array | None = None,
        factors: tuple[FlipMatrix, ...] = (),
    ) -> None:
        matrix = np.array(p_flip, np.float64)
        for attribute, value in (
            ("p_flip", matrix),
            ("names", tuple(str(name) for name in names)),
            ("covariance", covariance),
            ("factors", factors),
        ):
            object.__setattr__(self, attribute, value)
        matrix.flags.writeable = False
        self._require_stochastic()
        p = len(self.names)
        if covariance is not None and covariance.shape != (p, p, p, p):
            raise ValueError(f"covariance must have shape {(p,) * 4}, not {covariance.shape}.")
        if not factors and not self.condition <= MAX_CONDITION:
            raise ValueError(self._ill_conditioned())

    @classmethod
    def product(cls, factors: Sequence[FlipMatrix]) -> FlipMatrix:
        """The flips of several columns crossed, if each errs without regard to the others.

        Parameters
        ----------
        factors : sequence of FlipMatrix

        Returns
        -------
        FlipMatrix
            Their Kronecker product, with names such as "female, Black"; the first changes least
            often.
        """
        if len(factors) == 1:
            return factors[0]
        cells = list(product(*(one.names for one in factors)))
        names = [", ".join(cell) for cell in cells]
        if len(set(names)) < len(names):  # a name with a comma in it, read in two ways
            names = [", ".join(map(repr, cell)) for cell in cells]
        matrix = _kron([one.p_flip for one in factors])
        return cls(matrix, names, factors=tuple(factors))

    @classmethod
    def none(cls, names: Sequence[str]) -> FlipMatrix:
        """Of groups that are written down as they are.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        FlipMatrix
        """
        return cls(np.eye(len(names)), names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        kind = "known" if self.known else "estimated"
        return f"FlipMatrix({len(self)} groups, {kind}, price {self.price:.2f})"

    @cached_property
    def inverse(self) -> Array:
        """The inverse, shape (p, p); its row j is what a row of observed group j belongs to."""
        if self.factors:
            inverse = _kron([one.inverse for one in self.factors])
        else:
            inverse = np.asarray(np.linalg.inv(self.p_flip), np.float64)
        inverse.flags.writeable = False
        return inverse

    @cached_property
    def condition(self) -> float:
        """The condition number, 1 without noise and infinite where groups cannot be told apart."""
        if self.factors:
            return float(np.prod([one.condition for one in self.factors]))
        return float(np.linalg.cond(self.p_flip))

    @property
    def price(self) -> float:
        """The largest row L1 norm of the inverse, 1 without noise.

        As many rows as this squared may be needed to tell as much as one row of known group does.
        """
        return float(np.abs(self.inverse).sum(axis=1).max())

    @property
    def known(self) -> bool:
        """Whether the probabilities are known, rather than estimated."""
        return self.covariance is None and all(one.known for one in self.factors)

    def _require_stochastic(self) -> None:
        matrix, p = self.p_flip, len(self.names)
        if p == 0:
            raise ValueError("names is empty: a flip matrix needs a group.")
        if len(set(self.names)) < p:
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ValueError(f"names must be distinct, but {twice} occur more than once.")
        if matrix.shape != (p, p):
            raise ValueError(
                f"p_flip must have shape {(p, p)}, from and to each of the groups "
                f"{', '.join(self.names)}, not {matrix.shape}."
            )
        if not np.isfinite(matrix).all():
            raise ValueError("p_flip has entries that are no numbers.")
        if (matrix < 0).any():
            i, j = np.unravel_index(int(matrix.argmin()), matrix.shape)
            raise ValueError(
                f"p_flip has a negative probability: {self.names[i]} -> {self.names[j]} is "
                f"{matrix[i, j]:g}."
            )
        sums = matrix.sum(axis=1)
        if (abs(sums - 1) > _ROUNDING).any():
            worst = int(abs(sums - 1).argmax())
            columns = abs(matrix.sum(axis=0) - 1).max() <= _ROUNDING
            hint = " Its columns do: give its transpose." if columns else ""
            raise ValueError(
                "each row of p_flip must sum to 1, but that of true group "
                f"{self.names[worst]!r} sums to {sums[worst]:.12g}.{hint}"
            )

    def _ill_conditioned(self) -> str:
        apart = np.abs(self.p_flip[:, None] - self.p_flip[None]).sum(axis=-1)
        apart += np.diag(np.full(len(self), np.inf))
        i, k = np.unravel_index(int(apart.argmin()), apart.shape)
        return (
            f"p_flip has condition {self.condition:.3g}, above {MAX_CONDITION:g}: what is observed "
            f"hardly tells the true groups apart, least of all {self.names[i]!r} and "
            f"{self.names[k]!r}. Join such groups, or observe them better; no number of rows "
            "that one has would do."
        )


def _kron(matrices: Sequence[Array]) -> Array:
    whole = matrices[0]
    for one in matrices[1:]:
        whole = np.asarray(np.kron(whole, one), np.float64)
    return whole
