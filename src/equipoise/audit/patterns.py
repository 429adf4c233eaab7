"""Membership patterns of two blocks of rows, as patterns of both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Joined(NamedTuple):
    """The patterns of several blocks together.

    Attributes
    ----------
    groups : tuple of str, length g
        In the order in which they are first met.
    patterns : ndarray of bool, shape (p, g)
        In the order in which they are first met.
    where : list of ndarray of int
        Of each block, which of them its own patterns are.
    """

    groups: tuple[str, ...]
    patterns: NDArray[np.bool_]
    where: list[NDArray[np.int64]]


def join_patterns(blocks: Sequence[tuple[Sequence[str], NDArray[np.bool_]]]) -> Joined:
    """Put the patterns of blocks of rows together.

    Parameters
    ----------
    blocks : sequence of (names of groups, ndarray of bool of shape (patterns, groups))

    Returns
    -------
    Joined
        A block belongs to none of the groups that only the others know.
    """
    groups = tuple(dict.fromkeys(name for names, _ in blocks for name in names))
    found: dict[tuple[bool, ...], int] = {}
    where = []
    for names, patterns in blocks:
        wide = np.zeros((len(patterns), len(groups)), np.bool_)
        wide[:, [groups.index(name) for name in names]] = patterns
        rows = (tuple(row.tolist()) for row in wide)
        where.append(np.array([found.setdefault(row, len(found)) for row in rows], np.int64))
    together = np.array(list(found), np.bool_).reshape(len(found), len(groups))
    return Joined(groups, together, where)
