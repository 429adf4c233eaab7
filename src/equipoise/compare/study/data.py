"""The rows of a study: for each seed some to train on, some to choose by, some to judge on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StudyData:
    """A pool of rows, and which of them each seed has.

    A seed of the study has the same rows, in the same order, under every optimizer, so that
    differences between optimizers are paired.

    Attributes
    ----------
    name : str
    features : Tensor of float32, shape (n, ...)
        As the network takes them.
    label : ndarray of int64, shape (n,) or (n, l)
        Class codes; or 0 and 1 of each of l labels, of which any number may be true.
    group : ndarray of int64, shape (n,)
        Group codes.
    groups, classes : tuple of str
        Names of the groups; and of the classes, or of the labels.
    seeds : tuple of int, length s
    train, validation, test : ndarray of int64, shape (s, rows)
        Row numbers.

    Raises
    ------
    ValueError
        If the parts do not fit together, codes are out of their range, a row of a seed is in two
        parts, or some seed has no row of a group to train on.
    """

    name: str
    features: Tensor
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    groups: tuple[str, ...]
    classes: tuple[str, ...]
    seeds: tuple[int, ...]
    train: Rows
    validation: Rows
    test: Rows

    def __post_init__(self) -> None:
        n = len(self.features)
        if len(self.label) != n or len(self.group) != n:
            raise ValueError(
                f"features, label and group must have as many rows, not {n}, {len(self.label)} "
                f"and {len(self.group)}."
            )
        if not bool(self.features.isfinite().all()):
            raise ValueError("features must be finite numbers.")
        for name in ("train", "validation", "test"):
            rows = getattr(self, name)
            if rows.ndim != 2 or len(rows) != len(self.seeds) or not rows.size:
                raise ValueError(
                    f"{name} must hold rows for each of {len(self.seeds)} seeds, not an array of "
                    f"shape {rows.shape}."
                )
            if rows.min() < 0 or rows.max() >= n:
                raise ValueError(f"{name} holds row numbers outside 0 to {n - 1}.")
        self._require_codes()
        self._require_apart()
        for seed, counts in zip(self.seeds, self.train_counts, strict=True):
            if not counts.all():
                lacking = self.groups[int(np.argmin(counts))]
                raise ValueError(f"train: seed {seed} has no row of group {lacking!r}.")

    def _require_codes(self) -> None:
        top = 1 if self.multilabel else self.n_outputs - 1
        if self.multilabel and self.label.shape[1] != self.n_outputs:
            raise ValueError(
                f"label has {self.label.shape[1]} columns, and classes names {self.n_outputs}."
            )
        for name, codes, most in (
            ("label", self.label, top),
            ("group", self.group, len(self.groups) - 1),
        ):
            if codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() > most:
                raise ValueError(
                    f"{name} must be integer codes from 0 to {most}, one for each name that is "
                    "given: leave out rows of which it is not known."
                )

    def _require_apart(self) -> None:
        for at, seed in enumerate(self.seeds):
            part_of = np.zeros(len(self.features), np.int8)
            for name in ("train", "validation", "test"):
                rows = getattr(self, name)[at]
                if part_of[rows].any():
                    raise ValueError(
                        f"{name}: seed {seed} has rows there that are in another of its parts too, "
                        "and would be judged by what it was fitted to."
                    )
                part_of[rows] = 1

    @property
    def multilabel(self) -> bool:
        """Whether a row has several labels."""
        return self.label.ndim == 2

    @property
    def n_outputs(self) -> int:
        """How many logits a network has: of each class, or of each label."""
        return len(self.classes)

    @cached_property
    def train_counts(self) -> NDArray[np.int64]:
        """Training rows of each seed by group, shape (s, g)."""
        return _counts(self.group[self.train], len(self.groups))

    @cached_property
    def same_test_rows(self) -> bool:
        """Whether all seeds are judged on the same rows."""
        return bool((self.test == self.test[0]).all())

    @cached_property
    def targets(self) -> Tensor:
        """The labels as losses take them."""
        label = torch.from_numpy(self.label)
        return label.float() if self.multilabel else label

    def describe(self) -> dict[str, str]:
        """How many rows there are of what, in words."""
        return {
            "Seeds": f"{len(self.seeds)}",
            "Training rows": self._described(self.train),
            "Validation rows": f"{self._described(self.validation)}, to choose rates by",
            "Test rows": self._described(self.test),
            "Labels" if self.multilabel else "Classes": ", ".join(self.classes),
        }

    def _described(self, rows: Rows) -> str:
        counts = _counts(self.group[rows], len(self.groups))
        of_groups = ", ".join(
            f"{name} {low:,}" if low == high else f"{name} {low:,} to {high:,}"
            for name, low, high in zip(self.groups, counts.min(0), counts.max(0), strict=True)
        )
        return f"{rows.shape[1]:,} ({of_groups})"


def exact_count(share: float, n_rows: int) -> int:
    """How many rows a share is.

    A number that differed from seed to seed would be noise of its own, so none is drawn.

    Parameters
    ----------
    share : float
    n_rows : int

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If the share is not between 0 and 1, or one of the two kinds of rows would have none.
    """
    if not 0 < share < 1:
        raise ValueError(f"share, of the rare group, must lie between 0 and 1, not {share:g}.")
    count = round(share * n_rows)
    if not 0 < count < n_rows:
        raise ValueError(
            f"share: {share:g} of {n_rows} rows are {count} rows of the rare group; wanted at "
            "least one, and one of another."
        )
    return count


def parted_rows(
    is_rare: NDArray[np.bool_], share: float, sizes: Sequence[int], draw: np.random.Generator
) -> list[Rows]:
    """Draw parts of rows, an exact number of each of which is rare.

    Parameters
    ----------
    is_rare : ndarray of bool, shape (n,)
    share : float
        Of rare rows in each part.
    sizes : sequence of int
        Of the parts.
    draw : Generator

    Returns
    -------
    list of ndarray of int64
        Row numbers of the parts, which have none in common, and then of all rows that are left.

    Raises
    ------
    ValueError
        If there are too few rows of either kind.
    """
    counts = [exact_count(share, size) for size in sizes]
    kinds = {
        "rare rows": (is_rare, counts),
        "other rows": (~is_rare, [n - rare for n, rare in zip(sizes, counts, strict=True)]),
    }
    parts: list[list[Rows]] = [[] for _ in range(len(sizes) + 1)]
    for name, (which, wanted) in kinds.items():
        there = draw.permutation(np.flatnonzero(which))
        if len(there) < sum(wanted):
            raise ValueError(
                f"sizes: parts of {', '.join(map(str, sizes))} rows need {sum(wanted)} {name}, and "
                f"there are {len(there)}; take smaller parts, or another share."
            )
        for part, some in zip(parts, np.split(there, np.cumsum(wanted)), strict=True):
            part.append(some)
    return [np.concatenate(part) for part in parts]


def draws_of(n_seeds: int) -> list[np.random.Generator]:
    """What decides which rows each seed has.

    Parameters
    ----------
    n_seeds : int

    Returns
    -------
    list of Generator

    Raises
    ------
    ValueError
        If there is no seed.
    """
    if n_seeds < 1:
        raise ValueError(f"n_seeds must be at least 1, not {n_seeds}.")
    return [np.random.default_rng([seed, 3]) for seed in range(n_seeds)]


def _counts(codes: NDArray[np.int64], g: int) -> NDArray[np.int64]:
    rows = np.arange(len(codes))[:, None] * g
    return np.bincount((codes + rows).ravel(), minlength=len(codes) * g).reshape(-1, g)
