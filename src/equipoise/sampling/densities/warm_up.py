"""What is learnt before draws are kept, and then frozen: the step size and the metric."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Generic, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.chains import Chains
from equipoise.sampling.densities.hamiltonian import HMC
from equipoise.sampling.densities.langevin import MALA
from equipoise.sampling.densities.metric import Metric
from equipoise.sampling.densities.walk import RandomWalk
from equipoise.sampling.diagnostics import ess_mean
from equipoise.sampling.kernel import State
from equipoise.sampling.moments import RunningMoments

Array = NDArray[Any]
Learn = Literal["step", "diagonal", "dense"]

Adaptive = TypeVar("Adaptive", MALA, RandomWalk, HMC)

_FIRST, _LAST = 0.15, 0.25  # shares of the steps that learn the step size alone
_SHORTEST = 50  # steps from which a metric is learnt; windows double from there
_FEWEST = 20  # steps of a whole warm-up
_FAR_OFF = 0.2  # of acceptance


@dataclass(frozen=True, eq=False)
class WarmedUp(Generic[Adaptive]):
    """Chains that are ready to draw from.

    Attributes
    ----------
    kernel : MALA, RandomWalk or HMC
        With the step size and the metric that were learnt. They do not change any more.
    chains : Chains
        Of that kernel. Nothing is counted yet.
    acceptance : float
        Mean probability of acceptance, over chains and the second half of the last window. The
        step size still moved then.
    step_sizes : ndarray, shape (n_steps,)
        With which each step was taken.
    """

    kernel: Adaptive
    chains: Chains
    acceptance: float
    step_sizes: Array


def warm_up(
    kernel: Adaptive,
    chains: Chains,
    n_steps: int = 1000,
    *,
    learn: Learn = "diagonal",
    acceptance: float | None = None,
) -> WarmedUp[Adaptive]:
    """Learn the step size, and a metric, from steps that are then thrown away.

    The step size follows the mean probability of acceptance over all chains (not whether they
    accepted) by dual averaging (Hoffman, Gelman 2014, section 3.2, their constants). The metric
    is that of all chains' draws in windows, each twice as long as the one before; covariances
    are shrunk towards zero as if n of e draws worth were one prior draw of uncorrelated
    coordinates each, e being the draws' effective number. After each window the step size is
    learnt anew.

    Chains that change as they learn do not keep the target, which is why all of this ends before
    the first draw.

    Parameters
    ----------
    kernel : MALA, RandomWalk or HMC
        Its step size is the first guess. It may be off by orders of magnitude.
    chains : Chains
        Of this kernel.
    n_steps : int
        In all, 20 at least.
    learn : {"diagonal", "dense", "step"}
        The metric: a scale of each coordinate, a full covariance, or the kernel's own, with the
        step size alone learnt.
    acceptance : float, optional
        The wanted mean; by default the best in many dimensions for the kernel: .574 for MALA,
        .234 for the walk, .651 for HMC.

    Returns
    -------
    WarmedUp

    Raises
    ------
    ValueError
        If an argument is out of its range, or the chains are another kernel's.
    FloatingPointError
        If the chains never moved, so that nothing can be learnt.
    """
    if not isinstance(kernel, MALA | RandomWalk | HMC):
        raise ValueError(f"{type(kernel).__name__} accepts everything: there is nothing to adapt")
    if learn not in get_args(Learn):
        raise ValueError(f"learn is one of {', '.join(get_args(Learn))}, not {learn!r}")
    if n_steps < _FEWEST:
        raise ValueError(f"n_steps is {_FEWEST} or more, not {n_steps}")
    wanted = kernel.best_acceptance if acceptance is None else acceptance
    if not 0 < wanted < 1:
        raise ValueError(f"acceptance lies inside (0, 1), not {wanted!r}")
    if chains.identity != kernel.identity:
        raise ValueError(
            f"these chains are of {chains.identity}, and cannot be warmed up by {kernel.identity}"
        )
    generators, state = chains.generators(), chains.state
    taken: list[float] = []
    windows = _windows(n_steps, learn)
    seen: Array = np.empty(0)
    for number, length in enumerate(windows):
        kernel, state, moved, seen, steps = _follow(kernel, state, generators, length, wanted)
        taken += steps
        inside = 0 < number < len(windows) - 1
        if learn != "step" and inside:
            metric = _learn(moved, learn)
            if metric is not None:
                n = state["position"].shape[1]
                kernel = replace(kernel, metric=metric, step_size=kernel.usual_step(n))
    if not state["accepted"].any():
        raise FloatingPointError(
            f"no chain of {kernel.identity} ever moved in {n_steps} steps, "
            f"{int(state['divergent'].sum())} of them divergent: look at the target and its "
            "gradient where the chains start"
        )
    reached = float(seen[len(seen) // 2 :].mean())
    if abs(reached - wanted) > _FAR_OFF:
        warnings.warn(
            f"the warm-up ended with an acceptance of {reached:.2f} where {wanted:.2f} is wanted: "
            "take more n_steps, or start where the density is not negligible",
            stacklevel=2,
        )
    ready = Chains(
        kernel.init(state["position"]),
        tuple(dict(one.bit_generator.state) for one in generators),
        chains.n_draws,
        kernel.identity,
    )
    return WarmedUp(kernel, ready, reached, np.array(taken))


@dataclass
class _DualAveraging:
    """Nesterov's dual averaging on the logarithm of the step size; Hoffman, Gelman, algorithm 5."""

    centre: float
    wanted: float
    error: float = 0.0
    average: float = 0.0
    count: int = 0

    def after(self, observed: float) -> float:
        """The next step size."""
        self.count += 1
        self.error += (self.wanted - observed - self.error) / (self.count + 10)
        now = self.centre - np.sqrt(self.count) / 0.05 * self.error
        self.average += self.count**-0.75 * (now - self.average)
        return float(np.exp(now))

    @property
    def settled(self) -> float:
        return float(np.exp(self.average))


def _windows(n_steps: int, learn: Learn) -> list[int]:
    """Lengths: the first and the last learn the step size alone."""
    first, last = int(_FIRST * n_steps), int(_LAST * n_steps)
    middle = n_steps - first - last
    if learn == "step" or middle < _SHORTEST:
        return [n_steps]
    edges, length = [0], _SHORTEST
    while edges[-1] + 3 * length <= middle:  # what is left must hold the next, twice as long
        edges.append(edges[-1] + length)
        length *= 2
    edges.append(middle)
    return [first, *(high - low for low, high in pairwise(edges)), last]


def _follow(
    kernel: Adaptive,
    state: State,
    generators: Sequence[np.random.Generator],
    length: int,
    wanted: float,
) -> tuple[Adaptive, State, Array, Array, list[float]]:
    """Some steps with a step size that follows; it ends at its average."""
    rule = _DualAveraging(float(np.log(kernel.step_size)), wanted)
    moved = np.empty((*state["position"].shape, length))
    seen, steps = np.empty(length), []
    for k in range(length):
        steps.append(kernel.step_size)
        state = kernel.step(state, generators)
        moved[..., k] = state["position"]
        seen[k] = state["acceptance"].mean()
        kernel = replace(kernel, step_size=rule.after(seen[k]))
    return replace(kernel, step_size=rule.settled), state, moved.swapaxes(1, 2), seen, steps


def _learn(draws: Array, learn: Learn) -> Metric | None:
    """The metric of some draws, shape (chains, draws, n); None where a coordinate never moved."""
    n = draws.shape[2]
    moments = RunningMoments.from_block(draws, full=learn == "dense")
    covariance = moments.covariance
    variances = np.diagonal(covariance) if learn == "dense" else covariance
    if not (variances > 0).all():
        return None
    if learn == "diagonal":
        return Metric.of_covariance(variances)
    worth = max(float(np.median(ess_mean(draws))), 1.0)
    shrunk = covariance * (worth / (worth + n))
    np.fill_diagonal(shrunk, variances)
    return Metric.of_covariance(shrunk)
