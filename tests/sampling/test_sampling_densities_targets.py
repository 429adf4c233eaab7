"""Targets: gradients against finite differences, torch beside NumPy, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equipoise.sampling import run, start
from equipoise.sampling.densities import (
    MALA,
    ArrayTarget,
    FlatPrior,
    GaussianPrior,
    HyperbolicPrior,
    LogisticPosterior,
    Target,
    TorchTarget,
    ZeroOneLoss,
    ZeroOneTarget,
)

RNG = np.random.default_rng(3)
X = RNG.standard_normal((30, 4))
Y = RNG.random(30) < 0.4
PRIORS = (GaussianPrior(0.7), HyperbolicPrior(0.6), FlatPrior())


def slope(target: Target, x: np.ndarray, width: float = 1e-6) -> np.ndarray:
    moves = width * np.eye(x.shape[1])
    return np.stack(
        [(target.log_density(x + m) - target.log_density(x - m)) / (2 * width) for m in moves],
        axis=1,
    )


@pytest.mark.parametrize(
    "target",
    [
        *(LogisticPosterior(X, Y, prior) for prior in PRIORS),
        ZeroOneTarget(ZeroOneLoss(X, Y), 0.8, 0.3),
        TorchTarget(lambda x: -(x**4).sum(dim=1) - (x[:, 0] * x[:, 1]).cos(), "quartic"),
    ],
)
def test_gradients_are_those_of_finite_differences(target):
    x = RNG.standard_normal((6, 4))
    density, gradient = target.evaluate(x)
    np.testing.assert_allclose(gradient, slope(target, x), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(density, target.log_density(x), rtol=1e-13)


@pytest.mark.parametrize("prior", PRIORS)
def test_derivatives_along_lines_are_those_of_finite_differences(prior):
    posterior = LogisticPosterior(X, Y, prior)
    x, u = RNG.standard_normal((5, 4)), RNG.standard_normal((5, 4))
    width = 1e-4

    def first(t: float) -> np.ndarray:
        return -(posterior.evaluate(x + t * u)[1] * u).sum(axis=1)

    second = (first(width) - first(-width)) / (2 * width)
    np.testing.assert_allclose(posterior.along(x, u, 2), second, rtol=1e-5, atol=1e-6)
    for order in (3, 4):
        above, below = (posterior.along(x + s * width * u, u, order - 1) for s in (1, -1))
        expected = (above - below) / (2 * width)
        np.testing.assert_allclose(posterior.along(x, u, order), expected, rtol=1e-5, atol=1e-5)


def test_the_hessian_is_the_second_derivative_along_axes():
    posterior = LogisticPosterior(X, Y, HyperbolicPrior(0.6))
    theta = RNG.standard_normal(4)
    at = np.tile(theta, (4, 1))
    np.testing.assert_allclose(
        np.diag(posterior.hessian(theta)), posterior.along(at, np.eye(4), 2), rtol=1e-12
    )


@given(t=st.floats(-50, 50), scale=st.floats(0.1, 10))
def test_a_prior_never_bends_more_than_it_says(t, scale):
    for prior in (GaussianPrior(scale), HyperbolicPrior(scale), FlatPrior()):
        for order, most in zip((2, 3, 4), prior.most, strict=True):
            bent = prior.energy(np.array([t * scale]), order)[0]
            assert abs(bent) <= most * (1 + 1e-12)


def test_a_hyperbolic_prior_reaches_its_largest_derivatives():
    prior = HyperbolicPrior(2.0)
    t = np.linspace(-3, 3, 6001) * 2
    for order, most in zip((2, 3, 4), prior.most, strict=True):
        assert np.abs(prior.energy(t, order)).max() == pytest.approx(most, rel=1e-6)


def test_one_density_in_torch_and_in_numpy_gives_one_chain():
    precision = np.array([[2.0, 0.4], [0.4, 1.0]])
    matrix = torch.tensor(precision)
    ours = ArrayTarget(lambda x: (-((x @ precision) * x).sum(1) / 2, -x @ precision), "g")
    theirs = TorchTarget(lambda x: -((x @ matrix) * x).sum(1) / 2, "g")
    chains = [
        run(kernel, start(kernel, np.ones(2), seed=6), 50)[1].array
        for kernel in (MALA(ours, 0.4), MALA(theirs, 0.4))
    ]
    np.testing.assert_allclose(chains[0], chains[1], rtol=1e-10, atol=1e-12)


def test_float32_agrees_with_float64_to_its_precision():
    def function(x: torch.Tensor) -> torch.Tensor:
        return -(x**2).sum(dim=1) / 2

    x = RNG.standard_normal((5, 3))
    wide, narrow = (
        TorchTarget(function, "g", dtype=dtype).evaluate(x) for dtype in ("float64", "float32")
    )
    for one, other in zip(wide, narrow, strict=True):
        assert other.dtype == np.float64
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_function_of_one_row_is_called_row_by_row():
    one = ArrayTarget(lambda x: (-x @ x / 2, -x), "g", batched=False)
    x = RNG.standard_normal((3, 2))
    density, gradient = one.evaluate(x)
    np.testing.assert_allclose(density, -(x**2).sum(axis=1) / 2)
    np.testing.assert_array_equal(gradient, -x)


def test_values_of_another_shape_are_refused():
    x = np.zeros((3, 2))
    with pytest.raises(ValueError, match="one log-density a chain"):
        ArrayTarget(lambda x: (np.zeros((3, 1)), x), "g").evaluate(x)
    with pytest.raises(ValueError, match="gradients of shape"):
        ArrayTarget(lambda x: (np.zeros(3), x[:, :1]), "g").evaluate(x)
    with pytest.raises(ValueError, match="one log-density a chain"):
        TorchTarget(lambda x: x.sum(), "g").evaluate(x)
    with pytest.raises(ValueError, match="autograd cannot follow"):
        TorchTarget(lambda x: torch.zeros(len(x)), "g").evaluate(x)
    with pytest.raises(ValueError, match="dtype"):
        TorchTarget(lambda x: x.sum(dim=1), "g", dtype="float16")


@pytest.mark.parametrize("scale", [0.0, -1.0, np.nan])
def test_scales_of_priors_are_positive(scale):
    for kind in (GaussianPrior, HyperbolicPrior):
        with pytest.raises(ValueError, match="scale"):
            kind(scale)


@pytest.mark.parametrize("kind", [LogisticPosterior, ZeroOneLoss])
def test_bad_rows_and_labels_are_refused(kind):
    with pytest.raises(ValueError, match="X has shape"):
        kind(X[0], Y)
    with pytest.raises(ValueError, match="NaN"):
        kind(np.where(X > 1, np.nan, X), Y)
    with pytest.raises(ValueError, match="one label a row"):
        kind(X, Y[:-1])
    with pytest.raises(ValueError, match="two values"):
        kind(X, np.ones(30))
    with pytest.raises(ValueError, match="two values"):
        kind(X, np.arange(30))


def test_labels_may_be_any_two_values():
    words = np.where(Y, "yes", "no")
    assert LogisticPosterior(X, words).identity == LogisticPosterior(X, Y).identity


def test_other_data_are_another_target():
    assert LogisticPosterior(X, Y).identity != LogisticPosterior(X + 1e-9, Y).identity
    assert LogisticPosterior(X, Y).identity != LogisticPosterior(X, Y, FlatPrior()).identity
