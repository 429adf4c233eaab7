"""The re-run on polytopes: what is known of uniform draws, cells, claims and the page."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from equipoise.reproduce import find_reproduction
from equipoise.reproduce.claim import Workplace
from equipoise.reproduce.part import find_results
from equipoise.reproduce.polytope import (
    bodies,
    boundary,
    looks,
    networks,
    rounding,
    skew,
    uniformity,
    volumes,
)
from equipoise.reproduce.polytope.known import away
from equipoise.reproduce.polytope.rerun import rerun
from equipoise.reproduce.polytope.shrunk_billiard import shrunk_billiard
from equipoise.reproduce.standardised import spread


def _corners(n: int) -> np.ndarray:
    return 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1) - 1


@pytest.mark.parametrize(
    ("name", "vertices"),
    [
        ("cube", _corners(3)),
        ("simplex", np.vstack([np.zeros(3), np.eye(3)])),
        ("ordered", np.tril(np.ones((4, 3)), -1)[:, ::-1][::-1]),
        ("cross", np.vstack([np.eye(3), -np.eye(3)])),
    ],
)
def test_volumes_said_to_be_exact_are_those_of_the_vertices(name, vertices):
    assert bodies.log_volume(name, 3) == pytest.approx(np.log(ConvexHull(vertices).volume))
    body = getattr(bodies, name)(3)
    assert body.violation(vertices).max() <= 1e-12
    assert body.violation(1.01 * vertices - 0.01 * vertices.mean(axis=0)).min() > 0


def test_the_volume_of_doubly_stochastic_matrices_is_that_of_the_permutations():
    permutations = [np.eye(3)[list(p)] for p in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0))]
    permutations += [np.eye(3)[list(p)] for p in ((2, 0, 1), (2, 1, 0))]
    points = np.array([p[:2, :2].ravel() for p in permutations])
    assert np.exp(bodies.log_volume("birkhoff", 3)) == pytest.approx(ConvexHull(points).volume)
    assert bodies.birkhoff(3).violation(points).max() <= 1e-12
    assert bodies.log_volume("birkhoff", 10) == pytest.approx(-124.469475, abs=1e-6)


def _exact(name: str, n: int, number: int) -> np.ndarray:
    rng = np.random.default_rng(5)
    if name == "cube":
        return rng.uniform(-1, 1, (number, n))
    if name == "ordered":
        return np.sort(rng.uniform(size=(number, n)), axis=1)
    weights = rng.standard_exponential((number, n + 1))
    x = (weights / weights.sum(axis=1, keepdims=True))[:, :n]
    return x * rng.choice([-1, 1], size=x.shape) if name == "cross" else x


@pytest.mark.parametrize("name", ["cube", "simplex", "ordered", "cross"])
def test_what_is_known_is_true_of_exact_draws(name):
    x = _exact(name, 4, 40_000)
    body = getattr(bodies, name)(4).prepare()
    differences = away(name, x[None], body, body.to_z(x)[None])[0]
    z = differences.mean(axis=0) / (differences.std(axis=0) / np.sqrt(len(x)))
    assert np.abs(z).max() < 4.5


def test_draws_that_keep_clear_of_walls_are_seen_in_any_body():
    x = 0.98 * _exact("cube", 4, 40_000)
    body = bodies.cube(4).prepare()
    differences = away("cube", x[None], body, body.to_z(x)[None])[0]
    z = differences.mean(axis=0) / (differences.std(axis=0) / np.sqrt(len(x)))
    assert np.abs(z[-2:]).min() > 5


def test_the_control_is_right_when_it_flies_all_the_way():
    whole, short = (
        shrunk_billiard(3, 40_000, 5.0, share, np.random.default_rng(0)) for share in (1.0, 0.9)
    )
    assert (np.abs(whole) > 0.9).mean() == pytest.approx(0.1, abs=0.005)
    assert (np.abs(short) > 0.9).mean() < 0.09
    assert np.abs(whole).max() <= 1


@pytest.fixture(scope="module")
def small():
    part = looks.part_of([looks.Setting(n, seed) for n in (20, 40) for seed in range(2)])
    return part, find_results(part, None)


def test_fewer_rows_are_looked_at_and_nothing_is_missed(small):
    _, found = small
    for one in found:
        assert one["quadratic"] < one["linear"] < one["full"]
        assert one["same"]
        assert not one["violations"]


def test_claims_on_rows_are_about_fitted_powers(small):
    part, found = small
    shown = part.show(found)
    share = np.array([one["quadratic"] for one in found]).reshape(2, 2)
    assert shown.claims[0].ours == pytest.approx(np.log2(share[1] / share[0]).mean())
    assert shown.claims[0].verdict in ("holds", "cannot be told")
    assert len(shown.tables[0].rows) == 2
    assert shown.draw()[0].heading == "Rows looked at in a step"


@pytest.mark.parametrize("walk", uniformity.WALKS)
def test_every_walk_is_tried_and_draws_uniformly(walk):
    settings = [uniformity.Setting(body, walk, 7, 300) for body in uniformity.BODIES]
    part = uniformity.part_of(settings)
    found = find_results(part, None)
    assert spread([one["z"] for one in found]).value < 2
    assert len(part.show(found).claims) == 1


def test_skew_is_seen_only_without_rounding(monkeypatch):
    monkeypatch.setattr(skew, "_EFFECTIVE", 1000)
    found = skew._Setting(1e4, 0).run()
    assert min(found["plain"]) < 0.2
    assert min(found["rounded"]) > 0.9


@pytest.mark.parametrize("way", rounding._WAYS)
def test_bodies_are_made_round_in_every_way(way):
    part = rounding.part_of(
        [rounding.Setting(way, rows, 4, skew, 0) for rows in (0, 60) for skew in (1e4, 1e6)]
    )
    shown = part.show(find_results(part, None))
    [claim] = shown.claims
    assert claim.ours < 3
    assert len(shown.tables[0].rows) == 4


def test_what_was_not_rounded_is_as_skew_as_it_was(monkeypatch):
    plain = {"plain": lambda polytope, _: polytope.prepare(rounding="none")}
    monkeypatch.setattr(rounding, "_WAYS", plain)
    found = [rounding.Setting("plain", rows, 4, 1e4, 0).run()["ratio"] for rows in (0, 60)]
    assert found[0] == pytest.approx(1e4, rel=1e-6)
    assert 2e3 < found[1] < 5e4


def test_volumes_are_judged_by_their_own_errors():
    settings = [volumes.Setting("doubly stochastic 3 x 3", seed) for seed in range(6)]
    part = volumes.part_of(settings)
    found = find_results(part, None)
    shown = part.show(found)
    assert shown.claims[2].verdict == "holds"
    assert abs(np.mean([one["error"] for one in found])) < 0.2
    wrong = part.show([{**one, "error": one["error"] + 1} for one in found])
    assert [claim.verdict for claim in wrong.claims[:2]] == ["does not hold"] * 2
    assert len(shown.draw()[0].parts) == 3


def test_a_walk_that_is_short_of_the_wall_is_called_so():
    part = boundary.boundary_part("quick", None)
    shares = {boundary._CONTROL: 0.009}
    found = [
        {"share": shares.get(cell.decides["walk"], 0.01) + 1e-6 * cell.decides["seed"]}
        for cell in part.cells
    ]
    assert {claim.verdict for claim in part.show(found).claims} == {"holds"}
    wrong = [{"share": 0.009 + 1e-6 * cell.decides["seed"]} for cell in part.cells]
    assert part.show(wrong).claims[0].verdict == "does not hold"


def test_without_networks_the_page_says_so():
    part = networks.networks_part("quick", None)
    assert not part.cells
    assert "networks are not sampled" in part.notes[0]
    assert part.show([]).claims == ()


def test_a_network_is_read_sampled_and_judged(tmp_path):
    (tmp_path / "metabolic").mkdir()
    metabolites = [{"a": 1}, {"a": -1, "b": 1}, {"a": -1, "c": 1}, {"b": -1, "c": 1}]
    metabolites += [{"b": -1}, {"c": -1}]
    reactions = [
        {"id": f"r{k}", "metabolites": of, "lower_bound": -5.0 * (k == 3), "upper_bound": 10.0}
        for k, of in enumerate(metabolites)
    ]
    model = {"metabolites": [{"id": m} for m in "abc"], "reactions": reactions}
    (tmp_path / "metabolic" / "e_coli_core.json").write_text(json.dumps(model))
    part = networks.networks_part("quick", tmp_path)
    found = find_results(dataclasses.replace(part, cells=part.cells[:3]), None)
    assert found[0]["dimension"] == 3
    shown = part.show([*found] * 8)
    assert [claim.verdict for claim in shown.claims[:2]] == ["holds", "holds"]
    assert shown.tables[0].rows[0][0] == "e_coli_core"


def test_the_page_has_claims_and_a_section_for_each_part(small, tmp_path):
    part, found = small
    known = iter(found)
    cells = tuple(dataclasses.replace(cell, run=lambda: next(known)) for cell in part.cells)
    outcome = rerun("quick", Workplace(out=tmp_path), [dataclasses.replace(part, cells=cells)])
    assert [section.heading for section in outcome.page.sections] == [
        "Claims",
        "Rows looked at in a step",
    ]


def test_it_is_listed():
    assert "1905.01745" in find_reproduction("polytope").source
