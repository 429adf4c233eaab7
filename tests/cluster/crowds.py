"""Rows in clusters, where groups live in different places."""

from __future__ import annotations

import numpy as np
import pandas as pd


def crowd(n=2000, d=3, seed=0):
    """Points and two sensitive columns, each of which moves its groups in one direction."""
    random = np.random.default_rng(seed)
    sex = random.choice(["men", "women"], n, p=[0.6, 0.4])
    race = random.choice(["A", "B", "C"], n, p=[0.6, 0.3, 0.1])
    X = random.normal(size=(n, d))
    X[:, 0] += 3 * (sex == "women")
    X[:, 1] += 2.0 * (race == "B") - 2.0 * (race == "C")
    return X, {"sex": sex, "race": race}


def blobs(n=3000, k=4, d=2, seed=0, apart=12.0):
    """Well separated clusters of unequal sizes, and the centres of each."""
    random = np.random.default_rng(seed)
    centres = apart * np.array([[i, (i * i) % 5] + [0] * (d - 2) for i in range(k)], float)
    of = random.choice(k, n, p=np.arange(1, k + 1) / np.arange(1, k + 1).sum())
    return centres[of] + random.normal(size=(n, d)), centres


def people(n=4000, seed=0):
    """A table as users have them: numbers, text, sensitive columns, weights."""
    X, groups = crowd(n, seed=seed)
    random = np.random.default_rng(seed + 1)
    return pd.DataFrame(
        {
            "age": np.round(40 + 10 * X[:, 0]).astype(int),
            "income": np.round(30_000 + 9_000 * X[:, 1], 2),
            "hours": np.round(35 + 5 * X[:, 2], 1),
            "job": random.choice(["clerk", "smith", "baker"], n),
            "sex": groups["sex"],
            "race": groups["race"],
            "counts": random.integers(1, 4, n),
        }
    )
