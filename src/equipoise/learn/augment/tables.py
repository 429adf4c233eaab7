"""The operations that a policy for the rows of a table can choose from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Generator, Tensor

from equipoise.codes import to_numpy
from equipoise.learn.augment.gate import straight_through_bernoulli
from equipoise.learn.augment.operation import Operation, standard_normal
from equipoise.learn.encoder import NumberColumn, TableEncoder

__all__ = ["encoded_operations", "table_operations"]

Blocks = Sequence[Sequence[int]]
"""Columns that say one thing together, such as the categories of one column."""


def table_operations(
    spread: ArrayLike | Tensor, blocks: Blocks = ()
) -> tuple[Operation, Operation, Operation]:
    """Noise, dropout and swaps of the columns of a matrix.

    - ``noise`` adds normal noise, of up to half a column's spread.
    - ``drop`` puts 0 for up to half of a row's blocks: the mean of what is standardised, none of
      the known categories of what is one-hot.
    - ``swap`` takes up to half of a row's blocks from other rows of the batch, each block from a
      row of its own, as Bahri et al. 2022 (SCARF, arXiv 2106.15147) do.

    How often a block is dropped or swapped has a straight-through gradient: a block is either
    changed or not.

    Parameters
    ----------
    spread : array-like, shape (d,)
        Standard deviation of each column among the training rows; 0 for those that noise makes no
        sense of, such as one-hot ones.
    blocks : sequence of sequences of int
        Columns that are dropped and swapped together. Those in none are blocks of their own.

    Returns
    -------
    tuple of Operation

    Raises
    ------
    ValueError
        If a spread is negative or not finite, or a column is not one of them or in two blocks.

    Examples
    --------
    A number, and a column of three categories:

    >>> operations = table_operations([1.0, 0.0, 0.0, 0.0], blocks=[[1, 2, 3]])
    >>> [operation.name for operation in operations]
    ['noise', 'drop', 'swap']
    """
    widths = np.asarray(to_numpy(spread, "spread"))
    numbers = widths.ndim == 1 and len(widths) > 0 and widths.dtype.kind in "biuf"
    if not numbers or not (np.isfinite(widths) & (widths >= 0)).all():
        raise ValueError(
            "spread must be numbers of shape (d,), finite and not negative, not "
            f"{widths.tolist()!r}."
        )
    block = torch.from_numpy(_block_of_column(len(widths), blocks))
    width = torch.tensor(widths, dtype=torch.get_default_dtype())
    return (
        Operation(
            "noise",
            partial(_noise, spread=width),
            0.5,
            "of the spread",
            draw=standard_normal,
            takes="table",
        ),
        Operation(
            "drop",
            _drop,
            0.5,
            "of the blocks",
            draw=partial(_draw_blocks, block=block),
            takes="table",
        ),
        Operation(
            "swap",
            _swap,
            0.5,
            "of the blocks",
            draw=partial(_draw_others, block=block),
            takes="table",
        ),
    )


def encoded_operations(encoder: TableEncoder) -> tuple[Operation, Operation, Operation]:
    """Those of a table that was encoded: features of one column are one block.

    Parameters
    ----------
    encoder : TableEncoder
        Its numbers are standardised, so that their spread is 1; its categories, and the flags of
        what is missing, get no noise.

    Returns
    -------
    tuple of Operation
    """
    sizes = [len(column.features) for column in encoder.columns]
    ends = np.cumsum([0, *sizes])
    spread = np.zeros(ends[-1])
    numbers = [isinstance(column, NumberColumn) for column in encoder.columns]
    spread[ends[:-1][numbers]] = 1
    return table_operations(spread, [range(start, end) for start, end in pairwise(ends.tolist())])


def _block_of_column(n_columns: int, blocks: Blocks) -> np.ndarray:
    block = np.full(n_columns, -1)
    for number, columns in enumerate(blocks):
        for column in columns:
            if not 0 <= column < n_columns or block[column] >= 0:
                raise ValueError(
                    f"blocks must hold each of the columns 0..{n_columns - 1} once at most, but "
                    f"{column} is {'in two' if 0 <= column < n_columns else 'not one of them'}."
                )
            block[column] = number
    alone = block < 0
    block[alone] = len(blocks) + np.arange(alone.sum())
    return block


def _draw_blocks(rows: Tensor, generator: Generator | None, block: Tensor) -> tuple[Tensor, ...]:
    """Which blocks change."""
    _require_width(rows, len(block))
    block = block.to(rows.device)
    shape = (len(rows), int(block.max()) + 1)
    uniform = torch.rand(shape, generator=generator, dtype=rows.dtype, device=rows.device)
    return (uniform[:, block],)


def _draw_others(rows: Tensor, generator: Generator | None, block: Tensor) -> tuple[Tensor, ...]:
    """Which blocks change, and what they change to: that of other rows as they came."""
    (uniform,) = _draw_blocks(rows, generator, block)
    block = block.to(rows.device)
    n_rows, n_blocks = len(rows), int(block.max()) + 1
    # Of b rows the one that lies 1 to b - 1 places further on is another one.
    places = torch.randint(
        max(n_rows - 1, 1), (n_rows, n_blocks), generator=generator, device=rows.device
    )
    other = (torch.arange(n_rows, device=rows.device)[:, None] + 1 + places) % n_rows
    return uniform, rows.detach().gather(0, other[:, block])


def _noise(rows: Tensor, amount: Tensor, normal: Tensor, spread: Tensor) -> Tensor:
    _require_width(rows, len(spread))
    return rows + amount[:, None] * spread.to(rows) * normal


def _drop(rows: Tensor, amount: Tensor, uniform: Tensor) -> Tensor:
    return rows * (1 - straight_through_bernoulli(amount[:, None], uniform))


def _swap(rows: Tensor, amount: Tensor, uniform: Tensor, others: Tensor) -> Tensor:
    swapped = straight_through_bernoulli(amount[:, None], uniform)
    return (1 - swapped) * rows + swapped * others


def _require_width(rows: Tensor, n_columns: int) -> None:
    if rows.shape[1] != n_columns:
        raise ValueError(
            f"x has {rows.shape[1]} columns, but the operations were made for {n_columns}."
        )
