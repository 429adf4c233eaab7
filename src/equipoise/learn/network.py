"""A multilayer perceptron whose replicates are one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from equipoise.learn.initial_weights import initial_weights


class StackedMLP(nn.Module):
    """Several perceptrons of one shape, computed together by batched matrix products.

    A layer's weights have shape (r, inputs, outputs), so one step of any element-wise torch
    optimizer trains r networks, each exactly as it would be trained alone.

    Parameters
    ----------
    n_features : int
        d.
    hidden : sequence of int
        Units of each hidden layer; none makes the model a logistic regression.
    n_classes : int
        k, the number of outputs (logits).
    seeds : sequence of int, length r
        One a replicate: it alone decides that replicate's initial weights.
    dtype : torch.dtype
    """

    def __init__(
        self,
        n_features: int,
        hidden: Sequence[int],
        n_classes: int,
        seeds: Sequence[int],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        if not len(seeds) or n_features < 1:
            raise ValueError(
                f"a network needs a seed and a feature, not {len(seeds)} and {n_features}."
            )
        self.sizes = (n_features, *hidden, n_classes)
        layers = list(pairwise(self.sizes))
        weights, biases = initial_weights(layers, seeds, dtype)
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
        features : Tensor, shape (r, b, d) or (b, d)
            A batch for each replicate, or one batch for all.

        Returns
        -------
        Tensor, shape (r, b, k)
        """
        if features.dim() == 2:
            features = features.expand(self.n_replicates, -1, -1)
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            features = torch.baddbmm(bias, features, weight)
            if layer < last:
                features = torch.relu(features)
        return features

    def replicate(self, number: int) -> StackedMLP:
        """One of the networks, as a stack of one that shares nothing with this.

        Parameters
        ----------
        number : int
            From 0 to r - 1.

        Returns
        -------
        StackedMLP
        """
        weights = {name: x[number : number + 1] for name, x in self.state_dict().items()}
        return StackedMLP.from_weights(self.sizes, weights)

    @classmethod
    def side_by_side(cls, networks: Sequence[StackedMLP]) -> StackedMLP:
        """Join stacks of one shape, replicate by replicate.

        Parameters
        ----------
        networks : sequence of StackedMLP

        Returns
        -------
        StackedMLP
            It shares nothing with them.
        """
        states = [network.state_dict() for network in networks]
        weights = {name: torch.cat([state[name] for state in states]) for name in states[0]}
        return cls.from_weights(networks[0].sizes, weights)

    def double_precision(self) -> StackedMLP:
        """The same networks in double precision.

        Their outputs on a row do not depend, as far as anybody can see, on which rows are
        computed with it, so decisions are made by them.

        Returns
        -------
        StackedMLP
        """
        weights = {name: x.double() for name, x in self.state_dict().items()}
        return StackedMLP.from_weights(self.sizes, weights)

    @classmethod
    def from_weights(cls, sizes: Sequence[int], weights: dict[str, Tensor]) -> StackedMLP:
        """Make a stack from copies of given weights.

        Parameters
        ----------
        sizes : sequence of int
            Features, hidden units, classes.
        weights : dict of Tensor
            As the module's state dict.

        Returns
        -------
        StackedMLP
        """
        first = weights["weights.0"]
        network = cls(sizes[0], sizes[1:-1], sizes[-1], [0] * len(first), first.dtype)
        network.load_state_dict(weights)
        return network
