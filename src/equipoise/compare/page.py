"""The report of a comparison: the answer first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from equipoise.audit.noisy_certificate import FEWEST
from equipoise.audit.noisy_tables import noise_parts
from equipoise.audit.words import level
from equipoise.compare.answer import answer, left_out, listed
from equipoise.compare.contender import Contender
from equipoise.compare.corrected import audit_of, corrected
from equipoise.compare.figures import frontier_figure, rates_figure, training_figure
from equipoise.compare.settings import PARTS
from equipoise.compare.table import answer_tables, averaged_models, rates_table
from equipoise.report import (
    Callout,
    Code,
    Facts,
    Page,
    Section,
    Table,
    Text,
)

if TYPE_CHECKING:
    from equipoise.compare.result import Comparison


def page(comparison: Comparison) -> Page:
    """Describe the report.

    Parameters
    ----------
    comparison : Comparison

    Returns
    -------
    Page
        The same for the same results, to the byte.
    """
    data, settings = comparison.description["data"], comparison.settings
    sensitive = " and ".join(data["sensitive"])
    promises = settings.constraints
    rates = dict.fromkeys([*(str(promise.disparity.rate) for promise in promises), "accuracy"])
    return Page(
        title=f"{data['target']} from {data['name']}",
        lead=(
            f"{len(settings.methods)} ways of training, {settings.seeds} models each, on "
            f"{data['rows']:,} rows, under the {'promises' if promises[1:] else 'promise'} "
            f"{listed(promises)} over the groups of {sensitive}."
        ),
        sections=[
            Section("The answer", _answer(comparison)),
            Section(
                "Accuracy against fairness",
                [frontier_figure(comparison, number) for number in range(len(promises))],
            ),
            Section("Group by group", [rates_figure(comparison, rate) for rate in rates]),
            *_noise_section(comparison),
            Section("Training", [training_figure(comparison)]),
            Section("How it was done", _how(comparison)),
        ],
        footer=f"Made by equipoise {comparison.description['versions']['equipoise']}.",
    )


def _answer(comparison: Comparison) -> list[Callout | Table | Text]:
    found = answer(comparison)
    kind: Literal["good", "bad"] = "good" if comparison.best else "bad"
    tables = answer_tables(
        comparison,
        [
            "certificate",
            "bound",
            "disparity",
            "accuracy with interval",
            "worst group",
        ],
    )
    means = (
        f"Figures are means over {averaged_models(comparison)} and the test rows; certificate "
        "and its bound are of each method's chosen model."
    )
    missing = left_out(comparison)
    return [
        Callout(kind, found.heading, found.text),
        *tables,
        Text(f"{means} {missing}" if missing else means),
    ]


def _noise_section(comparison: Comparison) -> list[Section]:
    if comparison.flips is None:
        return []
    shown = comparison.best or next(s for s in comparison.summaries if s.trial.chosen is not None)
    counts = shown.trial.counts_of_chosen("test")
    assert counts is not None
    audit = audit_of(corrected(counts, comparison.flips), comparison.settings.confidence)
    parts = [Text(part) if isinstance(part, str) else part for part in noise_parts(audit)]
    return [
        Section(
            "What was corrected, and at what price",
            [
                *parts,
                Text(
                    f"The tables are of the test rows and the chosen model of {shown.method}. "
                    "Certificates carry the price too; unlike those of known groups they lean on "
                    f"large samples, and where a group's rows tell less than {FEWEST} of known "
                    "group would, nothing is shown. A model that learns from anything that goes "
                    "with the errors themselves is not corrected rightly."
                ),
            ],
        )
    ]


def _on_margins(promises: list[dict[str, Any]]) -> str:
    if len(promises) == 1:
        return (
            "Training was asked to keep more than the promise, by "
            f"{promises[0]['margin']:g}, so that fresh rows could show that it is kept."
        )
    by = listed(f"{one['margin']:g} ({one['constraint']})" for one in promises)
    return (
        f"Training was asked to keep more than each promise, by {by}, so that fresh rows could "
        "show that all are kept."
    )


def _on_weights(data: dict[str, Any]) -> list[Text]:
    if not data["weighted"]:
        return []
    return [
        Text(
            "Rows were weighted in the loss. The promise, every figure and the certificate count "
            "each row once."
        )
    ]


def _how(comparison: Comparison) -> list[Text | Table | Facts | Code]:
    described, settings = comparison.description, comparison.settings
    data, training = described["data"], settings.training
    parts = ", ".join(
        f"{sum(described['groups'][part]):,} {part}"
        if settings.how == "crossed"
        else f"{share:.0%} {part}"
        for part, share in PARTS.items()
    )
    contenders = [Contender.parse(name) for name in settings.methods]
    methods = "\n\n".join(
        f"{name}: {title}."
        for name, title in {one.method.name: one.method.title for one in contenders}.items()
    )
    rates = rates_table(comparison)
    optimizer = (
        f"{training.optimizer}, learning rate {training.learning_rate:g}; "
        if any(one.optimizer is None for one in contenders)
        else ""
    )
    return [
        Text(
            f"Rows were divided at random, by group and label, into {parts}. Models learn from "
            "the first, the second chooses among a method's models and among methods, figures are "
            "from the third, and what models decide on the fourth is looked at for the certificate "
            f"alone. {_on_margins(described['promises'])}"
        ),
        Text(
            "A certificate speaks of the population from which these rows were drawn, one "
            "independently of the other. Asking again and again, with other methods or margins, "
            "until one is granted, is not covered by its confidence."
        ),
        *_on_weights(data),
        Text(methods),
        *([] if rates is None else [rates]),
        Facts(
            {
                "target": f"{data['target']}: {', '.join(map(str, data['classes']))}",
                "sensitive columns": ", ".join(data["sensitive"]),
                "groups": ", ".join(described["group_names"]),
                "features": f"{len(described['features'])} made of {', '.join(data['features'])}",
                "network": f"hidden layers of {' and '.join(map(str, training.hidden)) or 'no'} "
                "units",
                "optimizer": f"{optimizer}{training.steps:,} steps of {training.batch_size} rows",
                "confidence": f"{level(settings.confidence)}, shared by {settings.n_certificates} "
                "certificates",
                "data fingerprint": data["fingerprint"],
                "versions": ", ".join(f"{k} {v}" for k, v in described["versions"].items()),
            }
        ),
        Code(described["request"]),
    ]
