"""The ball walk whose steps look at few rows (Mangoubi and Vishnoi, arXiv:1905.01745)."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from math import erfc, inf, isfinite, log, sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.body import Body
from equipoise.sampling.ellipsoid import Ellipsoid
from equipoise.sampling.kernel import State
from equipoise.sampling.starts import must_be_inside

Array = NDArray[Any]

Rule = Literal["auto", "full", "exact", "linear", "quadratic"]

_CODES = {"full": 0, "exact": 1, "linear": 2, "quadratic": 3}
_PAYS_FROM = 20  # dimensions: in fewer nearly every row is due in nearly every step
_HORIZON = 10**9  # steps that the default budget is meant to last for
_STEP = 2.0  # acceptance near 0.45 in a round body
_GROWTH = 1.5  # of zeta, after a miss
_DRAWS_AT_ONCE = 512


@dataclass(frozen=True)
class BallWalk:
    """Propose a small step, and stay if it leads outside; a row is looked at when it may matter.

    A row that lies far cannot be crossed for some steps, and is not looked at for as many. How
    many is the rule's:

    - ``exact``: steps are uniform in a ball of radius r, and a row at distance s waits s / r steps.
      It cannot be missed.
    - ``linear``: steps are Gaussian with deviation sigma along every direction, and it waits
      s / (zeta sigma). It is missed only if one of steps x rows normal variables exceeds zeta.
    - ``quadratic``: it waits (s / (zeta sigma))^2, as far as a free walk gets in that time. Refused
      steps give the walk a drift, so the bound is that of a free walk: a heuristic, and the
      fastest by far.
    - ``full``: every row in every step, until one is violated.

    With the exact rule, and with an infinite zeta, draws equal those of the full walk bit for bit
    under the same seed. Every draw that is kept is looked at by all rows. One found outside is
    never moved inside: the chain goes back to the draw before, repeats the steps with the same
    random numbers under the full look, counts a violation, and trusts steps to be larger from
    there on (zeta times 1.5).

    Parameters
    ----------
    body : Body
        Rounded, or the walk is slow.
    rule : {"auto", "full", "exact", "linear", "quadratic"}
        ``auto`` is quadratic from 20 dimensions on, and full below, where waiting does not pay.
    step_size : float, optional
        Radius for the exact rule, deviation along a coordinate for the others; by default
        2 r / sqrt(n) and 2 r / n with r the radius of the ball around the body's centre.
    zeta : float, optional
        By default such that over 1e9 steps the linear rule's budget is ``budget``.
    budget : float
        Probability of a miss that zeta is chosen for.
    in_ball : bool, optional
        Whether steps are uniform in a ball; by default only for the exact rule. The full walk
        takes either, to be compared with.
    within : Ellipsoid, optional
        Walk on what the body and it have in common: a step that leaves it is refused. It is looked
        at in every step that no row refuses, at the cost of half as many rows as there are
        dimensions.

    Raises
    ------
    ValueError
        If a number is not positive, or the rule is unknown or cannot have such steps, or the
        ellipsoid has another dimension.
    """

    body: Body
    rule: Rule = "auto"
    step_size: float | None = None
    zeta: float | None = None
    budget: float = 1e-3
    in_ball: bool | None = None
    within: Ellipsoid | None = None

    def __post_init__(self) -> None:
        if self.rule != "auto" and self.rule not in _CODES:
            raise ValueError(f"rule is auto or one of {', '.join(_CODES)}, not {self.rule!r}")
        for name in ("step_size", "zeta", "budget"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} is above 0, not {value}")
        if self.step_size is not None and not isfinite(self.step_size):
            raise ValueError("step_size is finite")
        if self.budget >= 1:
            raise ValueError(f"budget is a probability below 1, not {self.budget}")
        fits = self.in_ball == (self.chosen_rule == "exact")
        if self.in_ball is not None and self.chosen_rule != "full" and not fits:
            raise ValueError("the exact rule takes steps in a ball, the others Gaussian ones")
        if self.within is not None and self.within.dimension != self.body.dimension:
            raise ValueError(
                f"within has {self.within.dimension} dimensions, the body {self.body.dimension}"
            )

    @property
    def chosen_rule(self) -> str:
        """The rule that is followed."""
        if self.rule == "auto":
            return "quadratic" if self.body.dimension >= _PAYS_FROM else "full"
        return self.rule

    @property
    def uniform_steps(self) -> bool:
        """Whether steps are uniform in a ball; otherwise Gaussian."""
        return self.chosen_rule == "exact" if self.in_ball is None else self.in_ball

    @property
    def size(self) -> float:
        """Radius, or deviation along a coordinate, of a step."""
        if self.step_size is not None:
            return self.step_size
        n = self.body.dimension
        size = _STEP * self.body.radius() / (sqrt(n) if self.uniform_steps else n)
        return float(f"{size:.6g}")

    @property
    def first_zeta(self) -> float:
        """Standard deviations that a step is taken to be at most, before any miss."""
        if self.zeta is not None:
            return self.zeta
        return sqrt(2 * log(2 * len(self.body.b) * _HORIZON / self.budget))

    def miss_bound(self, steps: int) -> float:
        """Bound on the probability that a violation was missed in so many steps.

        Rigorous for the linear rule (a union over rows and steps); for the quadratic that of a
        free walk, by the reflection principle; zero for the others.

        Parameters
        ----------
        steps : int
            Of all chains together.

        Returns
        -------
        float
        """
        if self.chosen_rule in ("full", "exact") or self.first_zeta == inf:
            return 0.0
        tail = erfc(self.first_zeta / sqrt(2)) / 2
        twice = 2 if self.chosen_rule == "quadratic" else 1
        return min(1.0, twice * tail * steps * len(self.body.b))

    @property
    def identity(self) -> str:
        """What it is, and all that decides its draws."""
        shape = "ball" if self.uniform_steps else "gaussian"
        within = "" if self.within is None else f", within={self.within.fingerprint}"
        return (
            f"BallWalk({self.body.fingerprint}, {self.chosen_rule}, {shape}, "
            f"size={self.size!r}, zeta={self.first_zeta!r}{within})"
        )

    @property
    def counters(self) -> tuple[str, ...]:
        """What is counted; ``violations`` are draws found outside and repeated."""
        return ("steps", "accepted", "rows_checked", "violations")

    def init(self, position: Array) -> State:
        """State of chains at the start; see :class:`Kernel`."""
        must_be_inside(self.body, position)
        if self.within is not None and not self.within.holds(position).all():
            raise ValueError("a chain starts outside the ellipsoid that the walk is to stay within")
        nothing = np.zeros(len(position), dtype=np.int64)
        return {
            "position": position,
            "zeta": np.full(len(position), self.first_zeta),
            **dict.fromkeys(self.counters, nothing),
        }

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        """State one step later; see :class:`Kernel`."""
        return self.draw(state, generators, 1, 1)[0]

    def draw(
        self, state: State, generators: Sequence[np.random.Generator], n_draws: int, thin: int
    ) -> tuple[State, Array, None]:
        """Many steps; see :class:`BlockKernel`."""
        positions = np.empty((len(generators), n_draws, self.body.dimension))
        after = {name: values.copy() for name, values in state.items()}
        for chain, rng in enumerate(generators):
            for first in range(0, n_draws, _DRAWS_AT_ONCE):
                part = positions[chain, first : first + _DRAWS_AT_ONCE]
                self._fill(after, chain, rng, part, thin)
        return after, positions, None

    def _fill(
        self, state: State, chain: int, rng: np.random.Generator, part: Array, thin: int
    ) -> None:
        from equipoise.sampling.loops.ball_walk import ball_walk

        n = self.body.dimension
        bounds = (np.empty((0, n)), np.empty(n), inf)
        if self.within is not None:
            bounds = (self.within.matrix, self.within.origin, self.within.radius)
        before = deepcopy(rng.bit_generator.state)
        zeta = np.full(len(part), state["zeta"][chain])
        look_at_all = np.zeros(len(part), dtype=bool)
        counts = np.zeros((len(part), 3), dtype=np.int64)
        spent = 0
        while True:
            x = state["position"][chain].copy()
            failed = ball_walk(
                self.body.A,
                self.body.b,
                x,
                rng,
                self.size,
                self.uniform_steps,
                _CODES[self.chosen_rule],
                zeta,
                look_at_all,
                *bounds,
                thin,
                part,
                counts,
            )
            if failed < 0:
                break
            if look_at_all[failed]:
                raise RuntimeError(
                    "a walk that looked at every row ended outside: the body's numbers are too "
                    "large beside its width; round it first"
                )
            spent += int(counts[failed, 2])
            state["violations"][chain] += 1
            look_at_all[failed] = True
            zeta[failed:] = zeta[failed] * _GROWTH
            rng.bit_generator.state = before
        state["position"][chain] = x
        state["zeta"][chain] = zeta[-1]
        state["steps"][chain] += counts[:, 0].sum()
        state["accepted"][chain] += counts[:, 1].sum()
        state["rows_checked"][chain] += counts[:, 2].sum() + spent
