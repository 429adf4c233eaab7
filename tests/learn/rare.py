"""Rows with rare classes or rare groups, and a small network for them."""

from __future__ import annotations

import numpy as np
import torch

from equipoise.learn import StackedMLP, TrainingSettings
from equipoise.learn.autobalance.network import OneMLP

QUICK = TrainingSettings(hidden=(16,), steps=60, batch_size=64, learning_rate=0.01)
COUNTS = (400, 150, 60)


def long_tail(seed=0, counts=COUNTS, d=6):
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(len(counts), d))
    label = np.repeat(np.arange(len(counts)), counts)
    return (centres[label] + random.normal(size=(len(label), d))).astype(np.float32), label


def two_groups(seed=0, counts=((700, 60), (60, 300)), d=10):
    """The group shows in features that the label does not: those of a majority mislead."""
    random = np.random.default_rng(seed)
    features, label, group = [], [], []
    for k, row in enumerate(counts):
        for g, n in enumerate(row):
            x = random.normal(size=(n, d))
            x[:, :2] += 0.8 * (2 * k - 1)
            x[:, 2:4] += 1.0 * (2 * g - 1)
            features.append(x)
            label += [k] * n
            group += [g] * n
    return np.concatenate(features).astype(np.float32), np.array(label), np.array(group)


def network(d=6, k=3, hidden=(16,), seed=0):
    return OneMLP(StackedMLP(d, hidden, k, [seed]))


def balanced_error(decide, X, y):
    wrong = decide(torch.from_numpy(X)).argmax(1).numpy() != y
    return np.mean([wrong[y == k].mean() for k in np.unique(y)])
