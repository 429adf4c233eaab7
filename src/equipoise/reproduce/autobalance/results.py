"""All methods on all seeds of a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.reproduce.autobalance.birds_methods import blend_name
from equipoise.reproduce.autobalance.cell import Cells, Job, Task
from equipoise.reproduce.autobalance.method import Method
from equipoise.reproduce.autobalance.record import Record
from equipoise.reproduce.hypervolume import hypervolume
from equipoise.reproduce.judge import over_seeds

Array = NDArray[np.float64]

# Of the planes of figure 5, in percent: half of the decisions wrong, and half the largest
# difference of equalized odds.
_CORNERS = {"balanced": (50.0, 50.0), "deo": (50.0, 100.0)}


@dataclass(frozen=True, eq=False)
class Results:
    """Records by method.

    Attributes
    ----------
    task : BirdsTask or TailTask
    methods : list of Method
        Those that are compared.
    records : mapping from names to sequences of Record
        One a seed; of blends too.
    """

    task: Task
    methods: Sequence[Method]
    records: Mapping[str, Sequence[Record]]

    def of(self, method: str, figure: str = "balanced") -> Array:
        """One figure of every seed, in percent.

        Parameters
        ----------
        method : str
        figure : {"standard", "balanced", "worst", "deo"}

        Returns
        -------
        ndarray, shape (r,)
            NaN where training failed.
        """
        return np.array([record.figures[figure] for record in self.records[method]])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Rows learnt from, shape (K, G)."""
        return next(iter(self.records.values()))[0].counts

    def best(
        self,
        figure: str = "balanced",
        take: Callable[[Method], bool] = lambda method: method.kind == "fixed",
    ) -> str:
        """The method with the least mean: known in hindsight alone, and so hard to be as good as.

        Parameters
        ----------
        figure : str
        take : callable
            Which methods of the table may be it.

        Returns
        -------
        str
        """
        means = {one.name: self.of(one.name, figure).mean() for one in self.methods if take(one)}
        return min(means, key=lambda name: np.inf if np.isnan(means[name]) else means[name])

    def behind(self, method: str, other: str, figure: str = "balanced") -> Array:
        """By how much a method is worse than another on the same seeds, in points.

        Parameters
        ----------
        method, other, figure : str

        Returns
        -------
        ndarray, shape (r,)
        """
        return self.of(method, figure) - self.of(other, figure)

    def volumes(self, family: str, weights: Sequence[float], figure: str) -> Array:
        """The share of a plane that the blends of a family dominate, with standard error across.

        Cross-entropy alone belongs to every family. The corner is half of the decisions wrong and,
        where differences of equalized odds go up, half of the largest.

        Parameters
        ----------
        family : str
        weights : sequence of float
            Of the cross-entropy in the blends.
        figure : {"balanced", "deo"}
            What goes up.

        Returns
        -------
        ndarray, shape (r,)
            In percent.
        """
        names = ["CE", *(blend_name(family, weight) for weight in weights)]
        corner = _CORNERS[figure]
        both = np.stack(
            [np.stack([self.of(name, "standard"), self.of(name, figure)], 1) for name in names], 1
        )
        return np.array([100 * hypervolume(one, corner) / np.prod(corner) for one in both])


def collect(cells: Cells, jobs: Sequence[Job]) -> list[Results]:
    """Run jobs, or find them, and put the seeds of a task together.

    Parameters
    ----------
    cells : Cells
    jobs : sequence of Job
        With the same methods for every seed of a task.

    Returns
    -------
    list of Results
        In the order in which tasks first occur.
    """
    found: dict[Task, list[dict[str, Record]]] = {}
    methods = {}
    for job in jobs:
        found.setdefault(job.task, []).append(cells.run(job))
        methods[job.task] = job.methods
    return [
        Results(
            task,
            methods[task],
            {name: [records[name] for records in each] for name in each[0]},
        )
        for task, each in found.items()
    ]


def standard_error(values: Array) -> float:
    """The standard error of a mean over seeds; 0 of a single one.

    Parameters
    ----------
    values : ndarray, shape (r,)

    Returns
    -------
    float
    """
    return 0.0 if len(values) < 2 else float(values.std(ddof=1) / np.sqrt(len(values)))


def shown(values: Array, digits: int = 1) -> str:
    """A mean over seeds with the half-width of its interval, as text.

    Parameters
    ----------
    values : ndarray, shape (r,)
    digits : int

    Returns
    -------
    str
    """
    found: Estimate = over_seeds(values)
    if np.isnan(found.value):
        return "failed"
    lost = int(np.isnan(values).sum())
    text = f"{found.value:.{digits}f} ± {(found.high - found.low) / 2:.{digits}f}"
    return f"{text} ({lost} failed)" if lost else text
