"""All seeds of one set of images, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.reproduce.minmax.images.task import ImageTask
from equipoise.reproduce.part import Result

Array = NDArray[np.float64]

_WARM_UP = 1 / 3
"""Share of the training before which nobody asks for even classes."""


@dataclass(frozen=True, eq=False)
class Run:
    """One variant on all seeds.

    Attributes
    ----------
    classes : ndarray, shape (looks, r, K)
        Share of the images that the classifier takes for each class.
    gradients : ndarray, shape (looks, r)
    share, score, distance : ndarray, shape (r,)
        Of proposals that stayed; the class score and the Frechet distance in the end.
    seconds : float
        Of the processor, a step of one seed.
    """

    classes: Array
    gradients: Array
    share: Array
    score: Array
    distance: Array
    seconds: float

    def made(self, least: float) -> Array:
        """How many classes have a least share in the end.

        Parameters
        ----------
        least : float

        Returns
        -------
        ndarray, shape (r,)
        """
        return np.asarray((self.classes[-1] >= least).sum(-1), np.float64)

    def unevenness(self, real: Array) -> Array:
        """How far the shares of classes are from the real ones, at each look.

        Parameters
        ----------
        real : ndarray, shape (K,)

        Returns
        -------
        ndarray, shape (looks, r)
            Half the sum of absolute differences; of two classes, the difference of the share of
            either.
        """
        return np.asarray(np.abs(self.classes - real).sum(-1) / 2)

    def late_unevenness(self, real: Array) -> Array:
        """Its mean after the first third of the training.

        Parameters
        ----------
        real : ndarray, shape (K,)

        Returns
        -------
        ndarray, shape (r,)
        """
        each = self.unevenness(real)
        return np.asarray(each[int(len(each) * _WARM_UP) :].mean(0))


@dataclass(frozen=True, eq=False)
class Results:
    """What came of a task.

    Attributes
    ----------
    task : ImageTask
    runs : dict of Run
        By variant, controls included.
    real_score, real_distance : float
        Of real images by the same classifier; the distance is of one half from the other.
    real_classes : ndarray, shape (K,)
        Shares of the real classes.
    """

    task: ImageTask
    runs: dict[str, Run]
    real_score: float
    real_distance: float
    real_classes: Array

    @property
    def n_seeds(self) -> int:
        """How many seeds there are, r."""
        return len(next(iter(self.runs.values())).share)

    def made(self, name: str) -> Array:
        """How many classes a variant makes in the end, shape (r,).

        Parameters
        ----------
        name : str

        Returns
        -------
        ndarray, shape (r,)
        """
        return self.runs[name].made(self.task.least_share)

    def uneven(self, name: str) -> Array:
        """How uneven a variant's classes are, late in training, shape (r,).

        Parameters
        ----------
        name : str

        Returns
        -------
        ndarray, shape (r,)
        """
        return self.runs[name].late_unevenness(self.real_classes)


def collect(task: ImageTask, found: Sequence[Result], real: Result) -> Results:
    """Put the cells of one task together.

    Parameters
    ----------
    task : ImageTask
    found : sequence of dict
        Seeds in one order for every variant.
    real : dict
        Of the real images.

    Returns
    -------
    Results
    """
    by_variant: dict[str, list[dict[str, Any]]] = {}
    for result in found:
        for name, state in result.items():
            by_variant.setdefault(name, []).append(state)
    order = [name for name in task.all_variants if name in by_variant]
    return Results(
        task,
        {name: _run(by_variant[name], task) for name in order},
        real["score"],
        real["distance"],
        np.array(real["classes"], np.float64),
    )


def _run(states: Sequence[dict[str, Any]], task: ImageTask) -> Run:
    def joined(name: str, axis: int) -> Array:
        return np.concatenate([np.array(state[name], np.float64) for state in states], axis)

    share = joined("share", 0)
    return Run(
        joined("classes", 1),
        joined("gradients", 1),
        share,
        joined("score", 0),
        joined("distance", 0),
        sum(state["seconds"] for state in states) / len(share) / task.plan.iterations,
    )
