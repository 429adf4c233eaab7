"""Ask a polytope for so many effective draws."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.ball_walk import BallWalk
from equipoise.sampling.body import Body
from equipoise.sampling.chains import Chains, start
from equipoise.sampling.choose import Method, Walk, choose
from equipoise.sampling.diagnostics import ess_bulk, ess_tail, rhat
from equipoise.sampling.draws import Draws, join
from equipoise.sampling.exact_shapes import Shape, recognise, recognise_body
from equipoise.sampling.polytope import Polytope
from equipoise.sampling.product_shapes import recognise_product
from equipoise.sampling.run import Progress, run
from equipoise.sampling.tune import tuned

Array = NDArray[Any]

_PILOT = 60  # draws of each chain, from which the thinning is chosen
_AGREED = 1.01  # R-hat, as Vehtari et al. ask
_CHECKED = 40  # directions whose draws are diagnosed, where there are more coordinates


class TooFewDrawsWarning(UserWarning):
    """The steps allowed were spent before there were as many effective draws as asked for."""


@dataclass(frozen=True)
class PolytopeSample:
    """Uniform draws from a polytope.

    Attributes
    ----------
    draws : Draws
        In the polytope's own coordinates.
    method : str
        How they were drawn: ``exact`` and a shape, or the kernel's identity.
    effective : float
        Fewest effective draws, bulk or tail, of all that was diagnosed.
    max_rhat : float
        Largest R-hat of it.
    thin : int
        Steps a draw.
    miss_bound : float
        Bound on the probability that a walk which looks at few rows missed a wall
        (:meth:`BallWalk.miss_bound`); zero for all others.
    kernel, chains : Kernel and Chains, or None
        To go on with :func:`run`, in the body's coordinates: ``kernel.body.to_x`` maps its draws.
        None for exact draws.
    """

    draws: Draws
    method: str
    effective: float
    max_rhat: float
    thin: int
    miss_bound: float
    kernel: Walk | None
    chains: Chains | None


def sample(
    polytope: Polytope,
    n_effective: int = 1000,
    *,
    method: Method = "auto",
    seed: int = 0,
    n_chains: int = 4,
    workers: int = 1,
    max_steps: int = 50_000_000,
    progress: Callable[[Progress], None] | None = None,
) -> PolytopeSample:
    """Draw uniformly from a polytope until so many draws are effective.

    Boxes, simplices and products of them are drawn from exactly. Otherwise chains start at the
    centre, warm up, and go on until the fewest effective draws (bulk and tail) of the coordinates,
    of their squared distance from the centre and, in high dimension, of some random directions
    reach what was asked for and every R-hat is at most 1.01.

    Parameters
    ----------
    polytope : Polytope
    n_effective : int
    method : {"auto", "exact", "ball", "hit-and-run", "coordinate", "billiard", "dikin"}
        ``auto`` is exact where the shape is recognised; coordinates in turn where columns are
        sparse and the body lies along its axes; a billiard otherwise. ``dikin`` is for
        completeness: on no body tried is it the fastest.
    seed : int
    n_chains : int
    workers : int
        Threads. The draws do not depend on how many.
    max_steps : int
        Of all chains together.
    progress : callable, optional
        As in :func:`run`; draws it tells of are those of the present stretch.

    Returns
    -------
    PolytopeSample

    Warns
    -----
    TooFewDrawsWarning
        If max_steps were not enough.

    Raises
    ------
    EmptyPolytopeError, UnboundedPolytopeError, SinglePointError
    ValueError
        If a number is not positive, the method is unknown, or ``exact`` is asked of a shape that
        is not recognised.
    """
    for name, value in (("n_effective", n_effective), ("n_chains", n_chains)):
        if value < 1:
            raise ValueError(f"{name} is 1 or more, not {value}")
    easy = method in ("auto", "exact")
    shape = recognise(polytope) or recognise_product(polytope) if easy else None
    if shape is not None:
        return _independent(polytope, shape, n_effective, n_chains, seed)
    plain = polytope.prepare(rounding="none")
    shape = recognise_body(plain) if easy else None
    if shape is not None:
        return _independent(polytope, shape, n_effective, n_chains, seed)
    if method == "exact":
        raise ValueError(
            "the polytope is not seen to be a box, a simplex or a product of such: use 'auto'"
        )
    kernel = choose(plain, method)
    chains = start(kernel, kernel.body.centre, seed=seed, n_chains=n_chains)
    if isinstance(kernel, BallWalk):
        kernel, chains = tuned(kernel, chains)
    return _by_walk(kernel, chains, n_effective, workers, max_steps, progress)


def _independent(
    polytope: Polytope, shape: Shape, number: int, n_chains: int, seed: int
) -> PolytopeSample:
    each = -(-number // n_chains)
    streams = np.random.SeedSequence(seed).spawn(n_chains)
    points = [shape.draw(np.random.default_rng(stream), each) for stream in streams]
    draws = Draws(np.stack(points), names=polytope.names)
    told = f"exact ({shape.name})"
    return PolytopeSample(draws, told, float(each * n_chains), 1.0, 1, 0.0, None, None)


def _by_walk(
    kernel: Walk,
    chains: Chains,
    n_effective: int,
    workers: int,
    max_steps: int,
    progress: Callable[[Progress], None] | None,
) -> PolytopeSample:
    body = kernel.body
    allowed = max(1, max_steps // chains.n_chains)
    thin = _first_thin(kernel)
    spent = 0
    # The pilot's draws go: they are the warm-up, doubled until they tell what thinning is worth.
    while True:
        chains, pilot = run(kernel, chains, _PILOT, thin=thin, workers=workers)
        spent += _PILOT * thin
        share = _quality(pilot.array, body)[0] / (_PILOT * chains.n_chains)
        if share > 0.3 or spent * 3 > allowed:
            break
        thin *= 2
    parts: list[Draws] = []
    effective, worst = 0.0, np.inf
    while spent < allowed:
        drawn = sum(part.array.shape[1] for part in parts)
        done = effective / n_effective
        enough = -(-n_effective // chains.n_chains) if not parts else drawn * (1 / max(done, 0.3))
        n_draws = int(min(max(_PILOT, 1.1 * enough - drawn), max(1, (allowed - spent) // thin)))
        chains, more = run(kernel, chains, n_draws, thin=thin, workers=workers, progress=progress)
        spent += n_draws * thin
        parts.append(more)
        effective, worst = _quality(join(parts).array, body)
        if effective >= n_effective and worst <= _AGREED:
            break
    draws = join(parts or [pilot])
    if effective < n_effective or worst > _AGREED:
        warnings.warn(
            f"{effective:.0f} of {n_effective} draws are effective and R-hat is {worst:.3f} after "
            f"{spent * chains.n_chains} steps: raise max_steps or ask for fewer",
            TooFewDrawsWarning,
            stacklevel=3,
        )
    bound = 0.0
    if isinstance(kernel, BallWalk):
        bound = kernel.miss_bound(int(chains.state["steps"].sum()))
    mapped = replace(draws, array=body.to_x(draws.array), names=body.names)
    return PolytopeSample(mapped, kernel.identity, effective, worst, thin, bound, kernel, chains)


def _first_thin(kernel: Walk) -> int:
    d = kernel.body.dimension
    # A coordinate sweep, a few sizes of a diffusing ball, one trajectory.
    return {"CoordinateHitAndRun": d, "HitAndRun": d, "Billiard": 1}.get(
        type(kernel).__name__, d * d // 4 + d
    )


def _quality(z: Array, body: Body) -> tuple[float, float]:
    """Fewest effective draws and largest R-hat of what is diagnosed."""
    away = z - body.centre
    columns = [(away**2).sum(axis=2, keepdims=True), away]
    if body.dimension > _CHECKED:
        # Fixed directions beside the coordinates: the same answer for the same draws.
        rng = np.random.default_rng(0)
        columns.append(away @ rng.standard_normal((body.dimension, _CHECKED)))
    values = np.concatenate(columns, axis=2)
    return (
        float(np.minimum(ess_bulk(values), ess_tail(values)).min()),
        float(np.nan_to_num(rhat(values), nan=np.inf).max()),
    )
