"""The page of the re-run: claims, the paper's tables beside ours, frontiers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.report import (
    Callout,
    Facts,
    Figure,
    Interval,
    Page,
    Point,
    Section,
    Text,
    intervals,
    scatter,
)
from equipoise.reproduce.claim import Outcome, Tier
from equipoise.reproduce.constrained import published
from equipoise.reproduce.constrained.fair import TaskResults
from equipoise.reproduce.constrained.paper import PaperResults
from equipoise.reproduce.constrained.tables import (
    frontier_table,
    paper_table,
    task_table,
    wins_table,
)
from equipoise.reproduce.judge import over_seeds


def build_page(
    tier: Tier, outcome: Outcome, paper: PaperResults, own: Sequence[TaskResults]
) -> Page:
    """Describe the page.

    Parameters
    ----------
    tier : {"quick", "full"}
    outcome : Outcome
    paper : PaperResults
    own : sequence of TaskResults

    Returns
    -------
    Page
    """
    verdicts: list[str] = [claim.verdict for claim in outcome.claims]
    counted = ", ".join(
        f"{verdicts.count(verdict)} {said}"
        for verdict, said in (
            ("holds", "hold"),
            ("holds with a condition", "hold with a condition"),
            ("does not hold", "do not"),
        )
    )
    return Page(
        "Fairness-constrained training, re-run",
        f"The claims of {published.SOURCE}, with the paper's figures beside ours, and a comparison "
        "in which every method has the same tuning, sees as many rows, and then has the same time.",
        [
            Section(
                "Claims",
                [
                    Callout("info", f"Of {len(verdicts)} claims: {counted}", _differences(tier)),
                    outcome.table(),
                ],
            ),
            Section(
                "The paper's setting",
                [
                    paper_table(paper, "train"),
                    paper_table(paper, "test"),
                    _paper_figure(paper, "train"),
                    _paper_figure(paper, "test"),
                ],
            ),
            Section(
                "A fair comparison",
                [
                    Text(_PROTOCOL),
                    task_table(own),
                    wins_table(own),
                    wins_table(own, equal_time=True),
                ],
            ),
            *(
                Section(
                    one.ready.task.name, [_frontier(one), frontier_table(one, wide=True)], _LEGEND
                )
                for one in own
            ),
            Section("Methods", [Facts(_titles(own))]),
        ],
    )


_PROTOCOL = (
    "A task is a table, its groups and a promise whose bound lies above what its test rows "
    "resolve. Rows are divided at random into 40 % to learn from, 20 % to choose settings on and "
    "40 % to judge on. A method has three settings to choose from, and takes the one that keeps "
    "the promise on the validation rows, over three seeds, with the least cost there, or breaks it "
    "by least; it is then trained on ten other seeds. Time is the processor's on one thread, and "
    "evaluation is outside it.\n\n"
    "Cost is the loss where the promise is about losses, and otherwise the share of wrong "
    "decisions. Intervals and tests are over seeds, on one division of the rows: they say how sure "
    "the training is, and not what another sample of people would give."
)

_LEGEND = (
    "Volume is the share of the plane of test loss and violation that a method's runs dominate, "
    "below the constant predictor's loss and erm's violation. Stationarity is the norm of the "
    "Lagrangian's gradient on all training rows with the multipliers that suit best; weight decay "
    "and early choice of the iterate keep it from 0. Thresholds need the group of everybody they "
    "decide on; group-dro minimises the worst group's loss and knows of no bound."
)


def _differences(tier: Tier) -> str:
    table = (
        "the embedded simulated census, by sex, and not the American Community Survey"
        if tier == "quick"
        else "a random sample of the national table, since ours has no state, and not Oklahoma"
    )
    absent = ", and it enters our own comparison in the full tier alone" if tier == "quick" else ""
    return (
        f"Ours is on {table}; every method sees the same number of rows where the paper gives 30 "
        "seconds; decisions have two logits and not one; batches hold both groups by strata; "
        f"Ghost's levels are cut at 6 and its step size does not fall{absent}; SGD with a fairret "
        "penalty is not re-run."
    )


def _paper_figure(results: PaperResults, part: str) -> Figure:
    def row(method: str) -> Interval:
        found = over_seeds(results.of(part, method, "loss_gap"))
        return Interval(method, found.value, found.low, found.high)

    theirs = [
        Interval(method, value, value, value)
        for method in published.METHODS
        for value in [published.published(part, method, "loss_gap")]
    ]
    return intervals(
        {"ours": [row(method) for method in published.METHODS], "paper": theirs},
        x_label=f"loss gap on the {part} rows",
        title=f"Loss gap, {part} rows",
        reference=(published.LEVEL, "asked for"),
        caption="Ours with 95 % intervals over seeds.",
    )


def _frontier(results: TaskResults) -> Figure:
    points, faint = [], []
    for name, entry in results.entries.items():
        record = entry.samples
        if record.failed:
            continue
        x, y = (over_seeds(record.of("test", what)) for what in ("disparity", results.cost))
        points.append(Point(x.value, y.value, x.low, x.high, y.low, y.high, name, name))
        for a, b in zip(
            record.of("test", "disparity"), record.of("test", results.cost), strict=True
        ):
            faint.append(Point(float(a), float(b), np.nan, np.nan, np.nan, np.nan, name, name))
    task = results.ready.task
    return scatter(
        points,
        x_label=f"{task.promise.disparity} on the test rows",
        y_label="loss" if results.cost == "loss" else "share of wrong decisions",
        title=task.name,
        vertical=(task.promise.bound, "the bound"),
        faint=faint,
        caption="Means over seeds with 95 % intervals; small marks are single runs.",
    )


def _titles(own: Sequence[TaskResults]) -> dict[str, str]:
    return {
        name: f"{entry.contender.title}; tuned over "
        f"{', '.join(one.label for one in entry.contender.grid)}"
        for task in own
        for name, entry in task.entries.items()
    }
