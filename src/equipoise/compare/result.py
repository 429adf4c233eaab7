"""A comparison that has been run: its answer, its table, its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.audit.result import Estimate
from equipoise.compare.settings import Settings
from equipoise.compare.store import RunFolder
from equipoise.compare.summary import MethodSummary, best, summarise
from equipoise.compare.trial import Trial
from equipoise.learn import Model
from equipoise.report import Cell, Column, Table

_KINDS = {"kept": "good", "not shown": "warn", "broken": "bad"}


@dataclass(frozen=True, eq=False)
class Comparison:
    """What a comparison found.

    Attributes
    ----------
    folder : RunFolder
    description : dict
        What was asked, as ``run.json`` has it.
    settings : Settings
    trials : list of Trial
        One a method.
    """

    folder: RunFolder
    description: dict[str, Any]
    settings: Settings
    trials: list[Trial]

    @classmethod
    def load(cls, path: str | Path) -> Comparison:
        """Read a run's folder.

        Parameters
        ----------
        path : path

        Returns
        -------
        Comparison

        Raises
        ------
        FileNotFoundError
            If it is not a run.
        ValueError
            If the run is not finished.
        """
        folder = RunFolder(path)
        description = folder.describe()
        settings = Settings.from_dict(description["settings"])
        found = {method: folder.trial(method) for method in settings.methods}
        waiting = [method for method, trial in found.items() if trial is None]
        if waiting:
            raise ValueError(
                f"the run in {path} is not finished: {', '.join(waiting)} still to be trained. "
                "Repeat the command that began it; what is done is kept."
            )
        trials = [trial for trial in found.values() if trial is not None]
        return cls(folder, description, settings, trials)

    @cached_property
    def summaries(self) -> list[MethodSummary]:
        """Every method's figures and certificate, in the order of the methods."""
        return summarise(self.trials, self.settings)

    @cached_property
    def best(self) -> MethodSummary | None:
        """The most accurate of the methods shown to keep the promise; None if none is."""
        return best(self.summaries)

    @property
    def report(self) -> Path:
        """Where the report is."""
        return self.folder.report

    def model(self, method: str | None = None) -> Model:
        """Load a method's chosen model.

        Parameters
        ----------
        method : str, optional
            The best by default.

        Returns
        -------
        Model

        Raises
        ------
        ValueError
            If no method keeps the promise and none is named, or it was not compared.
        """
        if method is None:
            if self.best is None:
                raise ValueError("no method is shown to keep the promise; name one.")
            method = self.best.method
        for trial in self.trials:
            if trial.method == method:
                return Model.load(self.folder.model(trial))
        raise ValueError(f"{method!r} was not compared; there are {self.settings.methods}.")

    def table(self, *, seconds: bool = True) -> Table:
        """The answer in a table, a row a method.

        Parameters
        ----------
        seconds : bool
            Whether to say how long each took.

        Returns
        -------
        Table
        """
        constraint = self.settings.constraint
        columns = [
            Column("method"),
            Column("accuracy", "right"),
            Column("worst-group accuracy", "right"),
            Column(str(constraint.disparity), "right"),
            Column(f"{constraint}?"),
            Column("seconds", "right"),
        ]
        known = self.folder.seconds()
        rows = []
        for summary in self.summaries:
            certificate = summary.certificate
            rows.append(
                [
                    Cell(summary.method, strong=summary is self.best),
                    percent_with_interval(summary.accuracy),
                    percent_with_interval(summary.worst_accuracy),
                    with_interval(summary.disparity),
                    Cell(describe_certificate(certificate), kind=_KINDS[certificate.verdict]),
                    f"{known[summary.method]:.1f}" if summary.method in known else "",
                ]
            )
        kept = len(columns) if seconds else len(columns) - 1
        return Table(columns[:kept], [row[:kept] for row in rows])

    def write(self) -> None:
        """Write the table of results and the report into the run's folder."""
        from equipoise.compare.page import page
        from equipoise.compare.parquet import results_bytes

        self.folder.write_bytes("results.parquet", results_bytes(self))
        page(self).write(self.folder.report)


def describe_certificate(certificate: Any) -> str:
    """A certificate in a few words.

    Parameters
    ----------
    certificate : Certificate

    Returns
    -------
    str
        Such as ``kept (95%): at most 0.043``.
    """
    if np.isnan(certificate.cautious):
        return f"{certificate}: {certificate.reason}"
    upper = certificate.constraint.sense == "<="
    if certificate.verdict == "broken":
        side = "at least" if upper else "at most"
        return f"{certificate}: {side} {certificate.optimistic:.3f}"
    side = "at most" if upper else "at least"
    return f"{certificate}: {side} {certificate.cautious:.3f}"


def with_interval(estimate: Estimate) -> str:
    """A figure with its interval.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    str
    """
    if np.isnan(estimate.value):
        return "undefined"
    if np.isnan(estimate.low):
        return f"{estimate.value:.3f}"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def percent_with_interval(estimate: Estimate) -> str:
    """A share with its interval, in percent.

    Parameters
    ----------
    estimate : Estimate

    Returns
    -------
    str
    """
    if np.isnan(estimate.value):
        return "undefined"
    return f"{100 * estimate.value:.1f} % [{100 * estimate.low:.1f}, {100 * estimate.high:.1f}]"
