"""The re-run on MALA: cells, claims and the page."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from equipoise.audit import Estimate
from equipoise.reproduce import find_reproduction
from equipoise.reproduce.claim import Workplace
from equipoise.reproduce.mala import best_step, checks, scaling, zero_one
from equipoise.reproduce.mala.data import posterior
from equipoise.reproduce.mala.langevin_batches import _slope, anneal_in_batches
from equipoise.reproduce.mala.rerun import rerun
from equipoise.reproduce.part import find_results
from equipoise.reproduce.within import within
from equipoise.sampling.densities import ZeroOneLoss, ZeroOneTarget, bound_regularity, fit_zero_one


def test_one_column_makes_data_coherent():
    spread, one = (bound_regularity(posterior(data, 20, 0)) for data in ("incoherent", "coherent"))
    assert spread.coherence < 2.5
    assert one.coherence > 8


def test_the_expansion_of_the_error_of_energy_is_found():
    found = checks._energy(3)
    assert found["ratio"] == pytest.approx(1, abs=0.02)
    assert found["power"] == pytest.approx(3, abs=0.04)


@pytest.mark.parametrize("what", ["normal", "mixture", "quadrature"])
def test_known_means_are_kept(what, monkeypatch):
    monkeypatch.setattr(checks, "_DRAWS", 1500)
    z = np.array(checks._RUNS[what](11)["z"])
    assert np.abs(z).max() < 4
    assert np.abs(z).max() > 0


@pytest.fixture(scope="module")
def small():
    part = scaling.part_of(
        [
            scaling.Setting(series, d, seed, 300)
            for series in scaling._SERIES
            for d in (4, 8)
            for seed in range(2)
        ]
    )
    return part, find_results(part, None)


def test_claims_on_scaling_are_about_fitted_powers(small):
    part, found = small
    shown = part.show(found)
    sizes = [
        [one["median"] for one in found[first : first + 2]] for first in range(0, len(found), 2)
    ]
    powers = np.log2(np.array(sizes[0]) / np.array(sizes[1]))  # of 4 and of 8 coefficients
    assert shown.claims[0].ours == pytest.approx(powers.mean())
    assert [len(table.rows) for table in shown.tables] == [8, 4]
    assert shown.claims[5].claim.startswith("h = 2 d^(-1/3) / L accepts 0.574 at d = 8")
    assert shown.draw()[0].heading == "Gradients in growing dimension"


def test_the_chosen_step_is_compared_with_the_best_tried():
    many = [
        {"accepted": [0.5] * 7, "sizes": [0.1, 0.1, 0.1, at, 0.2, 0.1, 0.1]} for at in (0.1, 0.11)
    ]
    claim = best_step._show(many).claims[0]
    assert claim.ours == pytest.approx(0.525)
    assert claim.verdict == "does not hold"


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [(0.8, 1.1, "holds"), (0.6, 1.1, "cannot be told"), (1.4, 1.5, "does not hold")],
)
def test_a_figure_is_within_limits_if_its_interval_is(low, high, verdict):
    assert within("", "", Estimate((low + high) / 2, low, high), 0.7, 1.3).verdict == verdict


@pytest.mark.parametrize("noise", zero_one._NOISES)
def test_no_label_is_flipped_as_often_as_not(noise):
    X, chance = zero_one._rows(noise, 2000, np.random.default_rng(0))
    assert 0 <= chance.min() <= chance.max() < 0.5
    axis = np.eye(X.shape[1])[0]
    assert zero_one._excess(X, chance, axis) == 0
    assert zero_one._excess(X, chance, -axis) == pytest.approx(np.mean(1 - 2 * chance))


def test_gradients_of_all_rows_in_batches_are_the_target_s():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 4))
    target = ZeroOneTarget(ZeroOneLoss(X, X[:, 0] > 0), 0.5, 0.3)
    theta = rng.standard_normal((5, 4))
    np.testing.assert_allclose(
        _slope(target.loss.signed, target, theta), target.evaluate(theta)[1], rtol=1e-12
    )


def test_batches_find_a_direction_too():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 3))
    y = X[:, 0] > 0
    fit = fit_zero_one(X, y, n_steps=40, n_stages=4, n_chains=4)
    found = anneal_in_batches(X, y, fit, 0, n_chains=4, n_steps=40)
    assert ZeroOneLoss(X, y).error(found[None])[0] < 0.1


def test_claims_on_noise_are_of_paired_differences():
    part = zero_one.part_of(2)

    def result(noise: str, seed: int) -> dict[str, dict[str, float]]:
        of = {name: {"train": 0.1, "excess": 0.2 + 0.01 * seed} for name in zero_one._METHODS}
        of["annealed MALA"] = {"train": 0.1, "excess": 0.15 + 0.01 * seed}
        return of

    shown = part.show([result(cell.decides["noise"], cell.decides["seed"]) for cell in part.cells])
    assert shown.claims[0].ours == pytest.approx(-0.05)
    assert shown.claims[0].verdict == "holds"
    assert shown.claims[-1].verdict == "does not hold"  # no difference is not less
    assert len(shown.tables[0].rows) == 16


def test_the_page_has_claims_and_a_section_for_each_part(small, tmp_path):
    part, found = small
    known = iter(found)
    cells = tuple(dataclasses.replace(cell, run=lambda: next(known)) for cell in part.cells)
    again = dataclasses.replace(part, cells=cells)
    outcome = rerun("quick", Workplace(out=tmp_path), [again])
    assert [section.heading for section in outcome.page.sections][1:] == [
        "Gradients in growing dimension"
    ]
    assert outcome.to_dict()["claims"][0]["paper"] == "about d^(2/3)"


def test_it_is_listed():
    assert "1902.08452" in find_reproduction("mala").source
