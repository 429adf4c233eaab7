"""``equipoise audit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from equipoise.cli.options import (
    AsJson,
    How,
    MissingGroup,
    Noise,
    Positive,
    SensitiveColumns,
    Several,
)


def audit(
    predictions: Annotated[
        Path, typer.Argument(help="A .csv, .tsv or .parquet file.", show_default=False)
    ],
    label: Annotated[str, typer.Option(help="The column of what was true.", show_default=False)],
    sensitive: SensitiveColumns,
    prediction: Annotated[
        str | None,
        typer.Option(help="The column of what was decided; or else --score.", show_default=False),
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            help="The column of scores, such as probabilities of the positive class.",
            show_default=False,
        ),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Without --prediction: from which score on it is positive.")
    ] = 0.5,
    draws: Annotated[
        str | None,
        typer.Option(
            help="Instead of --prediction or --score, scores by many draws of the model, such as "
            "from a posterior: a pattern that their columns match, such as 'p_*', or a .npy file "
            "of shape (draws, rows). Tells what rows leave open from what the model does.",
            show_default=False,
        ),
    ] = None,
    weight: Annotated[
        str | None,
        typer.Option(
            help="A column of how much each row counts for. (A search for subgroups counts each "
            "once.)",
            show_default=False,
        ),
    ] = None,
    noise: Noise = None,
    gold: Annotated[
        str | None,
        typer.Option(
            help="Instead, a column with the true groups of some rows, empty in the others.",
            show_default=False,
        ),
    ] = None,
    positive: Positive = None,
    how: Several = How.crossed,
    missing_group: MissingGroup = None,
    confidence: Annotated[float, typer.Option(help="Of every interval.")] = 0.95,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            help="Exit with 3 if the data show this, such as 'gap(\"true_positive\") > 0.1' or "
            "'ratio(\"selection\") < 0.8'; repeat it for more.",
            show_default=False,
        ),
    ] = None,
    subgroups: Annotated[
        str | None,
        typer.Option(
            help="Search all other columns for the subgroups, of up to three conditions, in which "
            "this rate is farthest from the others'.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a report there, one file.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Audit predictions that exist: rates by group, how far they fall apart, and how surely."""
    from equipoise.audit import (
        Audit,
        NoisyAudit,
        audit_noisy_stream,
        audit_one_pass,
        audit_posterior_table,
        gates,
    )
    from equipoise.audit.gate import promise_against
    from equipoise.audit.tables import subgroup_text
    from equipoise.cli.outputs import require_writable

    if draws is None and prediction is None and score is None:
        raise ValueError(
            "name the column of decisions (--prediction), of scores (--score) or both; or those of "
            "many draws (--draws)."
        )
    for option, given in (
        ("--prediction", prediction), ("--score", score), ("--subgroups", subgroups)
    ):  # fmt: skip
        if draws is not None and given is not None:
            raise ValueError(f"{option} is of one model and --draws of many: leave out one.")
    noisy = noise is not None or gold is not None
    for option, wanted in (
        ("--subgroups", subgroups), ("--draws", draws), ("--fail-if", fail_if),
        ("--how", None if how is How.crossed else how),
        ("--score", score if prediction else None),
    ):  # fmt: skip
        if noisy and wanted:
            raise ValueError(
                f"{option} cannot be corrected for errors in the groups (--noise, --gold): leave "
                "one out. Rates and disparities of decisions can."
            )
    require_writable(predictions, None, html)
    conditions = fail_if or []
    for condition in conditions:
        promise_against(condition)  # before anything is read, which may take long
    asked: dict[str, Any] = {
        "label": label,
        "threshold": threshold,
        "sensitive": sensitive,
        "weight": weight,
        "how": how.value,
        "positive": positive,
        "missing_group": missing_group,
        "confidence": confidence,
    }
    found: Audit | NoisyAudit
    posterior, scores, far, sampled = None, None, None, None
    if noisy:
        del asked["how"]
        found = audit_noisy_stream(
            predictions, prediction=prediction, score=score, noise=noise, gold=gold, **asked
        )
    elif draws is None:
        found, scores, far, sampled = audit_one_pass(
            predictions, prediction=prediction, score=score, subgroups=subgroups, **asked
        )
    else:
        posterior = audit_posterior_table(predictions, draws=draws, **asked)
        found = posterior.audit
    judged = gates(found.counts, conditions, confidence) if isinstance(found, Audit) else []
    if as_json:
        answer = found.to_dict()
        answer |= {} if posterior is None else {"posterior": posterior.to_dict()}
        answer |= {} if scores is None else {"scores": scores.to_dict()}
        answer |= {} if far is None else {"subgroups": [one.to_dict() for one in far]}
        answer |= {} if sampled is None else {"subgroups_sample": sampled.to_dict()}
        answer |= {"fail_if": [gate.to_dict() for gate in judged]} if judged else {}
        typer.echo(json.dumps(answer, indent=1, ensure_ascii=False))
    else:
        typer.echo(str(found if posterior is None else posterior))
        if scores is not None:
            typer.echo(str(scores))
        if far is not None:
            typer.echo(subgroup_text(far, str(subgroups), confidence, sampled))
    if html is not None:
        from equipoise.audit.page import page

        search = None if far is None else (str(subgroups), far)
        page(found, scores, judged, search, predictions.name, sampled, posterior).write(html)
        typer.echo(f"report: {html}", err=True)
    for gate in judged:
        typer.echo(f"{'FAILED' if gate.shut else 'passed'}: {gate}", err=True)
    if any(gate.shut for gate in judged):
        raise typer.Exit(3)
