"""A comparison that has been run: its answer, its table, its files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from equipoise.audit.words import bound
from equipoise.compare.answer import answer
from equipoise.compare.corrected import flips_from_dict
from equipoise.compare.settings import Settings
from equipoise.compare.store import RunFolder
from equipoise.compare.summary import MethodSummary, best, summarise
from equipoise.compare.table import answer_tables
from equipoise.compare.trial import Trial
from equipoise.learn import Model
from equipoise.noise import FlipMatrix
from equipoise.report import Table


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
        FloatingPointError
            If every model of every method diverged.
        """
        folder = RunFolder(path)
        description = folder.describe()
        try:
            settings = Settings.from_dict(description["settings"])
            found = {method: folder.trial(method) for method in settings.methods}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"the run in {path} cannot be read ({error}); it may come from another version."
            ) from error
        waiting = [method for method, trial in found.items() if trial is None]
        if waiting:
            raise ValueError(
                f"the run in {path} is not finished: {', '.join(waiting)} still to be trained. "
                "Repeat the command that began it; what is done is kept."
            )
        trials = [trial for trial in found.values() if trial is not None]
        if all(trial.chosen is None for trial in trials):
            raise FloatingPointError(
                f"every model of every method diverged ({trials[0].reason.rstrip('.')}): choose a "
                "smaller learning_rate (--learning-rate)."
            )
        return cls(folder, description, settings, trials)

    @cached_property
    def flips(self) -> FlipMatrix | None:
        """How often who is observed as whom, where groups are observed with errors."""
        noise = self.description.get("noise")
        return None if noise is None else flips_from_dict(noise)

    @cached_property
    def summaries(self) -> list[MethodSummary]:
        """Every method's figures and certificates, in the order of the methods."""
        return summarise(self.trials, self.settings, self.flips)

    @cached_property
    def best(self) -> MethodSummary | None:
        """The most accurate of the methods shown to keep every promise; None if none is."""
        return best(self.summaries)

    @property
    def report(self) -> Path:
        """Where the report is."""
        return self.folder.report

    @property
    def answer(self) -> str:
        """Which model to take, or that none keeps what is promised, in one sentence."""
        heading = answer(self).heading
        if self.best is None:
            return f"{heading}."
        shown = ", ".join(
            f"{promise.constraint.disparity} {bound(promise.certificate)}"
            for promise in self.best.promises
        )
        return f"{heading} ({shown}): {self.folder.model(self.best.trial)}"

    def to_dict(self) -> dict[str, Any]:
        """The answer and its figures, as JSON can hold them; None for what is undefined."""
        methods = {}
        for s in self.summaries:
            model = self.folder.model(s.trial)
            methods[s.method] = {
                "verdict": s.verdict,
                "accuracy": s.accuracy.to_dict(),
                "worst_group_accuracy": s.worst_accuracy.to_dict(),
                "promises": [promise.to_dict() for promise in s.promises],
                "model": None if model is None else str(model),
                "diverged": len(s.trial.diverged),
                "seconds": self.folder.seconds().get(s.method),
            }
        return {
            "constraints": [str(constraint) for constraint in self.settings.constraints],
            **({} if self.flips is None else {"noise": self.description["noise"]}),
            "answer": self.answer,
            "best": self.best.method if self.best else None,
            "methods": methods,
            "folder": str(self.folder.path),
            "report": str(self.report),
        }

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
            If no method keeps the promise and none is named, it was not compared, or all its
            models diverged.
        """
        if method is None:
            if self.best is None:
                raise ValueError("no method is shown to keep the promise; name one.")
            method = self.best.method
        for trial in self.trials:
            if trial.method == method:
                home = self.folder.model(trial)
                if home is None:
                    raise ValueError(f"{method} has no model: {trial.reason}")
                return Model.load(home)
        raise ValueError(f"{method!r} was not compared; there are {self.settings.methods}.")

    def tables(self) -> list[Table]:
        """The answer in tables that fit a terminal, a row a method.

        Returns
        -------
        list of Table
            One; of several promises each has one of its own after it.
        """
        return answer_tables(
            self,
            ["accuracy", "worst group", "disparity", "certificate", "seconds"],
        )

    def write(self) -> None:
        """Write the table of results and the report into the run's folder."""
        from equipoise.compare.page import page
        from equipoise.compare.parquet import results_bytes

        self.folder.write_bytes(self.folder.results.name, results_bytes(self))
        page(self).write(self.folder.report)

    def __repr__(self) -> str:
        return f"Comparison({self.folder.path}: {self.answer})"

    def _repr_html_(self) -> str:
        return self.report.read_text(encoding="utf-8")
