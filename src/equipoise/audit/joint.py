"""How often each combination of codes occurs, at little more than the cost of reading them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# So many rows of three columns stay in the cache between the passes over them.
_BLOCK = 131_072
# Of so few cells two rows fit into one code of 16 bits.
_FEW_CELLS = 256


class CodeOutOfRangeError(ValueError):
    """A column holds something else than codes from 0 to its size less one."""


def joint_counts(
    columns: tuple[NDArray[np.integer] | NDArray[np.bool_], ...],
    sizes: tuple[int, ...],
    *,
    checked: bool = False,
) -> NDArray[np.int64]:
    """Count how often each combination of codes occurs.

    Parameters
    ----------
    columns : tuple of ndarray of int or bool, each of shape (n,)
    sizes : tuple of int
        How many codes each column has.
    checked : bool
        Whether to make sure that columns hold such codes. It costs less here than before, while
        they are in the cache.

    Returns
    -------
    ndarray of int64, of shape ``sizes``

    Raises
    ------
    CodeOutOfRangeError
        If they are checked and one does not.
    """
    # In blocks that stay in the cache, and in the smallest integers that hold a cell's number: a
    # joint code of all rows would cost four more passes through memory than the columns do.
    cells = int(np.prod(sizes))
    total = np.zeros(cells, np.int64)
    by_two = cells <= _FEW_CELLS
    pairs = np.zeros((_FEW_CELLS, _FEW_CELLS) if by_two else 0, np.int64)
    joint, part = np.empty((2, _BLOCK), np.min_scalar_type(cells - 1))
    for start in range(0, len(columns[0]), _BLOCK):
        code = joint[: min(_BLOCK, len(columns[0]) - start)]
        digit = part[: len(code)]
        for place, (column, size) in enumerate(zip(columns, sizes, strict=True)):
            block = column[start : start + _BLOCK]
            if checked:
                _require_below(block, size)
            if place == 0:
                np.copyto(code, block, casting="unsafe")
                continue
            np.copyto(digit, block, casting="unsafe")
            code *= size
            code += digit
        if by_two:
            if len(code) % 2:
                total[code[-1]] += 1
            # Two rows are counted as one number: which of them is which does not matter.
            seen = np.bincount(code[: len(code) // 2 * 2].view(np.uint16))
            pairs.reshape(-1)[: len(seen)] += seen
        else:
            total += np.bincount(code, minlength=cells)
    if by_two:
        total += (pairs.sum(axis=0) + pairs.sum(axis=1))[:cells]
    return total.reshape(sizes)


def _require_below(block: NDArray[np.integer] | NDArray[np.bool_], size: int) -> None:
    # As an unsigned number a negative one is huge: one comparison finds both errors.
    if int(block.view(f"u{block.itemsize}").max()) >= size:
        raise CodeOutOfRangeError
