"""Groups that are observed with errors in most rows and known in some."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from equipoise.codes import encode, to_numpy
from equipoise.groups import Groups
from equipoise.noise.flips import FlipMatrix
from equipoise.noise.gold import GoldFlips
from equipoise.noise.groups import NoisyGroups


class WithGold(NamedTuple):
    """Noisy groups, and the flips that their gold rows tell.

    Attributes
    ----------
    groups : NoisyGroups
        In two strata: rows of which the true group is known, which are of that, and the others.
    gold : GoldFlips
    """

    groups: NoisyGroups
    gold: GoldFlips


def groups_with_gold(
    sensitive_features: Any, gold: Any, *, times: NDArray[np.integer[Any]] | None = None
) -> WithGold:
    """Make noisy groups of a column with errors and one that knows the truth of some rows.

    Gold rows count in their true group, and what is observed of them serves to estimate the flips
    of the others. Those are then independent of the counts that they correct, as long as flips
    depend on nothing but the true group.

    Parameters
    ----------
    sensitive_features : Groups or array-like
        What is observed, one column of n values.
    gold : array-like, shape (n,)
        The true groups, by the same names; missing where they are not known. Rows may be chosen by
        their true group, but not by what is observed.
    times : ndarray of int, shape (n,), optional
        How often each row occurs; once by default.

    Returns
    -------
    WithGold

    Raises
    ------
    ValueError
        If lengths differ, no row is gold, a group is true of none, groups overlap, or flips cannot
        be undone.

    Examples
    --------
    >>> found = groups_with_gold(list("aaabbbab"), ["a", "a", "b", "b", "b", "b", None, None])
    >>> found.gold.counts
    array([[2, 0],
           [1, 3]])
    >>> found.groups.sizes.round(2)
    array([2.67, 5.33])
    """
    observed = Groups.of(sensitive_features)
    if observed.codes is None:
        raise ValueError("sensitive_features overlap, and gold is of one column: give one column.")
    arrow = _arrow(gold)
    if len(arrow) != observed.n_rows:
        raise ValueError(
            f"gold has {len(arrow):,} rows, but sensitive_features {observed.n_rows:,}."
        )
    known = ~np.asarray(pc.is_null(arrow, nan_is_null=True).to_numpy(zero_copy_only=False))
    if not known.any():
        raise ValueError("gold is missing in every row: no flip can be counted.")
    true = encode(arrow.filter(pa.array(known)), "gold")
    of_gold = [str(level) for level in true.levels]
    unseen = [name for name in of_gold if name not in observed.names]
    if unseen:
        raise ValueError(
            f"gold has the group {unseen[0]!r}, which is observed of no row: observed are "
            f"{', '.join(map(repr, observed.names))}. Give both the same names, or join the group "
            "with another."
        )
    names = sorted(observed.names)
    codes = np.array([names.index(name) for name in observed.names], np.int64)[observed.codes]
    of_true = np.array([names.index(name) for name in of_gold], np.int64)[true.codes]
    table = np.zeros((len(names), len(names)), np.int64)
    np.add.at(table, (of_true, codes[known]), 1 if times is None else times[known])
    estimate = GoldFlips.from_counts(table, names)
    codes[known] = of_true
    groups = NoisyGroups(
        Groups.from_codes(codes, names),
        (estimate.flips, FlipMatrix.none(names)),
        known.astype(np.int64),
        ("observed", "gold"),
    )
    return WithGold(groups, estimate)


def _arrow(column: Any) -> pa.Array:
    if isinstance(column, pa.Array | pa.ChunkedArray):
        arrow = column
    elif hasattr(column, "__arrow_c_stream__"):
        arrow = pa.chunked_array(column)
    else:
        arrow = pa.array(to_numpy(column, "gold"), from_pandas=True)
    if isinstance(arrow, pa.ChunkedArray):
        arrow = arrow.combine_chunks()
    # Which Arrow cannot filter yet.
    return arrow.cast(pa.string()) if pa.types.is_string_view(arrow.type) else arrow
