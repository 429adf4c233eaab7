"""A small classifier trained here, by which generated images are judged.

Published scores are of a large network trained on ImageNet, so these can be compared among
themselves and not with others' figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from equipoise.learn.network import StackedMLP

Array = NDArray[np.float64]

_BATCH = 128
_RATE = 2e-3


@dataclass(frozen=True, eq=False)
class Judge:
    """What a classifier makes of images.

    Attributes
    ----------
    network : StackedMLP
        Of one replicate, at least one hidden layer.
    """

    network: StackedMLP

    def look(self, images: Tensor) -> tuple[Array, Array]:
        """Classify.

        Parameters
        ----------
        images : Tensor, shape (n, d)

        Returns
        -------
        (ndarray, shape (n, K), ndarray, shape (n, h))
            Probabilities of the classes, and the units of the last hidden layer.
        """
        with torch.no_grad():
            units = images[None]
            layers = list(zip(self.network.weights, self.network.biases, strict=True))
            for weight, bias in layers[:-1]:
                units = torch.relu(torch.baddbmm(bias, units, weight))
            weight, bias = layers[-1]
            chances = torch.softmax(torch.baddbmm(bias, units, weight), -1)
        return chances[0].double().cpu().numpy(), units[0].double().cpu().numpy()


def train_judge(
    images: Tensor, label: Tensor, hidden: tuple[int, ...], steps: int, seed: int = 0
) -> Judge:
    """Train a classifier by cross-entropy.

    Parameters
    ----------
    images : Tensor, shape (n, d)
    label : Tensor of int64, shape (n,)
        From 0 to K - 1.
    hidden : tuple of int
    steps : int
        Of Adam, on batches of 128.
    seed : int

    Returns
    -------
    Judge
    """
    n_classes = int(label.max()) + 1
    network = StackedMLP(images.shape[1], hidden, n_classes, [seed]).to(images.device)
    optimizer = torch.optim.Adam(network.parameters(), lr=_RATE)
    stream = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(label), (min(_BATCH, len(label)),), generator=stream)
        rows = rows.to(images.device)
        loss = functional.cross_entropy(network(images[rows])[0], label[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Judge(network)


def class_score(chances: Array) -> float:
    """The score of Salimans et al. (2016): exp of the mean divergence of p(y|x) from p(y).

    Parameters
    ----------
    chances : ndarray, shape (n, K)
        Of each image's classes.

    Returns
    -------
    float
        From 1, where all images look alike or undecided, to K.
    """
    tiny = np.finfo(float).tiny
    mean = chances.mean(0)
    divergence = (chances * (np.log(chances + tiny) - np.log(mean + tiny))).sum(1)
    return float(np.exp(divergence.mean()))


def frechet_distance(one: Array, other: Array) -> float:
    """The squared Frechet distance of two normal distributions fitted to features.

    Heusel et al. (2017).

    Parameters
    ----------
    one : ndarray, shape (n, h)
    other : ndarray, shape (m, h)

    Returns
    -------
    float
        0 where means and covariances are the same.
    """
    means = [x.mean(0) for x in (one, other)]
    covariances = [np.cov(x, rowvar=False).reshape(x.shape[1], -1) for x in (one, other)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    # The trace of the root of a product is that of a symmetric matrix with the same eigenvalues.
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariances[1] @ root), 0)).sum()
    apart = ((means[0] - means[1]) ** 2).sum()
    traces = sum(float(np.trace(c)) for c in covariances)
    return max(float(apart + traces - 2 * cross), 0.0)


def class_shares(chances: Array) -> Array:
    """Which share of the images is taken for each class.

    Parameters
    ----------
    chances : ndarray, shape (n, K)

    Returns
    -------
    ndarray, shape (K,)
    """
    counts = np.bincount(chances.argmax(1), minlength=chances.shape[1])
    return np.asarray(counts / len(chances), np.float64)
