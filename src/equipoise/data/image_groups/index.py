"""Images of people as an index: labels, groups and parts of every image, pixels when asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from equipoise.data.errors import DataError, hint
from equipoise.data.image_groups.parts import SplitPart
from equipoise.data.image_groups.pictures import Pictures, Progress, decode, keep
from equipoise.data.image_groups.share import rows_with_share
from equipoise.groups import Groups, How

__all__ = ["Cells", "ImageGroups"]


_SIDE = 64


@dataclass(frozen=True, eq=False)
class Cells:
    """How many images of each group have each label.

    Attributes
    ----------
    groups : tuple of str, length g
    labels : tuple of str, length k
        The classes of a single target; the names of several.
    sizes : ndarray of int64, shape (g,)
        Images of each group.
    counts : ndarray of int64, shape (g, k)
        Those with each label.
    """

    groups: tuple[str, ...]
    labels: tuple[str, ...]
    sizes: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def base_rates(self) -> NDArray[np.float64]:
        """The share of each label in each group, shape (g, k)."""
        return self.counts / self.sizes[:, None]


@dataclass(frozen=True, eq=False)
class ImageGroups:
    """n images by their labels and groups.

    Attributes
    ----------
    name : str
    files : ndarray of str, shape (n,)
        As the set names its images; in Parquet files, the file and the row.
    target : ndarray of int64, shape (n,), or of bool, shape (n, k)
        The class of each image as a position in `classes`; or which of k labels it has.
    classes : tuple of str
        Of a single target; empty where there are several.
    target_names : tuple of str, length 1 or k
    sensitive : dict of ndarray of int64, shape (n,)
        For each sensitive column, each image's level as a position in `levels`.
    levels : dict of tuple of str
    parts : dict of ndarray of int64
        Row numbers in increasing order, by "train", "validation" and "test"; a part that the copy
        does not have is left out. They need not cover all rows.
    dropped : dict of int
        How many images of the copy are no rows here, by the reason.
    pictures : Pictures
        Where the pixels are.
    """

    name: str
    files: NDArray[np.str_]
    target: NDArray[np.int64] | NDArray[np.bool_]
    classes: tuple[str, ...]
    target_names: tuple[str, ...]
    sensitive: dict[str, NDArray[np.int64]]
    levels: dict[str, tuple[str, ...]]
    parts: dict[SplitPart, NDArray[np.int64]]
    dropped: dict[str, int]
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.files)

    def rows(self, part: SplitPart | None = None) -> NDArray[np.int64]:
        """The row numbers of a part, or of all images.

        Raises
        ------
        DataError
            If there is no such part.
        """
        if part is None:
            return np.arange(len(self), dtype=np.int64)
        if part not in self.parts:
            raise DataError(
                f"part: this copy of {self.name} has no {part!r}; wanted one of "
                f"{', '.join(map(repr, self.parts))}"
            )
        return self.parts[part]

    def groups(self, part: SplitPart | None = None, how: How = "crossed") -> Groups:
        """The groups of a part's images, or of all.

        Parameters
        ----------
        part : {"train", "validation", "test"}, optional
        how : {"crossed", "each", "lattice"}
            What several sensitive columns mean; see :meth:`equipoise.Groups.of`.

        Returns
        -------
        Groups
            In the order of :meth:`rows`; only groups with an image there.
        """
        rows = self.rows(part)
        columns = {
            name: pa.DictionaryArray.from_arrays(pa.array(codes[rows]), list(self.levels[name]))
            for name, codes in self.sensitive.items()
        }
        return Groups.of(columns, how)

    def cells(self, part: SplitPart | None = None, how: How = "crossed") -> Cells:
        """Count groups by labels: base rates without a look at any image.

        Parameters
        ----------
        part : {"train", "validation", "test"}, optional
        how : {"crossed", "each", "lattice"}

        Returns
        -------
        Cells
        """
        groups = self.groups(part, how)
        codes, member = groups.codes, groups.membership
        if member is None:
            assert codes is not None
            member = codes[:, None] == np.arange(len(groups.names))
        target = self.target[self.rows(part)]
        if target.ndim == 1:
            target = target[:, None] == np.arange(len(self.classes))
        # Sums of 0 and 1 are exact in float64, and far quicker there than in integers.
        counts = np.rint(member.T.astype(np.float64) @ target.astype(np.float64))
        return Cells(
            groups.names,
            self.classes or self.target_names,
            member.sum(axis=0, dtype=np.int64),
            counts.astype(np.int64),
        )

    def subsample(
        self,
        column: str,
        level: str,
        share: float,
        *,
        size: int | None = None,
        seed: int = 0,
    ) -> ImageGroups:
        """Make one group of the train part as rare as asked, to the row.

        Only rows of the train part are left out. A group's rows are drawn in one random order a
        seed, so that of two shares the smaller one's rows of the group are among the larger one's.

        Parameters
        ----------
        column : str
            A sensitive column.
        level : str
            The group in it whose share is set.
        share : float
            In (0, 1), of the train part.
        size : int, optional
            Rows of the train part, for comparisons in which only the share may differ. By default
            as many as there are rows for: only the group, or only the others, are thinned.
        seed : int
            Non-negative.

        Returns
        -------
        ImageGroups
            The same index with fewer rows in ``parts["train"]``.

        Raises
        ------
        DataError
            If the column, the level or the train part is not there; if the share is none, or gives
            either side no row; or if there are too few rows for the size.
        """
        if column not in self.sensitive:
            raise DataError(
                f"column: {column!r} is no sensitive column here. {hint(column, self.sensitive)}"
            )
        if level not in self.levels[column]:
            raise DataError(f"level: {column} has no {level!r}. {hint(level, self.levels[column])}")
        train = self.rows("train")
        member = self.sensitive[column][train] == self.levels[column].index(level)
        chosen = rows_with_share(member, share, size, seed)
        return replace(self, parts={**self.parts, "train": train[chosen]})

    def pixels(self, rows: ArrayLike, side: int = _SIDE) -> NDArray[np.uint8]:
        """Decode the images of some rows.

        Parameters
        ----------
        rows : array-like of int, shape (m,)
        side : int
            Height and width to give them, in pixels. Faces are cut to the square in the middle
            first; scenes, whose labels speak of all that is in them, are squeezed.

        Returns
        -------
        ndarray of uint8, shape (m, side, side, 3)

        Raises
        ------
        DataError
            If a row is out of range, the images are not there, or one of them is damaged.
        """
        return decode(self.pictures, self._checked(rows), side)

    def cached_pixels(
        self,
        folder: str | os.PathLike[str],
        side: int = _SIDE,
        progress: Progress | None = None,
    ) -> NDArray[np.uint8]:
        """All images, decoded once and kept.

        Parameters
        ----------
        folder : path-like
            Where the array is kept, as an .npy file named after the set, the side and a digest of
            the images' names and sizes in bytes; other images are another file. It is written
            whole or not at all.
        side : int
        progress : callable, optional
            Called with the number of images decoded so far and with n.

        Returns
        -------
        ndarray of uint8, shape (n, side, side, 3)
            Mapped from the file and read-only: only the rows looked at are in memory.

        Raises
        ------
        DataError
            As `pixels` does, or if the file cannot be written.
        """
        return keep(self.pictures, Path(folder), self.name, side, progress)

    def _checked(self, rows: ArrayLike) -> NDArray[np.int64]:
        given = np.asarray(rows)
        if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
            raise DataError(
                f"rows: given {given.dtype} of shape {given.shape}, wanted a vector of row "
                "numbers, such as index.parts['train']"
            )
        if given.size and not (given.min() >= 0 and given.max() < len(self)):
            raise DataError(
                f"rows: numbers run from {given.min()} to {given.max()}, wanted within 0 to "
                f"{len(self) - 1}"
            )
        return given.astype(np.int64)
