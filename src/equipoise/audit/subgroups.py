"""Where is it unfair? A search for the subgroups whose rate is farthest from everybody else's.

All conjunctions of up to three simple conditions are counted on one half of the rows, by products
of matrices. Those that are farthest, after what chance may have added, are asked about again on
the other half, which has had no part in choosing them, and their p-values there are corrected for
how many were asked about (Benjamini and Hochberg 1995, JRSS B 57, 289).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.audit.conditions import Conditions, conditions_of
from equipoise.audit.labels import encode_pair
from equipoise.audit.score_test import parity_score, score_bound
from equipoise.rates import Rate, find_rate

Array = NDArray[np.float64]
Rule = tuple[int, ...]

# So many rows of the half that is searched tell which subgroups to ask about.
_SEARCHED = 50_000
_BLOCK = 256
_MOST_BASES = 2000
_MOST_RANKED = 5000
# From this share on two distances, or two sets of rows, are about the same.
_ABOUT = 0.9
_PLAUSIBLE = 1.645


@dataclass(frozen=True)
class Subgroup:
    """Rows that meet some conditions, and how a rate of theirs differs from the others'.

    All figures are of the half of the rows that had no part in finding it.

    Attributes
    ----------
    rule : str
        The conditions, as a person reads them.
    rows : int
        How many of the rows the rate is a share of.
    rate, others : float
        Its rate, and that of all other rows.
    low, high : float
        Interval of the difference, at the confidence asked for, of this subgroup alone.
    q_value : float
        Of all that were asked about, the least share of mere chance among those found with this.
    """

    rule: str
    rows: int
    rate: float
    others: float
    low: float
    high: float
    q_value: float

    @property
    def difference(self) -> float:
        """By how much its rate is above the others'."""
        return self.rate - self.others

    def to_dict(self) -> dict[str, Any]:
        """The subgroup as JSON can hold it."""
        return {**asdict(self), "difference": self.difference}

    def __str__(self) -> str:
        return (
            f"{self.rule}: {self.rate:.3f} against {self.others:.3f} of the others "
            f"({self.difference:+.3f} [{self.low:+.3f}, {self.high:+.3f}], {self.rows:,} rows)"
        )


def find_subgroups(
    table: Any,
    label: ArrayLike,
    prediction: ArrayLike,
    rate: str | Rate = "selection",
    *,
    positive: Any = None,
    depth: int = 3,
    min_share: float = 0.01,
    most: int = 50,
    confidence: float = 0.95,
    random_state: int = 0,
) -> list[Subgroup]:
    """Search for the subgroups whose rate is farthest from everybody else's.

    Parameters
    ----------
    table : dataframe of n rows
        The columns to search: pandas, polars, pyarrow or narwhals.
    label, prediction : array-like, shape (n,)
    rate : str or Rate
        Of one component.
    positive : optional
        The positive class of a binary task; the larger by default.
    depth : int
        How many conditions a rule has at most, up to 3.
    min_share : float
        Which share of the rows that the rate is of a subgroup must have.
    most : int
        How many are asked about on the other half.
    confidence : float
        Subgroups are returned whose q-value is at most one less this.
    random_state : int
        Of the halves.

    Returns
    -------
    list of Subgroup
        Those found again, the farthest first. A subgroup of one that is about as far is left out.

    Raises
    ------
    ValueError
        If lengths differ, the rate has several components, or an argument is out of range.
    """
    if depth not in (1, 2, 3):
        raise ValueError(f"depth must be 1, 2 or 3, not {depth}.")
    if not 0 < min_share < 0.5:
        raise ValueError(f"min_share must lie between 0 and 0.5, not {min_share}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, not {confidence}.")
    y, decided, classes = encode_pair(label, prediction, positive)
    rate = find_rate(rate)
    if rate.n_components(len(classes)) > 1 or rate.of_loss:
        raise ValueError(f"{rate} is not one share of rows: search by one such as accuracy.")
    conditions = conditions_of(table)
    if len(conditions.holds) != len(y):
        raise ValueError(f"table has {len(conditions.holds):,} rows, but label has {len(y):,}.")
    counted, event = _counted(rate, y, decided, len(classes))
    rows = np.flatnonzero(counted)
    order = np.random.default_rng(random_state).permutation(rows)
    half = len(order) // 2
    searched, asked = np.sort(order[:half][:_SEARCHED]), np.sort(order[half:])
    if len(searched) < 2 or not len(conditions.words):
        return []
    rules = _farthest(
        conditions, conditions.holds[searched], event[searched], depth, min_share, most
    )
    return _confirmed(rules, conditions, asked, event, confidence)


def _counted(
    rate: Rate, label: NDArray[np.int64], decided: NDArray[np.int64], k: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    cells = rate.cells(k)
    return (
        cells.denominator[0][label, decided] > 0,
        cells.numerator[0][label, decided] > 0,
    )


def _farthest(
    conditions: Conditions,
    holds: NDArray[np.bool_],
    event: NDArray[np.bool_],
    depth: int,
    min_share: float,
    most: int,
) -> list[Rule]:
    """The rules that are farthest on the half that is searched, each farther than its parts."""
    n, total = len(holds), float(event.sum())
    fewest = max(2.0, min_share * n)
    x = holds.astype(np.float32)
    happens = event.astype(np.float32)
    distance: dict[Rule, float] = {}

    def note(rules: list[Rule], size: Array, events: Array) -> None:
        inner = (size >= fewest) & (size <= n - fewest)
        others = np.maximum(n - size, 1)
        a, b = events / np.maximum(size, 1), (total - events) / others
        middle = total / n
        error = np.sqrt(max(middle * (1 - middle), 1e-12) * (1 / np.maximum(size, 1) + 1 / others))
        far = np.abs(a - b) - _PLAUSIBLE * error
        distance.update(
            (rule, float(d)) for rule, d, fits in zip(rules, far, inner, strict=True) if fits
        )

    note([(j,) for j in range(x.shape[1])], x.sum(0).astype(float), (happens @ x).astype(float))
    for size in range(2, depth + 1):
        bases = [rule for rule in distance if len(rule) == size - 1]
        if size > 2:  # of very many pairs those that are far are looked into
            bases = sorted(bases, key=lambda rule: -distance[rule])[:_MOST_BASES]
        for block in _blocks(bases):
            meets = np.stack([_meets(holds, rule) for rule in block]).astype(np.float32)
            together, events = meets @ x, (meets * happens) @ x
            for i, rule in enumerate(block):
                later = [
                    j
                    for j in range(rule[-1] + 1, x.shape[1])
                    if conditions.column[j] not in conditions.column[list(rule)]
                ]
                if later:
                    note(
                        [(*rule, j) for j in later],
                        together[i, later].astype(float),
                        events[i, later].astype(float),
                    )
    contrary = {(j,) for j in _larger_of_two(holds)}
    ranked = sorted(
        (rule for rule, far in distance.items() if far > 0 and rule not in contrary),
        key=lambda rule: -distance[rule],
    )
    kept: list[Rule] = []
    sets: list[NDArray[np.bool_]] = []
    for rule in ranked[:_MOST_RANKED]:
        # What adds conditions to one that is about as far says nothing new.
        parts = [p for size in range(1, len(rule)) for p in combinations(rule, size)]
        if any(distance.get(part, 0.0) >= _ABOUT * distance[rule] for part in parts):
            continue
        own = _meets(holds, rule)
        if any(_overlap(own, other) >= _ABOUT for other in sets):
            continue
        kept.append(rule)
        sets.append(own)
        if len(kept) == most:
            break
    return kept


def _meets(holds: NDArray[np.bool_], rule: Rule) -> NDArray[np.bool_]:
    return np.asarray(holds[:, list(rule)].all(axis=1))


def _overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return float((one & other).sum() / max(1, (one | other).sum()))


def _larger_of_two(holds: NDArray[np.bool_]) -> list[int]:
    # Of two conditions of which one is the contrary of the other, the smaller says it all.
    first = {column.tobytes(): j for j, column in enumerate(holds.T)}
    opposite = ((j, first.get((~column).tobytes())) for j, column in enumerate(holds.T))
    size = holds.sum(0)
    return [j for j, k in opposite if k is not None and (size[j], j) > (size[k], k)]


def _blocks(rules: list[Rule]) -> Iterator[list[Rule]]:
    for start in range(0, len(rules), _BLOCK):
        yield rules[start : start + _BLOCK]


def _confirmed(
    rules: list[Rule],
    conditions: Conditions,
    asked: NDArray[np.int64],
    event: NDArray[np.bool_],
    confidence: float,
) -> list[Subgroup]:
    if not rules:
        return []
    happens = event[asked]
    holds = conditions.holds[asked]
    meets = np.stack([_meets(holds, rule) for rule in rules])
    size, events = meets.sum(1), (meets & happens).sum(1)
    others, other_events = len(asked) - size, happens.sum() - events
    known = (size > 0) & (others > 0)
    rules = [rule for rule, fits in zip(rules, known, strict=True) if fits]
    a = events[known], size[known], other_events[known], others[known]
    if not rules:
        return []
    p = 2 * stats.norm.sf(np.abs(parity_score(*(x.astype(float) for x in a))))
    q = stats.false_discovery_control(np.minimum(p, 1.0))
    z = float(stats.norm.isf((1 - confidence) / 2))
    low, high = (score_bound(*a, z, "gap", side) for side in ("lower", "upper"))
    found = [
        Subgroup(
            " and ".join(conditions.words[j] for j in rule),
            int(a[1][i]),
            float(a[0][i] / a[1][i]),
            float(a[2][i] / a[3][i]),
            float(low[i]),
            float(high[i]),
            float(q[i]),
        )
        for i, rule in enumerate(rules)
        if q[i] <= 1 - confidence
    ]
    return sorted(found, key=lambda s: -max(s.low, -s.high))
