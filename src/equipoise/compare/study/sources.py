"""Rows for a study: images of which some are in a rare style, tables with a rare group."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from equipoise.compare.study.course import MakeNetwork
from equipoise.compare.study.data import StudyData, draws_of, exact_count, parted_rows
from equipoise.data import load_images
from equipoise.data.own_features import simulate_own_features
from equipoise.data.rare_style import in_rare_style
from equipoise.learn.conv_network import StackedConvNet, image_patches
from equipoise.learn.network import StackedMLP

Material = tuple[StudyData, MakeNetwork]

_STYLES = ("usual style", "rare style")
_SEED_OF_PARTS = 0


def digits(share: float, n_seeds: int, *, n_train: int = 1000, n_validation: int = 200) -> Material:
    """Scikit-learn's digits, 5 to 9 against 0 to 4, of which few are in a rare style.

    All seeds are judged on the same 597 images in both styles.

    Parameters
    ----------
    share : float
        Of the rare style, in training and validation rows.
    n_seeds : int
    n_train, n_validation : int

    Returns
    -------
    StudyData
    callable
        Makes the convolutional network.
    """
    images, label = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16
    order = np.random.default_rng(_SEED_OF_PARTS).permutation(len(label))
    test, rest = np.split(order, [len(label) - 1200])
    label = (label >= 5).astype(np.int64)
    sizes = n_train, n_validation
    return _in_two_styles(
        "digits", images, label, ("0 to 4", "5 to 9"), rest, test, share, n_seeds, sizes
    )


def images(
    name: str,
    data_dir: Path,
    share: float,
    n_seeds: int,
    *,
    n_train: int = 5000,
    n_validation: int = 1000,
    n_test: int = 2000,
) -> Material:
    """Well-known images with all of their classes, of which few are in a rare style.

    Parameters
    ----------
    name : {"mnist", "fashion-mnist", "cifar10"}
    data_dir : Path
    share : float
    n_seeds : int
    n_train, n_validation, n_test : int
        The last of images, each of which is judged in both styles.

    Returns
    -------
    StudyData
    callable
    """
    found = load_images(name, data_dir)
    draw = np.random.default_rng(_SEED_OF_PARTS)
    # Twice as many as a seed takes, so that seeds differ in their rows too.
    wanted = min(2 * (n_train + n_validation), len(found.labels["train"]))
    rows = draw.permutation(len(found.labels["train"]))[:wanted]
    test = draw.permutation(len(found.labels["test"]))[:n_test]
    pixels = np.concatenate([found.pixels("train", rows), found.pixels("test", test)]) / 255
    label = np.concatenate([found.labels["train"][rows], found.labels["test"][test]])
    classes = tuple(str(one) for one in range(int(label.max()) + 1))
    places = np.arange(len(label))
    sizes = n_train, n_validation
    return _in_two_styles(
        name, pixels, label, classes, places[:wanted], places[wanted:], share, n_seeds, sizes
    )


def own_features(
    share: float,
    n_seeds: int,
    *,
    rotated: bool = False,
    n_train: int = 16_000,
    n_validation: int = 4000,
    n_test: int = 4000,
) -> Material:
    """A simulated table in which the rare group has features of its own, for logistic regression.

    Test rows are as many of each group, and their label is the one that is more likely: the share
    of right decisions is the agreement with the truth.

    Parameters
    ----------
    share : float
    n_seeds : int
        Each with a truth of its own.
    rotated : bool
        Whether features are rotated, so that none belongs to a group.
    n_train, n_validation, n_test : int

    Returns
    -------
    StudyData
    callable
    """
    draws = draws_of(n_seeds)
    rare = [exact_count(share, size) for size in (n_train, n_validation)]
    each = n_test // 2
    counts = (n_train + n_validation - sum(rare) + each, sum(rare) + each)
    found = [simulate_own_features(counts, seed, rotated=rotated) for seed in range(n_seeds)]
    group = np.concatenate([one.group for one in found])
    label = np.concatenate([one.label for one in found])
    truth = np.concatenate([one.truth for one in found])
    parts = []
    for seed, (one, draw) in enumerate(zip(found, draws, strict=True)):
        rows = parted_rows(one.group == 1, share, (n_train, n_validation), draw)
        parts.append([part + seed * sum(counts) for part in rows])
    train, validation, test = (np.stack(rows) for rows in zip(*parts, strict=True))
    label[test] = truth[test]
    data = StudyData(
        f"features of one's own{', rotated' if rotated else ''}",
        torch.from_numpy(np.concatenate([one.features for one in found])),
        label,
        group,
        ("usual group", "rare group"),
        ("0", "1"),
        tuple(range(n_seeds)),
        train,
        validation,
        test,
    )
    return data, partial(StackedMLP, data.features.shape[1], (), 2)


def _in_two_styles(
    name: str,
    pixels: NDArray[np.floating],
    label: NDArray[np.int64],
    classes: tuple[str, ...],
    learnt: NDArray[np.int64],
    test: NDArray[np.int64],
    share: float,
    n_seeds: int,
    sizes: tuple[int, int],
) -> Material:
    """The pool is all images as they are, and then all of them in the rare style."""
    n = len(label)
    if sum(sizes) > len(learnt):
        raise ValueError(
            f"n_train and n_validation: {sizes[0]:,} and {sizes[1]:,} images are more than the "
            f"{len(learnt):,} that are not judged on; take fewer."
        )
    both = torch.from_numpy(np.concatenate([pixels, in_rare_style(pixels)])).float()
    patches = image_patches(both if both.dim() == 3 else both.permute(0, 3, 1, 2))
    train: list[NDArray[np.int64]] = []
    validation: list[NDArray[np.int64]] = []
    for draw in draws_of(n_seeds):
        rows = draw.permutation(learnt)
        for part, at, size in ((train, 0, sizes[0]), (validation, sizes[0], sizes[1])):
            n_rare = exact_count(share, size)
            part.append(rows[at : at + size] + n * (np.arange(size) < n_rare))
    data = StudyData(
        name,
        patches,
        np.concatenate([label, label]),
        np.repeat([0, 1], n),
        _STYLES,
        classes,
        tuple(range(n_seeds)),
        np.stack(train),
        np.stack(validation),
        np.tile(np.concatenate([test, test + n]), (n_seeds, 1)),
    )
    shape = (patches.shape[1], patches.shape[2])
    return data, partial(StackedConvNet, shape, len(classes))
