"""Rows of people for a study: tables with a rare group, and images of which features are known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.compare.study.data import StudyData, draws_of, exact_count, parted_rows
from equipoise.compare.study.sources import Material
from equipoise.data import Dataset, ImageGroups
from equipoise.learn.encoder import TableEncoder
from equipoise.learn.network import StackedMLP

_TEST = 0.4
_SEED_OF_TEST = 0


def table(
    dataset: Dataset,
    rare: Mapping[str, str],
    share: float,
    n_seeds: int,
    *,
    n_train: int = 5000,
    n_validation: int = 1000,
    hidden: tuple[int, ...] = (),
) -> Material:
    """A table of which few rows are in one cell of its sensitive columns.

    Two fifths of either group, the same for all seeds, are judged on. With ``keep_sensitive`` the
    rare group has columns of its own once categories are columns.

    Parameters
    ----------
    dataset : Dataset
    rare : mapping of str to str
        A level of one or more sensitive columns: ``{"race": "Black", "sex": "Female"}``.
    share : float
        Of the rare group, in training and validation rows.
    n_seeds : int
    n_train, n_validation : int
        Rows of each seed.
    hidden : tuple of int
        Units of each hidden layer; without any it is a logistic regression.

    Returns
    -------
    StudyData
    callable
        Makes the network.

    Raises
    ------
    ValueError
        If the cell is none of the table's, or there are too few rows.
    """
    is_rare = _in_cell(dataset, rare)
    draw = np.random.default_rng(_SEED_OF_TEST)
    parts = [draw.permutation(np.flatnonzero(which)) for which in (is_rare, ~is_rare)]
    test = np.concatenate([part[: int(_TEST * len(part))] for part in parts])
    rest = np.setdiff1d(np.arange(len(dataset)), test)
    train, validation = _of_seeds(is_rare, rest, share, n_seeds, (n_train, n_validation))
    encoder = TableEncoder.fit(dataset.features[rest])
    name = ", ".join(rare.values())
    data = StudyData(
        f"{dataset.name}, {name}",
        torch.from_numpy(encoder.transform(dataset.features)),
        dataset.target,
        is_rare.astype(np.int64),
        ("all others", name),
        tuple(map(str, dataset.classes)),
        tuple(range(n_seeds)),
        train,
        validation,
        np.tile(test, (n_seeds, 1)),
    )
    return data, partial(StackedMLP, data.features.shape[1], hidden, data.n_outputs)


def image_features(
    images: ImageGroups,
    features: NDArray[np.floating],
    n_seeds: int,
    *,
    rare: Mapping[str, str] | None = None,
    share: float = 0.1,
    n_train: int = 5000,
    n_validation: int = 1000,
) -> Material:
    """Images of people by features of a frozen network, for a linear layer on top.

    Parameters
    ----------
    images : ImageGroups
        With all three parts.
    features : ndarray, shape (n, d)
        As :func:`equipoise.learn.vision.frozen_features` gives them for all images.
    n_seeds : int
    rare : mapping of str to str, optional
        A level of one or more sensitive columns, whose share is set in training and validation
        rows; the two groups are those in it and all others. Without it rows are drawn as they come
        and groups are those of the sensitive columns crossed.
    share : float
        Of ``rare``.
    n_train, n_validation : int
        Rows of each seed.

    Returns
    -------
    StudyData
    callable
        Makes the linear layer. Rows of several labels have a logit for each.

    Raises
    ------
    ValueError
        If features are not those of the images, a level is unknown, or there are too few rows.
    """
    if features.ndim != 2 or len(features) != len(images):
        raise ValueError(
            f"features must be of {len(images):,} images, (n, d), not of shape {features.shape}."
        )
    sizes = n_train, n_validation
    learnt = (images.rows("train"), images.rows("validation"))
    if rare is None:
        found = images.groups()
        assert found.codes is not None
        group, names = found.codes.astype(np.int64), found.names
        chosen = [
            _as_they_come(name, rows, size, n_seeds)
            for name, rows, size in zip(("n_train", "n_validation"), learnt, sizes, strict=True)
        ]
    else:
        codes = {name: images.sensitive[name] for name in rare if name in images.sensitive}
        levels = {name: np.array(images.levels[name]) for name in codes}
        is_rare = _all_of({name: levels[name][codes[name]] for name in codes}, rare)
        group, names = is_rare.astype(np.int64), ("all others", ", ".join(rare.values()))
        chosen = [
            _of_seeds(is_rare, rows, share, n_seeds, (size,))[0]
            for rows, size in zip(learnt, sizes, strict=True)
        ]
    of_train = features[learnt[0]].astype(np.float64)
    scale = np.maximum(of_train.std(0), 1e-12)
    labels = images.target_names if images.target.ndim == 2 else images.classes
    data = StudyData(
        images.name,
        torch.from_numpy(((features - of_train.mean(0)) / scale).astype(np.float32)),
        images.target.astype(np.int64),
        group,
        tuple(names),
        tuple(labels),
        tuple(range(n_seeds)),
        chosen[0],
        chosen[1],
        np.tile(images.rows("test"), (n_seeds, 1)),
    )
    return data, partial(StackedMLP, data.features.shape[1], (), data.n_outputs)


def _as_they_come(name: str, rows: NDArray[np.int64], size: int, n_seeds: int) -> NDArray[np.int64]:
    if not 1 <= size <= len(rows):
        raise ValueError(f"{name} must lie between 1 and the {len(rows):,} images, not {size:,}.")
    return np.stack([draw.permutation(rows)[:size] for draw in draws_of(n_seeds)])


def _of_seeds(
    is_rare: NDArray[np.bool_],
    rows: NDArray[np.int64],
    share: float,
    n_seeds: int,
    sizes: tuple[int, ...],
) -> list[NDArray[np.int64]]:
    """Of each size, rows of every seed with an exact number of rare ones."""
    for size in sizes:
        exact_count(share, size)
    drawn = [parted_rows(is_rare[rows], share, sizes, draw) for draw in draws_of(n_seeds)]
    return [np.stack([rows[one[part]] for one in drawn]) for part in range(len(sizes))]


def _in_cell(dataset: Dataset, rare: Mapping[str, str]) -> NDArray[np.bool_]:
    there = dataset.sensitive.columns
    columns = {name: dataset.sensitive[name].to_numpy() for name in rare if name in there}
    return _all_of(columns, rare)


def _all_of(columns: Mapping[str, NDArray[Any]], rare: Mapping[str, str]) -> NDArray[np.bool_]:
    lacking = [name for name in rare if name not in columns]
    if lacking or not rare:
        raise ValueError(
            f"rare: wanted levels of sensitive columns, given {dict(rare)}; there is no column "
            f"{', '.join(map(repr, lacking)) or 'in it'}."
        )
    found = np.ones(len(next(iter(columns.values()))), bool)
    for name, level in rare.items():
        levels = sorted(set(columns[name].tolist()))
        if level not in levels:
            raise ValueError(
                f"rare: {name!r} has no level {level!r}; there are {', '.join(map(str, levels))}."
            )
        found &= columns[name] == level
    return found
