"""People in cells, with groups that are written down with errors, for tests of denoising."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise import Constraint
from equipoise.learn.noisy import Asked, Cells, Task
from equipoise.learn.noisy.moments import Moments
from equipoise.learn.noisy.pool import Scored

CELLS = 40


def flips(p):
    """The first group is often written down as another, the others seldom."""
    matrix = np.full((p, p), 0.1 / (p - 1))
    np.fill_diagonal(matrix, 0.9)
    matrix[0] = 0.3 / (p - 1)
    matrix[0, 0] = 0.7
    return matrix


@dataclass
class People:
    cell: np.ndarray
    group: np.ndarray
    label: np.ndarray
    seen: np.ndarray
    flips: np.ndarray

    @property
    def signed(self):
        return np.linalg.inv(self.flips)[self.seen]


def people(n=3000, p=2, seed=0):
    random = np.random.default_rng([seed, p])
    cell = random.integers(0, CELLS, n)
    of_group, chance = random.dirichlet(np.full(p, 1.5), CELLS), random.random(CELLS)
    group = (random.random(n)[:, None] > of_group[cell].cumsum(1)).sum(1)
    label = (random.random(n) < chance[cell] * (1 - 0.25 * (group == 0))).astype(int)
    seen = (random.random(n)[:, None] > flips(p)[group].cumsum(1)).sum(1)
    return People(cell, group, label, seen, flips(p))


def saturated(some, promise, membership, floor=0.01, slack=0.0):
    """The program with models that are the means of cells."""
    promises = (Constraint.parse(promise),)
    moments = Moments.of(promises)
    n, label = len(some.cell), some.label

    def mean(values, among):
        size = np.maximum(np.bincount(some.cell, among, CELLS), 1e-300)
        each = [np.bincount(some.cell, one * among, CELLS) / size for one in values.T]
        return np.stack(each, axis=1)[some.cell]

    chance = mean(label[:, None].astype(float), np.ones(n))[:, 0]
    weight = np.full(n, 1 / n)
    of_label = {k: mean(membership, (label == k).astype(float)) for k in (0, 1)}
    scored = Scored(
        weight * (2 * chance - 1),
        moments.modelled(chance, mean(membership, np.ones(n)), of_label, weight),
        moments.counted(label, membership, weight),
        float(weight @ chance),
    )
    by_label = np.stack([membership[label == k].sum(0) / n for k in (0, 1)])
    asked = Asked(promises, floor, slack)
    return Task(scored, moments, moments.at_rest(by_label), by_label.sum(0), asked)


def cells_of(some, membership):
    return Cells.of(some.cell, some.label, membership, CELLS)
