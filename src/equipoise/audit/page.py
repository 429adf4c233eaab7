"""The report of an audit: what was found, then what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import metadata
from typing import TYPE_CHECKING, Literal

import numpy as np

from equipoise.audit.gate import Gate
from equipoise.audit.noisy_tables import is_corrected, noise_parts
from equipoise.audit.posterior_tables import MEANING, posterior_disparities, posterior_rates
from equipoise.audit.summary import summarise
from equipoise.audit.tables import (
    MOST_LISTED,
    disparity_table,
    group_table,
    score_table,
    subgroup_table,
)
from equipoise.audit.words import how_many_rows, level
from equipoise.report import (
    Callout,
    Cell,
    Column,
    Facts,
    Figure,
    Interval,
    Line,
    Page,
    Section,
    Table,
    Text,
    intervals,
    lines,
)

if TYPE_CHECKING:
    from equipoise.audit.noisy import NoisyAudit
    from equipoise.audit.posterior import PosteriorAudit
    from equipoise.audit.result import Audit
    from equipoise.audit.row_sample import Sampled
    from equipoise.audit.score_audit import ScoreAudit
    from equipoise.audit.subgroups import Subgroup

_LONGEST_NAME = 40
_CURVE_POINTS = 200
# Curves of fewer rows of either label are all steps.
_FEWEST = 30


def page(
    audit: Audit | NoisyAudit,
    scores: ScoreAudit | None = None,
    gates: Sequence[Gate] = (),
    subgroups: tuple[str, Sequence[Subgroup]] | None = None,
    name: str = "the predictions",
    sampled: Sampled | None = None,
    posterior: PosteriorAudit | None = None,
) -> Page:
    """Describe the report of an audit.

    Parameters
    ----------
    audit : Audit
    scores : ScoreAudit, optional
        Of the scores behind the decisions.
    gates : sequence of Gate
        What the audit was told to fail at.
    subgroups : (str, sequence of Subgroup), optional
        A rate, and those that were found to be far from the others in it.
    name : str
        Of what is audited.
    sampled : Sampled, optional
        The sample that was searched for subgroups, if it was one.
    posterior : PosteriorAudit, optional
        Over draws of the classifier whose decisions these are.

    Returns
    -------
    Page
        The same for the same audit, to the byte.
    """
    counts = audit.counts
    careful = [*audit.undefined, *audit.unsure]
    sections = [
        Section("In short", [_callout(audit), *([_gate_table(gates)] if gates else [])]),
        Section("Disparities beside chance", [_beside_chance(audit), disparity_table(audit)]),
        Section("Group by group", [*_rates(audit), group_table(audit)]),
    ]
    noise = noise_parts(audit)
    if noise:
        shown = [Text(part) if isinstance(part, str) else part for part in noise]
        sections.append(Section("What was corrected, and at what price", shown))
    if posterior is not None:
        sections.append(
            Section(
                "If the model were another draw",
                [
                    Text(MEANING),
                    _over_draws(posterior),
                    posterior_disparities(posterior),
                    posterior_rates(posterior),
                ],
            )
        )
    if scores is not None:
        sections += [
            Section("Scores: who is ranked rightly", _ranking(scores)),
            Section("Scores: do they mean the same", _meaning(scores)),
        ]
    if subgroups is not None:
        rate, far = subgroups
        part = Text(f"No subgroup was found whose {rate} is far from the others'.")
        table = subgroup_table(far[:MOST_LISTED], rate, audit.confidence) if far else part
        note = [Text(f"Searched in {sampled}.")] if sampled else []
        sections.append(Section("Where it differs most", [table, *note]))
    if careful:
        sections.append(Section("What cannot be told", [Text("\n\n".join(careful))]))
    sections.append(Section("How it was done", [_how(audit)]))
    return Page(
        title=f"Audit of {name}",
        lead=f"{how_many_rows(counts)} in {len(counts.groups)} groups, of which decisions are "
        f"right for {100 * counts.accuracy:.1f} %.",
        sections=sections,
        footer=f"Made by equipoise {metadata.version('equipoise')}.",
    )


def _callout(audit: Audit | NoisyAudit) -> Callout:
    found = summarise(audit)
    kind: Literal["warn", "info"] = "warn" if found.differs else "info"
    return Callout(kind, found.heading, "\n\n".join(found.paragraphs))


def _gate_table(gates: Sequence[Gate]) -> Table:
    rows: list[list[str | Cell]] = [
        [
            gate.condition,
            Cell("failed", kind="bad") if gate.shut else Cell("passed", kind="good"),
            str(gate),
        ]
        for gate in gates
    ]
    return Table(
        [Column("told to fail if"), Column("outcome"), Column("since")],
        rows,
        caption="What the audit was told to fail at",
    )


def _beside_chance(audit: Audit | NoisyAudit) -> Figure:
    from equipoise.audit.result import DEFAULT_DISPARITIES

    seen, chance = [], []
    for disparity in DEFAULT_DISPARITIES:
        if disparity.kind != "gap":
            continue
        found = audit.parity(disparity)
        label = str(disparity.rate)
        seen.append(Interval(label, found.value, found.low, found.high, ""))
        chance.append(Interval(label, found.expected, 0.0, found.limit, ""))
    return intervals(
        {"seen": seen, "by chance": chance},
        x_label="largest difference between two groups",
        title="Gaps beside what chance would make of them",
        caption=f"Seen: with {level(audit.confidence)} intervals. By chance: the mean, and what "
        f"is reached with {level(audit.confidence)} probability, if groups of these sizes were "
        "treated alike.",
    )


def _over_draws(posterior: PosteriorAudit) -> Figure:
    from equipoise.audit.result import DEFAULT_DISPARITIES

    kinds: dict[str, list[Interval]] = {"rows": [], "model": [], "both": []}
    for disparity in DEFAULT_DISPARITIES:
        if disparity.kind == "gap":
            found, label = posterior.disparity(disparity), str(disparity.rate)
            kinds["rows"].append(Interval(label, found.value, *found.rows, ""))
            kinds["model"].append(Interval(label, found.median, *found.model, ""))
            kinds["both"].append(Interval(label, found.median, *found.both, ""))
    return intervals(
        kinds,
        x_label="largest difference between two groups",
        title="What rows and what the model leave open",
        caption=f"With {level(posterior.audit.confidence)} intervals, of {posterior.n_draws:,} "
        "draws of the model.",
    )


def _rates(audit: Audit | NoisyAudit) -> list[Figure]:
    from equipoise.audit.result import DEFAULT_RATES

    n_is = "what the rate is a share of"
    if is_corrected(audit):
        n_is = "how many rows of known group would tell as much"
    figures = []
    for rate in DEFAULT_RATES:
        found = audit.rates(rate)
        by_component = {
            component: [
                Interval(
                    _short(group),
                    float(found.values[c, g]),
                    float(found.low[c, g]),
                    float(found.high[c, g]),
                    f"n = {int(found.support[c, g]):,}",
                )
                for g, group in enumerate(audit.counts.groups)
            ]
            for c, component in enumerate(found.components)
        }
        figures.append(
            intervals(
                by_component,
                x_label=rate,
                title=f"{rate} by group",
                caption=f"With {level(audit.confidence)} intervals; n is {n_is}.",
            )
        )
    return figures


def _ranking(scores: ScoreAudit) -> list[Figure | Text]:
    if not _drawn(scores):
        return [Text("No group has rows of both labels, so that there is nothing to rank.")]
    return [_areas(scores), _curves(scores)]


def _areas(scores: ScoreAudit) -> Figure:
    found, gap = scores.auc(), scores.auc_gap()
    judged = ""
    if not np.isnan(gap.value):
        judged = (
            f" They differ by {gap.value:.3f} at most, where chance would make "
            f"{gap.expected:.3f} on average."
        )
    return intervals(
        {
            "area": [
                Interval(
                    _short(group),
                    float(found.values[0, g]),
                    float(found.low[0, g]),
                    float(found.high[0, g]),
                    f"n = {int(found.support[0, g]):,}",
                )
                for g, group in enumerate(scores.counts.groups)
            ]
        },
        x_label="area under the ROC curve",
        title="Area under the ROC curve by group",
        caption="How often a positive row has a higher score than a negative one of the same "
        f"group; n are the rows of the rarer label.{judged}",
    )


def _curves(scores: ScoreAudit) -> Figure:
    curves = []
    for g in _drawn(scores):
        x, y = scores.roc(scores.counts.groups[g])
        some = np.unique(np.linspace(0, len(x) - 1, min(len(x), _CURVE_POINTS)).astype(int))
        curves.append(Line(x[some], y[some], _short(scores.counts.groups[g])))
    return lines(
        {"true positive rate": curves},
        x_label="false positive rate",
        caption="ROC curves: what share of the positive rows is found at what share of false "
        f"alarms, as the threshold falls.{_left_out(scores)}",
    )


def _meaning(scores: ScoreAudit) -> list[Figure | Table | Text]:
    if not _drawn(scores):
        return [score_table(scores)]
    if scores.counts.limits != (0.0, 1.0):
        return [Text("These scores are no probabilities, so that there is nothing to compare.")]
    found = scores.calibration()
    reliability = []
    for g in _drawn(scores):
        some = found.support[g] > 0
        reliability.append(
            Line(
                found.predicted[g][some],
                found.observed[g][some],
                _short(scores.counts.groups[g]),
                found.low[g][some],
                found.high[g][some],
            )
        )
    return [
        lines(
            {"share that is positive": reliability},
            x_label="predicted probability",
            caption="Reliability: of rows with a score of s a share of s should be positive, in "
            f"every group. Bands are {level(scores.confidence)} intervals.{_left_out(scores)}",
        ),
        score_table(scores),
    ]


def _drawn(scores: ScoreAudit) -> list[int]:
    rarer = scores.counts.by_group.sum(-1).min(-1)
    enough = np.flatnonzero(rarer >= _FEWEST)
    # Rather many steps than no picture.
    return [int(g) for g in (enough if len(enough) else np.flatnonzero(rarer > 0))]


def _left_out(scores: ScoreAudit) -> str:
    drawn = _drawn(scores)
    names = [name for g, name in enumerate(scores.counts.groups) if g not in drawn]
    if not names:
        return ""
    return f" Not drawn, for want of rows of either label: {', '.join(map(_short, names))}."


def _how(audit: Audit | NoisyAudit) -> Facts:
    tests = "tests by the standard errors" if is_corrected(audit) else "score tests"
    return Facts(
        {
            "classes": ", ".join(map(str, audit.counts.classes)),
            "groups": ", ".join(audit.counts.groups),
            "confidence": level(audit.confidence),
            "gaps and ratios": f"{tests} of all pairs of groups, calibrated under parity by "
            f"{audit.n_boot:,} draws",
            "rates": f"{audit.interval.capitalize()} intervals",
        }
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
