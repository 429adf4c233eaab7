"""The re-run as a whole: it goes on where it was stopped, and shows what it found."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from equipoise.reproduce import Workplace, find_reproduction
from equipoise.reproduce.autobalance import rerun as module
from equipoise.reproduce.autobalance.birds import BirdsTask
from equipoise.reproduce.autobalance.rerun import SIZES, Size, rerun
from equipoise.reproduce.autobalance.results import Results
from equipoise.reproduce.autobalance.tables import birds_table
from equipoise.reproduce.autobalance.tail import TailTask
from equipoise.reproduce.kept import Kept

SIZE = Size(1, 2, 1, (0.1, 0.5))


@pytest.fixture(scope="module")
def tasks(tmp_path_factory) -> list:
    random = np.random.default_rng(0)
    sizes = np.array([[[120, 24], [20, 60]], [[50, 50], [50, 50]]])
    split, y, place = (c.repeat(sizes.ravel()) for c in np.indices((2, 2, 2)).reshape(3, -1))
    features = random.normal(size=(len(y), 4))
    features[:, 0] += 0.6 * (2 * y - 1)
    features[:, 1] += 1.2 * (2 * place - 1)
    path = tmp_path_factory.mktemp("birds") / "features.npz"
    np.savez(path, features=features, y=y, place=place, split=2 * split)
    return [
        TailTask("tiny digits", "digits", 40, 4, (8,), 12, 32, 0.02, outer_steps=3),
        BirdsTask("made-up birds", str(path), outer_steps=2, descent_steps=4),
    ]


@pytest.fixture(scope="module")
def finished(tasks, tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    return folder, rerun("quick", Workplace(out=folder), SIZE, tasks)


def test_a_rerun_that_was_stopped_goes_on_where_it_was(tasks, tmp_path, monkeypatch, finished):
    kept = Kept.get
    made: list[str] = []

    def stopped(self, name, title, make):
        if len(made) == 5:
            raise KeyboardInterrupt
        made.append(title)
        return kept(self, name, title, make)

    monkeypatch.setattr(Kept, "get", stopped)
    with pytest.raises(KeyboardInterrupt):
        rerun("quick", Workplace(out=tmp_path), SIZE, tasks)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cells").iterdir()}
    assert len(files) == 5
    monkeypatch.setattr(Kept, "get", kept)
    told: list = []
    place = Workplace(out=tmp_path, progress=lambda *what: told.append(what))
    outcome = rerun("quick", place, SIZE, tasks)
    assert {path: path.stat().st_mtime_ns for path in files} == files
    assert len(told) == told[0][2]
    assert outcome.to_dict() == finished[1].to_dict()


def test_the_page_has_the_papers_figures(finished):
    page = finished[1].page.render()
    # Errors, figures 3 and 4 of the task with rare classes; figure 5 twice.
    assert page.count("<svg") == 3 + 2
    for said in ("Figure 3", "Figure 4", "Figure 5", "within one", "seeds"):
        assert said in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_claims_are_json_with_the_papers_figure_beside_ours(finished):
    claims = json.loads(json.dumps(finished[1].to_dict(), allow_nan=False))["claims"]
    assert len(claims) == 2 + 5 + 7
    assert all(claim["low"] <= claim["ours"] <= claim["high"] for claim in claims)
    assert {"0.126", "-8.25"} <= {claim["paper"] for claim in claims}


def test_every_method_is_in_its_table_beside_the_papers_figure(finished):
    tail, searched, birds, chosen, volumes, together = finished[1].tables
    assert len(tail.rows) == 12
    assert "AutoBalance" in [row[0] for row in searched.rows]
    assert all(row[1] for table in (searched, chosen) for row in table.rows)
    assert "CE" in str(birds.rows[0][0])
    assert "23.38" in birds.rows[0]
    assert "Your features" in birds.caption
    assert [row[0] for row in volumes.rows][-1] == "AutoBalance"
    assert [row[0] for row in together.rows] == ["tiny digits", "made-up birds"]


def test_simulated_features_are_said_to_be_simulated():
    none = Results(BirdsTask(), [], {"CE": []})
    assert "ours are simulated" in birds_table(none).caption


def test_the_full_tier_says_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.delenv("EQUIPOISE_DATA", raising=False)
    with pytest.raises(ValueError, match="--data-dir"):
        find_reproduction("autobalance").run("full")
    with pytest.raises(ValueError, match="none of the folders mnist"):
        find_reproduction("autobalance").run("full", Workplace(data_dir=tmp_path))


def test_the_full_tier_takes_what_files_there_are_and_names_what_is_not(tmp_path):
    for folder in ("mnist", "waterbirds"):
        (tmp_path / folder).mkdir()
    (tmp_path / "waterbirds" / "features.parquet").touch()
    tasks, absent = module._tasks("full", Workplace(data_dir=tmp_path))
    assert [task.name for task in tasks] == [
        "MNIST, ratio 100",
        "digits, ratio 20",
        "Waterbirds, features of a file",
    ]
    assert absent == ["CIFAR-10, ratio 100", "Fashion-MNIST, ratio 100"]


def test_both_tiers_have_at_least_five_seeds():
    for tier, size in SIZES.items():
        assert min(size.digits_seeds, size.birds_seeds) >= 5
        assert tier == "quick" or size.seeds >= 5


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_quick_tier_finds_what_it_always_finds(tmp_path: Path):
    claims = find_reproduction("autobalance").run("quick", Workplace(out=tmp_path, jobs=2)).claims
    verdicts = {claim.claim: claim.verdict for claim in claims}

    def verdict(start: str) -> str:
        (found,) = (said for text, said in verdicts.items() if text.startswith(start))
        return found

    assert verdict("digits, ratio 20: AutoBalance's balanced error less CE's") == "holds"
    assert verdict("digits, ratio 20: learnt from CE, l grows") == "holds"
    assert verdict("Waterbirds, simulated features: AutoBalance cuts CE's difference") == "holds"
    assert verdict("Waterbirds, simulated features: at no higher balanced error") == "holds"
    assert verdict("Waterbirds, simulated features: AutoBalance has the least diff") == "holds"
