"""Groups of which what is written down is not always true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.codes import encode
from equipoise.groups import MAX_GROUPS, Groups, columns_by_name
from equipoise.noise.flips import FlipMatrix
from equipoise.noise.given import read_flips


class NoisyGroups:
    """To which group each of n rows belongs, where the column that says so has errors.

    Membership is the signed matrix W = onehot(observed) @ inv(H), n rows by p groups, whose
    expectation, given who truly belongs to what, is the matrix of true memberships. So every mean
    over W is one over the true groups, as long as errors depend on nothing but the true group (and
    the stratum, where there are strata). The matrix is seldom made: rows are counted by integer
    codes, and their table is corrected by one small product.

    Attributes
    ----------
    observed : Groups
        Disjoint, with the names of the flip matrix.
    by_stratum : tuple of FlipMatrix
        One a stratum; a single one without strata.
    stratum : ndarray of int64, shape (n,), or None
        The stratum of each row.
    strata : tuple of str
        What the strata are called; empty without.

    Raises
    ------
    ValueError
        If the groups overlap, or names differ.
    """

    __slots__ = ("by_stratum", "observed", "strata", "stratum")

    def __init__(
        self,
        observed: Groups,
        flips: FlipMatrix | Sequence[FlipMatrix],
        stratum: NDArray[np.int64] | None = None,
        strata: Sequence[str] = (),
    ) -> None:
        self.observed = observed
        self.by_stratum = (flips,) if isinstance(flips, FlipMatrix) else tuple(flips)
        self.stratum = stratum
        self.strata = tuple(strata)
        if observed.codes is None:
            raise ValueError(
                "observed groups overlap, and the flips of a row that is in several are not told "
                "by a flip matrix: take the columns crossed, each with its own flips."
            )
        for one in self.by_stratum:
            if one.names != observed.names:
                raise ValueError(
                    f"the flip matrix is of the groups {one.names}, but {observed.names} are "
                    "observed: give both in one order."
                )
        if (stratum is None) != (len(self.by_stratum) == 1 and not self.strata):
            raise ValueError("give one flip matrix, or a stratum for each row and one a stratum.")
        if stratum is not None and len(stratum) != observed.n_rows:
            raise ValueError(
                f"strata has {len(stratum):,} rows, but sensitive_features {observed.n_rows:,}."
            )

    @classmethod
    def of(
        cls, sensitive_features: Any, *, p_flip: Any, strata: ArrayLike | None = None
    ) -> NoisyGroups:
        """Make noisy groups from one or several columns and their flip probabilities.

        Parameters
        ----------
        sensitive_features : Groups, array-like, mapping or dataframe
            What is observed: one column of n values, or several, whose intersections are meant and
            of which each errs without regard to the others.
        p_flip : FlipMatrix, mapping, dataframe or array-like
            P(observed | true), from and to: ``{("a", "b"): 0.3}`` or ``{"a -> b": 0.3}`` says that
            3 of 10 members of a are observed as b; pairs that are not named do not occur. Or a
            dataframe with a row a true group and a column an observed one; or an array of shape
            (p, p) in the order of the sorted values. Whole numbers in either are counts of gold
            rows, such as ``pd.crosstab(true, observed)``, and intervals then allow for their
            being estimates. Of several columns, a mapping from their
            names to such; a column that is not in it is taken as it is.
        strata : array-like, shape (n,), optional
            Where flips depend on something else that is known of a row, in which stratum it is;
            ``p_flip`` is then a mapping from strata to what it would be in each.

        Returns
        -------
        NoisyGroups

        Raises
        ------
        ValueError
            If groups overlap, a name does not occur, there are no flips for an observed group or a
            stratum, or the probabilities are none or cannot be undone.

        Examples
        --------
        >>> groups = NoisyGroups.of(list("aabbb"), p_flip={("a", "b"): 0.3, ("b", "a"): 0.1})
        >>> groups.matrix()[[0, 2]].round(3)
        array([[ 1.5  , -0.5  ],
               [-0.167,  1.167]])
        >>> groups.sizes
        array([2.5, 2.5])
        """
        columns = _coded(sensitive_features)
        numbers, named = None, tuple[str, ...]()
        if strata is None:
            flips = [_flips(p_flip, columns)]
        else:
            coded = encode(strata, "strata")
            named = tuple(str(level) for level in coded.levels)
            flips = [_flips(one, columns) for one in _by_stratum(p_flip, named)]
            numbers = coded.codes
        names = flips[0].names
        parts = [one.factors if len(columns) > 1 else (one,) for one in flips]
        own = [[part.names for part in one] for one in parts]
        if any(others != own[0] for others in own):
            raise ValueError("p_flip must give its groups in one order in all strata.")
        codes = np.zeros(next(iter(columns.values())).n_rows, np.int64)
        for groups, known in zip(columns.values(), own[0], strict=True):
            place = np.array([known.index(name) for name in groups.names], np.int64)
            assert groups.codes is not None
            codes = codes * len(known) + place[groups.codes]
        observed = Groups.from_codes(codes, names)
        return cls(observed, flips if numbers is not None else flips[0], numbers, named)

    def __len__(self) -> int:
        return len(self.observed)

    def __repr__(self) -> str:
        price = max(one.price for one in self.by_stratum)
        return (
            f"NoisyGroups({self.n_rows:,} rows, {len(self)} groups: {', '.join(self.names)}; "
            f"price {price:.2f})"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        # Whatever does not know noisy groups tries to read them as a column first.
        raise ValueError(
            "sensitive_features are NoisyGroups, and this cannot correct for noise. What can is in "
            "the documentation (Noisy groups); give groups.observed to take what is observed for "
            "the truth."
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the groups, length p."""
        return self.observed.names

    @property
    def n_rows(self) -> int:
        """The number of rows, n."""
        return self.observed.n_rows

    @property
    def flips(self) -> FlipMatrix:
        """The flip matrix of all rows.

        Raises
        ------
        ValueError
            If there are strata, which have one each.
        """
        if self.stratum is not None:
            raise ValueError(
                f"these groups have {len(self.by_stratum)} strata, each with its own flips, where "
                "one flip matrix of all rows is needed."
            )
        return self.by_stratum[0]

    @property
    def sizes(self) -> NDArray[np.float64]:
        """An estimate of the number of rows of each true group, shape (p,); it may be negative."""
        return self.tabulate(np.zeros(self.n_rows, np.int64), 1)[:, 0]

    def take(self, rows: NDArray[Any]) -> NoisyGroups:
        """The groups of some of the rows; the names and the flips stay.

        Parameters
        ----------
        rows : ndarray of int or bool
            Row numbers, or a mask of shape (n,).

        Returns
        -------
        NoisyGroups
        """
        stratum = None if self.stratum is None else self.stratum[rows]
        flips = self.by_stratum[0] if stratum is None else self.by_stratum
        return NoisyGroups(self.observed.take(rows), flips, stratum, self.strata)

    def matrix(self) -> NDArray[np.float64]:
        """The signed membership matrix W; its rows sum to 1.

        Returns
        -------
        ndarray of float64, shape (n, p)
        """
        codes, patterns = self.patterns()
        return patterns[codes]

    def patterns(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The distinct rows of the membership matrix.

        Returns
        -------
        codes : ndarray of int64, shape (n,)
            The pattern of each row: its observed group, or its stratum times p plus that.
        patterns : ndarray of float64, shape (strata * p, p)
            Row ``j`` is what a row of observed group j belongs to.
        """
        assert self.observed.codes is not None
        patterns = np.concatenate([one.inverse for one in self.by_stratum])
        if self.stratum is None:
            return self.observed.codes, patterns
        return self.stratum * len(self) + self.observed.codes, patterns

    def tabulate(
        self,
        codes: NDArray[np.integer[Any]],
        n_codes: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Estimate how many rows of each true group have each code.

        Parameters
        ----------
        codes : ndarray of int, shape (n,)
            Values from 0 to ``n_codes - 1``.
        n_codes : int
        weights : ndarray of float64, shape (n,), optional
            What each row counts; 1 by default.

        Returns
        -------
        ndarray of float64, shape (p, n_codes)
            Without bias, so that it may be negative, or more than there are rows.
        """
        own, patterns = self.patterns()
        names = [str(number) for number in range(len(patterns))]
        return patterns.T @ Groups(names, codes=own).tabulate(codes, n_codes, weights)


def _coded(sensitive_features: Any) -> dict[str, Groups]:
    if isinstance(sensitive_features, Groups):
        if not sensitive_features.disjoint:
            raise ValueError(
                "sensitive_features overlap, and the flips of a row that is in several groups are "
                "not told by a flip matrix: take the columns crossed, each with its own flips."
            )
        return {"": sensitive_features}
    columns = {name: Groups.of(x) for name, x in columns_by_name(sensitive_features).items()}
    lengths = {name: groups.n_rows for name, groups in columns.items()}
    if not columns or len(set(lengths.values())) > 1:
        raise ValueError(f"the sensitive features differ in length: {lengths}.")
    return columns


def _flips(p_flip: Any, columns: Mapping[str, Groups]) -> FlipMatrix:
    by_column = isinstance(p_flip, Mapping) and (
        len(columns) > 1 or (bool(p_flip) and {*p_flip} <= {*columns})
    )
    if not by_column:
        if len(columns) > 1:
            raise ValueError(
                f"of several columns p_flip must be a mapping from their names "
                f"({', '.join(map(repr, columns))}) to the flips of each."
            )
        ((_, groups),) = columns.items()
        return read_flips(p_flip, groups.names)
    unknown = [name for name in p_flip if name not in columns]
    if unknown:
        raise ValueError(
            f"p_flip: there is no sensitive column {unknown[0]!r}; the columns are "
            f"{', '.join(map(repr, columns))}, and p_flip is a mapping from them to the flips of "
            "each."
        )
    cells = int(np.prod([len(groups) for groups in columns.values()]))
    if cells > MAX_GROUPS:
        raise ValueError(
            f"crossing the sensitive features gives {cells:,} groups (at most {MAX_GROUPS}), since "
            "with noise any may have members; use fewer columns, or join rare categories."
        )
    return FlipMatrix.product(
        [
            read_flips(p_flip[name], groups.names)
            if name in p_flip
            else FlipMatrix.none(groups.names)
            for name, groups in columns.items()
        ]
    )


def _by_stratum(p_flip: Any, strata: Sequence[str]) -> list[Any]:
    if not isinstance(p_flip, Mapping):
        raise ValueError(
            f"with strata, p_flip must be a mapping from each of them ({', '.join(strata)}) to its "
            "flips."
        )
    given = {str(name): one for name, one in p_flip.items()}
    lacking = [name for name in strata if name not in given]
    if lacking:
        raise ValueError(f"p_flip has no flips for stratum {lacking[0]!r}.")
    return [given[name] for name in strata]
