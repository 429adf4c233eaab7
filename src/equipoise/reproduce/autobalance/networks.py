"""Small networks that one processor trains in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import nn

from equipoise.learn.imbalance import NormedLinear

_CHANNELS = (16, 32, 64)


def make_network(
    shape: Sequence[int], hidden: Sequence[int], n_classes: int, seed: int, *, cosines: bool = False
) -> nn.Module:
    """A perceptron for flat features, or a small convolutional network for images.

    Parameters
    ----------
    shape : sequence of int
        Of one row: (d,), or (channels, height, width) with sides that 4 divides.
    hidden : sequence of int
        Units of each hidden layer of a perceptron.
    n_classes : int
    seed : int
        Of the initial weights.
    cosines : bool
        Whether the last layer gives cosines, as LDAM wants them.

    Returns
    -------
    Module
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body, width = _perceptron(shape[0], hidden) if len(shape) == 1 else _convolutional(shape)
        last: nn.Module = NormedLinear(width, n_classes) if cosines else nn.Linear(width, n_classes)
        return nn.Sequential(*body, last)


def _perceptron(n_features: int, hidden: Sequence[int]) -> tuple[list[nn.Module], int]:
    sizes = [n_features, *hidden]
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers, sizes[-1]


def _convolutional(shape: Sequence[int]) -> tuple[list[nn.Module], int]:
    # Without batch normalisation, whose running means would see the rows that losses are judged on.
    channels, height, width = shape
    layers: list[nn.Module] = []
    for number, outputs in enumerate(_CHANNELS):
        layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU()]
        if number < 2:
            layers.append(nn.MaxPool2d(2))
        channels = outputs
    # Two poolings leave a quarter of each side.
    layers += [nn.AvgPool2d((height // 4, width // 4)), nn.Flatten()]
    return layers, channels
