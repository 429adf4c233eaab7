from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from equipoise.compare import Comparison
from equipoise.compare.command import command_line
from equipoise.compare.page import page
from equipoise.compare.run import compare
from equipoise.constraints import gap
from equipoise.data import simulate_census
from equipoise.learn import TrainingSettings


def test_the_report_begins_with_the_answer(finished: Comparison):
    text = finished.report.read_text()
    heading = finished.answer.partition(" (")[0].partition(".")[0]
    assert heading.split(" gap")[0] in text
    assert text.index("The answer") < text.index("Accuracy against fairness")


def test_a_report_where_nothing_is_certified_says_what_would_help(finished: Comparison):
    strict = replace(
        finished,
        settings=replace(finished.settings, constraints=(gap("selection") <= 0.0001,)),
    )
    assert strict.best is None
    text = page(strict).render()
    assert "No model is shown to keep" in text
    assert "would help: more rows" in " ".join(text.split())


def test_the_report_is_rebuilt_to_the_byte(finished: Comparison):
    before = finished.report.read_bytes()
    finished.report.unlink()
    Comparison.load(finished.folder.path).write()
    assert finished.report.read_bytes() == before


def test_the_report_reaches_for_nothing_outside_itself(finished: Comparison):
    text = finished.report.read_text()
    assert "default-src 'none'" in text
    for reaching in ("<script", 'src="http', 'href="http', "@import"):
        assert reaching not in text


def test_names_from_the_data_are_text_in_the_report(tmp_path: Path):
    table = simulate_census(2_000).table.to_pandas()
    table["sex"] = table["sex"].replace({"female": "<script>alert(1)</script>", "male": "$m&amp;"})
    table = table.rename(columns={"sex": "<b>sex", "income": "in<i>come"})
    found = compare(
        pd.DataFrame(table),
        target="in<i>come",
        sensitive=["<b>sex"],
        constraint='gap("selection") <= 0.1',
        seeds=1,
        methods=["erm"],
        out=tmp_path / "run",
        training=TrainingSettings(steps=20, hidden=(4,)),
    )
    text = found.report.read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<i>come" not in text
    assert "<b>sex" not in text


def test_the_command_in_the_report_repeats_the_run(finished: Comparison):
    assert finished.description["request"] == (
        "equipoise compare census-sim --sensitive sex --rows 6000 "
        "--constraint 'gap(\"selection\") <= 0.1' --methods erm,penalty,alm --seeds 2 "
        "--hidden 8 --steps 60 --batch-size 128"
    )


def test_the_command_quotes_what_a_shell_would_read(finished: Comparison):
    words = command_line("my table.csv", {"target": "a'b"}, finished.settings)
    import shlex

    assert shlex.split(words)[2:5] == ["my table.csv", "--target", "a'b"]


def test_the_table_in_the_terminal_has_what_was_asked_for(finished: Comparison):
    headings = [column.heading for column in finished.tables()[0].columns]
    assert headings == [
        "method",
        "accuracy",
        "worst group",
        'gap("selection")',
        "certificate",
        "seconds",
    ]
