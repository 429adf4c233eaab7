"""One trained method on one task: from settings to a record, kept so that nothing is done twice.

A cell's name is a hash of all that decides what it finds: the rows, the promise, the method's
name, its settings, the seeds. A method that is changed under an old name is not seen to have
changed; delete its files then.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from equipoise.learn import (
    FairProblem,
    Rows,
    StackedMLP,
    Trained,
    TrainingSettings,
    predict_probabilities,
    train,
    train_survivors,
)
from equipoise.optim.constrained import InfeasibleWarning, best_multipliers, kkt_residual
from equipoise.reproduce.constrained.measures import Seen, measure
from equipoise.reproduce.constrained.methods import Configuration
from equipoise.reproduce.constrained.tasks import Ready
from equipoise.reproduce.kept import Kept, name_of
from equipoise.reproduce.thresholds import choose_thresholds, decide

Array = NDArray[np.float64]

_FORMAT = 2
# What the trainer watches on the way is not needed here, and would be on its clock.
_WATCHED = 64


@dataclass(frozen=True)
class Cell:
    """What is trained.

    Attributes
    ----------
    ready : Ready
    configuration : Configuration
    seeds : tuple of int, length r
    training : dict
        Of :class:`equipoise.learn.TrainingSettings`; the configuration's come on top.
    """

    ready: Ready
    configuration: Configuration
    seeds: tuple[int, ...]
    training: dict[str, Any]

    @property
    def settings(self) -> dict[str, Any]:
        """The training settings in force."""
        return {**self.training, **self.configuration.training}

    def describe(self) -> dict[str, Any]:
        """All that decides the record, as JSON can hold it."""
        one = self.configuration
        return {
            "format": _FORMAT,
            "task": self.ready.task.to_dict(),
            "rows": self.ready.fingerprint,
            "method": one.method.name,
            "configuration": one.label,
            "target": str(one.target(self.ready.task.promise)),
            "thresholds": one.thresholds,
            "seeds": list(self.seeds),
            "training": self.settings,
        }

    @property
    def name(self) -> str:
        """Of its file, without ending: the hash of its description."""
        return name_of(self.describe())


@dataclass(frozen=True, eq=False)
class Record:
    """What came of a cell.

    Attributes
    ----------
    cell : dict
        Its description.
    seconds : float
        Of the processor that training took, on its one thread and without any evaluation: on a
        busy machine they say more than a clock on the wall.
    failed : str
        Why all seeds ended early; empty if some did not.
    restarts : bool
        Whether multipliers reached their bound and were set back to 0.
    parts : dict of dict of ndarray, shape (r,)
        By part and by what is measured; NaN throughout if training failed.
    kkt : dict of ndarray, shape (r,)
        On the training rows, with the multipliers that suit best.
    """

    cell: dict[str, Any]
    seconds: float
    failed: str = ""
    restarts: bool = False
    parts: dict[str, dict[str, Array]] = field(default_factory=dict)
    kkt: dict[str, Array] = field(default_factory=dict)

    @property
    def n_diverged(self) -> int:
        """How many of the seeds ended early."""
        return int(np.isnan(self.of("train", "loss")).sum())

    def of(self, part: str, what: str) -> Array:
        """One figure of every seed.

        Parameters
        ----------
        part : str
        what : str

        Returns
        -------
        ndarray, shape (r,)
        """
        if self.failed:
            return np.full(len(self.cell["seeds"]), np.nan)
        return self.parts[part][what]

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON can hold it."""
        return {
            "cell": self.cell,
            "seconds": self.seconds,
            "failed": self.failed,
            "restarts": self.restarts,
            "parts": {part: _plain(figures) for part, figures in self.parts.items()},
            "kkt": _plain(self.kkt),
        }

    @classmethod
    def from_dict(cls, state: dict[str, Any]) -> Record:
        """Read what :meth:`to_dict` wrote.

        Parameters
        ----------
        state : dict

        Returns
        -------
        Record
        """
        return cls(
            state["cell"],
            state["seconds"],
            state["failed"],
            state["restarts"],
            {part: _arrays(figures) for part, figures in state["parts"].items()},
            _arrays(state["kkt"]),
        )


class Cells:
    """Records by cell, in a folder or, without one, for as long as this object lives.

    Parameters
    ----------
    folder : path, optional
    told : callable, optional
        Told the title of a cell before it is trained or found.
    """

    def __init__(
        self, folder: Path | None = None, told: Callable[[str], None] | None = None
    ) -> None:
        self._kept = Kept(
            None if folder is None else folder / "cells", Record.to_dict, Record.from_dict, told
        )

    @property
    def trained(self) -> int:
        """How many were trained, and not found."""
        return self._kept.made

    def record(self, cell: Cell) -> Record:
        """Train a cell, unless that has been done.

        Parameters
        ----------
        cell : Cell

        Returns
        -------
        Record

        Raises
        ------
        ValueError
            If its file is damaged.
        """
        one = cell.configuration
        title = f"{cell.ready.task.name}: {one.method.name}, {one.label}"
        return self._kept.get(cell.name, title, lambda: train_cell(cell))


def train_cell(cell: Cell) -> Record:
    """Train all seeds of a cell at once, and measure them on every part.

    Parameters
    ----------
    cell : Cell

    Returns
    -------
    Record
        If training diverged, seeds are trained one by one, and those that do it again are NaN.
    """
    ready, one = cell.ready, cell.configuration
    rows, target = ready.parts["train"], one.target(ready.task.promise)
    settings = TrainingSettings(**cell.settings)
    seconds: list[float] = []
    restarts: list[bool] = []

    def run(seeds: Sequence[int]) -> Trained:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always", InfeasibleWarning)
            start = time.thread_time()
            try:
                trained = train(
                    rows,
                    ready.n_classes,
                    seeds,
                    settings,
                    target,
                    method=one.method,
                    watched=_few(rows),
                )
            finally:
                seconds.append(time.thread_time() - start)
        restarts.append(any(issubclass(each.category, InfeasibleWarning) for each in said))
        for other in said:
            if not issubclass(other.category, InfeasibleWarning):
                warnings.warn_explicit(other.message, other.category, other.filename, other.lineno)
        return trained

    found = train_survivors(run, cell.seeds)
    # Where seeds were trained one by one, those runs are what training took.
    spent = sum(seconds[1:] or seconds)
    if found.trained is None:
        return Record(cell.describe(), spent, found.reason)
    network, n = found.trained.network, len(cell.seeds)
    assert isinstance(network, StackedMLP)  # no setting asks for a mixture
    return Record(
        cell.describe(),
        spent,
        restarts=any(restarts),
        parts={
            part: _of_all(figures, n, found.diverged)
            for part, figures in _measured(cell, network).items()
        },
        kkt=_of_all(_kkt(ready, network), n, found.diverged),
    )


def _of_all(figures: dict[str, Array], n_seeds: int, diverged: list[int]) -> dict[str, Array]:
    # Figures of the seeds that ended, with NaN for those that did not.
    finished = np.delete(np.arange(n_seeds), diverged)
    every = {name: np.full(n_seeds, np.nan) for name in figures}
    for name, values in figures.items():
        every[name][finished] = values
    return every


def _measured(cell: Cell, network: StackedMLP) -> dict[str, dict[str, Array]]:
    ready, one = cell.ready, cell.configuration
    promise = ready.task.promise
    said = {
        part: predict_probabilities(network, rows.features) for part, rows in ready.parts.items()
    }
    limits: list[Array] = []
    if one.thresholds:
        rows = ready.parts["validation"]
        assert rows.groups is not None
        limits = [
            choose_thresholds(p[:, 1], rows.label.numpy(), rows.groups, one.target(promise))
            for p in said["validation"]
        ]
    measured = {}
    for part, rows in ready.parts.items():
        assert rows.groups is not None
        label = rows.label.numpy()
        figures = []
        for number, p in enumerate(said[part]):
            decision = decide(p[:, 1], rows.groups, limits[number]) if limits else p.argmax(1)
            figures.append(measure(Seen(p, decision, label, rows.groups), promise))
        measured[part] = {what: np.array([f[what] for f in figures]) for what in figures[0]}
    return measured


def _kkt(ready: Ready, network: StackedMLP) -> dict[str, Array]:
    rows = ready.parts["train"]
    problem = FairProblem(network, rows, ready.n_classes, [ready.task.promise])
    every = torch.arange(len(rows)).expand(network.n_replicates, -1)
    objective, constraints = problem(every)
    parameters = list(network.parameters())
    multipliers = best_multipliers(parameters, objective, constraints)
    found = kkt_residual(parameters, objective, constraints, multipliers)
    return {
        name: getattr(found, name).double().numpy()
        for name in ("stationarity", "infeasibility", "complementarity")
    }


def _few(rows: Rows) -> Rows:
    assert rows.groups is not None
    some = np.unique(np.linspace(0, len(rows) - 1, _WATCHED).astype(int))
    return Rows(rows.features[some], rows.label[some], None, rows.groups.take(some))


def _plain(figures: dict[str, Array]) -> dict[str, list[float | None]]:
    return {
        name: [float(x) if np.isfinite(x) else None for x in values]
        for name, values in figures.items()
    }


def _arrays(figures: dict[str, list[float | None]]) -> dict[str, Array]:
    return {name: np.array(values, np.float64) for name, values in figures.items()}
