"""A small study that trains in no time."""

from functools import partial

import numpy as np
import torch

from equipoise.compare.study.data import StudyData
from equipoise.learn.network import StackedMLP


def small_data(n_seeds=2, *, n=120, multilabel=False, same_test=True, share=0.25, seed=0):
    """Four features, two groups, labels that the features tell."""
    draw = np.random.default_rng(seed)
    features = draw.standard_normal((2 * n, 4))
    group = (np.arange(2 * n) % round(1 / share) == 0).astype(np.int64)
    label = (features[:, 0] + features[:, 1] * (1 - 2 * group) > 0).astype(np.int64)
    if multilabel:
        label = np.stack([label, (features[:, 2] > 0).astype(np.int64)], 1)
    orders = [np.random.default_rng([seed, s]).permutation(n) for s in range(n_seeds)]
    test = np.tile(np.arange(n, 2 * n), (n_seeds, 1))
    if not same_test:
        test[1] = test[1][::-1]
    return StudyData(
        "small",
        torch.from_numpy(features).float(),
        label,
        group,
        ("many", "few"),
        ("0", "1"),
        tuple(range(n_seeds)),
        np.stack([order[:80] for order in orders]),
        np.stack([order[80:] for order in orders]),
        test,
    )


def small_network(hidden=(5,)):
    return partial(StackedMLP, 4, hidden, 2)
