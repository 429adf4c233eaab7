"""A small convolutional network whose replicates are one tensor."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from equipoise.learn.initial_weights import initial_weights


def image_patches(images: Tensor, side: int = 3, stride: int = 2) -> Tensor:
    """Cut images into overlapping squares, with zeros around them.

    A convolution is a linear layer of each patch. Cut once, images are never cut again in training.

    Parameters
    ----------
    images : Tensor, shape (n, height, width) or (n, channels, height, width)
    side, stride : int
        Of the patches, and from one to the next.

    Returns
    -------
    Tensor, shape (n, patches, channels * side * side)
    """
    if images.dim() not in (3, 4):
        raise ValueError(
            "images must be of shape (n, height, width) or (n, channels, height, width), not "
            f"{tuple(images.shape)}."
        )
    coloured = images[:, None] if images.dim() == 3 else images
    return functional.unfold(coloured, side, padding=side // 2, stride=stride).mT.contiguous()


class StackedConvNet(nn.Module):
    """Convolution, one hidden layer and logits, computed for all replicates by matrix products.

    Parameters
    ----------
    patches : tuple of int
        How many patches an image has, and how many numbers a patch: what
        :func:`image_patches` gives.
    n_classes : int
        k, the number of outputs (logits).
    seeds : sequence of int, length r
        One a replicate: it alone decides that replicate's initial weights.
    channels : int
        Of the convolution.
    hidden : int
        Units.
    """

    def __init__(
        self,
        patches: tuple[int, int],
        n_classes: int,
        seeds: Sequence[int],
        *,
        channels: int = 12,
        hidden: int = 48,
    ) -> None:
        super().__init__()
        if not len(seeds):
            raise ValueError("a network needs a seed.")
        self.patches = patches
        n_patches, size = patches
        layers = [(size, channels), (n_patches * channels, hidden), (hidden, n_classes)]
        weights, biases = initial_weights(layers, seeds)
        self.weights = nn.ParameterList([nn.Parameter(w) for w in weights])
        self.biases = nn.ParameterList([nn.Parameter(b) for b in biases])

    @property
    def n_replicates(self) -> int:
        """The number of networks, r."""
        return len(self.weights[0])

    def forward(self, features: Tensor) -> Tensor:
        """Logits of every replicate.

        Parameters
        ----------
        features : Tensor, shape (r, b, patches, size) or (b, patches, size)
            A batch for each replicate, or one batch for all.

        Returns
        -------
        Tensor, shape (r, b, k)
        """
        if features.dim() == 3:
            features = features.expand(self.n_replicates, -1, -1, -1)
        r, b = features.shape[:2]
        x = features.reshape(r, -1, features.shape[-1])
        first, *others = zip(self.biases, self.weights, strict=True)
        x = torch.baddbmm(first[0], x, first[1]).view(r, b, -1)
        for bias, weight in others:
            # In place: a matrix product's own values are not needed for its gradient.
            x = torch.baddbmm(bias, torch.relu_(x), weight)
        return x
