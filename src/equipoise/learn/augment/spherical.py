"""Spheres around vectors, of a radius for each cluster of classes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Generator, Tensor, nn

from equipoise.codes import to_numpy
from equipoise.learn.augment.clusters import cluster_of_class, require_labels

__all__ = ["SphericalAugmentation"]


class SphericalAugmentation(nn.Module):
    """x + eps_y e, the direction e uniform on the unit sphere: drawn, or the worst one.

    Li et al. 2021 (AutoBalance, arXiv 2201.01212), Lemma 2: on separable rows of two classes a
    parametric cross-entropy has the margins of the logistic loss on rows in balls, of a radius for
    each class. Those balls are worst cases. A direction that is drawn is nearly orthogonal to any
    other in many dimensions, so that it moves a margin by eps / sqrt(d) only; training on the worst
    one is :meth:`worst_logits`, which is exact for linear classifiers of two classes.

    A radius is its start times the exponential of a coordinate that begins at 0.

    Parameters
    ----------
    clusters : array-like, shape (K,) or (K, K')
        The cluster of each class, or a column for each cluster.
    radius : float or array-like, shape (K',)
        Where radii start, in the units of x. One that starts at 0 stays there.

    Attributes
    ----------
    coordinates : Parameter, shape (K',)
        Logarithms of radii over their starts.

    Raises
    ------
    ValueError
        If a class has no cluster, or a radius is negative or not finite.

    Examples
    --------
    >>> augment = SphericalAugmentation([0, 0, 1], radius=[0.0, 0.5])
    >>> x, y = torch.zeros(4, 10), torch.tensor([0, 1, 2, 2])
    >>> augment(x, y).norm(dim=1).round(decimals=4).tolist()
    [0.0, 0.0, 0.5, 0.5]
    """

    cluster_of_class: Tensor
    start: Tensor

    def __init__(
        self, clusters: ArrayLike | Tensor, radius: float | ArrayLike | Tensor = 0.1
    ) -> None:
        super().__init__()
        self.register_buffer("cluster_of_class", cluster_of_class(clusters))
        n_clusters = int(self.cluster_of_class.max()) + 1
        radii = np.asarray(to_numpy(radius, "radius") if np.ndim(radius) else radius)
        numbers = radii.shape in ((), (n_clusters,)) and radii.dtype.kind in "biuf"
        if not numbers or not (np.isfinite(radii) & (radii >= 0)).all():
            raise ValueError(
                f"radius must be a number or {n_clusters}, one a cluster, finite and not "
                f"negative, not {radii.tolist()!r}."
            )
        start = torch.tensor(radii, dtype=torch.get_default_dtype())
        self.register_buffer("start", start.expand(n_clusters).clone())
        self.coordinates = nn.Parameter(torch.zeros(n_clusters))

    @property
    def radius(self) -> Tensor:
        """Eps of each cluster, shape (K',), with its gradient."""
        return self.start * self.coordinates.exp()

    def forward(self, x: Tensor, label: Tensor, generator: Generator | None = None) -> Tensor:
        """Move each row in a direction of its own; none in evaluation mode.

        Parameters
        ----------
        x : Tensor, shape (b, d)
            Or of any shape (b, ...), whose rows are then vectors all the same.
        label : Tensor of int64, shape (b,)
        generator : Generator, optional
            Of the device of x. Torch's own if none is given.

        Returns
        -------
        Tensor
            Of the shape and type of x.

        Raises
        ------
        ValueError
            If shapes or types are wrong, or a label has no cluster.
        """
        if x.dim() < 2 or not x.is_floating_point() or not x.numel():
            raise ValueError(
                "x must be floating-point of shape (b, d), and not empty, not "
                f"{x.dtype} of shape {tuple(x.shape)}."
            )
        radius = self._of_rows(label, len(x))
        if not self.training:
            return x
        normal = torch.randn(x.shape, generator=generator, dtype=radius.dtype, device=x.device)
        flat = normal.flatten(1)
        direction = (flat / flat.norm(dim=1, keepdim=True)).view_as(normal)
        return x + (radius.view(-1, *[1] * (x.dim() - 1)) * direction).to(x.dtype)

    def worst_logits(self, logits: Tensor, label: Tensor, weight: Tensor) -> Tensor:
        """Logits of an affine classifier at the worst points of the balls, in closed form.

        Moving x by eps in the direction of w_k - w_y raises logit k over that of the label by
        eps ||w_k - w_y||, and no other direction does by more. With two classes the cross-entropy
        of the result is therefore the largest in the ball. With more, each wrong class gets a worst
        direction of its own, and it is an upper bound.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
            At x.
        label : Tensor of int64, shape (b,)
        weight : Tensor, shape (K, d)
            Of the classifier, as in ``torch.nn.Linear``.

        Returns
        -------
        Tensor, shape (b, K)

        Raises
        ------
        ValueError
            If shapes or types are wrong, or a label has no cluster.
        """
        n_classes = len(self.cluster_of_class)
        if logits.dim() != 2 or logits.shape[1] != n_classes or not logits.is_floating_point():
            raise ValueError(
                f"logits must be floating-point of shape (b, {n_classes}), not {logits.dtype} of "
                f"shape {tuple(logits.shape)}."
            )
        if weight.dim() != 2 or len(weight) != n_classes:
            raise ValueError(
                f"weight must have shape ({n_classes}, d), a row for each class, not "
                f"{tuple(weight.shape)}."
            )
        radius = self._of_rows(label, len(logits))
        away = weight[None] - weight[:, None]
        # The norm has no slope where a class is compared with itself, and none is wanted.
        itself = torch.eye(n_classes, dtype=torch.bool, device=weight.device)
        distance = torch.where(itself, 0, torch.where(itself[..., None], 1, away).norm(dim=2))
        return logits + radius[:, None].to(logits.dtype) * distance[label]

    def _of_rows(self, label: Tensor, n_rows: int) -> Tensor:
        require_labels(label, n_rows, len(self.cluster_of_class))
        return self.radius[self.cluster_of_class[label]]
