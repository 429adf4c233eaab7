"""``equipoise compare``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from equipoise.cli.options import (
    AsJson,
    How,
    MissingGroup,
    Noise,
    Positive,
    Several,
    UsualSensitiveColumns,
)

if TYPE_CHECKING:
    from equipoise.compare.trial import Progress


def compare(
    data: Annotated[
        str,
        typer.Argument(
            help="census-sim, a known table (adult, compas, acs-income, acs-public-coverage, "
            "acs-mobility, bank, german, diabetes; see --data-dir), or the path of a .csv, .tsv or "
            ".parquet file.",
            show_default=False,
        ),
    ],
    constraint: Annotated[
        list[str],
        typer.Option(
            help="The promise: gap, ratio or worst of a rate, such as "
            "'gap(\"selection\") <= 0.05', 'ratio(\"selection\") >= 0.8', "
            "'gap(\"equalized_odds\") <= 0.1' or 'worst(\"accuracy\") >= 0.7'; repeat it for "
            "promises that are to be kept together.",
            show_default=False,
        ),
    ],
    target: Annotated[
        str | None, typer.Option(help="The column to predict. Known tables have one.")
    ] = None,
    sensitive: UsualSensitiveColumns = None,
    methods: Annotated[
        str,
        typer.Option(
            help="Ways of training, separated by commas: erm, penalty, alm, lagrangian, nupi, "
            "extragradient, ssl-alm, switching, barrier, spider, ghost, autobalance, "
            "group-dro, adversarial, zero-one, repair."
        ),
    ] = "erm,penalty,alm",
    optimizers: Annotated[
        str,
        typer.Option(
            help="Cross every method with each of these, such as sgd,momentum,rmsprop,adam,muon; "
            "each gets the learning rate that does best on the validation rows, of at least five.",
            show_default=False,
        ),
    ] = "",
    seeds: Annotated[int, typer.Option(help="Models a method trains, all at once.")] = 5,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the run; by default one under runs/ named by what is asked."),
    ] = None,
    positive: Positive = None,
    weights: Annotated[
        str | None, typer.Option(help="A column that says what each row counts in the loss.")
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="A column not to learn from; repeat it for more.")
    ] = None,
    keep_sensitive: Annotated[
        bool, typer.Option("--keep-sensitive", help="Learn from the sensitive columns too.")
    ] = False,
    missing_group: MissingGroup = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="EQUIPOISE_DATA", help="Where the known tables are."),
    ] = None,
    rows: Annotated[int | None, typer.Option(help="Take a random sample of so many rows.")] = None,
    how: Several = How.crossed,
    min_group: Annotated[
        int,
        typer.Option(
            help="Join groups with fewer rows than this into one; leave them out "
            "where groups overlap."
        ),
    ] = 0,
    confidence: Annotated[float, typer.Option(help="Of intervals and certificates.")] = 0.95,
    margin: Annotated[
        float | None,
        typer.Option(
            help="By how much training is asked to keep more than each promise; by default what "
            "the number of rows calls for."
        ),
    ] = None,
    noise: Noise = None,
    seed: Annotated[int, typer.Option(help="Decides the parts and every model's start.")] = 0,
    hidden: Annotated[
        str, typer.Option(help="Units of each hidden layer; '' is a logistic regression.")
    ] = "64,32",
    optimizer: Annotated[
        str, typer.Option(help="Takes the steps: Adam, SGD, momentum, RMSprop, Lion, Muon, ...")
    ] = "Adam",
    learning_rate: Annotated[float, typer.Option(help="At the start.")] = 0.003,
    weight_decay: Annotated[float, typer.Option(help="Of the optimizer.")] = 0.001,
    steps: Annotated[int, typer.Option(help="Optimizer steps of each model.")] = 1000,
    batch_size: Annotated[int, typer.Option(help="Rows a step.")] = 512,
    as_json: AsJson = False,
) -> None:
    """Find the way of training that gives the best model which keeps a promise, or several.

    Every method trains several models on the table. The answer is a table of their accuracy and
    of how far the promised figure falls apart, whether fresh rows show that the promise is kept,
    and a report. A run that was stopped goes on where it was when the command is repeated.
    """
    from equipoise.compare.answer import left_out, what_helps
    from equipoise.compare.contender import crossed
    from equipoise.compare.run import compare as run
    from equipoise.learn import TrainingSettings

    console = Console(stderr=True)
    training = TrainingSettings(
        hidden=_layers(hidden),
        optimizer=optimizer,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        steps=steps,
        batch_size=batch_size,
    )
    with _progress(console, seeds) as progress, _may_be_stopped(console):
        comparison = run(
            data,
            target=target,
            sensitive=sensitive,
            constraint=constraint,
            methods=crossed(_names(methods), _names(optimizers)),
            seeds=seeds,
            out=out,
            positive=positive,
            weights=weights,
            drop=drop or (),
            keep_sensitive=keep_sensitive,
            missing_group=missing_group,
            data_dir=data_dir,
            rows=rows,
            how=how.value,
            min_group=min_group,
            confidence=confidence,
            margin=margin,
            noise=noise,
            seed=seed,
            training=training,
            progress=progress,
        )
    if as_json:
        typer.echo(json.dumps(comparison.to_dict(), indent=1, ensure_ascii=False))
        return
    shown = Console()
    for table in comparison.tables():
        shown.print(table.to_rich())
    shown.print(comparison.answer, markup=False, highlight=False, soft_wrap=True)
    if comparison.best is None:
        shown.print(what_helps(comparison), markup=False, highlight=False)
    if missing := left_out(comparison):
        shown.print(missing, markup=False, highlight=False)
    shown.print(str(comparison.report), markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _may_be_stopped(console: Console) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        console.print("stopped; what is finished is kept, and the same command goes on from there.")
        raise typer.Exit(130) from None


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def _layers(hidden: str) -> tuple[int, ...]:
    words = [word.strip() for word in hidden.split(",") if word.strip()]
    if not all(word.isdecimal() for word in words):
        raise ValueError(f"--hidden must be whole numbers separated by commas, not {hidden!r}.")
    return tuple(map(int, words))


@contextmanager
def _progress(console: Console, seeds: int) -> Iterator[Progress]:
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} steps"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        names: dict[str, str] = {}

        def show(name: str, done: int, total: int) -> None:
            method = name.partition(",")[0]
            together = f"{name} ({seeds} models at once)"
            if method not in tasks:
                tasks[method] = bars.add_task(together, total=total)
            elif names[method] != name:
                bars.reset(tasks[method], description=together, total=total)
            elif done < bars.tasks[tasks[method]].completed:
                # Together they diverged.
                bars.update(tasks[method], description=f"{name} (one model at a time)")
            names[method] = name
            bars.update(tasks[method], completed=done)

        yield show
