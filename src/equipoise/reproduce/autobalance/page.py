"""The page of the re-run: claims, tables beside the paper's, figures."""

from __future__ import annotations

from collections.abc import Sequence

from equipoise.report import Callout, Facts, Page, Section, Table, Text
from equipoise.reproduce.autobalance import published
from equipoise.reproduce.autobalance.claims import comparisons
from equipoise.reproduce.autobalance.figures import (
    error_figure,
    frontier_figure,
    learnt_figure,
    trajectory_figure,
)
from equipoise.reproduce.autobalance.results import Results
from equipoise.reproduce.autobalance.tables import (
    birds_table,
    chosen_table,
    comparison_table,
    tail_table,
    volume_table,
)
from equipoise.reproduce.autobalance.tail import TailTask
from equipoise.reproduce.claim import Outcome


def all_tables(results: Sequence[Results], weights: Sequence[float]) -> list[Table]:
    """Every table, in order.

    Parameters
    ----------
    results : sequence of Results
    weights : sequence of float
        Of the cross-entropy, in the blends of Waterbirds.

    Returns
    -------
    list of Table
    """
    tables = []
    for one in results:
        if isinstance(one.task, TailTask):
            tables += [tail_table(one), chosen_table(one)]
        else:
            tables += [birds_table(one), chosen_table(one), volume_table(one, weights)]
    return [*tables, comparison_table(comparisons(results))]


def build_page(
    outcome: Outcome, results: Sequence[Results], weights: Sequence[float], absent: Sequence[str]
) -> Page:
    """Describe the page.

    Parameters
    ----------
    outcome : Outcome
    results : sequence of Results
    weights : sequence of float
        Of the cross-entropy, in the blends of Waterbirds.
    absent : sequence of str
        What is not re-run for want of data.

    Returns
    -------
    Page
    """
    return Page(
        "AutoBalance, re-run",
        f"The tables and figures of {published.SOURCE}, beside ours.",
        [
            Section(
                "Claims",
                [
                    Callout("info", _counted(outcome), _differences(results, absent)),
                    outcome.table(),
                    comparison_table(comparisons(results)),
                ],
            ),
            *(_section(one, weights) for one in results),
            Section(
                "Methods",
                [
                    Text(_PROTOCOL),
                    *(
                        Facts({method.name: method.title for method in methods})
                        for methods in {
                            isinstance(one.task, TailTask): one.methods for one in results
                        }.values()
                    ),
                ],
            ),
        ],
    )


def _section(results: Results, weights: Sequence[float]) -> Section:
    if isinstance(results.task, TailTask):
        return Section(
            results.task.name,
            [
                tail_table(results),
                chosen_table(results),
                error_figure(results),
                learnt_figure(results),
                trajectory_figure(results),
            ],
        )
    return Section(
        results.task.name,
        [
            birds_table(results),
            chosen_table(results),
            volume_table(results, weights),
            frontier_figure(results, weights, "balanced"),
            frontier_figure(results, weights, "deo"),
        ],
    )


_PROTOCOL = (
    "A seed draws the rows, holds some of them out (a fifth; half of Waterbirds), and begins the "
    "networks, so that intervals are of all of these, except that a user's own features of "
    "Waterbirds are the same for every seed. Every network takes as many steps in its last "
    "training, which is on all rows, those held out included. A search takes as many steps before "
    "it, and the library's default two trainings more, to compare what it found with what it began "
    "with; their seconds are in the tables. Fixed losses need no rows held out and use none.\n\n"
    "Which fixed loss is best is read off the test rows, by the mean over seeds. Nobody could have "
    "chosen so well, which makes the comparison hard on AutoBalance and not on them. AutoBalance "
    "is there the library's default, which keeps what it began with unless the search helped; "
    "claims about equalized odds are about the search as the paper has it, without that comparison."
)


def _counted(outcome: Outcome) -> str:
    verdicts: list[str] = [claim.verdict for claim in outcome.claims]
    counted = ", ".join(
        f"{verdicts.count(verdict)} {said}"
        for verdict, said in (
            ("holds", "hold"),
            ("holds with a condition", "hold with a condition"),
            ("does not hold", "do not"),
        )
    )
    return f"Of {len(verdicts)} claims: {counted}"


def _differences(results: Sequence[Results], absent: Sequence[str]) -> str:
    said = (
        "Networks are small, data fewer and training shorter than the paper's, and images are not "
        "augmented, so that the size of its figures is not to be expected, but their order. The "
        "terms take steps of Adam whose length falls to 0, along hyper-gradients in which the "
        "Hessian is the identity, or exact ones of linear models; the paper has SGD and five terms "
        "of Neumann's series. Delta is exp(u) and not a sigmoid. "
    )
    simulated = any(not isinstance(one.task, TailTask) and not one.task.file for one in results)
    if simulated:
        said += (
            "The paper's Waterbirds are features of a ResNet18. Ours are simulated, with its "
            "numbers of rows: only the shape of that table can be compared. "
        )
    if absent:
        said += f"Not re-run, as there are no files: {', '.join(absent)}."
    return said
