"""Label-distribution-aware margins, and the normalised last layer that they are made for."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from equipoise.learn.imbalance.batch import read_logits, require_codes, right_class
from equipoise.learn.imbalance.counts import as_default, read_counts

__all__ = ["LDAM", "NormedLinear"]


class LDAM(nn.Module):
    r"""Cross-entropy with a margin taken from the right logit, Cao et al. 2019 (arXiv 1906.07413).

    -log softmax(s (f - m_y e_y))_y with m_y = C n_y^(-1/4), and C such that
    the largest margin is ``max_margin``. It is not the parametric cross-entropy: the margin moves
    the logit of the row's own class alone, and not that of its class in all rows.

    Parameters
    ----------
    counts : array-like, shape (K,)
        Training rows of each class.
    max_margin : float
        In units of the logits, which are cosines; the authors take 0.5 for CIFAR and 0.3 for
        iNaturalist.
    scale : float
        s.

    Raises
    ------
    ValueError
        If a class has no rows, or the margin or the scale is not positive.
    """

    margins: Tensor

    def __init__(self, counts: Any, max_margin: float = 0.5, scale: float = 30.0) -> None:
        super().__init__()
        for name, value in (("max_margin", max_margin), ("scale", scale)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive and finite, not {value!r}.")
        rows = read_counts(counts, axes=1)
        self.scale = scale
        self.register_buffer("margins", as_default(max_margin * (rows.min() / rows) ** 0.25))

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Mean over the rows of a batch.

        Parameters
        ----------
        logits : Tensor, shape (b, K)
            Cosines, as :class:`NormedLinear` gives them.
        label : Tensor of int64, shape (b,)

        Returns
        -------
        Tensor, shape ()

        Raises
        ------
        ValueError
            If shapes or types are wrong, or logits are no cosines.
        """
        return self.per_row(logits, label).mean()

    def per_row(self, logits: Tensor, label: Tensor) -> Tensor:
        """The loss of each row.

        Parameters
        ----------
        logits, label
            As for a call.

        Returns
        -------
        Tensor, shape (b,)
        """
        cosines = read_logits(logits, len(self.margins))
        require_codes("label", label, len(logits), len(self.margins))
        # Ordinary logits, times s, give losses in the hundreds and soon no gradient or NaN.
        if cosines.detach().abs().max() > 1.01:
            raise ValueError(
                "logits of LDAM must be cosines, between -1 and 1, but reach "
                f"{cosines.detach().abs().max().item():.4g}; make NormedLinear the last layer."
            )
        margin = self.margins.to(cosines.dtype)[label]
        moved = cosines.scatter_add(1, label[:, None], -margin[:, None])
        return -right_class(torch.log_softmax(self.scale * moved, dim=1), label)


class NormedLinear(nn.Module):
    """A last layer whose outputs are cosines between features and one direction for each class.

    Parameters
    ----------
    n_features : int
        d.
    n_classes : int
        K.
    """

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        # Only directions matter, and those of normal vectors are uniform.
        self.weight = nn.Parameter(torch.randn(n_classes, n_features))

    def forward(self, features: Tensor) -> Tensor:
        """Cosines.

        Parameters
        ----------
        features : Tensor, shape (b, d)

        Returns
        -------
        Tensor, shape (b, K)
            From -1 to 1; 0 for features that are all 0.
        """
        return nn.functional.linear(normalize(features, dim=-1), normalize(self.weight, dim=-1))
