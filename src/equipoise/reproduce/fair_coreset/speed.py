"""How much faster a fair clustering is found on a summary, and what that costs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.audit import Estimate
from equipoise.cluster import FairKMeans, FairKMedian
from equipoise.coresets import Coreset, Stratified
from equipoise.coresets.assignment import assign_within
from equipoise.coresets.distances import all_costs
from equipoise.groups import Groups
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.fair_coreset.published import NONE, SPEED_UP
from equipoise.reproduce.fair_coreset.tables import People, available, people_in, setting_name
from equipoise.reproduce.judge import judged, over_seeds, shown_above, shown_at_least, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown

_SIMULATED_ROWS = 50_000
_BALANCE = 0.8
_NEAR = 1.02
_FEW_ROWS = 12
_PROGRAM_ROWS = 10_000
_PROGRAM_POINTS = 500
_PROGRAM_NEAR = 0.05


@dataclass(frozen=True)
class Setting:
    """A table, and what is to be fair.

    Attributes
    ----------
    table : str
    folder : Path or None
    types : {"one", "all"}
        Groups of the first sensitive column, or of all side by side, which overlap.
    power : float
        z.
    k : int
    seed : int
    rows : int
        That are given to the linear program, which takes minutes for all.
    """

    table: str
    folder: Path | None
    types: str
    power: float
    k: int
    seed: int
    rows: int

    @property
    def name(self) -> str:
        """What it is called in claims."""
        groups = "groups of one column" if self.types == "one" else "overlapping groups"
        return f"{setting_name(self.table, True, self.power, self.k)}, {groups}"

    def cell(self) -> Cell:
        """On a summary and on all rows."""
        decides = {name: value for name, value in vars(self).items() if name != "folder"}
        return Cell(f"speed, {self.name}, seed {self.seed}", decides, self.run, 60.0)

    def run(self) -> Result:
        """Seconds, costs, and by how many rows bounds are exceeded."""
        people = people_in(self.table, self.folder, _SIMULATED_ROWS).scaled()
        groups = self._groups(people)
        kind = FairKMedian if self.power == 1 else FairKMeans
        ask = partial(kind, self.k, balance=_BALANCE, n_init=3, random_state=self.seed)
        n = len(people.points)
        fitted = ask().fit(people.points, sensitive_features=groups)  # compiled before the clock
        found: Result = {"program": self._by_program(people, groups, fitted)}
        for name, size in (("summary", None), ("rows", n)):
            began = time.process_time()
            fitted = ask(size=size)
            fitted.fit(people.points, sensitive_features=groups)
            found[name] = {
                "seconds": time.process_time() - began,
                "cost": float(fitted.inertia_),
                "price": float(fitted.price_),
                "points": len(fitted.coreset_),
                "excess": float(fitted.violation_.rows),
            }
        return found

    def _by_program(self, people: People, groups: Groups, fitted: FairKMeans) -> Result:
        """What the paper sped up: a linear program that assigns rows to centres, here HiGHS."""
        some = np.random.default_rng(self.seed).permutation(len(people.points))[: self.rows]
        members = groups.membership
        assert members is not None
        kinds, codes = np.unique(members[some], axis=0, return_inverse=True)
        rows = Coreset.from_block(
            people.points[some], collections=codes.reshape(-1), power=self.power
        )
        # Of these rows shares are others, and what is asked is to be feasible.
        shares = members[some].mean(axis=0)
        within = (_BALANCE * shares, np.minimum(shares / _BALANCE, 1))
        found: Result = {}
        for name, builder in (("rows", None), ("summary", Stratified(self.k, _PROGRAM_POINTS))):
            began = time.process_time()
            points = rows if builder is None else rows.reduce(builder, self.seed)
            costs = all_costs(points.points, fitted.cluster_centers_, self.power)
            assigned = assign_within(
                costs, points.weights, points.collections, kinds, *within, method="program"
            )
            found[name] = {"seconds": time.process_time() - began, "cost": assigned.value}
        return {**found, "of": len(some)}

    def _groups(self, people: People) -> Groups:
        members = people.members[people.collections]
        if self.types == "one":
            # The first column's values come first, and every row has one of them.
            first = int(np.flatnonzero(people.members.cumsum(axis=1).min(axis=0) > 0)[0]) + 1
            members = members[:, :first]
        return Groups.from_membership(members, [f"group {i}" for i in range(members.shape[1])])


def speed_part(tier: Tier, data_dir: Path | None) -> Part:
    """Every table that there is, one and several sensitive columns.

    Returns
    -------
    Part
    """
    full = tier == "full"
    tables = available(data_dir)
    powers = (1.0, 2.0) if full else (2.0,)
    settings = [
        Setting(table, data_dir, types, power, k, seed, 10**6 if full else _PROGRAM_ROWS)
        for table in tables or ("simulated",)
        for types in ("one", "all")
        if not (table == "Athlete" and types == "all")  # which has one sensitive column
        for power in powers
        for k in ((3, 10) if full else (3,))
        for seed in range(5 if full else 3)
    ]
    return part_of(settings)


def part_of(settings: Sequence[Setting]) -> Part:
    """A part of settings.

    Parameters
    ----------
    settings : sequence of Setting

    Returns
    -------
    Part
    """
    return Part("speed", tuple(one.cell() for one in settings), partial(_show, settings))


_TEXT = (
    "The same search for centres and fair shares, once on a summary and once on all rows, three "
    f"starts each; a group's share of a cluster is bounded by {_BALANCE:g} of its share of all "
    f"rows, and by that over {_BALANCE:g}. Every row gets a label, and costs are of all rows with "
    "these labels. Seconds are of the processor, on one thread, making the summary and labelling "
    "included: labelling all rows takes as long either way, and the exact assignment of all rows "
    "takes a tenth of a second, so that there is little left to save. What the paper sped up are "
    "slower algorithms, one of them a linear program with a variable for each row and cluster: "
    f"here it is solved by HiGHS at given centres, on rows and on {_PROGRAM_POINTS} points."
)


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.name, []).append(result)
    claims = [claim for name, of in found.items() for claim in _claims(name, of)]
    table = _table(found)
    return Shown(
        tuple(claims),
        (table,),
        lambda: [Section("Fair clusterings, faster", [Text(_TEXT), table])],
    )


def _claims(name: str, of: Sequence[Result]) -> list[Claim]:
    faster = _faster(of)
    cost = over_seeds(np.array([one["summary"]["cost"] / one["rows"]["cost"] for one in of]))
    excess = max(float(one[way]["excess"]) for one in of for way in ("summary", "rows"))
    program = _faster([one["program"] for one in of])
    off = over_seeds(
        np.array(
            [
                abs(one["program"]["summary"]["cost"] / one["program"]["rows"]["cost"] - 1)
                for one in of
            ]
        )
    )
    n = of[0]["program"]["of"]
    said = f"the linear program of fair shares on {_PROGRAM_POINTS} points, not {n:,}"
    return [
        judged(
            f"{name}: {said}, is {SPEED_UP:g} times faster",
            "one order of magnitude and more",
            program,
            shown_at_least(program, SPEED_UP),
        ),
        judged(
            f"{name}: {said}, is off by at most {_PROGRAM_NEAR:g}",
            "far below eps, of .5",
            off,
            shown_at_most(off, _PROGRAM_NEAR),
        ),
        judged(
            f"{name}: the library's own search, from rows to labels, is faster on a summary",
            NONE,
            faster,
            shown_above(faster, 1.0),
        ),
        judged(
            f"{name}: what the clustering costs, over that found on all rows, is at most {_NEAR:g}",
            NONE,
            cost,
            shown_at_most(cost, _NEAR),
        ),
        Claim(
            f"{name}: labels of all rows exceed no bound by more than {_FEW_ROWS} rows",
            "a few rows",
            excess,
            excess,
            excess,
            "holds" if excess <= _FEW_ROWS else "does not hold",
        ),
    ]


def _faster(of: Sequence[Result]) -> Estimate:
    logs = np.log([one["rows"]["seconds"] / one["summary"]["seconds"] for one in of])
    return Estimate(*(float(np.exp(value)) for value in over_seeds(logs)))


def _table(found: dict[str, list[Result]]) -> Table:
    columns = [Column("clustering")]
    columns += [
        Column(name, "right")
        for name in (
            *("points", "summary, s", "all rows, s", "times faster", "cost over all rows'"),
            *("price of fairness", "rows in excess", "program, times faster"),
        )
    ]
    rows = []
    for name, of in found.items():
        middle = {
            (way, figure): float(np.median([one[way][figure] for one in of]))
            for way in ("summary", "rows")
            for figure in ("seconds", "cost", "points", "price")
        }
        excess = max(float(one["summary"]["excess"]) for one in of)
        rows.append(
            [
                name,
                f"{middle['summary', 'points']:,.0f}",
                f"{middle['summary', 'seconds']:.2f}",
                f"{middle['rows', 'seconds']:.2f}",
                f"{_faster(of).value:.1f}",
                f"{middle['summary', 'cost'] / middle['rows', 'cost']:.4f}",
                f"{max(0.0, 100 * middle['summary', 'price']):.1f} %",
                f"{excess:.1f}",
                f"{_faster([one['program'] for one in of]).value:.0f}",
            ]
        )
    return Table(columns, rows, caption="Fair clusterings on a summary and on all rows, medians")
