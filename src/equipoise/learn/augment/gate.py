"""Whether something is done, as a number with a gradient."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

__all__ = ["logistic_noise", "relaxed_bernoulli", "straight_through_bernoulli"]


def logistic_noise(like: Tensor, shape: tuple[int, ...], generator: Generator | None) -> Tensor:
    """Draws of a standard logistic, of which one in p exceeds -logit(p).

    Parameters
    ----------
    like : Tensor
        Whose type and device they get.
    shape : tuple of int
    generator : Generator, optional
        Of that device.

    Returns
    -------
    Tensor
        Of that shape.
    """
    uniform = torch.rand(shape, generator=generator, dtype=like.dtype, device=like.device)
    return torch.logit(uniform, eps=torch.finfo(like.dtype).eps)


def relaxed_bernoulli(logit: Tensor, noise: Tensor, temperature: float) -> Tensor:
    """A number near 0 or 1, Maddison et al. 2017 (arXiv 1611.00712).

    It exceeds one half with probability sigmoid(logit) at any temperature.

    Parameters
    ----------
    logit : Tensor
    noise : Tensor
        From :func:`logistic_noise`.
    temperature : float
        The lower it is, the fewer draws lie between 0 and 1, and only they have a gradient.

    Returns
    -------
    Tensor
    """
    return torch.sigmoid((logit + noise) / temperature)


def straight_through_bernoulli(probability: Tensor, uniform: Tensor) -> Tensor:
    """0 or 1, with the gradient of the probability, Bengio et al. 2013 (arXiv 1308.3432).

    Nothing is computed from numbers between 0 and 1, so that a relaxed gradient would be no truer;
    this one has no noise of its own, and is right in expectation for what is linear.

    Parameters
    ----------
    probability : Tensor
    uniform : Tensor
        Draws between 0 and 1.

    Returns
    -------
    Tensor
    """
    # The difference is 0, to the last bit.
    return (uniform < probability).to(uniform.dtype) + (probability - probability.detach())
