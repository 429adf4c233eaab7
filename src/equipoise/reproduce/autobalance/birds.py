"""Waterbirds: the numbers of rows of the real table, with features simulated or a user's own."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.data import Waterbirds, read_waterbirds
from equipoise.groups import Groups
from equipoise.learn import Rows
from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.material import Material

# Half of the rows are held out, as in the paper.
_HELD_OUT = 0.5
_DIMENSIONS = 512
# Directions in which features tell the bird and the background, and how far each moves either way.
_BIRD = (8, 0.42)
_PLACE = (8, 0.75)
_TEST_ROWS = 2000
_FILES = ("features.npz", "features.parquet")


@dataclass(frozen=True)
class BirdsTask:
    """Waterbirds, with a linear model of the features.

    Attributes
    ----------
    name : str
    file : str
        Of the features; empty for simulated ones.
    weight_decay : float
    outer_steps : int
        Of a search.
    outer_learning_rate : float
    descent_steps : int
        Of methods that have no convex problem to solve.
    """

    name: str = "Waterbirds, simulated features"
    file: str = ""
    weight_decay: float = 1e-3
    outer_steps: int = 60
    outer_learning_rate: float = 0.1
    descent_steps: int = 500

    def to_dict(self) -> dict[str, Any]:
        """The task as JSON can hold it; of the file it is the rows that matter."""
        return {**asdict(self), "file": bool(self.file)}

    def prepare(self, seed: int) -> Material:
        """The rows of a seed.

        Parameters
        ----------
        seed : int
            It draws the simulated features; of a user's own only which rows are held out.

        Returns
        -------
        Material
        """
        if self.file:
            parts = read_waterbirds(self.file)
            train, test = parts["train"], parts["test"]
        else:
            train, test = simulate(seed)
        mean = train.features.mean(0)
        spread = train.features.std(0)
        scale = np.where(spread > 0, spread, 1)
        rows, tested = (
            Rows.of(
                (one.features - mean) / scale,
                one.label,
                Groups.from_codes(one.place, ["land", "water"]),
            )
            for one in (train, test)
        )
        return Material.of(rows, tested, 2, _HELD_OUT, seed)


def find_features(data_dir: str | os.PathLike[str] | None) -> str:
    """Where a user's own features of Waterbirds are.

    Parameters
    ----------
    data_dir : path-like or None

    Returns
    -------
    str
        Of ``waterbirds/features.npz`` or ``waterbirds/features.parquet``; empty if neither is
        there.
    """
    if data_dir is None:
        return ""
    named = (Path(data_dir) / "waterbirds" / name for name in _FILES)
    return next((str(path) for path in named if path.is_file()), "")


def simulate(seed: int) -> tuple[Waterbirds, Waterbirds]:
    """Draw features with the published numbers of rows.

    Normal features of 512 dimensions with unit variance, of which eight directions tell the bird
    and eight others, more clearly, its background; they are rotated at random, so that no single
    feature tells either.

    Parameters
    ----------
    seed : int

    Returns
    -------
    train, test : Waterbirds
        The test part has as many rows of every cell.
    """
    random = np.random.default_rng(seed)
    rotation = np.linalg.qr(random.normal(size=(_DIMENSIONS, _DIMENSIONS)))[0]

    def draw(sizes: NDArray[np.int64]) -> Waterbirds:
        label, place = (codes.repeat(sizes.ravel()) for codes in np.indices((2, 2)).reshape(2, -1))
        features = random.normal(size=(len(label), _DIMENSIONS))
        bird, ground = _BIRD[0], _BIRD[0] + _PLACE[0]
        features[:, :bird] += _BIRD[1] * (2 * label - 1)[:, None]
        features[:, bird:ground] += _PLACE[1] * (2 * place - 1)[:, None]
        return Waterbirds((features @ rotation).astype(np.float32), label, place)

    return draw(np.array(published.CELLS)), draw(np.full((2, 2), _TEST_ROWS))
