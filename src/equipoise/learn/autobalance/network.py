"""One network where others are trained in stacks."""

from __future__ import annotations

from torch import Tensor, nn

from equipoise.learn.network import StackedMLP


class OneMLP(nn.Module):
    """A stack of one perceptron, with outputs of one.

    Parameters
    ----------
    stack : StackedMLP
        Of one replicate.
    """

    def __init__(self, stack: StackedMLP) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, features: Tensor) -> Tensor:
        """Logits.

        Parameters
        ----------
        features : Tensor, shape (b, d)

        Returns
        -------
        Tensor, shape (b, k)
        """
        return self.stack(features)[0]


def as_stack(network: nn.Module) -> StackedMLP:
    """The perceptron that was trained, or a linear model as one without hidden layers.

    Parameters
    ----------
    network : OneMLP or Linear

    Returns
    -------
    StackedMLP
        Of one replicate, in single precision.
    """
    if isinstance(network, OneMLP):
        return network.stack
    assert isinstance(network, nn.Linear)
    weights = {
        "weights.0": network.weight.detach().T[None],
        "biases.0": network.bias.detach()[None, None],
    }
    single = {name: x.float().cpu() for name, x in weights.items()}
    return StackedMLP.from_weights((network.in_features, network.out_features), single)
