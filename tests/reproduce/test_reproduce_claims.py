from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from equipoise.cli.app import app
from equipoise.report import Column, Page, Section, Table, Text
from equipoise.reproduce import (
    REPRODUCTIONS,
    Claim,
    Outcome,
    Reproduction,
    Workplace,
    find_reproduction,
    list_reproductions,
)


def test_outcomes_have_the_promised_json():
    found = json.loads(json.dumps(find_reproduction("intervals").run("quick").to_dict()))
    assert set(found) == {"claims"}
    for claim in found["claims"]:
        assert set(claim) == {"claim", "paper", "ours", "low", "high", "verdict"}
        assert claim["verdict"] in ("holds", "holds with a condition", "does not hold")


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_every_reproduction_is_listed_with_its_source(name: str):
    listed = {row[0]: row for row in list_reproductions().rows}
    assert listed[name][2]


def test_the_published_coverages_of_walds_interval_hold():
    claims = find_reproduction("intervals").run("quick").claims
    assert {claim.verdict for claim in claims} == {"holds"}
    exact = [claim for claim in claims if claim.paper.startswith("0.")]
    assert [round(claim.ours, 3) for claim in exact] == [float(claim.paper) for claim in exact]


def test_a_claim_that_fails_is_shown_to_fail():
    table = Outcome((Claim("pi is 3", "3", 3.14159, 3.1, 3.2, "does not hold"),)).table()
    assert [cell.text for cell in table.cells[0]] == [
        "pi is 3",
        "does not hold",
        "3",
        "3.142",
        "[3.1, 3.2]",
    ]
    assert table.cells[0][1].kind == "bad"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="there are intervals"):
        find_reproduction("nothing")


def _in_place(tier: str, place: Workplace) -> Outcome:
    if place.progress is not None:
        place.progress("something", 0, 1)
    said = f"{tier} {place.data_dir} {place.jobs}"
    page = Page("Re-run", said, [Section("All", [Text(said)])])
    table = Table([Column("where")], [[said]])
    return Outcome((Claim(said, "1", 1.0, 1.0, 1.0, "holds"),), (table,), page)


def test_a_rerun_may_be_told_where_to_work():
    one = Reproduction("one", "title", "source", in_place=_in_place)
    assert one.run("full").claims[0].claim == "full None 1"
    assert one.run("quick", Workplace(jobs=3)).claims[0].claim == "quick None 3"


def test_a_reproduction_is_measured_in_one_way():
    with pytest.raises(ValueError, match="either measure or in_place"):
        Reproduction("one", "title", "source")


def test_the_command_hands_on_where_to_work_and_writes_the_page(tmp_path, monkeypatch):
    monkeypatch.setitem(
        REPRODUCTIONS, "one", Reproduction("one", "title", "source", in_place=_in_place)
    )
    out = tmp_path / "new" / "folder"
    said = CliRunner().invoke(
        app, ["reproduce", "one", "--out", str(out), "--data-dir", "/data", "--jobs", "2"]
    )
    assert said.exit_code == 0, said.output
    assert said.output.count("quick /data 2") == 2
    assert said.output.rstrip().endswith("report.html")
    assert "quick /data 2" in (out / "report.html").read_text(encoding="utf-8")


def test_the_command_refuses_no_processes():
    said = CliRunner().invoke(app, ["reproduce", "intervals", "--jobs", "0"])
    assert isinstance(said.exception, ValueError)
    assert "--jobs must be at least 1" in str(said.exception)
