"""Tables of images in which classes are made rare."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from equipoise.data import load_images, long_tailed_counts, long_tailed_rows
from equipoise.learn import Rows, TrainingSettings
from equipoise.reproduce.autobalance.material import Material

# As published.
_HELD_OUT = 0.2
_CLASSES = 10

Array = NDArray[np.float32]


@dataclass(frozen=True)
class TailTask:
    """Images, and how rare their classes are made.

    Attributes
    ----------
    name : str
    source : {"digits", "mnist", "fashion-mnist", "cifar10"}
    n_max : int
        Rows of the most frequent class.
    ratio : float
        Of the most frequent to the rarest.
    hidden : tuple of int
        Of a perceptron; empty is the convolutional network.
    steps : int
        Of every training, and of every search.
    batch_size : int
    learning_rate, weight_decay : float
        Of Adam.
    outer_steps : int
        Of a search.
    published : str
        The column of the paper's table 1; empty without.
    data_dir : str
        Of the images; empty for digits, which scikit-learn has.
    """

    name: str
    source: str
    n_max: int
    ratio: float
    hidden: tuple[int, ...]
    steps: int
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    outer_steps: int = 100
    published: str = ""
    data_dir: str = ""

    @property
    def settings(self) -> TrainingSettings:
        """How a network is trained."""
        return TrainingSettings(
            hidden=self.hidden,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            steps=self.steps,
            batch_size=self.batch_size,
        )

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows of each class, those held out included."""
        return long_tailed_counts(self.n_max, _CLASSES, self.ratio)

    @property
    def at_hand(self) -> bool:
        """Whether there is a folder of the images."""
        folder = Path(self.data_dir) / self.source.replace("-", "_")
        return not self.data_dir or folder.is_dir()

    def to_dict(self) -> dict[str, Any]:
        """The task as JSON can hold it, without where its files are."""
        state = {**asdict(self), "hidden": list(self.hidden)}
        del state["data_dir"]
        return state

    def prepare(self, seed: int) -> Material:
        """The rows of a seed.

        Parameters
        ----------
        seed : int
            It draws the rows and holds some of them out.

        Returns
        -------
        Material
        """
        x, y, test_x, test_y = self._drawn(seed)
        mean = x.mean()
        rows, test = (
            Rows.of(features - mean, label) for features, label in ((x, y), (test_x, test_y))
        )
        return Material.of(rows, test, _CLASSES, _HELD_OUT, seed)

    def _drawn(self, seed: int) -> tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]]:
        if self.source == "digits":
            return self._digits(seed)
        images = load_images(self.source, self.data_dir)
        rows = long_tailed_rows(images.labels["train"], self.counts.tolist(), seed)
        every = np.arange(len(images.labels["test"]))
        return (
            _scaled(images.pixels("train", rows)),
            images.labels["train"][rows],
            _scaled(images.pixels("test", every)),
            images.labels["test"],
        )

    def _digits(self, seed: int) -> tuple[Array, NDArray[np.int64], Array, NDArray[np.int64]]:
        # They come in one part: what is not drawn is left for the test, as many rows of each class.
        pixels, label = load_digits(return_X_y=True)
        features = (pixels / 16).astype(np.float32)
        label = label.astype(np.int64)
        rows = long_tailed_rows(label, self.counts.tolist(), seed)
        left = np.setdiff1d(np.arange(len(label)), rows)
        fewest = int(np.bincount(label[left]).min())
        test = left[long_tailed_rows(label[left], [fewest] * _CLASSES, seed)]
        return features[rows], label[rows], features[test], label[test]


def _scaled(pixels: NDArray[np.uint8]) -> Array:
    values = pixels.astype(np.float32) / np.float32(255)
    if values.ndim == 3:
        return values.reshape(len(values), -1)
    # Colour images at half their sides, channels first.
    n, height, width, channels = values.shape
    halved = values.reshape(n, height // 2, 2, width // 2, 2, channels).mean((2, 4))
    return np.ascontiguousarray(halved.transpose(0, 3, 1, 2))


def tail_tasks(data_dir: str | os.PathLike[str] | None) -> list[TailTask]:
    """The tasks: digits alone, or with a folder of images theirs too.

    Parameters
    ----------
    data_dir : path-like or None

    Returns
    -------
    list of TailTask
        The longest to train first.
    """
    digits = TailTask("digits, ratio 20", "digits", 100, 20, (64,), 500, 64)
    if data_dir is None:
        return [digits]
    where = str(data_dir)
    return [
        TailTask(
            "CIFAR-10, ratio 100",
            "cifar10",
            1000,
            100,
            (),
            1500,
            64,
            published="CIFAR10-LT",
            data_dir=where,
        ),
        TailTask("MNIST, ratio 100", "mnist", 1000, 100, (256, 128), 1000, data_dir=where),
        TailTask(
            "Fashion-MNIST, ratio 100",
            "fashion-mnist",
            1000,
            100,
            (256, 128),
            1000,
            data_dir=where,
        ),
        digits,
    ]
