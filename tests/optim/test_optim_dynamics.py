"""Where optimizers come to rest on two groups: laws against chains, chains against equations."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from equipoise.optim.dynamics import (
    DoubleWell,
    OwnCoordinates,
    TwoGroupQuadratic,
    chain_variance,
    density_ratio,
    gradient_variance,
    run_chains,
    run_diffusion,
    speed_ratio,
    stationary,
    threshold,
)
from equipoise.optim.stacked import SGD, Adam, Lion, RMSProp, SignSGD

CHAINS = 20_000
EVEN = TwoGroupQuadratic(0.5)


def points(value, n=CHAINS):
    return torch.full((n,), value, dtype=torch.float64)


def noise_of(problem, batch=1):
    return float(gradient_variance(problem, points(0.0, 1), batch))


def resting(problem, rule, rate, steps, **settings):
    """Chains from the mean of the stationary law, when they have forgotten it."""
    start = points(problem.mean)
    return run_chains(problem, rule, rate, start, steps, **settings).numpy()


# ------------------------------------------------------------------------ laws


@pytest.mark.parametrize(("p0", "rate", "batch"), [(0.6, 0.2, 1), (0.9, 0.2, 1), (0.9, 0.05, 4)])
def test_sgd_rests_with_the_variance_of_its_law(p0, rate, batch):
    problem = TwoGroupQuadratic(p0)
    at = resting(problem, SGD(), rate, math.ceil(10 / rate), batch=batch)
    assert at.mean() == pytest.approx(problem.mean, abs=4 * at.std() / math.sqrt(CHAINS))
    assert at.std() == pytest.approx(math.sqrt(chain_variance(problem, rate, batch)), rel=0.02)
    slow = stationary(problem, "sgd", rate, batch).variance
    assert slow == pytest.approx(chain_variance(problem, rate, batch) * (2 - rate) / 2)


@pytest.mark.parametrize(("p0", "rate", "batch"), [(0.6, 0.05, 1), (0.9, 0.02, 1), (0.9, 0.01, 8)])
def test_rmsprop_rests_with_the_variance_of_its_law(p0, rate, batch):
    problem = TwoGroupQuadratic(p0)
    law = stationary(problem, "rmsprop", rate, batch)
    noise = noise_of(problem, batch)
    steps = math.ceil(6 * math.sqrt(noise) / rate)
    at = resting(problem, RMSProp(0.999), rate, steps, batch=batch, begin_with={"square": noise})
    assert at.mean() == pytest.approx(law.mean, abs=0.01)
    assert at.std() == pytest.approx(math.sqrt(law.variance), rel=0.05)


def test_reported_constants_are_twice_the_variance_and_not_what_chains_do():
    problem = TwoGroupQuadratic(0.9)
    for method in ("sgd", "rmsprop"):
        ours, theirs = (
            stationary(problem, method, 0.05, convention=convention)
            for convention in ("derived", "reported")
        )
        assert theirs.variance == 2 * ours.variance
    # 1 / (2 theta) and 1 / (2 kappa) of theorem 1 as it is reported.
    assert stationary(problem, "sgd", 0.05, convention="reported").variance == pytest.approx(
        4 * 0.05 * 0.09
    )
    assert stationary(problem, "rmsprop", 0.05, convention="reported").variance == pytest.approx(
        2 * 0.05 * 0.3
    )


def test_the_density_is_that_of_scipy():
    law = stationary(TwoGroupQuadratic(0.8), "sgd", 0.1)
    expected = norm(law.mean, math.sqrt(law.variance)).logpdf(0.3)
    assert law.log_density(0.3) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("rate", "derived", "reported"),
    [(0.01, 0.071, 0.100), (0.05, 0.157, 0.220), (0.2, 0.305, 0.416), (0.5, 0.458, 0.598)],
)
def test_the_threshold_is_where_the_densities_cross(rate, derived, reported):
    for convention, expected in (("derived", derived), ("reported", reported)):
        apart = threshold(rate, convention=convention)
        assert apart == pytest.approx(expected, abs=1e-3)
        for sign, above in ((1.02, True), (0.98, False)):
            problem = TwoGroupQuadratic((1 + sign * apart) / 2)
            assert (density_ratio(problem, rate, convention=convention) > 1) == above


@given(st.floats(1e-4, 1e-2))
def test_the_threshold_of_small_rates_is_the_root_of_half_the_rate(rate):
    assert threshold(rate) == pytest.approx(math.sqrt(rate / 2), rel=0.02)
    assert threshold(rate, convention="reported") == pytest.approx(math.sqrt(rate), rel=0.02)


def test_large_batches_favour_rmsprop_for_equal_groups_already():
    # Its variance falls with the root of the batch alone.
    assert threshold(0.05, batch=16) > 0
    assert density_ratio(TwoGroupQuadratic(0.9), 0.05, 16) > 1


def test_rmsprop_is_sgd_of_another_rate_once_its_squares_have_converged():
    problem, rate = TwoGroupQuadratic(0.95), 0.02
    deviation = math.sqrt(4 * 0.95 * 0.05)
    of_rms = stationary(problem, "rmsprop", rate)
    assert stationary(problem, "sgd", rate / deviation).variance == pytest.approx(of_rms.variance)


# ------------------------------------------------------------------------ equations


@pytest.mark.parametrize("rule", [SGD(), RMSProp(0.999)])
@pytest.mark.parametrize("substeps", [1, 3])
def test_equations_are_distributed_as_chains(rule, substeps):
    problem, start, looks = TwoGroupQuadratic(0.95), points(0.0, CHAINS // 2), [100, 400]
    noise = noise_of(problem)
    begin_with = {"square": noise} if isinstance(rule, RMSProp) else None
    chains = run_chains(problem, rule, 0.05, start, looks, begin_with=begin_with)
    paths = run_diffusion(
        problem, rule, 0.05, start, looks, substeps=substeps, seed=1, start_square=noise
    )
    assert chains.shape == paths.shape == (2, CHAINS // 2)
    for a, b in zip(chains, paths, strict=True):
        assert float(b.mean()) == pytest.approx(float(a.mean()), abs=0.012)
        tolerance = 0.05 if isinstance(rule, RMSProp) else 0.03
        assert float(b.std()) == pytest.approx(
            float(a.std()), rel=tolerance + 0.02 * (substeps > 1)
        )


@pytest.mark.parametrize("batch", [1, 5])
def test_the_noise_of_a_batch_is_that_of_the_rows_that_it_holds(batch):
    draw = torch.Generator().manual_seed(0)
    share = (torch.rand(200_000, batch, generator=draw, dtype=torch.float64) < 0.8).double().mean(1)
    for problem in (TwoGroupQuadratic(0.8), DoubleWell(0.8), OwnCoordinates(0.8)):
        pair = isinstance(problem, OwnCoordinates)
        w = torch.tensor([[0.3, -0.2]] if pair else [0.3], dtype=torch.float64)
        seen = problem.gradient(w.expand(200_000, *w.shape[1:]), share)
        variance = gradient_variance(problem, w, batch)[0]
        torch.testing.assert_close(seen.var(0), variance, rtol=0.02, atol=0)
        mean = problem.gradient(w, 0.8)[0]
        torch.testing.assert_close(seen.mean(0), mean, rtol=0, atol=3e-3)


# ------------------------------------------------------------------------ basins and coordinates


def test_the_fair_basin_is_a_minimum_of_the_second_group_and_both_are_of_the_mean():
    problem = DoubleWell(0.95)
    w = np.linspace(-1.3, 1.3, 26_001)
    slopes = {share: problem.gradient(w, share) for share in (0.95, 0.0)}
    minima = {share: w[1:][(slope[:-1] < 0) & (slope[1:] >= 0)] for share, slope in slopes.items()}
    assert len(minima[0.95]) == 2
    assert len(minima[0.0]) == 1
    assert minima[0.0][0] < 0.5


def test_at_one_rate_rmsprop_leaves_the_unfair_basin_and_sgd_does_not():
    fair = [
        float(
            (run_chains(DoubleWell(0.95), rule, 0.1, points(1.0, 500), 4000) < 0.5).double().mean()
        )
        for rule in (SGD(), RMSProp(0.99))
    ]
    assert fair == [0.0, 1.0]


def test_at_the_rate_that_rmsprop_comes_to_sgd_leaves_it_too():
    problem = DoubleWell(0.95)
    rate = 0.1 / math.sqrt(noise_of(problem))
    assert rate == pytest.approx(1.48, abs=0.01)
    ends = run_chains(problem, SGD(), rate, points(1.0, 500), 4000)
    assert float((ends < 0.5).double().mean()) > 0.95


@pytest.mark.parametrize("p1", [0.02, 0.2])
@pytest.mark.parametrize("batch", [1, 16, 256])
def test_the_ratio_of_speeds_is_that_of_chains(p1, batch):
    problem = OwnCoordinates(1 - p1)
    shares = torch.tensor([1 - p1, p1], dtype=torch.float64)
    start = torch.zeros(2000, 2, dtype=torch.float64)
    # So slow that distances, and so the squares, stay what they are.
    given = {"rate": 1e-6, "start": start, "steps": 400, "batch": batch}
    squares = {"square": p1 * (1 - p1) / batch + shares**2}
    moved = run_chains(problem, RMSProp(0.9999), **given, begin_with=squares).mean(0)
    assert float(moved[1] / moved[0]) == pytest.approx(speed_ratio(1 - p1, batch), rel=0.05)
    of_sgd = run_chains(problem, SGD(), **given).mean(0)
    assert float(of_sgd[1] / of_sgd[0]) == pytest.approx(p1 / (1 - p1), rel=0.05)


@given(st.floats(0.5, 0.99), st.integers(1, 10**6))
def test_larger_batches_make_rare_coordinates_as_fast_as_others(p0, batch):
    ratio = speed_ratio(p0, batch)
    assert math.sqrt((1 - p0) / p0) <= ratio * (1 + 1e-12)
    assert ratio <= speed_ratio(p0, 2 * batch) * (1 + 1e-12) <= 1 + 1e-9
    assert speed_ratio(p0, None) == 1


# ------------------------------------------------------------------------ chains


def test_a_sign_forgets_by_how_much():
    # At one row a batch the sign of the gradient is that of the group: chains go to the median.
    problem = TwoGroupQuadratic(0.9)
    ends = [
        float(run_chains(problem, rule, 0.02, points(0.8, 2000), 2000).mean())
        for rule in (SignSGD(), Lion())
    ]
    assert ends == pytest.approx([1, 0.82], abs=0.05)


def test_the_same_seed_gives_the_same_chains():
    first, second, other = (
        run_chains(TwoGroupQuadratic(0.7), SGD(), 0.1, points(0.0, 50), 30, seed=seed)
        for seed in (4, 4, 5)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: TwoGroupQuadratic(1.0), "p0"),
        (lambda: DoubleWell(0.5, barrier=0), "barrier"),
        (lambda: speed_ratio(0, 1), "p0"),
        (lambda: stationary(TwoGroupQuadratic(0.5), "adam", 0.1), "method"),
        (lambda: stationary(TwoGroupQuadratic(0.5), "sgd", 0.1, convention="ours"), "convention"),
        (lambda: chain_variance(TwoGroupQuadratic(0.5), 2.0), "below 2"),
        (lambda: threshold(0.1, batch=0), "batch"),
        (lambda: run_chains(EVEN, SGD(), 0.1, points(0.0, 2), [3, 2]), "rising"),
        (lambda: run_chains(EVEN, SGD(), 0.0, points(0.0, 2), 2), "rate"),
        (lambda: run_chains(EVEN, SGD(), 0.1, points(0.0, 2), 2, batch=0), "batch"),
        (lambda: run_diffusion(EVEN, Adam(), 0.1, points(0.0, 2), 2), "rule must be"),
        (lambda: run_diffusion(EVEN, SGD(0.9), 0.1, points(0.0, 2), 2), "rule must be"),
        (lambda: run_diffusion(EVEN, SGD(), 0.1, points(0.0, 2), 2, substeps=0), "substeps"),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_chain_that_diverges_is_said():
    with pytest.raises(FloatingPointError, match="smaller rate"):
        run_chains(EVEN, SGD(), 5.0, points(1.0, 2), 2000)


def test_a_ratio_beyond_what_a_number_holds_is_infinite():
    assert density_ratio(TwoGroupQuadratic(0.99), 0.001) == math.inf
