"""What a warm-up learns, that it then stops, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sampling.gaussian_target import SKEWED, gaussian

from equipoise.sampling import run, start
from equipoise.sampling.densities import HMC, MALA, ULA, ArrayTarget, Metric, RandomWalk, warm_up

SCALES = np.array([0.01, 1.0, 30.0])
CORRELATION = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.3], [0.0, 0.3, 1.0]])
COVARIANCE = CORRELATION * np.outer(SCALES, SCALES)


@pytest.mark.parametrize(("kind", "wanted"), [(MALA, 0.574), (RandomWalk, 0.234), (HMC, 0.651)])
@pytest.mark.parametrize("first", [1e-5, 30.0])
def test_the_wanted_acceptance_is_reached_from_a_step_size_far_off(kind, wanted, first):
    kernel = kind(gaussian(np.eye(8)), first)
    ready = warm_up(kernel, start(kernel, np.zeros(8), seed=1, n_chains=8), 600, learn="step")
    assert ready.acceptance == pytest.approx(wanted, abs=0.05)
    _, draws = run(ready.kernel, ready.chains, 600)
    assert draws.acceptance.mean() == pytest.approx(wanted, abs=0.05)


def test_another_acceptance_may_be_wanted():
    kernel = MALA(gaussian(np.eye(8)), 0.1)
    chains = start(kernel, np.zeros(8), seed=1, n_chains=8)
    ready = warm_up(kernel, chains, 600, learn="step", acceptance=0.8)
    assert ready.acceptance == pytest.approx(0.8, abs=0.05)


def test_scales_are_learnt():
    kernel = MALA(gaussian(COVARIANCE), 1e-4)
    ready = warm_up(kernel, start(kernel, np.zeros(3), seed=2, n_chains=16), 3000)
    np.testing.assert_allclose(ready.kernel.metric.factor, SCALES, rtol=0.3)
    _, draws = run(ready.kernel, ready.chains, 3000)
    summary = draws.summary()
    assert (np.abs(summary.mean[:3] / summary.mcse_mean[:3]) < 4).all()
    assert (np.abs((summary.sd[:3] - SCALES) / summary.mcse_sd[:3]) < 4).all()


def test_correlations_are_learnt_and_pay():
    kernel = MALA(gaussian(CORRELATION), 0.1)
    chains = start(kernel, np.zeros(3), seed=2, n_chains=8)
    found = {learn: warm_up(kernel, chains, 2000, learn=learn) for learn in ("step", "dense")}
    factor = found["dense"].kernel.metric.factor
    np.testing.assert_allclose(factor @ factor.T, CORRELATION, atol=0.15)
    sizes = {
        learn: run(one.kernel, one.chains, 2000)[1].summary().min_ess
        for learn, one in found.items()
    }
    assert sizes["dense"] > 2 * sizes["step"]


def test_a_covariance_of_few_draws_is_still_one():
    kernel = MALA(gaussian(np.eye(60)), 0.1)
    ready = warm_up(kernel, start(kernel, np.zeros(60), seed=2, n_chains=1), 100, learn="dense")
    assert np.isfinite(ready.kernel.metric.factor).all()
    assert ready.kernel.metric.factor.shape == (60, 60)


def test_what_was_learnt_is_frozen():
    kernel = MALA(SKEWED, 0.2)
    ready = warm_up(kernel, start(kernel, np.zeros(2), seed=3), 300)
    plain = MALA(SKEWED, ready.kernel.step_size, ready.kernel.metric)
    again = start(plain, ready.chains.state["position"], seed=0)
    again = type(again)(again.state, ready.chains.randomness, 0, plain.identity)
    np.testing.assert_array_equal(
        run(ready.kernel, ready.chains, 200)[1].array, run(plain, again, 200)[1].array
    )
    assert len(np.unique(ready.step_sizes)) > 200
    np.testing.assert_array_equal(ready.chains.state["steps"], 0)


def test_the_same_seed_learns_the_same_bits():
    kernel = HMC(SKEWED, 0.2)
    one, other = (
        warm_up(kernel, start(kernel, np.zeros(2), seed=3), 200, learn="dense") for _ in range(2)
    )
    assert one.kernel.identity == other.kernel.identity
    np.testing.assert_array_equal(one.chains.state["position"], other.chains.state["position"])


def test_chains_that_never_move_are_named():
    def walled(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        away = (x != 0).any(axis=1)
        return np.where(away, np.nan, 0.0), np.zeros_like(x)

    kernel = MALA(ArrayTarget(walled, "walled"), 0.5)
    with pytest.raises(FloatingPointError, match=r"no chain of .*walled.* ever moved"):
        warm_up(kernel, start(kernel, np.zeros(1), seed=0), 50)


def test_a_warm_up_that_was_too_short_says_so():
    kernel = MALA(gaussian(np.eye(3) * 1e-12), 1e6)
    with pytest.warns(UserWarning, match="take more n_steps"):
        warm_up(kernel, start(kernel, np.full(3, 1e-6), seed=0), 30, learn="step")


def test_bad_settings_are_refused():
    kernel = MALA(SKEWED, 0.5)
    chains = start(kernel, np.zeros(2), seed=0)
    for wrong in ({"n_steps": 10}, {"learn": "all"}, {"acceptance": 1.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            warm_up(kernel, chains, **wrong)
    with pytest.raises(ValueError, match="cannot be warmed up"):
        warm_up(MALA(SKEWED, 0.6), chains)
    with pytest.raises(ValueError, match="ULA accepts everything"):
        warm_up(ULA(SKEWED, 0.5), chains)


def test_kernels_with_metrics_can_be_told_apart():
    one, other = (MALA(SKEWED, 0.5, Metric(np.array([1.0, 2.0]))) for _ in range(2))
    assert one.identity == other.identity
    assert one != other  # arrays are not looked into
    assert len({one, other}) == 2
