"""The paper's bound of the parameter, and its ellipsoid method beside Newton's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.audit import Estimate
from equipoise.maxent.continuous import (
    Box,
    BoxVertices,
    Simplex,
    ellipsoid_method,
    fit,
    parameter_bound,
)
from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_most
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.published import BOUND, NONE, POLYNOMIAL
from equipoise.reproduce.part import Cell, Part, Result, Shown

Array = NDArray[Any]

_GAP = 1e-8
_DEGREE = 3.0  # steps are some d^2 times a logarithm that grows with d, in d dimensions
_POWER = 1.5  # it is 1 but for a logarithm
_MARGINS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
_BOUNDED = 5  # dimensions
_DOMAINS: dict[str, Callable[[int], Simplex | Box | BoxVertices]] = {
    "simplex": Simplex,
    "box": lambda n: Box(np.zeros(n), np.ones(n)),
    "corners of a box": BoxVertices.cube,
}


@dataclass(frozen=True)
class _Bound:
    domain: str
    margin: float
    seed: int

    def cell(self) -> Cell:
        title = f"bound, {self.domain}, {self.margin:g} from the boundary, seed {self.seed}"
        return Cell(title, {"n": _BOUNDED, **vars(self)}, self.run, 0.02)

    def run(self) -> Result:
        domain = _DOMAINS[self.domain](_BOUNDED)
        mean = _mean(self.domain, _BOUNDED, self.seed)
        mean[0] = self.margin
        if self.domain == "simplex":
            mean[1:] *= (1 - self.margin) / mean[1:].sum()
        parameter = fit(domain, mean).parameter
        if self.domain == "simplex":
            parameter = parameter - parameter.mean()
        return {"norm": float(np.linalg.norm(parameter)), "bound": parameter_bound(domain, mean)}


@dataclass(frozen=True)
class _Race:
    domain: str
    d: int
    seed: int

    def cell(self) -> Cell:
        title = f"ellipsoids, {self.domain}, {self.d} dimensions, seed {self.seed}"
        return Cell(title, {"gap": _GAP, **vars(self)}, self.run, 0.02 * self.d**2)

    def run(self) -> Result:
        n = self.d + (self.domain == "simplex")
        domain, mean = _DOMAINS[self.domain](n), _mean(self.domain, n, self.seed)
        ellipsoids = ellipsoid_method(domain, mean, _GAP)
        law = fit(domain, mean)
        return {
            "ellipsoids": ellipsoids.steps,
            "newton": max(law.steps, 1),
            "gap": law.gap,
            # The best parameter has the least dual, which is the entropy.
            "above": ellipsoids.value - law.entropy,
        }


def _mean(domain: str, n: int, seed: int) -> Array:
    rng = np.random.default_rng([seed, n])
    if domain == "simplex":
        return np.asarray((rng.dirichlet(np.ones(n)) + 1 / n) / 2)
    return rng.uniform(0.1, 0.9, n)


def bounds_part(tier: Tier, _: Path | None) -> Part:
    """Means that approach the boundary, and growing dimension.

    Returns
    -------
    Part
    """
    seeds = 5 if tier == "quick" else 20
    sizes = (2, 3, 4, 6, 8) if tier == "quick" else (2, 3, 4, 6, 8, 12, 16)
    return part_of(
        [
            _Bound(domain, margin, s)
            for domain in _DOMAINS
            for margin in _MARGINS
            for s in range(seeds)
        ],
        [_Race(domain, d, s) for domain in _DOMAINS for d in sizes for s in range(seeds)],
    )


def part_of(bounds: Sequence[_Bound], races: Sequence[_Race]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    bounds, races : sequence of settings

    Returns
    -------
    Part
    """
    cells = [*(one.cell() for one in bounds), *(one.cell() for one in races)]
    return Part("bounds", tuple(cells), partial(_show, bounds, races))


_Groups = Mapping[str, Mapping[float, Sequence[Result]]]


def _show(bounds: Sequence[_Bound], races: Sequence[_Race], results: Sequence[Result]) -> Shown:
    near: dict[str, dict[float, list[Result]]] = {}
    grown: dict[str, dict[float, list[Result]]] = {}
    for bound, result in zip(bounds, results, strict=False):
        near.setdefault(bound.domain, {}).setdefault(bound.margin, []).append(result)
    for race, result in zip(races, results[len(bounds) :], strict=True):
        grown.setdefault(race.domain, {}).setdefault(float(race.d), []).append(result)
    tables = (_near_table(near), _grown_table(grown))
    return Shown(
        (*_bound_claims(near), *_race_claims(grown)),
        tables,
        lambda: [Section("The bound, and ellipsoids", [Text(_TEXT), _figure(near), *tables])],
    )


_TEXT = (
    "The bound is (2 / eta) L(eta / 2) for a mean with a ball of radius eta around it in the hull "
    "and a prior of which every ball of radius r around a point has exp(-L(r)) or more. The "
    "simplex stands for projections of rank one, whose parameters have the same norm. Ellipsoids "
    "begin with the ball of that radius, and end where the proved gap is "
    f"{_GAP:g}; Newton's method goes on to rounding, and its steps are all counted."
)


def _ratios(of: Sequence[Result]) -> Array:
    return np.array([one["norm"] / one["bound"] for one in of])


def _bound_claims(near: _Groups) -> tuple[Claim, ...]:
    every = [one for by_margin in near.values() for of in by_margin.values() for one in of]
    claims = [
        exactly(
            f"Norm of the parameter over the bound, largest of {len(every)}: at most 1",
            BOUND,
            float(_ratios(every).max()),
            1.0,
        )
    ]
    power = max(_power(by_margin, "bound") for by_margin in near.values())
    claims.append(
        exactly(
            f"The bound grows as this power of 1 / eta, largest of {len(near)} domains: at most "
            f"{_POWER:g}",
            BOUND,
            power,
            _POWER,
        )
    )
    return tuple(claims)


def _power(found: Mapping[float, Sequence[Result]], name: str) -> float:
    logs = [np.log([one[name] for one in of]).mean() for of in found.values()]
    return float(np.polyfit(-np.log(list(found)), logs, 1)[0])


def _race_claims(grown: _Groups) -> tuple[Claim, ...]:
    every = [one for by_size in grown.values() for of in by_size.values() for one in of]
    ratio = min(one["ellipsoids"] / one["newton"] for one in every)
    away = max(abs(one["above"]) for one in every)
    claims = [
        exactly(
            f"Least dual by ellipsoids less Newton's, largest of {len(every)}: at most the proved "
            f"gap of {_GAP:g}",
            POLYNOMIAL,
            away,
            _GAP,
        )
    ]
    for domain, by_size in grown.items():
        logs = np.log(np.array([[one["ellipsoids"] for one in of] for of in by_size.values()]))
        power: Estimate = over_seeds(np.polyfit(np.log(list(by_size)), logs, 1)[0])
        claims.append(
            judged(
                f"Ellipsoids for the {domain}: steps grow as this power of the dimension, at most "
                f"{_DEGREE:g}",
                POLYNOMIAL,
                power,
                shown_at_most(power, _DEGREE),
            )
        )
    claims.append(
        exactly(
            "Steps of the ellipsoid method over all of Newton's, least: at least 10",
            NONE,
            ratio,
            low=10.0,
        )
    )
    worst = max(one["gap"] for one in every)
    claims.append(exactly(f"Newton's proved gap, largest: at most {_GAP:g}", NONE, worst, _GAP))
    return tuple(claims)


def _near_table(near: _Groups) -> Table:
    rows = [
        [domain, f"{margin:g}", *(f"{np.mean([one[name] for one in of]):.3g}"
                                  for name in ("norm", "bound")), f"{1 / _ratios(of).max():.3g}"]
        for domain, by_margin in near.items()
        for margin, of in by_margin.items()
    ]  # fmt: skip
    names = ("least margin", "norm", "bound", "bound over norm, least")
    return Table(
        [Column("domain"), *(Column(name, "right") for name in names)],
        rows,
        f"Norms of parameters and their bounds, {_BOUNDED} coordinates",
    )


def _grown_table(grown: _Groups) -> Table:
    rows = [
        [domain, f"{d:g}", *(f"{np.mean([one[name] for one in of]):.4g}"
                             for name in ("ellipsoids", "newton"))]
        for domain, by_size in grown.items()
        for d, of in by_size.items()
    ]  # fmt: skip
    names = ("dimensions", "ellipsoids", "Newton")
    return Table(
        [Column("domain"), *(Column(name, "right") for name in names)],
        rows,
        f"Steps, ellipsoids to a gap of {_GAP:g} and Newton's method to rounding",
    )


def _figure(near: _Groups) -> Figure:
    panels = {
        domain: [
            Line(
                np.log10(list(by_margin)),
                [np.mean([one[name] for one in of]) for of in by_margin.values()],
                label,
            )
            for name, label in (("bound", "the bound"), ("norm", "norm of the parameter"))
        ]
        for domain, by_margin in near.items()
    }
    return lines(panels, x_label="log10 of the distance to the boundary", log=tuple(panels))
