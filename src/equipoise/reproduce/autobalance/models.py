"""What both parts ask of a model that is trained."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from equipoise.learn import Rows
from equipoise.learn.autobalance.search import group_codes
from equipoise.learn.imbalance import ParametricCrossEntropy


def cross_entropy(n_classes: int = 2) -> ParametricCrossEntropy:
    """The loss without any term.

    Parameters
    ----------
    n_classes : int

    Returns
    -------
    ParametricCrossEntropy
    """
    return ParametricCrossEntropy(n_classes, learn=())


def decisions(model: nn.Module, rows: Rows) -> NDArray[np.int64]:
    """What a model decides.

    Parameters
    ----------
    model : Module
    rows : Rows

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    return logits_of(model, rows).argmax(1).numpy()


@torch.no_grad()
def logits_of(model: nn.Module, rows: Rows, block: int = 4096) -> Tensor:
    """What a model says.

    Parameters
    ----------
    model : Module
    rows : Rows
    block : int
        Rows at once.

    Returns
    -------
    Tensor, shape (n, K)
    """
    model.eval()
    dtype = next(model.parameters()).dtype
    return torch.cat([model(x.to(dtype)) for x in rows.features.split(block)])


def codes_of(rows: Rows) -> Tensor:
    """The group of each row.

    Parameters
    ----------
    rows : Rows
        With groups apart.

    Returns
    -------
    Tensor of int64, shape (n,)
    """
    found = group_codes(rows)
    assert found is not None
    return found
