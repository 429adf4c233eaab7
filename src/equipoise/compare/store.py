"""The folder of a run: written trial by trial, so that it can be killed and taken up again.

Every file appears whole by a rename, and a trial counts as done only once its own file is there,
which is the last that is written of it. Seconds are kept apart from results, since they are the
only thing that differs between two runs of the same description.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from equipoise.compare.trial import Trial
from equipoise.learn import Model

_LOCK = ".lock"


class RunFolder:
    """Where a comparison keeps what it finds.

    Parameters
    ----------
    path : path
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def report(self) -> Path:
        """Where the report is."""
        return self.path / "report.html"

    @property
    def results(self) -> Path:
        """Where the table of results is."""
        return self.path / "results.parquet"

    def open(self, description: dict[str, Any], request: str) -> None:
        """Begin a run, or take up the one that is there; the folder is locked.

        Parameters
        ----------
        description : dict
            All that decides the results: JSON can hold it.
        request : str
            The command that asks for it, for people.

        Raises
        ------
        ValueError
            If the folder holds another run.
        """
        described_at = self.path / "run.json"
        if not described_at.exists():
            # A kill can leave an unfinished run.json and the lock behind.
            if any(p.suffix != ".part" and p.name != _LOCK for p in self.path.iterdir()):
                raise ValueError(f"{self.path} is neither empty nor a run; choose another folder.")
            self.write_json("run.json", {**description, "request": request})
            return
        there = self.describe()
        there, asked = _flat(there), _flat(description)
        different = sorted(
            key for key in {*there, *asked} - {"request"} if there.get(key) != asked.get(key)
        )
        if different:
            raise ValueError(
                f"{self.path} holds another run: it differs in {', '.join(different)}. Choose "
                "another folder, or repeat the command that began it."
            )

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out; a lock does not outlive the process that holds it.

        Raises
        ------
        OSError
            If another process is at work in the folder, or it cannot be written.
        """
        lock = filelock.FileLock(self.path / _LOCK)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise OSError(f"another process is at work in {self.path}; wait for it.") from None
        except OSError as error:
            raise OSError(
                f"cannot write into {self.path} ({error.strerror}); choose another folder."
            ) from error
        try:
            yield
        finally:
            lock.release()
            (self.path / _LOCK).unlink(missing_ok=True)

    def describe(self) -> dict[str, Any]:
        """What the run was asked for.

        Returns
        -------
        dict

        Raises
        ------
        FileNotFoundError
            If the folder is not that of a run.
        """
        described_at = self.path / "run.json"
        if not described_at.is_file():
            raise FileNotFoundError(f"{self.path} is not a run: it has no run.json.")
        try:
            described: dict[str, Any] = json.loads(described_at.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{described_at} is damaged ({error}).") from error
        return described

    def write_json(self, name: str, content: Any) -> None:
        """Write a file of the folder, whole or not at all.

        Parameters
        ----------
        name : str
            Relative to the folder.
        content
            JSON can hold it.
        """
        text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the folder, whole or not at all.

        Parameters
        ----------
        name : str
            Relative to the folder.
        content : bytes
        """
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        unfinished = path.with_name(path.name + ".part")
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)

    def trial(self, method: str) -> Trial | None:
        """A trial that is done.

        Parameters
        ----------
        method : str

        Returns
        -------
        Trial or None
        """
        path = self.path / "trials" / f"{method}.json"
        if not path.is_file():
            return None
        try:
            return Trial.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} is damaged; delete it and repeat the command that began the run."
            ) from error

    def keep(self, trial: Trial, models: list[Model], seconds: float) -> None:
        """Keep a trial and its models.

        Parameters
        ----------
        trial : Trial
        models : list of Model
            One for each seed that did not diverge.
        seconds : float
            How long it took.
        """
        try:
            self._keep(trial, models, seconds)
        except OSError as error:
            raise OSError(
                f"cannot write into {self.path} ({error.strerror}); once that is mended, the same "
                "command goes on from here."
            ) from error

    def _keep(self, trial: Trial, models: list[Model], seconds: float) -> None:
        home = self.path / "models" / trial.method
        unfinished = home.with_name(home.name + ".part")
        for old in (unfinished, home):
            shutil.rmtree(old, ignore_errors=True)
        for number, model in zip(trial.finished, models, strict=True):
            model.save(unfinished / f"seed-{number}")
        if models:
            unfinished.rename(home)
        self.write_json("timings.json", {**self.seconds(), trial.method: round(seconds, 2)})
        self.write_json(f"trials/{trial.method}.json", trial.to_dict())

    def seconds(self) -> dict[str, float]:
        """How long each method took, as far as it is known.

        Returns
        -------
        dict of float
        """
        path = self.path / "timings.json"
        if not path.is_file():
            return {}
        known: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))
        return known

    def model(self, trial: Trial) -> Path | None:
        """The folder of a trial's chosen model, if there is one.

        Parameters
        ----------
        trial : Trial

        Returns
        -------
        Path or None
            None if all its models diverged.
        """
        if trial.chosen is None:
            return None
        return self.path / "models" / trial.method / f"seed-{trial.chosen}"


def _flat(described: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in described.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{before}{key}.")
        else:
            flat[f"{before}{key}"] = value
    return flat
