"""How many rows the ball walk looks at in a step, and what that saves."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_above, shown_at_least, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.polytope.bodies import random_rows
from equipoise.reproduce.polytope.published import NONE, STEP
from equipoise.reproduce.within import within
from equipoise.sampling import BallWalk, Billiard, Chains, Polytope, run, start
from equipoise.sampling.ball_walk import Rule

Array = NDArray[Any]

_ROWS = 20  # a dimension
_ZETA = 6.0
_CHAINS, _WARM = 2, 25
_DRAWS, _STEPS = 2, 5_000
_TIMED = 2.0e7  # numbers that are multiplied in a timed stretch of the full walk
_ROUNDS = 3
_TIMES_N = {50: (1.5, 2.5), 400: (0.5, 1.5)}
_LAZY: tuple[Rule, ...] = ("quadratic", "linear", "exact")


@dataclass(frozen=True)
class Setting:
    """One random polytope.

    Attributes
    ----------
    n, seed : int
    rows : int
        A dimension.
    """

    n: int
    seed: int
    rows: int = _ROWS

    def cell(self) -> Cell:
        """The walks on it."""
        decides = {
            "zeta": _ZETA,
            "run": [_CHAINS, _WARM, _DRAWS, _STEPS],
            "timed": [_TIMED, _ROUNDS],
            **vars(self),
        }
        return Cell(
            f"rows looked at, n = {self.n}, seed {self.seed}", decides, self.run, 0.1 * self.n
        )

    def run(self) -> Result:
        """Walk by each rule, and count; walk by all rows, and compare."""
        m = self.rows * self.n
        body = Polytope(*random_rows(m, self.n, self.seed)).prepare(rounding="none")
        quick = Billiard(body)
        warm, _ = run(quick, start(quick, body.centre, seed=self.seed, n_chains=_CHAINS), _WARM)
        position = warm.state["position"]
        size = 1 / self.n
        found: dict[str, Any] = {}
        draws = {}
        for rule in _LAZY:
            # The exact rule's steps are as long, uniform in a ball.
            walk = BallWalk(body, rule, size * np.sqrt(self.n) if rule == "exact" else size, _ZETA)
            _, drawn = run(walk, start(walk, position, seed=self.seed), _DRAWS, thin=_STEPS)
            draws[rule] = drawn.array
            found[rule] = _share(drawn.counts, m)
            found["violations"] = found.get("violations", 0) + int(drawn.counts["violations"].sum())
        full = BallWalk(body, "full", size)
        begun = start(full, position[:1], seed=self.seed)
        _, drawn = run(full, begun, 1, thin=_STEPS)
        found["full"] = _share(drawn.counts, m)
        found["same"] = bool((drawn.array[0, 0] == draws["quadratic"][0, 0]).all())
        lazy = BallWalk(body, "quadratic", size, _ZETA)
        steps = max(500, int(_TIMED / (m * self.n)))
        times = [
            (_seconds(full, begun, steps), _seconds(lazy, start(lazy, position[:1], seed=1), steps))
            for _ in range(_ROUNDS)
        ]
        found["speed_up"] = float(np.median([slow / fast for slow, fast in times]))
        return found


def _share(counts: Mapping[str, Array], m: int) -> float:
    return float(counts["rows_checked"].sum() / counts["steps"].sum() / m)


def _seconds(walk: BallWalk, chains: Chains, steps: int) -> float:
    began = time.process_time()
    run(walk, chains, 1, thin=steps)
    return (time.process_time() - began) / steps


def looks_part(tier: Tier, _: Path | None) -> Part:
    """Random polytopes in growing dimension.

    Returns
    -------
    Part
    """
    sizes = (25, 50, 100, 200, 400) if tier == "quick" else (25, 50, 100, 200, 400, 800)
    seeds = 3 if tier == "quick" else 8
    return part_of([Setting(n, seed) for n in sizes for seed in range(seeds)])


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("looks", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[int, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.n, []).append(result)
    table = _table(found)
    return Shown(
        _claims(found),
        (table,),
        lambda: [Section("Rows looked at in a step", [Text(_TEXT), _figure(found), table])],
    )


_TEXT = (
    f"Polytopes of {_ROWS} n random rows at distance 1, steps of deviation 1 / n along every "
    "direction, from draws of a billiard. A row at distance s waits (s / (zeta sigma))^2 steps by "
    f"the quadratic rule, s / (zeta sigma) by the linear one, zeta = {_ZETA:g}, and s over the "
    "radius by the exact one, whose steps are uniform in a ball. The walk that looks at every row "
    "stops at the first that is violated. Speed-up is of processor time, of one chain."
)


def _each(of: Sequence[Result], name: str) -> Array:
    return np.array([float(one[name]) for one in of])


def _power(found: Mapping[int, Sequence[Result]], name: str) -> Estimate:
    logs = np.log([_each(of, name) for of in found.values()])
    return over_seeds(np.polyfit(np.log(list(found)), logs, 1)[0])


def _claims(found: Mapping[int, Sequence[Result]]) -> tuple[Claim, ...]:
    largest = max(found)
    share = _power(found, "quadratic")
    speed = over_seeds(_each(found[largest], "speed_up"))
    growth = _power(found, "speed_up")
    every = [one for of in found.values() for one in of]
    same = over_seeds(_each(every, "same"))
    violations = sum(one["violations"] for one in every)
    return (
        judged(
            "The share of rows looked at in a step falls as n^p, quadratic rule: p at most -1",
            STEP,
            share,
            shown_at_most(share, -1.0),
        ),
        *(
            within(
                f"Times n, it is between {low} and {high} at n = {n}, quadratic rule",
                STEP,
                over_seeds(_each(found[n], "quadratic") * n),
                low,
                high,
            )
            for n, (low, high) in _TIMES_N.items()
            if n in found
        ),
        _exponent_claim(found, "linear", "with a logarithm: p below -0.7", -0.7),
        _exponent_claim(found, "exact", "without any chance of a miss: p below -0.3", -0.3),
        judged(
            f"Time of a step, all rows over few, n = {largest}: at least 10",
            NONE,
            speed,
            shown_at_least(speed, 10.0),
        ),
        judged("It grows with n: its power is above 0", NONE, growth, shown_above(growth, 0.0)),
        Claim(
            f"Share of {len(every)} polytopes on which the walk's bits are those of the walk that "
            "looks at all rows (1)",
            "1 but for a small probability",
            same.value,
            same.value,
            same.value,
            "holds" if same.value == 1 else "does not hold",
        ),
        Claim(
            "Draws found outside, of all walks (0)",
            "0 but for a small probability",
            float(violations),
            float(violations),
            float(violations),
            "holds" if not violations else "does not hold",
        ),
    )


def _exponent_claim(
    found: Mapping[int, Sequence[Result]], rule: str, words: str, limit: float
) -> Claim:
    power = _power(found, rule)
    return judged(f"The same by the {rule} rule, {words}", NONE, power, shown_at_most(power, limit))


def _table(found: Mapping[int, Sequence[Result]]) -> Table:
    rows = [
        [
            str(n),
            *(f"{_each(of, rule).mean():.4f}" for rule in ("full", *reversed(_LAZY))),
            f"{n * _each(of, 'quadratic').mean():.2f}",
            f"{_each(of, 'speed_up').mean():.1f}",
        ]
        for n, of in found.items()
    ]
    names = ("n", "all rows", "exact", "linear", "quadratic", "quadratic, times n", "speed-up")
    return Table(
        [Column(name, "right") for name in names], rows, "Share of rows looked at in a step"
    )


def _figure(found: Mapping[int, Sequence[Result]]) -> Figure:
    at = np.log2(list(found))
    share = [
        Line(at, [_each(of, rule).mean() for of in found.values()], f"{rule} rule")
        for rule in ("full", *reversed(_LAZY))
    ]
    speed = [Line(at, [_each(of, "speed_up").mean() for of in found.values()], "quadratic rule")]
    panels = {"share of rows looked at": share, "speed-up over looking at all": speed}
    return lines(panels, x_label="log2 of the dimension", log=tuple(panels))
