"""The initial weights of stacked layers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def initial_weights(
    layers: Sequence[tuple[int, int]], seeds: Sequence[int], dtype: torch.dtype = torch.float32
) -> tuple[list[Tensor], list[Tensor]]:
    """Draw weights and biases of linear layers as torch does, with a generator for each replicate.

    Parameters
    ----------
    layers : sequence of (int, int)
        Inputs and outputs.
    seeds : sequence of int, length r
        One a replicate: it alone decides that replicate's weights.
    dtype : torch.dtype
        Draws are in double precision and rounded to it.

    Returns
    -------
    weights : list of Tensor, each of shape (r, inputs, outputs)
    biases : list of Tensor, each of shape (r, 1, outputs)
    """
    weights: list[list[Tensor]] = [[] for _ in layers]
    biases: list[list[Tensor]] = [[] for _ in layers]
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        for layer, (inputs, outputs) in enumerate(layers):
            bound = 1 / math.sqrt(inputs)
            draw = torch.empty(inputs + 1, outputs, dtype=torch.float64)
            draw.uniform_(-bound, bound, generator=generator)
            weights[layer].append(draw[:-1].to(dtype))
            biases[layer].append(draw[-1:].to(dtype))
    return [torch.stack(w) for w in weights], [torch.stack(b) for b in biases]
