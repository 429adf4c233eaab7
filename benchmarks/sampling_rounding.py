"""Rounding a skew polytope: processor seconds beside hopsy, and how round the outcome is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
from benchmarks.sampling_hopsy import hopsy_rounds
from equipoise.sampling import (
    Billiard,
    Body,
    CoordinateHitAndRun,
    Polytope,
    isotropic,
    round_annealed,
    run,
    start,
)
from equipoise.sampling.diagnostics import ess_mean

Array = NDArray[Any]

_ROUNDS = 3  # of ours; hopsy rounds once
_PATIENCE = 120.0  # seconds of the processor after which hopsy is stopped
_ROWS, _DIMENSIONS, _SKEW = 1000, 50, 1e4
_FEWER = 400, 20  # rows and dimensions for the annealed rounding, which takes minutes in fifty


def rounding_figures() -> list[Figure]:
    """Ratios of seconds and of deviations, on a random polytope skewed along oblique axes.

    Returns
    -------
    list of Figure
    """
    A, b, skew = _problem(_ROWS, _DIMENSIONS)
    root = skew @ _root_of_covariance(A @ skew, b)
    bodies: dict[str, Body] = {}

    def ellipsoid() -> None:
        bodies["ellipsoid"] = Polytope(A, b).prepare()

    def covariance() -> None:
        bodies["covariance"] = isotropic(Polytope(A, b).prepare(), seed=1).body

    _annealed()
    seconds = {
        "ellipsoid": _seconds(ellipsoid, _ROUNDS),
        "covariance": _seconds(covariance, _ROUNDS),
    }
    found = hopsy_rounds(A, b, _PATIENCE)
    if found is None:
        print("hopsy and PolyRound are not installed: rounding is not measured beside them")
        return []
    seconds["hopsy"], body = found
    if body is not None:
        bodies["hopsy"] = body
    ratios = {name: _true_ratio(_matrix(body), root) for name, body in bodies.items()}
    for name, ratio in ratios.items():
        print(f"rounding by {name}: {seconds[name]:.2f} s, true ratio of deviations {ratio:.2f}")
    steps = {name: _effective_a_step(body) for name, body in bodies.items()}
    ended = "" if body is not None else f", stopped after {seconds['hopsy']:.0f},"
    what = f"rounding {_ROWS} rows, {_DIMENSIONS} dimensions, skew {_SKEW:g}: hopsy's"
    figures = [
        Figure(
            "rounding_over_hopsy",
            seconds["hopsy"] / seconds["ellipsoid"],
            ">=",
            20,
            f"{what} seconds (not simplified){ended} over ours",
        ),
        Figure(
            "isotropic_over_hopsy",
            seconds["hopsy"] / seconds["covariance"],
            ">=",
            20,
            f"{what} seconds{ended} over ours with rounding by covariance",
        ),
    ]
    if body is None:
        return figures
    return [
        *figures,
        Figure(
            "rounding_ratio",
            ratios["ellipsoid"] / ratios["hopsy"],
            "<=",
            1.05,
            "largest over smallest deviation after rounding, ours over hopsy's",
        ),
        Figure(
            "isotropic_ratio",
            ratios["covariance"] / ratios["hopsy"],
            "<=",
            1.05,
            "the same after rounding by covariance",
        ),
        Figure(
            "rounding_effective",
            steps["covariance"] / steps["hopsy"],
            ">=",
            0.9,
            "effective draws a step of coordinate hit-and-run, ours over hopsy's body",
        ),
    ]


def _annealed() -> None:
    A, b, skew = _problem(*_FEWER)
    plain = Polytope(A, b).prepare(rounding="none")
    began = time.process_time()
    annealed = round_annealed(plain, seed=1)
    spent = time.process_time() - began
    ratio = _true_ratio(_matrix(annealed.body), skew @ _root_of_covariance(A @ skew, b))
    print(
        f"annealed rounding, {_FEWER[0]} rows, {_FEWER[1]} dimensions: {spent:.1f} s, "
        f"{len(annealed.stages)} stages, true ratio of deviations {ratio:.2f}"
    )


def _problem(m: int, n: int) -> tuple[Array, Array, Array]:
    """Rows, right sides, and the map by which a round polytope was skewed."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((m, n))
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    scales = np.geomspace(1, _SKEW, n)
    return (A @ q / scales) @ q.T, np.ones(m), (q * scales) @ q.T


def _root_of_covariance(A: Array, b: Array) -> Array:
    """Of the polytope before it was skewed, by many draws."""
    body = Polytope(A, b).prepare()
    kernel = Billiard(body)
    chains, _ = run(kernel, start(kernel, body.centre, seed=1), 100)
    x = body.to_x(run(kernel, chains, 5000)[1].flat())
    return np.asarray(np.linalg.cholesky(np.cov(x.T)))


def _true_ratio(matrix: Array, root: Array) -> float:
    spread = np.linalg.svd(np.linalg.solve(matrix, root))[1]
    return float(spread[0] / spread[-1])


def _matrix(body: Body) -> Array:
    return np.asarray(body.basis)


def _effective_a_step(body: Body) -> float:
    kernel = CoordinateHitAndRun(body)
    chains, _ = run(kernel, start(kernel, body.centre, seed=2), 100, thin=body.dimension)
    draws = run(kernel, chains, 4000, thin=body.dimension)[1]
    return float(ess_mean(draws.array).min() / draws.counts["steps"].sum())


def _seconds(thing: Callable[[], Any], rounds: int) -> float:
    found = []
    for _ in range(rounds):
        began = time.process_time()
        thing()
        found.append(time.process_time() - began)
    return statistics.median(found)
