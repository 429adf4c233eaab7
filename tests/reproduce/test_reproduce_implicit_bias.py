"""The re-run on implicit bias: what is known in closed form, cells, claims and the page."""

from __future__ import annotations

import dataclasses
import gzip
import json

import numpy as np
import pytest

from equipoise.rank import Bound, discounts
from equipoise.reproduce import find_reproduction
from equipoise.reproduce.claim import Workplace
from equipoise.reproduce.implicit_bias import fitted, real, search_results, theorem, uniform
from equipoise.reproduce.implicit_bias.experiment import Experiment, Ratios
from equipoise.reproduce.implicit_bias.laws import drawn_from_laws, laws_of
from equipoise.reproduce.implicit_bias.published import ALPHAS, JOHNSON_SU
from equipoise.reproduce.implicit_bias.rerun import rerun
from equipoise.reproduce.part import find_results


def _shown(part):
    return part.show(find_results(part, None))


def test_expected_utilities_are_those_known_for_a_hundred_positions():
    # 400 and 200 candidates: the closed forms with the counts alone.
    n, a, b = 100, 400, 200
    found = uniform.expected(n, discounts("none", n), others=a, protected=b)
    k, rest = 33, 67
    alone = rest - rest * (rest + 1) / (2 * (a + 1)) + k - k * (k + 1) / (2 * (b + 1))
    assert found["constrained"] == pytest.approx(alone)
    assert found["best"] == pytest.approx(n - n * (n + 1) / (2 * (a + b + 1)))
    assert found["unconstrained"] == pytest.approx(87.406, abs=1e-3)
    assert (alone, found["best"]) == pytest.approx((91.528, 91.597), abs=1e-3)


@pytest.mark.parametrize(
    ("n", "lost"), [(10, 1.3e-2), (30, 4.3e-3), (100, 1.3e-3), (300, 4.4e-4), (1000, 1.3e-4)]
)
def test_the_share_lost_is_the_known_one(n, lost):
    known = uniform.expected(n, discounts("none", n), others=2 * n, protected=n)
    assert 1 - known["constrained"] / known["best"] == pytest.approx(lost, rel=0.04)


def test_measured_means_are_those_of_the_closed_form():
    settings = [
        uniform.Setting(n, beta, seed, 40)
        for n in (10, 30)
        for beta in uniform.BETAS
        for seed in range(6)
    ]
    claims = _shown(uniform.part_of(settings)).claims
    assert claims[0].verdict != "does not hold"
    assert claims[1].ours == pytest.approx(-1, abs=0.01)


def test_disjoint_bounds_lose_nothing_and_bounds_on_overlapping_groups_do():
    part = theorem.part_of(
        [theorem.Setting(False, 0, 30), *(theorem.Setting(True, seed, 3) for seed in range(3))]
    )
    claims = _shown(part).claims
    assert [claim.verdict for claim in claims[:2]] == ["holds", "holds"]
    assert claims[2].ours > 0


def test_a_bound_that_loses_is_found_out():
    part = theorem.part_of([theorem.Setting(False, 0, 2), theorem.Setting(True, 0, 2)])
    results = find_results(part, None)
    results[0]["each"][0] = 0.999
    assert part.show(results).claims[0].verdict == "does not hold"


def test_draws_are_of_the_fitted_laws_without_negative_marks():
    men, women, observed = drawn_from_laws("JEE", 0.5)(np.random.default_rng(0), 40_000, 10)
    law = laws_of("JEE")["men"]
    assert law.args == JOHNSON_SU["men"]
    assert (men <= 0).mean() == pytest.approx(law.cdf(0), abs=0.01)
    assert (np.diff(men) <= 0).all()
    assert list(observed) == list(women / 2)


def test_the_experiment_is_that_of_all_candidates():
    draw = drawn_from_laws("SS", 0.5)
    found = Ratios.of(
        [Experiment(draw, 300, 150, [Bound.of_share("women", ">=", 1 / 3)]).run(3, 2)]
    )
    random = np.random.default_rng(3)
    best, without = [], []
    for _ in range(2):
        men, women, observed = draw(random, 300, 150)
        latent, seen = np.concatenate([men, women]), np.concatenate([men, observed])
        best.append(np.sort(latent)[-100:].mean())
        without.append(latent[np.argsort(-seen)[:100]].mean())
    assert found.best[0] == pytest.approx(np.mean(best))
    assert found.unconstrained[0, 0] == pytest.approx(np.mean(without) / np.mean(best))
    assert found.constrained[0, 0] == pytest.approx(found.unconstrained[0])
    assert found.constrained.shape == (1, len(ALPHAS) + 1, 2)


def test_figures_on_fitted_laws_are_near_those_measured_before():
    settings = [
        fitted.Setting("JEE", "1/2", beta, seed, 15) for beta in (0.25, 1.0) for seed in (0, 1)
    ]
    shown = _shown(fitted.part_of(settings))
    (row, control), *_ = [table.rows for table in shown.tables]
    assert float(row[3].split()[0]) == pytest.approx(0.941, abs=0.02)
    assert float(row[6].split()[0]) == pytest.approx(0.937, abs=0.02)
    assert float(control[3]) == 1
    assert len(shown.draw()[0].parts) == 5  # text, two tables, two figures


@pytest.fixture
def tables(tmp_path):
    """Tables of the real ones' form."""
    random = np.random.default_rng(0)
    for name in (real.MARKS, real.CITATIONS, real.CHESS):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    marks = "\n".join(map(str, random.integers(-80, 400, 3000)))
    (tmp_path / real.MARKS).write_bytes(gzip.compress(f"mark\n{marks}\n".encode()))
    men, women = random.dirichlet(np.arange(50, 0, -1)), random.dirichlet(np.arange(50, 0, -1) ** 2)
    rows = "\n".join(f"{v},{m},{w}" for v, m, w in zip(range(50), men, women, strict=True))
    (tmp_path / real.CITATIONS).write_text(f"omega,pdf_latent_male,pdf_biased_female\n{rows}\n")
    players = "\n".join(
        f"{2000 + r},{s}" for r, s in zip(random.integers(0, 800, 400), "MMMF" * 100, strict=True)
    )
    (tmp_path / real.CHESS).write_text(f"rating,sex\n{players}\n")
    genders = random.choice(["Male", "Female", "NA"], 200)
    images = "\n".join(f"job {i // 50},{i:06}.jpg,{g},NA" for i, g in enumerate(genders))
    (tmp_path / search_results.LABELS).write_text(f"{images}\n")
    return tmp_path


def test_real_values_are_ranked_where_they_are(tables):
    settings = [
        real.Setting(tables / real.MARKS, "1/2", 0.5, 0, 3),
        real.Setting(tables / real.CITATIONS, "1/4", None, 0, 3),
    ]
    shown = _shown(real.part_of(settings, [real.Chess(tables / real.CHESS, 0.5)]))
    assert [claim.verdict for claim in shown.claims if "Chess" in claim.claim] == ["holds"]
    assert len(shown.tables) == 2
    assert shown.draw()


def test_search_results_diverge_less_under_bounds(tables):
    shown = _shown(search_results.search_part("quick", tables))
    assert shown.claims[0].ours > 0


def test_what_is_not_there_is_left_out_and_said(tmp_path):
    for make in (real.real_part, search_results.search_part):
        part = make("quick", tmp_path)
        assert not part.cells
        assert "left out" in part.notes[0]
        assert part.show([]).draw() == []


def test_the_parts_make_a_page_and_its_cells_are_kept(tables, tmp_path):
    parts = [
        theorem.part_of([theorem.Setting(False, 0, 3), theorem.Setting(True, 0, 2)]),
        search_results.search_part("quick", tables),
    ]
    outcome = rerun("quick", Workplace(out=tmp_path / "out"), parts)
    assert "Whatever the bias" in outcome.page.render()
    assert json.dumps(outcome.to_dict())
    again = [
        dataclasses.replace(part, cells=tuple(_forbidden(c) for c in part.cells)) for part in parts
    ]
    assert rerun("quick", Workplace(out=tmp_path / "out"), again).claims == outcome.claims


def _forbidden(cell):
    def run():
        raise AssertionError("it was kept")

    return dataclasses.replace(cell, run=run)


def test_it_is_found_by_its_name():
    assert find_reproduction("implicit-bias").source.endswith("arXiv 2001.08767")
