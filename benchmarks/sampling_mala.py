"""MALA on a logistic posterior: effective draws a second beside blackjax's."""

from __future__ import annotations

import os
import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from equipoise.sampling import run, start
from equipoise.sampling.densities import MALA, GaussianPrior, LogisticPosterior, curvature_step
from equipoise.sampling.diagnostics import ess_mean

Array = NDArray[Any]

_ROWS, _D, _CHAINS, _DRAWS = 10_000, 100, 16, 400
_ROUNDS = 5


def beside_blackjax() -> list[Figure]:
    """Both walk on one posterior in float64 with one step size and one thread.

    What compiling takes is left out, on both sides.

    Returns
    -------
    list of Figure
    """
    # Read by jax when it is first imported.
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    )
    try:
        import blackjax
        import jax
    except ImportError:
        print("blackjax is not installed: MALA is not measured beside it")
        return []
    jax.config.update("jax_enable_x64", True)
    random = np.random.default_rng(0)
    X = random.standard_normal((_ROWS, _D))
    truth = random.standard_normal(_D) / np.sqrt(_D)
    y = (random.random(_ROWS) < 1 / (1 + np.exp(-X @ truth))).astype(int)
    posterior = LogisticPosterior(X, y, GaussianPrior(1.0))
    mode = posterior.mode()
    spread = np.linalg.cholesky(np.linalg.inv(mode.hessian))
    begin = mode.position + random.standard_normal((_CHAINS, _D)) @ spread.T
    size = curvature_step(float(np.linalg.eigvalsh(mode.hessian)[-1]), _D)
    with threadpool_limits(1):
        walks = {
            "ours": _ours(posterior, size, begin),
            "blackjax": _theirs(blackjax, jax, posterior.signed, size, begin),
        }
        ratios, steps = _in_turns(walks)
    what = f"MALA, logistic posterior of {_ROWS} rows, {_D} coefficients, {_CHAINS} chains, float64"
    return [
        Figure("mala_over_blackjax", ratios, ">=", 1, f"{what}: effective draws a second, ratio"),
        Figure("mala_step_over_blackjax", steps, ">=", 1, f"{what}: steps a second, ratio"),
    ]


def _ours(posterior: LogisticPosterior, size: float, begin: Array) -> Any:
    kernel = MALA(posterior, size)
    chains = start(kernel, begin, seed=1)

    def go() -> Array:
        nonlocal chains
        chains, draws = run(kernel, chains, _DRAWS)
        return draws.array

    return go


def _theirs(blackjax: Any, jax: Any, signed: Array, size: float, begin: Array) -> Any:
    rows = jax.numpy.asarray(signed)

    def log_density(theta: Any) -> Any:
        # log(1 + exp(-m)), whose derivative is jax's own sigmoid.
        return -jax.nn.softplus(-(rows @ theta)).sum() - (theta**2).sum() / 2

    kernel = blackjax.mala(log_density, size)

    def all_steps(states: Any, key: Any) -> Any:
        def step(states: Any, key: Any) -> Any:
            states, _ = jax.vmap(kernel.step)(jax.random.split(key, _CHAINS), states)
            return states, states.position

        return jax.lax.scan(step, states, jax.random.split(key, _DRAWS))

    walk = jax.jit(all_steps)
    states = jax.vmap(kernel.init)(jax.numpy.asarray(begin))
    key = jax.random.key(1)

    def go() -> Array:
        nonlocal states, key
        key, now = jax.random.split(key)
        states, positions = walk(states, now)
        return np.asarray(positions).swapaxes(0, 1)

    return go


def _in_turns(walks: dict[str, Any]) -> tuple[float, float]:
    rates: dict[str, list[float]] = {name: [] for name in walks}
    spent: dict[str, list[float]] = {name: [] for name in walks}
    for walk in walks.values():
        walk()  # compiles
    for _ in range(_ROUNDS):
        for name, walk in walks.items():
            began = time.process_time()
            draws = walk()
            seconds = time.process_time() - began
            spent[name].append(seconds)
            rates[name].append(float(ess_mean(draws).min()) / seconds)
    pairs = zip(rates["ours"], rates["blackjax"], strict=True)
    faster = zip(spent["blackjax"], spent["ours"], strict=True)
    return (
        statistics.median(one / other for one, other in pairs),
        statistics.median(one / other for one, other in faster),
    )
