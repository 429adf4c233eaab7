from __future__ import annotations

import json

import pytest

from equipoise.reproduce import (
    REPRODUCTIONS,
    Claim,
    Outcome,
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
        "3",
        "3.142",
        "[3.1, 3.2]",
        "does not hold",
    ]
    assert table.cells[0][4].kind == "bad"


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="there are intervals"):
        find_reproduction("nothing")
