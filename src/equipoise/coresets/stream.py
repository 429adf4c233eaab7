"""Coresets of streams: one pass, in memory that hardly grows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from equipoise.coresets.allocation import require_a_point_each
from equipoise.coresets.checks import as_count, as_power
from equipoise.coresets.coreset import Builder, Coreset, merge_all

_AT_LEAST = 65_536
_PER_POINT = 8
# Points of a node, in units of the answer's: each level adds errors to those of the ones below. For
# z = 1, where weights cannot be calibrated to be right to second order, nodes of the answer's own
# size made errors 3 to 4.5 times those of all rows at once; with these it is 1.2 to 1.4 times.
_HELD = 4
# Above the levels of any tree that fits in a lifetime: seeds of what is looked at on the way.
_LOOK = 64


class CoresetStream:
    """Merge and reduce [1]_: rows come in blocks, of any sizes, and are summarised as they come.

    Rows are cut to blocks of a fixed number, so that the sizes in which they come make no
    difference. Each block is made a coreset; of two coresets of one level, put together and made
    smaller, comes one of the next level, as digits carry over in a binary counter. So memory holds
    one block and, for n rows, at most log2(n / block_rows) + 1 coresets, and each row is
    represented by a coreset of a coreset ... as many times at most. Those in between have four
    times the points of the one that is given out.

    Parameters
    ----------
    builder : Builder
        How coresets are made smaller, such as :class:`equipoise.coresets.Stratified`.
    n_features : int
        d.
    power : float
        z.
    block_rows : int, optional
        Rows of a block; by default 65,536, or eight times the builder's size if that is more.
    seed : int
        Each node of the tree has a random stream of its own, made of this and of its place.

    Raises
    ------
    ValueError
        If a setting is none that can be.

    Attributes
    ----------
    n_rows : int
        Rows that came so far.
    waiting : list of Coreset
        Rows that do not fill a block yet.
    levels : list of Coreset or None
        Where there is one, the coreset of the last 2^level blocks that make one.

    References
    ----------
    .. [1] J. L. Bentley, J. B. Saxe. Decomposable searching problems I. Journal of Algorithms
       1980; S. Har-Peled, S. Mazumdar. On coresets for k-means and k-median clustering. STOC 2004,
       Section 7.
    """

    def __init__(
        self,
        builder: Builder,
        n_features: int,
        power: float = 2.0,
        *,
        block_rows: int | None = None,
        seed: int = 0,
    ) -> None:
        self.builder = builder
        self.n_features = as_count(n_features, "n_features")
        self.power = as_power(power)
        if block_rows is None:
            block_rows = max(_AT_LEAST, _PER_POINT * builder.size)
        self.block_rows = as_count(block_rows, "block_rows")
        if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
            raise ValueError(f"seed must be a whole number that is not negative, not {seed!r}.")
        self.seed = int(seed)
        self._of_nodes: Builder = _larger(builder)
        self.waiting: list[Coreset] = []
        self.levels: list[Coreset | None] = []
        self.n_rows = 0

    def add(
        self,
        points: ArrayLike,
        weights: ArrayLike | None = None,
        collections: ArrayLike | None = None,
    ) -> CoresetStream:
        """Take the next rows.

        Parameters
        ----------
        points : array-like of float, shape (n, d)
        weights : array-like of float, shape (n,), optional
            By default 1.
        collections : array-like of int, shape (n,), optional
            By default all rows are of one. Later blocks may have collections that are new.

        Returns
        -------
        CoresetStream
            Itself.

        Raises
        ------
        ValueError
            As :meth:`Coreset.from_block`, or if there are other than d features, or by now more
            collections than the builder's size. Nothing of the block is taken then.
        """
        block = Coreset.from_block(
            points, weights, collections, power=self.power, first_row=self.n_rows
        )
        if block.points.shape[1] != self.n_features:
            raise ValueError(
                f"points has {block.points.shape[1]} features; the stream has {self.n_features}."
            )
        waiting, n_waiting = self.waiting, len(self.waiting)
        levels, n_rows = self.levels[:], self.n_rows
        try:
            self._take(block)
        except BaseException:
            del waiting[n_waiting:]
            self.waiting, self.levels, self.n_rows = waiting, levels, n_rows
            raise
        return self

    def _take(self, block: Coreset) -> None:
        begin = 0
        while begin < block.n_rows:
            room = self.block_rows - self.n_rows % self.block_rows
            end = min(begin + room, block.n_rows)
            self.waiting.append(_slice(block, self.n_rows, end - begin))
            self.n_rows += end - begin
            begin = end
            if self.n_rows % self.block_rows == 0:
                leaf, self.waiting = merge_all(self.waiting), []
                self._carry(leaf)

    @property
    def coreset(self) -> Coreset:
        """Of all rows that came so far. More can be added afterwards, as if it had not been asked.

        Returns
        -------
        Coreset
        """
        parts = [level for level in self.levels if level is not None]
        whole = Coreset.empty(self.n_features, self.power).merge(*parts, *self.waiting)
        return whole.reduce(self.builder, self._node(_LOOK, self.n_rows))

    def _carry(self, node: Coreset) -> None:
        index = self.n_rows // self.block_rows - 1
        node = self._reduced(node, 0, index)
        for level, other in enumerate(self.levels):
            if other is None:
                self.levels[level] = node
                return
            self.levels[level] = None
            index //= 2
            node = self._reduced(other.merge(node), level + 1, index)
        self.levels.append(node)

    def _reduced(self, node: Coreset, level: int, index: int) -> Coreset:
        # Of a node that is larger than the answer it would be said too late.
        if self.builder.size:
            require_a_point_each(self.builder.size, len(node.masses))
        return node.reduce(self._of_nodes, self._node(level, index))

    def _node(self, level: int, index: int) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.seed, spawn_key=(level, index))


def _larger(builder: Any) -> Any:
    # Of builders whose size is not what it is asked for, size is no setting.
    settings = getattr(builder, "__dataclass_fields__", {})
    return replace(builder, size=_HELD * builder.size) if "size" in settings else builder


def _slice(block: Coreset, first_row: int, n_rows: int) -> Coreset:
    begin, end = np.searchsorted(block.rows, [first_row, first_row + n_rows])
    part = slice(begin, end)
    return Coreset(
        block.points[part].copy(),
        block.weights[part].copy(),
        block.collections[part].copy(),
        block.rows[part],
        block.power,
        n_rows=n_rows,
    )
