"""Rounding a skew polytope: processor seconds beside hopsy, and how round the outcome is."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figure import Figure
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

_ROUNDS = 3
_ROWS, _DIMENSIONS, _SKEW = 1000, 50, 1e4


def rounding_figures() -> list[Figure]:
    """Ratios of seconds and of deviations, on a random polytope skewed along oblique axes.

    Returns
    -------
    list of Figure
    """
    A, b, skew = _problem()
    root = skew @ _root_of_covariance(A @ skew, b)
    bodies: dict[str, Body] = {}
    peer = _peer(A, b)

    def ellipsoid() -> None:
        bodies["ellipsoid"] = Polytope(A, b).prepare()

    def covariance() -> None:
        bodies["covariance"] = isotropic(Polytope(A, b).prepare(), seed=1).body

    def hopsy() -> None:
        assert peer is not None
        bodies["hopsy"] = peer()

    began = time.process_time()
    annealed = round_annealed(Polytope(A, b).prepare(rounding="none"), seed=1)
    spent = time.process_time() - began
    print(
        f"annealed rounding by the ball walk: {spent:.1f} s, {len(annealed.stages)} stages, "
        f"true ratio of deviations {_true_ratio(_matrix(annealed.body), root):.2f}"
    )
    if peer is None:
        print("hopsy and PolyRound are not installed: rounding is not measured beside them")
        return []
    seconds = _in_turns({"ellipsoid": ellipsoid, "covariance": covariance, "hopsy": hopsy})
    ratios = {name: _true_ratio(_matrix(body), root) for name, body in bodies.items()}
    for name, ratio in ratios.items():
        print(
            f"rounding by {name}: {statistics.median(seconds[name]):.2f} s, true ratio {ratio:.2f}"
        )
    steps = {name: _effective_a_step(body) for name, body in bodies.items()}
    what = f"rounding {_ROWS} rows, {_DIMENSIONS} dimensions, skew {_SKEW:g}: hopsy's"
    return [
        Figure(
            "rounding_over_hopsy",
            _ratio(seconds, "hopsy", "ellipsoid"),
            ">=",
            20,
            f"{what} seconds (not simplified) over ours",
        ),
        Figure(
            "isotropic_over_hopsy",
            _ratio(seconds, "hopsy", "covariance"),
            ">=",
            20,
            f"{what} seconds over ours with rounding by covariance",
        ),
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


def _problem() -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(0)
    A = rng.standard_normal((_ROWS, _DIMENSIONS))
    A /= np.linalg.norm(A, axis=1, keepdims=True)
    q = np.linalg.qr(rng.standard_normal((_DIMENSIONS, _DIMENSIONS)))[0]
    scales = np.geomspace(1, _SKEW, _DIMENSIONS)
    return (A @ q / scales) @ q.T, np.ones(_ROWS), (q * scales) @ q.T


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


def _peer(A: Array, b: Array) -> Callable[[], Body] | None:
    """What rounds by hopsy, and gives its polytope as a body around the centre it found."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import hopsy
            import PolyRound  # noqa: F401  hopsy loads it only when it rounds
    except ImportError:
        return None

    def rounded() -> Body:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            problem = hopsy.round(hopsy.Problem(A, b), simplify=False)
        rows, right = np.asarray(problem.A), np.asarray(problem.b)
        lengths = np.linalg.norm(rows, axis=1)
        d = A.shape[1]
        names = tuple(f"x[{i}]" for i in range(d))
        matrix, shift = np.asarray(problem.transformation), np.asarray(problem.shift)
        return Body(
            rows / lengths[:, None], right / lengths, np.zeros(d), matrix, shift, 0.0, names
        )

    return rounded


def _in_turns(things: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(_ROUNDS):
        for name, thing in things.items():
            began = time.process_time()
            thing()
            found[name].append(time.process_time() - began)
    return found


def _ratio(seconds: dict[str, list[float]], name: str, unit: str) -> float:
    pairs = zip(seconds[name], seconds[unit], strict=True)
    return statistics.median(one / other for one, other in pairs)
