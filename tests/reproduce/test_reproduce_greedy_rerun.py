"""The re-run of greedy equilibria as a whole, as small as it can be."""

from __future__ import annotations

import json

import pytest
import torch

from equipoise.reproduce import Workplace, find_reproduction
from equipoise.reproduce.greedy_equilibrium import rerun as module
from equipoise.reproduce.greedy_equilibrium.published import GAMES, NAMED
from equipoise.reproduce.greedy_equilibrium.rerun import SIZES, Size, parts_of, rerun
from equipoise.reproduce.greedy_equilibrium.search import Settings, search
from equipoise.reproduce.greedy_equilibrium.work import Grid
from equipoise.reproduce.part import find_results

TINY = Size(
    6, 1, 2, 1, 1, (1, 2), (1,), 1, 2, 4,
    Grid((0.5, 0.3), (1, 2), 2, 0.4), Settings(tolerance=0.3, patience=2, n_pairs=4), NAMED[7:10],
    ("wave", "two peaks"),
)  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    return folder, rerun("quick", Workplace(out=folder), TINY)


def test_a_rerun_goes_on_where_it_was(finished):
    folder, outcome = finished
    files = {path: path.stat().st_mtime_ns for path in (folder / "cells").iterdir()}
    some = sorted(files)[::5]
    for path in some:
        path.unlink()
    told: list = []
    again = rerun("quick", Workplace(out=folder, progress=lambda *what: told.append(what)), TINY)
    assert again.to_dict() == outcome.to_dict()
    assert len(told) == told[0][2] == len(files)
    assert all(path.stat().st_mtime_ns == files[path] for path in files if path not in some)


def test_the_page_has_a_section_for_every_theorem_and_its_figures(finished):
    page = finished[1].page.render()
    for heading in (
        "Known points",
        "Local saddles",
        "The search from random starts",
        "Convex-concave games",
        "Truncation",
        "Evaluations",
    ):
        assert f"{heading}</h2>" in page
    # Two games with paths, two jumps, and evaluations.
    assert page.count("<svg") == 2 + 2 + 1


def test_claims_are_json_with_an_interval_around_each_figure(finished):
    claims = json.loads(json.dumps(finished[1].to_dict(), allow_nan=False))["claims"]
    assert len(claims) == 4 + 3 + 2 + 3 + 3 + 2
    assert all(claim["low"] <= claim["ours"] <= claim["high"] for claim in claims)


def test_a_search_asks_for_no_gradient_in_x_and_is_the_same_again():
    start = torch.tensor([2.0], dtype=torch.float64), torch.tensor([1.0], dtype=torch.float64)
    found = [search(GAMES["F3"], *start, Settings(0.3, patience=5), 3) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0]["x_gradients"] == 0
    assert found[0]["stopped"]
    assert abs(found[0]["x"][0]) < 1.0


def test_every_cell_of_a_tier_has_a_name_of_its_own():
    for size in SIZES.values():
        for part in parts_of(size):
            runs: dict = {}
            for cell in part.cells:
                name = json.dumps(cell.decides, sort_keys=True)
                run = (cell.run.func, cell.run.args)
                assert runs.setdefault(name, run) == run


def test_it_is_listed_by_its_name(monkeypatch, tmp_path):
    monkeypatch.setitem(module.SIZES, "quick", TINY)
    found = find_reproduction("greedy-equilibrium")
    assert "2006.12363" in found.source
    (points, *_) = parts_of(TINY)
    assert len(find_results(points, tmp_path)) == len(points.cells)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_quick_tier_finds_what_it_always_finds(tmp_path):
    outcome = find_reproduction("greedy-equilibrium").run("quick", Workplace(out=tmp_path, jobs=2))
    verdicts = [claim.verdict for claim in outcome.claims]
    assert "does not hold" not in verdicts
    assert verdicts.count("holds") >= len(verdicts) - 3
