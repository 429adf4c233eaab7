"""The published networks of the Gaussian mixtures, stacked."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from equipoise.learn.network import StackedMLP

_GAIN = 0.8


def orthogonal_mlp(
    sizes: Sequence[int], seeds: Sequence[int], dtype: torch.dtype = torch.float32
) -> StackedMLP:
    """Perceptrons whose weights begin orthogonal, with a gain of 0.8 as published, and biases 0.

    Parameters
    ----------
    sizes : sequence of int
        Inputs, hidden units, outputs.
    seeds : sequence of int, length r
    dtype : torch.dtype

    Returns
    -------
    StackedMLP
    """
    network = StackedMLP(sizes[0], sizes[1:-1], sizes[-1], seeds, dtype)
    with torch.no_grad():
        for number, seed in enumerate(seeds):
            stream = torch.Generator().manual_seed(seed)
            for weight, bias in zip(network.weights, network.biases, strict=True):
                drawn = torch.empty(weight.shape[1:], dtype=torch.float64)
                weight[number] = torch.nn.init.orthogonal_(drawn, _GAIN, stream)
                bias[number] = 0
    return network
