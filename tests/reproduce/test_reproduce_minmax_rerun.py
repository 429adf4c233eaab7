"""The re-run of accept/reject: it goes on where it was stopped, and shows what it found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from equipoise.reproduce import Workplace, find_reproduction
from equipoise.reproduce.kept import Kept
from equipoise.reproduce.minmax import published
from equipoise.reproduce.minmax.gaussians import part as gaussians
from equipoise.reproduce.minmax.gaussians.cell import Setting
from equipoise.reproduce.minmax.gaussians.claims import mixture_claims
from equipoise.reproduce.minmax.gaussians.mixture import EVEN_RING, WEIGHTED_RING
from equipoise.reproduce.minmax.gaussians.results import Results, Run
from equipoise.reproduce.minmax.images import part as images
from equipoise.reproduce.minmax.images.task import ImageTask
from equipoise.reproduce.minmax.parts import PARTS
from equipoise.reproduce.minmax.rerun import rerun
from equipoise.reproduce.minmax.stack.variants import (
    COIN,
    COUNTERFACTUAL,
    GDA,
    GDA_ONCE,
    KEPT,
    OPTIMISTIC,
    SKIP,
    SKIP_KEPT,
    STATIONARY,
    TITLES,
    UNROLLED,
    Plan,
)
from equipoise.reproduce.part import Part, find_results, work_of

JUDGED = (GDA_ONCE, GDA, OPTIMISTIC, UNROLLED, COUNTERFACTUAL, KEPT, STATIONARY)


def _parts() -> list[Part]:
    plan = Plan(2, 1e-2, 1e-2, 0.25, 12, 4, limit=3)
    digits = ImageTask(
        "tiny digits",
        "digits",
        (0, 1),
        Plan(1, 1e-2, 1e-2, 0.2, 8, 4),
        4,
        (8,),
        (8,),
        16,
        (GDA, OPTIMISTIC, KEPT),
        judge_steps=20,
    )
    return [
        gaussians.part_of(
            [
                Setting(WEIGHTED_RING, plan, 3, 8, 16, JUDGED, 3, 2),
                Setting(EVEN_RING, plan, 3, 8, 16, (GDA_ONCE, GDA, COUNTERFACTUAL), 3, 3),
            ],
            2,
            1.0,
            ("It is tiny.",),
        ),
        images.part_of([(digits, (2, 2), 1.0)]),
    ]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    return folder, rerun("quick", Workplace(out=folder), _parts())


def test_a_rerun_that_was_stopped_goes_on_where_it_was(tmp_path, monkeypatch, finished):
    kept = Kept.get
    made: list[str] = []

    def stopped(self, name, title, make):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(title)
        return kept(self, name, title, make)

    monkeypatch.setattr(Kept, "get", stopped)
    with pytest.raises(KeyboardInterrupt):
        rerun("quick", Workplace(out=tmp_path), _parts())
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert len(files) == 3
    monkeypatch.setattr(Kept, "get", kept)
    told: list = []
    place = Workplace(out=tmp_path, progress=lambda *what: told.append(what))
    outcome = rerun("quick", place, _parts())
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert [done for _, done, _ in told] == list(range(told[0][2]))
    assert outcome.to_dict() == finished[1].to_dict()


def test_claims_are_json_with_the_papers_figure_beside_ours(finished):
    claims = json.loads(json.dumps(finished[1].to_dict(), allow_nan=False))["claims"]
    assert {"0.68", "0.86 (MNIST)", published.NONE} <= {claim["paper"] for claim in claims}
    assert all(claim["low"] <= claim["ours"] <= claim["high"] for claim in claims)
    # The headline is about the authors' ring alone.
    assert sum("all four modes" in claim["claim"] for claim in claims) == 1


def test_every_variant_is_in_its_table_with_its_controls(finished):
    weighted, even, digits = finished[1].tables
    assert [row[0].text for row in weighted.rows] == list(TITLES)
    assert [row[0].text for row in even.rows] == [GDA_ONCE, GDA, COUNTERFACTUAL, COIN, SKIP]
    names = [row[0] if isinstance(row[0], str) else row[0].text for row in digits.rows]
    assert names == [GDA, OPTIMISTIC, KEPT, SKIP_KEPT, "real images"]
    assert "3 seeds (2 of unrolled and accept, stationary)" in weighted.caption
    assert "3 seeds," in even.caption


def test_the_page_shows_modes_against_gradients_and_samples(finished):
    page = finished[1].page.render()
    # Against gradients, against moves and samples of two mixtures; unevenness of digits.
    assert page.count("<svg") == 2 * 3 + 1
    for said in ("It is tiny.", "gradients of one player", "seed 0", "Variants", "unevenness"):
        assert said in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_controls_move_as_often_as_what_they_are_controls_of(finished):
    part = _parts()[0]
    found = find_results(part, finished[0])
    both = [one for one in found if COUNTERFACTUAL in one]
    assert len(both) == 2 * 2  # two mixtures, two stacks
    for one in both:
        assert set(one) == {COUNTERFACTUAL, COIN, SKIP}
        for name in (COIN, SKIP):
            moves = np.array(one[name]["moves"][-1])
            wanted = 12 * np.array(one[COUNTERFACTUAL]["share"])
            assert np.abs(moves - wanted).max() <= 4 * np.sqrt(12) / 2
        looks = np.array(one[SKIP]["gradients"][-1])
        assert looks.tolist() == (2 * 12 + np.array(one[SKIP]["moves"][-1])).tolist()


def test_processes_work_on_the_longest_cells_first():
    work = work_of(_parts(), None)
    titles = [title for title, _ in work]
    assert len(titles) == sum(len(part.cells) for part in _parts())
    seconds = {cell.title: cell.seconds for part in _parts() for cell in part.cells}
    assert [seconds[title] for title in titles] == sorted(seconds.values(), reverse=True)


def _run(modes, forgotten) -> Run:
    modes = np.array([modes, modes], np.float64)
    spent = np.ones_like(modes)
    share = np.ones(modes.shape[1])
    return Run(modes, modes, spent, spent, np.array(forgotten), share, 0.0, np.empty((0, 0, 2)))


def _verdicts(ours, gda, once, skip, controls_lose=0.0) -> dict[str, str]:
    setting = Setting(WEIGHTED_RING, Plan(6, 1e-3, 1e-4, 0.25, 10, 1), 3, 8, 16, JUDGED, 40, 40)
    runs = {
        GDA_ONCE: _run(once, [9.0] * len(once)),
        GDA: _run(gda, [5.0] * len(gda)),
        COUNTERFACTUAL: _run(ours, [2.0] * len(ours)),
        COIN: _run(gda, [controls_lose] * len(gda)),
        SKIP: _run(skip, [controls_lose] * len(skip)),
    }
    return {claim.claim: claim.verdict for claim in mixture_claims(Results(setting, runs))}


def _verdict(found: dict[str, str], part: str) -> str:
    (verdict,) = (said for text, said in found.items() if part in text)
    return verdict


def test_verdicts_follow_from_modes_paired_over_seeds():
    n = 40
    good = _verdicts([4] * n, [2, 3] * (n // 2), [1] * n, [4] * n)
    assert _verdict(good, "all four modes") == "holds"
    assert _verdict(good, "one mode at most") == "holds"
    assert _verdict(good, f"more modes than {GDA_ONCE}") == "holds"
    assert _verdict(good, f"more modes than {GDA};") == "holds"
    assert _verdict(good, f"more modes than {SKIP}") == "does not hold"
    assert _verdict(good, f"as many modes as {COUNTERFACTUAL}") == "holds"
    kept = f"less often lost by the next look than with {GDA};"
    assert (
        _verdict(good, f"{kept} not shown against a coin and skipping") == "holds with a condition"
    )
    careless = _verdicts([4] * n, [2, 3] * (n // 2), [1] * n, [4] * n, controls_lose=9.0)
    assert _verdict(careless, kept) == "holds"
    same = _verdicts([4, 3] * (n // 2), [3, 4] * (n // 2), [1] * n, [4] * n)
    assert _verdict(same, f"{GDA_ONCE}; not shown against {GDA};") == "holds with a condition"
    bad = _verdicts([1] * n, [2, 3] * (n // 2), [2] * n, [4] * n)
    assert _verdict(bad, "all four modes") == "does not hold"
    assert _verdict(bad, "one mode at most") == "does not hold"
    assert _verdict(bad, f"more modes than {GDA_ONCE}") == "does not hold"
    open_ = _verdicts([4, 3, 2, 4, 2, 4], [2, 4, 3, 1, 4, 4], [0, 1, 1, 0, 1, 1], [4] * 6)
    assert _verdict(open_, "all four modes") == "cannot be told"
    assert _verdict(open_, f"more modes than {GDA};") == "cannot be told"


def test_the_tiers_are_what_they_say():
    quick = [cell for make in PARTS for cell in make("quick", None).cells]
    full = [cell for make in PARTS for cell in make("full", None).cells]
    rings = [cell for cell in full if "mixture" in cell.decides]
    assert {cell.decides["mixture"]["name"] for cell in rings} == {
        "ring of 4, weighted",
        "ring of 4",
        "ring of 8",
        "grid of 25",
    }
    for name in ("ring of 4, weighted", "ring of 4", "ring of 8"):
        own = [cell for cell in rings if cell.decides["mixture"]["name"] == name]
        assert {seed for cell in own for seed in cell.decides["seeds"]} == set(range(40))
    assert sum(cell.seconds for cell in full) < 3.5 * 3600
    assert sum(cell.seconds for cell in quick) < 600
    assert find_reproduction("minmax").source == published.SOURCE


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_quick_tier_finds_what_it_always_finds(tmp_path: Path):
    claims = find_reproduction("minmax").run("quick", Workplace(out=tmp_path, jobs=2)).claims
    found = {claim.claim: claim.verdict for claim in claims}
    ring = "ring of 4, weighted: "
    assert (
        _verdict(found, f"{ring}accept/reject ends with more modes than {GDA_ONCE}")[:5] == "holds"
    )
    assert _verdict(found, f"{ring}accept/reject ends with more modes than {GDA};") != "holds"
    assert _verdict(found, f"{ring}accept/reject ends with all four modes") == "does not hold"
    assert _verdict(found, "descent-ascent ends with both digits in at most") == "does not hold"
    assert _verdict(found, "all ten digits: accept/reject ends with more classes")[:5] == "holds"
