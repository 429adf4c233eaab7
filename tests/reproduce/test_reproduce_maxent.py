"""The re-run on continuous maximum entropy: references, cells, claims and the page."""

from __future__ import annotations

import dataclasses
from itertools import product
from math import factorial

import numpy as np
import pytest
from scipy import integrate

from equipoise.maxent.continuous import Projections, Simplex, UnitaryOrbit
from equipoise.reproduce import find_reproduction
from equipoise.reproduce.claim import Workplace
from equipoise.reproduce.maxent import (
    accuracy,
    barriers,
    bounds,
    closed_forms,
    draws,
    entropies,
    hciz,
    long_arithmetic,
    max_cut,
    rounding,
)
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.families import FAMILIES, coordinates, haar
from equipoise.reproduce.maxent.rerun import rerun
from equipoise.reproduce.part import find_results


def verdicts(shown):
    return [claim.verdict for claim in shown.claims]


def test_the_reference_is_the_integral_over_the_triangle():
    y = np.array([0.3, -1.0, 2.0])
    value, _ = integrate.dblquad(
        lambda b, a: np.exp(y @ [a, b, 1 - a - b]), 0, 1, 0, lambda a: 1 - a, epsabs=1e-12
    )
    assert float(long_arithmetic.log_normaliser(y)) == pytest.approx(np.log(2 * value), abs=1e-10)
    first, _ = integrate.dblquad(
        lambda b, a: a * np.exp(y @ [a, b, 1 - a - b]), 0, 1, 0, lambda a: 1 - a, epsabs=1e-12
    )
    assert long_arithmetic.mean(y, 0) == pytest.approx(first / value, abs=1e-10)


def test_the_reference_knows_equal_and_shifted_eigenvalues():
    assert float(long_arithmetic.log_normaliser(np.full(7, 2.5))) == pytest.approx(2.5, abs=1e-15)
    y = np.array([0.0, 1e-9, 3.0])
    shifted = long_arithmetic.log_normaliser(y + 8)
    assert float(shifted - long_arithmetic.log_normaliser(y)) == pytest.approx(8, abs=1e-14)


@pytest.mark.parametrize(("n", "k"), [(4, 1), (5, 2), (6, 3)])
def test_the_reference_for_projections_agrees_with_averages_over_them(n, k):
    y = np.random.default_rng(1).uniform(0, 2, n)
    u = haar(n, 40_000, np.random.default_rng(2))
    heights = (np.abs(u[:, :, :k]) ** 2).sum(axis=2) @ y
    values = np.exp(heights - long_arithmetic.log_projections(y, k)) - 1
    assert abs(values.mean()) < 4.5 * values.std() / np.sqrt(len(values))
    assert long_arithmetic.log_projections(np.full(n, 0.5), k) == pytest.approx(k / 2, abs=1e-13)


def test_the_scrooge_ensemble_has_the_entropy_of_its_draws():
    a = np.array([0.6, 0.3, 0.1])
    p = np.random.default_rng(0).dirichlet(np.ones(3), 200_000)
    weight = 3 * p @ a
    # Its density with respect to Haar measure is n (sum p / a)^-(n + 1) / (n det a) at the image.
    log_density = 4 * np.log(p @ a) + np.log(3) - np.log(a.prod())
    assert weight.mean() == pytest.approx(1, abs=0.01)
    assert -(weight * log_density).mean() == pytest.approx(long_arithmetic.log_scrooge(a), abs=0.02)


def test_the_bloch_vector_has_the_mean_of_its_density():
    x = 1.7
    grid = np.linspace(-1, 1, 20_001)
    weight = np.exp(x * grid)
    r, entropy = long_arithmetic.bloch(x)
    assert r == pytest.approx(np.trapezoid(grid * weight) / np.trapezoid(weight), abs=1e-8)
    assert entropy == pytest.approx(np.log(np.trapezoid(weight) / 20_000) - x * r, abs=1e-7)


def test_haar_matrices_have_phases_of_their_own():
    u = haar(3, 20_000, np.random.default_rng(0))
    np.testing.assert_allclose(u[0] @ u[0].conj().T, np.eye(3), atol=1e-14)
    assert np.abs(u.mean(axis=0)).max() < 0.03
    assert np.abs((np.abs(u) ** 2).mean(axis=0) - 1 / 3).max() < 0.01


@pytest.mark.parametrize("name", FAMILIES)
def test_families_draw_their_prior_and_means_are_inside(name):
    family = FAMILIES[name]
    rng = np.random.default_rng(0)
    x = family.draw(5_000, rng)
    assert np.abs(coordinates(x).mean(axis=0) - coordinates(family.centre[None])[0]).max() < 0.06
    assert family.fitted(family.mean(rng)).residual < 1e-6


def test_draws_are_judged_by_their_errors():
    part = draws.part_of([draws.Setting("simplex, n = 6", seed) for seed in range(12)])
    found = find_results(part, None)
    shown = part.show(found)
    assert "does not hold" not in verdicts(shown)
    off = [{**one, "prior": [z + 3 for z in one["prior"]]} for one in found]
    assert verdicts(part.show(off))[1] == "does not hold"


def test_a_wrong_mean_is_seen_in_draws(monkeypatch):
    family = FAMILIES["rank one, complex, n = 4"]
    wrong = dataclasses.replace(
        family, fitted=lambda mean: family.fitted(0.9 * mean + np.eye(4) / 40)
    )
    monkeypatch.setitem(FAMILIES, "rank one, complex, n = 4", wrong)
    found = draws.Setting("rank one, complex, n = 4", 0).run()
    assert np.sqrt(np.mean(np.square(found["sampled"]))) > 1.5


def test_closed_forms_hold_and_wrong_ones_do_not():
    part = closed_forms.closed_forms_part("quick", None)
    found = find_results(part, None)
    shown = part.show(found)
    assert verdicts(shown) == ["holds"] * 5
    assert len(shown.draw()[0].parts) == 3
    assert verdicts(part.show([{**one, "error": 1e-9} for one in found])).count("holds") == 2


def test_the_textbook_sum_is_right_where_it_can_be():
    y = np.array([0.0, 3.0, 7.0])
    assert np.log(accuracy.textbook(y)) == pytest.approx(
        float(long_arithmetic.log_normaliser(y)), abs=1e-13
    )
    assert accuracy._textbook_error(np.zeros(3), 0.0) == 1.0


def test_near_eigenvalues_cost_the_textbook_its_digits_only():
    series = list(accuracy._SERIES)[2]
    found = accuracy._Setting(series, -6.0, 0).run()
    assert found["contour"] < 1e-13
    assert found["textbook"] == 1.0


def test_the_naive_determinant_is_right_where_it_can_be():
    y = np.array([0.0, 2.0, 5.0, 9.0])
    assert hciz.naive_log(y, 2) == pytest.approx(long_arithmetic.log_projections(y, 2), abs=1e-10)
    assert Projections(4, 2).diagonal.moments(y).log_normaliser == pytest.approx(
        UnitaryOrbit((1, 1, 0, 0)).diagonal.moments(y).log_normaliser, abs=1e-12
    )


def test_the_naive_determinant_is_found_out():
    part = hciz.hciz_part("quick", None)
    shown = part.show(find_results(part, None))
    assert verdicts(shown) == ["holds"] * 3


def test_bounds_and_ellipsoids_are_compared_on_every_domain():
    near = [bounds._Bound(d, m, 0) for d in bounds._DOMAINS for m in (1e-1, 1e-2, 1e-3)]
    grown = [bounds._Race(d, n, s) for d in bounds._DOMAINS for n in (2, 3, 4) for s in range(3)]
    part = bounds.part_of(near, grown)
    found = find_results(part, None)
    shown = part.show(found)
    assert verdicts(shown).count("holds") == len(shown.claims)
    assert len(shown.draw()[0].parts) == 4
    short = [{**one, "bound": one["bound"] / 1e4} if "bound" in one else one for one in found]
    assert part.show(short).claims[0].verdict == "does not hold"


def test_the_greatest_cut_is_that_of_all_ways():
    weights = max_cut.random_graph(6, np.random.default_rng(0))
    best = max(
        sum(weights[i, j] for i in range(6) for j in range(i) if s[i] != s[j])
        for s in product((-1, 1), repeat=6)
    )
    assert max_cut.greatest_cut(weights) == pytest.approx(best)


def test_the_relaxation_is_certified_and_a_bad_one_is_not():
    weights = max_cut.random_graph(8, np.random.default_rng(1))
    X, value, bound = max_cut.relax(weights, 0)
    assert max_cut.greatest_cut(weights) <= value + 1e-9 <= bound + 2e-9
    assert bound - value < 1e-9
    np.testing.assert_allclose(np.diag(X), 1)


def test_a_ring_of_four_is_cut_whole_and_of_five_nearly():
    four = np.roll(np.eye(4), 1, axis=1)
    found = rounding.cut_graph(four + four.T, 0)
    assert found["relaxed"] == pytest.approx(4, abs=1e-9)
    assert found["measured"] == pytest.approx(1, abs=1e-4)
    assert rounding._pentagon()["expected"] == pytest.approx(4 / rounding._PENTAGON, abs=1e-6)


def test_rounding_is_judged():
    part = rounding.part_of([rounding._Graph(6, seed) for seed in range(6)], 8)
    found = find_results(part, None)
    shown = part.show(found)
    assert "does not hold" not in verdicts(shown)
    poor = [{**one, "expected": 0.8} if "expected" in one else one for one in found]
    assert verdicts(part.show(poor))[3] == "does not hold"


@pytest.mark.parametrize("body", barriers._BODIES)
def test_barriers_have_their_parameter(body):
    part = barriers.part_of([barriers._Setting(body, n, seed) for n in (1, 4) for seed in range(6)])
    shown = part.show(find_results(part, None))
    assert verdicts(shown)[0] == "holds"
    assert verdicts(shown)[2:] == ["holds"] * 3
    assert len(shown.tables[0].rows) == 2


def test_entropies_are_between_their_bounds():
    part = entropies.part_of([entropies._Setting(n, seed) for n in (2, 3) for seed in range(2)])
    found = find_results(part, None)
    shown = part.show(found)
    assert verdicts(shown)[:4] == ["holds"] * 4
    assert len(shown.draw()[0].parts) == 3
    shifted = [{**one, "barycentric": [b + 1 for b in one["barycentric"]]} for one in found]
    assert part.show(shifted).claims[0].verdict == "does not hold"


def test_a_figure_beyond_its_limit_does_not_hold():
    assert exactly("a", "b", 2.0, 1.0).verdict == "does not hold"
    assert exactly("a", "b", 2.0, low=1.0).verdict == "holds"


def test_the_page_has_claims_and_a_section_for_each_part(tmp_path):
    part = closed_forms.closed_forms_part("quick", None)
    outcome = rerun("quick", Workplace(out=tmp_path), [part])
    assert [section.heading for section in outcome.page.sections] == ["Claims", "Closed forms"]


def test_it_is_listed():
    assert "2004.07403" in find_reproduction("maxent").source


def test_the_reference_of_zero_is_a_probability():
    assert float(long_arithmetic.log_normaliser(np.zeros(5))) == pytest.approx(0, abs=1e-15)
    assert factorial(4) * np.exp(Simplex(5).log_size) == pytest.approx(1)
