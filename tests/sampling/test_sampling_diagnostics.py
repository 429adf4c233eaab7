"""Diagnostics against ArviZ where it can be had, and against what is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.sampling import diagnostics


def autoregression(coefficient: float, chains: int, length: int, n: int = 1) -> np.ndarray:
    """Stationary chains of x_t = c x_(t-1) + e: ESS is (1 - c) / (1 + c) of the draws."""
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((chains, length, n))
    values = np.empty_like(noise)
    values[:, 0] = noise[:, 0] / np.sqrt(1 - coefficient**2)
    for t in range(1, length):
        values[:, t] = coefficient * values[:, t - 1] + noise[:, t]
    return values


SHAPES = [(4, 100), (1, 56), (2, 8), (3, 1001)]


def cases(shape: tuple[int, int]) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.concatenate(
        [
            autoregression(0.9, *shape),
            autoregression(-0.9, *shape),
            autoregression(0.0, *shape, n=3),
            rng.standard_cauchy((*shape, 1)),
            np.round(autoregression(0.5, *shape)),  # ties
            np.arange(shape[0])[:, None, None] + rng.standard_normal((*shape, 1)),  # apart
            np.linspace(0, 1, shape[1])[None, :, None] + 0.1 * rng.standard_normal((*shape, 1)),
        ],
        axis=2,
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "kind", "extra"),
    [
        ("rhat", "rank", {}),
        ("ess_bulk", "bulk", {}),
        ("ess_mean", "mean", {}),
        ("ess_tail", "tail", {}),
        ("ess_quantile", "quantile", {"prob": 0.3}),
        ("mcse_mean", "mean", {}),
        ("mcse_sd", "sd", {}),
        ("mcse_quantile", "quantile", {"prob": 0.3}),
    ],
)
def test_equals_arviz(name, kind, extra, shape):
    arviz = pytest.importorskip("arviz", reason="arviz is not installed")
    arviz.utils.Numba.disable_numba()  # its compiled branch of mcse fails under NumPy 2.4
    draws = cases(shape)
    theirs = getattr(arviz, name.split("_")[0])
    ours = getattr(diagnostics, name)(draws, *extra.values())
    expected = [float(theirs(draws[:, :, j], method=kind, **extra)) for j in range(draws.shape[2])]
    if name == "rhat" and shape[0] == 1:  # arviz wants two chains; one, split, is two already
        assert np.isnan(expected).all()
        assert np.isfinite(ours).all()
        return
    np.testing.assert_allclose(ours, expected, rtol=1e-6)


@pytest.mark.parametrize("coefficient", [0.0, 0.5, 0.9])
def test_effective_size_of_an_autoregression(coefficient):
    draws = autoregression(coefficient, 4, 20_000)
    expected = 80_000 * (1 - coefficient) / (1 + coefficient)
    np.testing.assert_allclose(diagnostics.ess_bulk(draws), expected, rtol=0.1)
    np.testing.assert_allclose(diagnostics.ess_mean(draws), expected, rtol=0.1)


def test_chains_apart_are_found_by_rhat():
    draws = autoregression(0.0, 2, 200)
    assert diagnostics.rhat(draws)[0] < 1.02
    draws[0] += 3
    assert diagnostics.rhat(draws)[0] > 1.5


def test_chains_of_different_spread_are_found_by_folding():
    draws = autoregression(0.0, 2, 2000)
    draws[0] *= 3
    assert diagnostics.rhat(draws)[0] > 1.1


def test_standard_errors_cover_the_truth():
    draws = autoregression(0.6, 2, 500, n=400)
    truth = 1 / np.sqrt(1 - 0.36)
    z = draws.mean(axis=(0, 1)) / diagnostics.mcse_mean(draws)
    assert 0.85 < np.sqrt((z**2).mean()) < 1.15
    z = (draws.std(axis=(0, 1), ddof=1) - truth) / diagnostics.mcse_sd(draws)
    assert 0.85 < np.sqrt((z**2).mean()) < 1.15
    z = np.quantile(draws, 0.5, axis=(0, 1)) / diagnostics.mcse_quantile(draws, 0.5)
    assert 0.85 < np.sqrt((z**2).mean()) < 1.15


def test_a_constant_has_all_draws_and_no_rhat():
    draws = np.ones((2, 50, 1))
    assert diagnostics.ess_bulk(draws)[0] == 100
    assert np.isnan(diagnostics.rhat(draws)[0])


def test_too_few_draws_have_no_diagnostics():
    assert np.isnan(diagnostics.ess_bulk(np.zeros((2, 3, 1)))).all()


def test_wide_draws_are_taken_in_parts_with_the_same_answer(monkeypatch):
    draws = autoregression(0.3, 2, 60, n=7)
    whole = diagnostics.ess_tail(draws), diagnostics.rhat(draws)
    monkeypatch.setattr(diagnostics, "_AT_ONCE", 250)
    np.testing.assert_array_equal(diagnostics.ess_tail(draws), whole[0])
    np.testing.assert_array_equal(diagnostics.rhat(draws), whole[1])


def test_bad_draws_are_refused():
    with pytest.raises(ValueError, match="NaN"):
        diagnostics.rhat(np.full((2, 10, 1), np.nan))
    with pytest.raises(ValueError, match="chains, draws"):
        diagnostics.rhat(np.zeros(10))
    with pytest.raises(ValueError, match="probability"):
        diagnostics.ess_quantile(np.zeros((2, 10, 1)), 1.0)
