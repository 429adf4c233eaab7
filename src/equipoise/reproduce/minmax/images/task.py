"""Images to learn, and how."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from torch import Tensor

from equipoise.data import load_images
from equipoise.reproduce.minmax.stack.variants import CONTROLS, Plan


@dataclass(frozen=True)
class ImageTask:
    """Some classes of some images, and everybody's settings.

    Attributes
    ----------
    name : str
    source : {"digits", "mnist", "cifar10"}
        The first are scikit-learn's, of 8 by 8 pixels.
    classes : tuple of int
        Which take part; none are all ten.
    plan : Plan
    n_noise : int
    generator, discriminator : tuple of int
        Units of hidden layers.
    batch_size : int
    variants : tuple of str
        Without controls.
    judge : tuple of int
        Units of the classifier's hidden layers.
    data_dir : str
        Of the images; empty for digits.
    """

    name: str
    source: str
    classes: tuple[int, ...]
    plan: Plan
    n_noise: int
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    batch_size: int
    variants: tuple[str, ...]
    judge: tuple[int, ...] = (64, 32)
    judge_steps: int = 600
    data_dir: str = ""

    @property
    def n_classes(self) -> int:
        """How many take part, K."""
        return len(self.classes) or 10

    @property
    def least_share(self) -> float:
        """Share of the images from which a class counts as made: a fifth of an even share."""
        return 0.2 / self.n_classes

    @property
    def all_variants(self) -> list[str]:
        """With controls, in the order in which they are shown."""
        return [each for name in self.variants for each in (name, *CONTROLS.get(name, ()))]

    def to_dict(self) -> dict[str, Any]:
        """All that decides what comes of a seed, without where the files are."""
        state = {**asdict(self), "plan": self.plan.to_dict()}
        for name in ("data_dir", "variants"):
            del state[name]
        return state

    def load(self) -> tuple[Tensor, Tensor]:
        """The real images.

        Returns
        -------
        (Tensor, shape (n, d), Tensor of int64, shape (n,))
            Pixels from -1 to 1, and classes from 0 to K - 1.
        """
        pixels, label = self._read()
        wanted = np.array(self.classes or range(10))
        rows = np.flatnonzero(np.isin(label, wanted))
        return (
            torch.from_numpy(pixels[rows]) * 2 - 1,
            torch.from_numpy(np.searchsorted(wanted, label[rows])),
        )

    def _read(self) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        if self.source == "digits":
            pixels, label = load_digits(return_X_y=True)
            return (pixels / 16).astype(np.float32), label.astype(np.int64)
        images = load_images(self.source, self.data_dir)
        label = images.labels["train"]
        values = images.pixels("train", np.arange(len(label))).astype(np.float32) / np.float32(255)
        n, height, width = values.shape[:3]  # and at half of them, with colours last if there are
        values = values.reshape(n, height // 2, 2, width // 2, 2, -1).mean((2, 4))
        return values.reshape(len(values), -1), label


def fingerprint(images: Tensor, label: Tensor) -> str:
    """A hash of images and classes.

    Parameters
    ----------
    images, label : Tensor

    Returns
    -------
    str
    """
    found = hashlib.sha256(images.numpy().tobytes())
    found.update(label.numpy().tobytes())
    return found.hexdigest()[:24]


def at_hand(source: str, data_dir: Path | None) -> bool:
    """Whether there is a folder of the images.

    Parameters
    ----------
    source : str
    data_dir : Path or None

    Returns
    -------
    bool
    """
    return data_dir is not None and (data_dir / source).is_dir()
