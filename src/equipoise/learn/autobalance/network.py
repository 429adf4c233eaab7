"""One network where others are trained in stacks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equipoise.learn.network import StackedMLP
from equipoise.learn.optimizers import MORE_THAN_GRADIENTS, TORCH_OPTIMIZERS, make_optimizer
from equipoise.learn.train import TrainingSettings


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


def optimizer_of(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    """What trains a network.

    Parameters
    ----------
    network : Module
        Those parameters of it that require a gradient are trained.
    settings : TrainingSettings

    Returns
    -------
    torch.optim.Optimizer

    Raises
    ------
    ValueError
        If the optimizer is one of stacked networks, and this is another; or if it asks for more in
        a step than gradients.
    """
    if settings.optimizer in MORE_THAN_GRADIENTS:
        raise ValueError(
            f"optimizer {settings.optimizer!r} asks for more in a step than the gradients that "
            "AutoBalance gives it: take another."
        )
    if not isinstance(network, OneMLP) and settings.optimizer not in TORCH_OPTIMIZERS:
        raise ValueError(
            f"optimizer {settings.optimizer!r} is of networks that equipoise makes: for one of "
            f"your own take one of {', '.join(TORCH_OPTIMIZERS)}."
        )
    return make_optimizer(
        settings.optimizer,
        [p for p in network.parameters() if p.requires_grad],
        settings.learning_rate,
        settings.weight_decay,
    )
