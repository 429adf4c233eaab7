"""Uniform draws from polytopes: effective draws a second beside hopsy, looks that are saved."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import sampling_volume
from benchmarks.figure import Figure
from benchmarks.sampling_mala import beside_blackjax
from benchmarks.sampling_rounding import rounding_figures
from equipoise.sampling import (
    BallWalk,
    Billiard,
    BlockKernel,
    Chains,
    CoordinateHitAndRun,
    Polytope,
    run,
    start,
    tuned,
)
from equipoise.sampling.diagnostics import ess_mean

Array = NDArray[Any]
Rate = Callable[[], float]

_ROUNDS = 5


def figures() -> list[Figure]:
    """Ratios of rates that were measured in turns, by processor time.

    Returns
    -------
    list of Figure
    """
    return [
        *_ball_walk(),
        *_beside_hopsy(),
        *rounding_figures(),
        *sampling_volume.figures(),
        *beside_blackjax(),
    ]


def _ball_walk() -> list[Figure]:
    m, n, steps = 10_000, 200, 2_000
    body = Polytope(*_random_rows(m, n)).prepare()
    first = BallWalk(body)
    kernel, chains = tuned(first, start(first, body.centre, seed=1, n_chains=1))
    chains, _ = run(kernel, chains, 1, thin=20_000)
    walks = {rule: BallWalk(body, rule, kernel.size) for rule in ("quadratic", "full")}
    draws = {}
    for rule, walk in walks.items():
        begun = start(walk, chains.state["position"], seed=2)
        draws[rule] = run(walk, begun, 5, thin=steps)[1]
    rates = _in_turns(
        {
            rule: _steps_a_second(walk, start(walk, chains.state["position"], seed=3), steps)
            for rule, walk in walks.items()
        }
    )
    lazy = draws["quadratic"]
    share = lazy.counts["rows_checked"].sum() / lazy.counts["steps"].sum() / m
    same = bool((lazy.array == draws["full"].array).all())
    what = f"ball walk, {m} rows, {n} dimensions"
    return [
        Figure("lazy_over_full", _ratio(rates, "quadratic", "full"), ">=", 10, f"{what}: speed-up"),
        Figure("looked_at", float(share), "<=", 0.05, f"{what}: share of rows looked at in a step"),
        Figure("same_bits", float(same), ">=", 1, f"{what}: draws equal the full walk's"),
        Figure(
            "violations",
            float(lazy.counts["violations"].sum()),
            "<=",
            0,
            f"{what}: draws found outside",
        ),
    ]


def _beside_hopsy() -> list[Figure]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import hopsy
    except ImportError:
        print("hopsy is not installed: nothing is measured beside it")
        return []

    def peer(A: Array, b: Array, inside: Array, n_draws: int) -> Rate:
        chain = hopsy.MarkovChain(
            hopsy.Problem(A, b),
            hopsy.UniformCoordinateHitAndRunProposal,
            starting_point=inside,
        )
        random = hopsy.RandomNumberGenerator(1)

        def rate() -> float:
            began = time.process_time()
            _, x = hopsy.sample(chain, random, n_samples=n_draws, thinning=len(inside))
            spent = time.process_time() - began
            return _effective(np.asarray(x).reshape(1, n_draws, -1) - inside) / spent

        return rate

    found = []
    bodies = {
        "cube100": (*_cube(100), np.zeros(100), 4000, 12.0),
        "birkhoff10": (*_birkhoff(10), np.full(81, 0.1), 3000, 6.0),
        "random1000x50": (*_random_rows(1000, 50), np.zeros(50), 1500, 1.5),
    }
    for name, (A, b, inside, n_draws, bar) in bodies.items():
        polytope = Polytope(A, b)
        dense = name.startswith("random")
        plain = polytope.prepare(rounding="ellipsoid" if dense else "none")
        kernel = Billiard(plain) if dense else CoordinateHitAndRun(plain)
        thin = 1 if dense else len(inside)
        # For about as long as the peer: at a tenth of its cost, as many draws are soon over.
        ours = _effective_a_second(kernel, thin, n_draws if dense else 10 * n_draws)
        rates = _in_turns({"ours": ours, "hopsy": peer(A, b, inside, n_draws)})
        what = f"{name}: effective draws a second over those of hopsy's coordinate hit-and-run"
        found.append(Figure(f"{name}_over_hopsy", _ratio(rates, "ours", "hopsy"), ">=", bar, what))
    return found


def _steps_a_second(kernel: BlockKernel, chains: Chains, steps: int) -> Rate:
    def rate() -> float:
        began = time.process_time()
        run(kernel, chains, 1, thin=steps)
        return steps / (time.process_time() - began)

    return rate


def _effective_a_second(kernel: Billiard | CoordinateHitAndRun, thin: int, n_draws: int) -> Rate:
    centre = kernel.body.centre
    now, _ = run(kernel, start(kernel, centre, seed=1, n_chains=1), 50, thin=thin)

    def rate() -> float:
        nonlocal now
        began = time.process_time()
        now, draws = run(kernel, now, n_draws, thin=thin)
        spent = time.process_time() - began
        return _effective(draws.array - centre) / spent

    return rate


def _effective(away: Array) -> float:
    """Fewest effective draws of the coordinates and of the squared distance from the centre."""
    square = (away**2).sum(axis=2, keepdims=True)
    return float(ess_mean(np.concatenate([away, square], axis=2)).min())


def _in_turns(rates: dict[str, Rate]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in rates}
    for rate in rates.values():
        rate()
    for _ in range(_ROUNDS):
        for name, rate in rates.items():
            found[name].append(rate())
    return found


def _ratio(rates: dict[str, list[float]], name: str, unit: str) -> float:
    pairs = zip(rates[name], rates[unit], strict=True)
    return statistics.median(one / other for one, other in pairs)


def _cube(n: int) -> tuple[Array, Array]:
    return np.vstack([np.eye(n), -np.eye(n)]), np.ones(2 * n)


def _random_rows(m: int, n: int) -> tuple[Array, Array]:
    A = np.random.default_rng(0).standard_normal((m, n))
    return A / np.linalg.norm(A, axis=1, keepdims=True), np.ones(m)


def _birkhoff(n: int) -> tuple[Array, Array]:
    """Doubly stochastic matrices without their last row and column."""
    k = n - 1
    rows = [
        -np.eye(k * k),
        np.kron(np.eye(k), np.ones((1, k))),
        np.kron(np.ones((1, k)), np.eye(k)),
        -np.ones((1, k * k)),
    ]
    return np.vstack(rows), np.concatenate([np.zeros(k * k), np.ones(2 * k), [2.0 - n]])
