"""The folder of a run: written trial by trial, so that it can be killed and taken up again.

Every file appears whole by a rename, and a trial counts as done only once its own file is there,
which is the last that is written of it. Seconds are kept apart from results, since they are the
only thing that differs between two runs of the same description.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from equipoise.compare.trial import Trial
from equipoise.learn import Model


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
        """Begin a run, or take up the one that is there.

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
        OSError
            If it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise OSError(
                f"cannot write into {self.path} ({error.strerror}); choose another folder."
            ) from error
        described_at = self.path / "run.json"
        if not described_at.exists():
            if any(self.path.iterdir()):
                raise ValueError(f"{self.path} is neither empty nor a run; choose another folder.")
            self.write_json("run.json", {**description, "request": request})
            return
        there = self.describe()
        different = sorted(
            key
            for key in {*there, *description} - {"request"}
            if there.get(key) != description.get(key)
        )
        if different:
            raise ValueError(
                f"{self.path} holds another run: it differs in {', '.join(different)}. Choose "
                "another folder, or repeat the command that began it."
            )

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
        described: dict[str, Any] = json.loads(described_at.read_text(encoding="utf-8"))
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
        return Trial.from_dict(json.loads(path.read_text(encoding="utf-8")))

    def keep(self, trial: Trial, models: list[Model], seconds: float) -> None:
        """Keep a trial and its models.

        Parameters
        ----------
        trial : Trial
        models : list of Model
            One a seed.
        seconds : float
            How long it took.
        """
        home = self.path / "models" / trial.method
        unfinished = home.with_name(home.name + ".part")
        for old in (unfinished, home):
            shutil.rmtree(old, ignore_errors=True)
        for number, model in enumerate(models):
            model.save(unfinished / f"seed-{number}")
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

    def model(self, trial: Trial) -> Path:
        """The folder of a trial's chosen model.

        Parameters
        ----------
        trial : Trial

        Returns
        -------
        Path
        """
        return self.path / "models" / trial.method / f"seed-{trial.chosen}"
