"""Running a comparison from a table to its report."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from equipoise.compare.command import command_line
from equipoise.compare.corrected import flips_to_dict, observed
from equipoise.compare.margin import choose_margin
from equipoise.compare.prepare import prepare
from equipoise.compare.result import Comparison
from equipoise.compare.settings import Settings, digest, versions
from equipoise.compare.store import RunFolder
from equipoise.compare.trial import Progress, run_trial
from equipoise.constraints import Constraint
from equipoise.data import Dataset, load
from equipoise.groups import How
from equipoise.learn import TrainingSettings, as_promises


def compare(
    data: Any,
    *,
    target: str | None = None,
    sensitive: Sequence[str] | None = None,
    constraint: str | Constraint | Sequence[str | Constraint],
    methods: Sequence[str] = ("erm", "penalty", "alm"),
    seeds: int = 5,
    out: str | Path | None = None,
    positive: Any = None,
    weights: str | None = None,
    drop: Sequence[str] = (),
    keep_sensitive: bool = False,
    missing_group: str | None = None,
    data_dir: str | Path | None = None,
    rows: int | None = None,
    how: How = "crossed",
    min_group: int = 0,
    confidence: float = 0.95,
    margin: float | None = None,
    noise: Any = None,
    seed: int = 0,
    training: TrainingSettings | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Find the way of training that gives the best model which keeps a promise, or several.

    Parameters
    ----------
    data : str, path, dataframe or Dataset
        ``"census-sim"``, a known table, the path of a CSV or Parquet file, or a table in memory.
    target : str, optional
        The column to predict; known tables have one of their own.
    sensitive : sequence of str, optional
        The sensitive columns; ``"age:25,60"`` cuts a number into groups.
    constraint : str or Constraint, or a sequence of them
        The promise, such as ``'gap("selection") <= 0.05'``; several are about the same groups, and
        a model is to keep them all.
    methods : sequence of str
    seeds : int
        How many models each method trains, all at once.
    out : path, optional
        The run's folder; by default one under ``runs/`` that is named after what is asked, so
        that the same call takes up where it was stopped.
    positive : optional
        The positive class of a binary target.
    weights : str, optional
        A column that says what each row counts in the loss. The promise, all figures and the
        certificate count each row once.
    drop : sequence of str
        Columns that are not to be learnt from.
    keep_sensitive : bool
        Whether sensitive columns are learnt from too.
    missing_group : str, optional
        The group of rows whose sensitive value is missing; without it such rows are refused.
    data_dir : path, optional
        Where known tables are; the environment variable ``EQUIPOISE_DATA`` by default.
    rows : int, optional
        Take a random sample of so many rows.
    how : {"crossed", "each", "lattice"}
        Whether several sensitive columns mean their intersections, stand side by side, or both.
    min_group : int
        Groups with fewer rows are joined into one, or left out where groups overlap.
    confidence : float
        Of intervals and certificates.
    margin : float, optional
        By how much training is asked to keep more than each promise; by default what the rows of
        the certificate call for.
    noise : str, sequence of str, or mapping from sensitive columns to flips, optional
        The sensitive columns are observed with errors: flips as
        :meth:`equipoise.NoisyGroups.of` takes them, or written as
        ``"sex: Male>Female=0.1,Female>Male=0.3"`` (true > observed), ``"keep=0.75"`` or the name of
        a file. Training, figures and certificates are then about the true groups.
    seed : int
        Decides the parts of the data, and every model's start and order.
    training : TrainingSettings, optional
        Network, optimizer and number of steps.
    progress : callable, optional
        Told the method and how many of how many steps are done.

    Returns
    -------
    Comparison
        With ``best``, ``tables()``, ``folder`` and ``report``.

    Raises
    ------
    ValueError
        For anything that could not give an answer, before any training.
    OSError
        If the folder cannot be written.
    FloatingPointError
        If every model of every method diverges.
    """
    settings = Settings(
        tuple(as_promises(constraint)),
        tuple(methods),
        seeds,
        confidence,
        margin,
        how,
        min_group,
        seed,
        training or TrainingSettings(),
    )
    loading: dict[str, Any] = {
        "target": target,
        "sensitive": sensitive,
        "positive": positive,
        "weights": weights,
        "drop": drop,
        "keep_sensitive": keep_sensitive,
        "missing_group": missing_group,
        "data_dir": data_dir,
        "rows": rows,
    }
    dataset = load(data, **loading, seed=seed)
    prepared = prepare(dataset, settings, noise)
    margins = [choose_margin(prepared, settings, promise) for promise in settings.constraints]
    description = {
        "data": _describe(dataset),
        "settings": settings.to_dict(),
        "promises": [margin.to_dict() for margin in margins],
        "groups": {
            name: observed(part.groups).sizes.tolist() for name, part in prepared.parts.items()
        },
        "group_names": list(prepared.parts["train"].groups.names),
        "features": prepared.encoder.feature_names,
        "versions": versions(),
    }
    if prepared.flips is not None:
        description["noise"] = flips_to_dict(prepared.flips)
    source = str(data) if isinstance(data, str | Path) else "TABLE"
    request = command_line(source, loading | {"noise": _written(noise)}, settings)
    folder = RunFolder(out or Path("runs") / f"{dataset.name}-{digest(description)}")
    with folder.locked():
        folder.open(description, request)
        targets = [margin.target for margin in margins]
        for method in settings.methods:
            if folder.trial(method) is not None:
                continue
            began = time.perf_counter()
            trial, models = run_trial(prepared, settings, targets, method, progress)
            folder.keep(trial, models, time.perf_counter() - began)
        comparison = Comparison.load(folder.path)
        comparison.write()
    return comparison


def _written(noise: Any) -> Sequence[str] | None:
    if noise is None:
        return None
    if isinstance(noise, str):
        return [noise]
    return ["NOISE"] if isinstance(noise, Mapping) else noise


def _describe(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "rows": len(dataset),
        "target": dataset.target_name,
        "classes": list(dataset.classes),
        "sensitive": list(dataset.sensitive.columns),
        "features": list(dataset.features.columns),
        "weighted": dataset.weights is not None,
        "fingerprint": dataset.fingerprint,
    }
