"""Who belongs to what: n rows, g groups, as codes when disjoint and as a matrix otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.codes import as_array, encode, to_numpy

How = Literal["crossed", "each", "lattice"]
"""What several sensitive columns mean."""

# More groups than this is nearly always a number or an identifier taken for a category.
MAX_GROUPS = 500


class Groups:
    """To which group each of n rows belongs.

    Membership is a matrix W, n rows by g groups. When the groups are disjoint only one integer
    code a row is stored; when they overlap, a boolean matrix. Everything that is computed by
    group is linear in W, so neither case needs a second code path above this class.

    Build one with :meth:`of`, :meth:`from_codes` or :meth:`from_membership`.

    Attributes
    ----------
    names : tuple of str, length g
    codes : ndarray of int64, shape (n,), or None
        The group of each row where groups are disjoint.
    membership : ndarray of bool, shape (n, g), or None
        Which groups each row belongs to where they overlap.
    """

    __slots__ = ("codes", "membership", "names")

    def __init__(
        self,
        names: Sequence[str],
        codes: NDArray[np.int64] | None = None,
        membership: NDArray[np.bool_] | None = None,
    ) -> None:
        if (codes is None) == (membership is None):
            raise ValueError("Groups needs either codes or membership, and not both.")
        self.names: tuple[str, ...] = tuple(str(name) for name in names)
        self.codes = codes
        self.membership = membership
        if not self.names:
            raise ValueError("Groups needs at least one group; names is empty.")
        if len(set(self.names)) != len(self.names):
            twice = sorted({n for n in self.names if self.names.count(n) > 1})
            raise ValueError(f"names must be distinct, but {twice} occur more than once.")

    @classmethod
    def of(
        cls,
        sensitive_features: Any,
        how: How = "crossed",
    ) -> Groups:
        """Make groups from one or several columns.

        Parameters
        ----------
        sensitive_features : Groups, array-like, mapping or dataframe
            One column of n values; or several, as a mapping from names to columns, a pandas,
            polars or pyarrow table, or an array of shape (n, columns).
        how : {"crossed", "each", "lattice"}
            What several columns mean: their intersections ("female, Black"), which are
            disjoint; the groups of each column side by side ("sex: female"), which overlap; or
            both and all in between, the lattice of intersections of any of the columns.

        Returns
        -------
        Groups
            Only groups that have a row.

        Raises
        ------
        ValueError
            If a column has missing values, the lengths differ, there are no rows, or there are
            more than 500 groups.
        """
        if isinstance(sensitive_features, Groups):
            return sensitive_features
        if how not in get_args(How):
            raise ValueError(f"how must be one of {', '.join(get_args(How))}, not {how!r}.")
        columns = columns_by_name(sensitive_features)
        coded = {name: encode(values, _describe(name)) for name, values in columns.items()}
        lengths = {name: len(c.codes) for name, c in coded.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"the sensitive features differ in length: {lengths}.")
        if not coded or next(iter(lengths.values())) == 0:
            raise ValueError("sensitive_features has no rows.")
        for name, column in coded.items():
            if len(column.levels) > MAX_GROUPS:
                raise ValueError(
                    f"{_describe(name)} has {len(column.levels):,} distinct values, which are too "
                    f"many groups (at most {MAX_GROUPS}); cut a number into intervals, or join "
                    "rare categories, first."
                )
        if len(coded) == 1:
            ((_, only),) = coded.items()
            return cls([str(level) for level in only.levels], codes=only.codes)
        if how != "crossed":
            named = {name: (c.codes, c.levels) for name, c in coded.items()}
            return cls._each(named) if how == "each" else cls._lattice(named)
        return cls._crossed([(c.codes, c.levels) for c in coded.values()])

    @classmethod
    def _crossed(cls, columns: Sequence[tuple[NDArray[np.int64], tuple[Any, ...]]]) -> Groups:
        joint = np.zeros(len(columns[0][0]), np.int64)
        cells: list[tuple[str, ...]] = [()]
        # Column by column, keeping the cells that have a row: the product of the numbers of
        # levels need not fit an integer.
        for codes, levels in columns:
            joint, present = encode(joint * len(levels) + codes, "sensitive_features")
            if len(present) > MAX_GROUPS:
                raise ValueError(
                    f"crossing the sensitive features gives {len(present):,} groups or more (at "
                    f"most {MAX_GROUPS}); use fewer columns, join rare categories, or take the "
                    "columns side by side with how='each'."
                )
            parts = [divmod(cell, len(levels)) for cell in present]
            cells = [(*cells[cell], str(levels[level])) for cell, level in parts]
        names = [", ".join(cell) for cell in cells]
        if len(set(names)) < len(names):  # a value with a comma in it, read in two ways
            names = [", ".join(map(repr, cell)) for cell in cells]
        return cls(names, codes=joint)

    @classmethod
    def _each(cls, columns: Mapping[str, tuple[NDArray[np.int64], tuple[Any, ...]]]) -> Groups:
        names = [f"{name}: {level}" for name, (_, levels) in columns.items() for level in levels]
        blocks = [codes[:, None] == np.arange(len(levels)) for codes, levels in columns.values()]
        return cls(names, membership=np.concatenate(blocks, axis=1))

    @classmethod
    def _lattice(cls, columns: Mapping[str, tuple[NDArray[np.int64], tuple[Any, ...]]]) -> Groups:
        whole = cls._each(columns)
        names, blocks = list(whole.names), [whole.membership]
        for size in range(2, len(columns) + 1):
            for some in combinations(columns, size):
                # Levels carry the names of their columns, so that intersections do too.
                crossed = cls._crossed(
                    [
                        (columns[c][0], tuple(f"{c}: {level}" for level in columns[c][1]))
                        for c in some
                    ]
                )
                names += crossed.names
                if len(names) > MAX_GROUPS:
                    raise ValueError(
                        f"the lattice of the sensitive features has more than {MAX_GROUPS} groups; "
                        "use fewer columns, or join rare categories."
                    )
                blocks.append(crossed.matrix().astype(np.bool_))
        return cls(names, membership=np.concatenate([b for b in blocks if b is not None], axis=1))

    @classmethod
    def from_codes(cls, codes: ArrayLike, names: Sequence[str]) -> Groups:
        """Make disjoint groups from integer codes, some of which may have no row here.

        Parameters
        ----------
        codes : array-like of int, shape (n,)
            Values from 0 to g - 1.
        names : sequence of str, length g

        Returns
        -------
        Groups

        Raises
        ------
        ValueError
            If a code is not an integer from 0 to g - 1.
        """
        column = as_array(codes, "codes")
        if column.size and column.dtype.kind not in "iu":
            raise ValueError(f"codes must be integers, not {column.dtype}.")
        if column.size and (column.min() < 0 or column.max() >= len(names)):
            raise ValueError(
                f"codes must lie in 0..{len(names) - 1} (there are {len(names)} names), but range "
                f"from {column.min()} to {column.max()}."
            )
        return cls(names, codes=column.astype(np.int64, copy=False))

    @classmethod
    def from_membership(cls, membership: ArrayLike, names: Sequence[str]) -> Groups:
        """Make groups that may overlap from a boolean matrix.

        Parameters
        ----------
        membership : array-like of bool, shape (n, g)
            A row may belong to any number of groups, none included.
        names : sequence of str, length g

        Returns
        -------
        Groups

        Raises
        ------
        ValueError
            If the matrix is not of shape (n, g) or holds anything but 0 and 1.
        """
        matrix = np.asarray(membership)
        if matrix.ndim != 2 or matrix.shape[1] != len(names):
            raise ValueError(
                f"membership must have shape (n, {len(names)}), one column a name, "
                f"not {matrix.shape}."
            )
        if matrix.dtype != np.bool_ and not np.isin(matrix, (0, 1)).all():
            raise ValueError("membership must hold only True and False (or 1 and 0).")
        return cls(names, membership=matrix.astype(np.bool_, copy=False))

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        kind = "disjoint" if self.disjoint else "overlapping"
        return f"Groups({self.n_rows:,} rows, {len(self)} {kind} groups: {', '.join(self.names)})"

    @property
    def disjoint(self) -> bool:
        """Whether every row belongs to exactly one group."""
        return self.codes is not None

    @property
    def n_rows(self) -> int:
        """The number of rows, n."""
        if self.codes is not None:
            return len(self.codes)
        assert self.membership is not None
        return len(self.membership)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of rows of each group, shape (g,)."""
        return self.tabulate(np.zeros(self.n_rows, np.int64), 1)[:, 0].astype(np.int64)

    def take(self, rows: NDArray[Any]) -> Groups:
        """The groups of some of the rows; the names stay, also of groups left empty.

        Parameters
        ----------
        rows : ndarray of int or bool
            Row numbers, or a mask of shape (n,).

        Returns
        -------
        Groups
        """
        if self.codes is not None:
            return Groups(self.names, codes=self.codes[rows])
        assert self.membership is not None
        return Groups(self.names, membership=self.membership[rows])

    def join_rare(self, min_size: int, name: str = "others") -> Groups:
        """Join the groups with too few rows into one.

        Parameters
        ----------
        min_size : int
            Groups with fewer rows are joined.
        name : str
            What their union is called.

        Returns
        -------
        Groups
            These, if no group is that small.

        Raises
        ------
        ValueError
            If a group that is kept has that name, or the groups overlap.
        """
        rare = self.sizes < min_size
        if not rare.any():
            return self
        if self.codes is None:
            raise ValueError("groups that overlap cannot be joined; take the columns crossed.")
        kept = [n for n, small in zip(self.names, rare, strict=True) if not small]
        if name in kept:
            raise ValueError(f"there is already a group called {name!r}.")
        recode = np.where(rare, len(kept), np.cumsum(~rare) - 1)
        return Groups([*kept, name], codes=recode[self.codes])

    def drop_rare(self, min_size: int) -> Groups:
        """Leave out groups with too few rows; the rows stay, and so do their other groups.

        Parameters
        ----------
        min_size : int
            Groups with fewer rows are left out.

        Returns
        -------
        Groups
            These, if no group is that small.

        Raises
        ------
        ValueError
            If the groups are disjoint, where rows would end up in none, or none is that large.
        """
        kept = self.sizes >= min_size
        if kept.all():
            return self
        if self.membership is None:
            raise ValueError("disjoint groups are not left out but joined: use join_rare.")
        if not kept.any():
            raise ValueError(f"no group has {min_size} rows: the largest has {self.sizes.max()}.")
        names = [name for name, large in zip(self.names, kept, strict=True) if large]
        return Groups(names, membership=self.membership[:, kept])

    def matrix(self) -> NDArray[np.float64]:
        """The membership matrix W.

        Returns
        -------
        ndarray of float64, shape (n, g)
        """
        if self.codes is not None:
            return (self.codes[:, None] == np.arange(len(self))).astype(np.float64)
        assert self.membership is not None
        return self.membership.astype(np.float64)

    def patterns(self) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The distinct rows of the membership matrix, which are disjoint whatever the groups.

        Returns
        -------
        codes : ndarray of int64, shape (n,)
            The pattern of each row.
        patterns : ndarray of bool, shape (p, g)
            To which groups a row of each pattern belongs; the identity for disjoint groups.
        """
        if self.codes is not None:
            return self.codes, np.eye(len(self), dtype=np.bool_)
        assert self.membership is not None
        packed = np.packbits(self.membership, axis=1)
        _, first, codes = np.unique(packed, axis=0, return_index=True, return_inverse=True)
        return codes.astype(np.int64), self.membership[first]

    def tabulate(
        self,
        codes: NDArray[np.integer[Any]],
        n_codes: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[Any]:
        """Count the rows of each group that have each code.

        Parameters
        ----------
        codes : ndarray of int, shape (n,)
            Values from 0 to ``n_codes - 1``.
        n_codes : int
        weights : ndarray of float64, shape (n,), optional
            What each row counts; 1 by default.

        Returns
        -------
        ndarray, shape (g, n_codes)
            Integers, or floats where weights are given.
        """
        if self.codes is not None:
            joint = self.codes * n_codes
            joint += codes
            return np.bincount(joint, weights, len(self) * n_codes).reshape(len(self), n_codes)
        assert self.membership is not None
        return np.stack(
            [
                np.bincount(codes[member], None if weights is None else weights[member], n_codes)
                for member in self.membership.T
            ]
        )


def columns_by_name(sensitive_features: Any) -> dict[str, Any]:
    """Take sensitive features, in whatever form they are given, as columns.

    Parameters
    ----------
    sensitive_features : array-like, mapping or dataframe

    Returns
    -------
    dict
        One column has the name "" if it was given none.

    Raises
    ------
    ValueError
        If two columns have the same name.
    """
    if isinstance(sensitive_features, Mapping):
        return _named_columns(sensitive_features.items())
    if isinstance(sensitive_features, np.ndarray) or hasattr(sensitive_features, "detach"):
        return _array_columns(to_numpy(sensitive_features, "sensitive_features"))
    if hasattr(sensitive_features, "columns") or hasattr(sensitive_features, "column_names"):
        import narwhals as nw

        frame = nw.from_native(sensitive_features, eager_only=True)
        return _named_columns((column.name, column.to_numpy()) for column in frame.iter_columns())
    if isinstance(sensitive_features, Iterable) and not hasattr(sensitive_features, "to_numpy"):
        return _array_columns(to_numpy(sensitive_features, "sensitive_features"))
    return {"": sensitive_features}


def _named_columns(columns: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for name, values in columns:
        if str(name) in named:
            raise ValueError(f"sensitive_features has two columns called {str(name)!r}.")
        named[str(name)] = values
    return named


def _array_columns(array: NDArray[Any]) -> dict[str, Any]:
    if array.ndim == 2:
        return {str(j): array[:, j] for j in range(array.shape[1])}
    return {"": array}


def _describe(name: str) -> str:
    return f"sensitive feature {name!r}" if name else "sensitive_features"
