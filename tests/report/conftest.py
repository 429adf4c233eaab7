"""A page with every part, as an upper floor would describe it."""

from __future__ import annotations

import math

import pytest

from equipoise.report import (
    Callout,
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Interval,
    Line,
    Page,
    Point,
    Section,
    Table,
    Text,
    intervals,
    lines,
    scatter,
)

METHODS = ("Plain", "Fixed penalty", "Augmented Lagrangian")


@pytest.fixture(scope="session")
def a_scatter() -> Figure:
    places = ((0.162, 0.853), (0.067, 0.840), (0.041, 0.839))
    points = [
        Point(x, y, x - 0.012, x + 0.012, y - 0.004, y + 0.004, name, name)
        for name, (x, y) in zip(METHODS, places, strict=True)
    ]
    nan = math.nan
    runs = [
        Point(p.x + 0.004 * i, p.y - 0.001 * i, nan, nan, nan, nan, "run", p.series)
        for p in points
        for i in (-2, -1, 1, 2)
    ]
    return scatter(
        points,
        x_label="Difference",
        y_label="Accuracy",
        title="What the bound costs",
        frontier=[(0.041, 0.839), (0.067, 0.840), (0.162, 0.853)],
        vertical=(0.05, "bound"),
        faint=runs,
        percent=True,
        caption="Crosses are intervals.",
    )


@pytest.fixture(scope="session")
def a_forest() -> Figure:
    groups = ("Younger", "Older", "A group with a name that does not fit on one line")
    rows = {
        name: [
            Interval(
                group, 0.2 + 0.05 * i + 0.01 * j, 0.15 + 0.05 * i, 0.27 + 0.05 * i, "n = 1,234"
            )
            for i, group in enumerate(groups)
        ]
        for j, name in enumerate(METHODS)
    }
    return intervals(rows, x_label="Share selected", reference=(0.25, "all"), percent=True)


@pytest.fixture(scope="session")
def some_curves() -> Figure:
    steps = range(0, 500, 5)
    panels = {
        panel: [
            Line(
                steps,
                [(1 + k) * math.exp(-t / 150) for t in steps],
                name,
                [(1 + k) * math.exp(-t / 150) * 0.9 for t in steps],
                [(1 + k) * math.exp(-t / 150) * 1.1 for t in steps],
            )
            for k, name in enumerate(METHODS)
        ]
        for panel in ("Loss", "Difference", "Multiplier")
    }
    return lines(
        panels, x_label="Step", references={"Difference": (0.5, "bound")}, log=["Multiplier"]
    )


@pytest.fixture(scope="session")
def a_page(a_scatter: Figure, a_forest: Figure, some_curves: Figure) -> Page:
    table = Table(
        [
            Column("Method"),
            Column("Accuracy", "right", "mean of 20 seeds"),
            *(Column(f"Difference {i}", "right") for i in range(6)),
            Column("Keeps it?"),
        ],
        [
            ["Plain", "85.3%", *["16.2%"] * 6, Cell("no", "bad")],
            ["Fixed penalty", "84.0%", *["6.7%"] * 6, Cell("nearly", "warn")],
            ["Augmented Lagrangian", "83.9%", *["4.1%"] * 6, Cell("yes", "good", strong=True)],
        ],
        "Three methods, each trained with twenty seeds on the same rows; means over the seeds",
    )
    return Page(
        "Which method keeps the bound?",
        "Three methods, twenty seeds each.",
        [
            Section("Answer", [Callout("good", "One does", "At a price."), table], "Small print."),
            Section("Cost", [Text("One paragraph.\n\nAnother."), a_scatter]),
            Section("Groups", [a_forest]),
            Section(
                "Again",
                [some_curves, Facts({"Seeds": "20"}), Code("run --with=" + "options," * 40)],
            ),
        ],
        "The end.",
    )
