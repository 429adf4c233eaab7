"""The ways of learning from observed groups that are put beside each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from equipoise.constraints import Constraint, gap, ratio
from equipoise.groups import Groups
from equipoise.learn.noisy import (
    Asked,
    Cells,
    Models,
    Moments,
    Pool,
    Scored,
    Task,
    UnreachablePromiseError,
    learn_models,
    solve,
    solve_by_cell,
)
from equipoise.learn.noisy.baselines import (
    NoisyCells,
    after_the_fact,
    contamination,
    mistaken,
    robust_groups,
    shrunk,
    soft_groups,
)
from equipoise.learn.noisy.chances import default_estimator
from equipoise.noise import FlipMatrix, NoisyGroups, flips_from_gold
from equipoise.reproduce.noisy_groups.people import People
from equipoise.reproduce.noisy_groups.published import FLIPS, flips_of

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

FLOOR = 0.01
GOLD_ROWS = 200

_TOLERANCE = 1e-4  # of a share of errors: less than the width of a line in the figure

OBSERVED, DENOISED, TRUE = "observed groups, exact", "denoised, exact", "true groups, exact"
MAIN, PAIRS = "denoised, main effects", "denoised, pairs"
GOLD, LESS, SWAPPED = (
    f"denoised, flips of {GOLD_ROWS} gold rows",
    "denoised, flips (.2, .1)",
    "denoised, flips swapped",
)
LAMY, AWASTHI = "shrunk tolerance", "after the fact"
WANG, BALLS = "soft groups", "robust groups"

COMPARED = (OBSERVED, DENOISED, MAIN, PAIRS)
"""Ways that are put beside the best that any group-blind rule can do."""

EXACT = {"observed": OBSERVED, "denoised": DENOISED, "true": TRUE}
"""Linear programs over cells, by what groups are taken to be."""


@dataclass(frozen=True, eq=False)
class Plugged:
    """Models that are fitted once for all bounds of a promise, and the rules that were tried.

    Attributes
    ----------
    models : Models
    scored : Scored
    moments : Moments
    by_label : ndarray, shape (2, p)
        Mean signed membership, by label.
    pool : Pool
    """

    models: Models
    scored: Scored
    moments: Moments
    by_label: Array
    pool: Pool

    def task(self, promise: Constraint) -> Task:
        """The program of a bound."""
        rest, shares = self.moments.at_rest(self.by_label), self.by_label.sum(axis=0)
        return Task(self.scored, self.moments, rest, shares, Asked((promise,), FLOOR, 0.0))


@dataclass(frozen=True, eq=False)
class Learning:
    """Rows to learn from, and what is observed of their groups.

    Attributes
    ----------
    people : People
    observed : ndarray of int64, shape (n,)
    metric : {"selection", "false_positive"}
    gold : FlipMatrix or None
        Flips estimated from gold rows; None if these cannot tell the groups apart.
    fitted : dict of Plugged
        What has been fitted, by whether with pairs of features.
    """

    people: People
    observed: Codes
    metric: str
    gold: FlipMatrix | None
    fitted: dict[bool, Plugged] = field(default_factory=dict)

    @classmethod
    def of(cls, people: People, metric: str, random: np.random.Generator) -> Learning:
        """Flip groups at random, and find out the truth about some.

        Parameters
        ----------
        people : People
        metric : str
        random : numpy Generator

        Returns
        -------
        Learning
        """
        group = people.group
        flipped = random.random(len(group)) < FLIPS.p_flip[group, 1 - group]
        observed = np.where(flipped, 1 - group, group)
        some = random.choice(len(group), min(GOLD_ROWS, len(group)), replace=False)
        try:
            gold = flips_from_gold(group[some], observed[some]).flips
        except ValueError:
            gold = None
        return cls(people, observed, metric, gold)

    def cells(self, membership: Array) -> Cells:
        """The rows by cell, with some membership."""
        people = self.people
        return Cells.of(people.cell, people.label, membership, len(people.features))

    def exact(self, membership: Array, promise: Constraint) -> Array:
        """The linear program over cells, as a rule of shape (k, 2)."""
        asked = Asked((promise,), FLOOR, 0.0)
        return _blind(solve_by_cell(self.cells(membership), asked).chance)

    def signed(self, flips: FlipMatrix) -> Array:
        """The signed membership of the rows."""
        return flips.inverse[self.observed]

    def plugged(self, pairs: bool) -> Plugged:
        """The models, which are fitted when they are first asked for."""
        if pairs not in self.fitted:
            self.fitted[pairs] = self._fit(pairs)
        return self.fitted[pairs]

    def _fit(self, pairs: bool) -> Plugged:
        # Equal rows are one row with a weight.
        people = self.people
        at = 4 * people.cell + 2 * people.label + self.observed
        counts = np.bincount(at, minlength=4 * len(people.features))
        rows = np.flatnonzero(counts)
        estimator = default_estimator()
        if pairs:
            together = PolynomialFeatures(2, interaction_only=True, include_bias=False)
            estimator = make_pipeline(together, estimator)
        moments = Moments.of([ratio(self.metric) >= 0.5])
        models, scored = learn_models(
            people.features[rows // 4],
            rows // 2 % 2,
            NoisyGroups(Groups.from_codes(rows % 2, FLIPS.names), FLIPS),
            moments,
            estimator=estimator,
            group_estimator=estimator,
            weights=counts[rows].astype(np.float64),
        )
        by_label = self.cells(self.signed(FLIPS)).mass.sum(axis=0)
        return Plugged(models, scored, moments, by_label, Pool(scored))


def best_accuracy(learning: Learning, least: float) -> float:
    """What no group-blind rule is above that has so large a ratio in the true groups.

    Parameters
    ----------
    learning : Learning
    least : float
        Ratio of rates, on the rows learnt from.

    Returns
    -------
    float
        On those rows: of the linear program over cells with the true groups, without a floor.
    """
    cells = learning.cells(np.eye(2)[learning.people.group])
    return 1 - solve_by_cell(cells, Asked((ratio(learning.metric) >= least,), 0.0, 0.0)).error


def rules(learning: Learning, tau: float, *, with_soft: bool) -> dict[str, Array | None]:
    """What each way makes of the promise that rates have a ratio of at least tau.

    Parameters
    ----------
    learning : Learning
    tau : float
    with_soft : bool
        Whether soft and robust groups are among them, which take longer.

    Returns
    -------
    dict of ndarray, shape (k, 2), or None
        With what chance each cell is decided 1, by observed group; None where there is none.
    """
    promise = ratio(learning.metric) >= tau
    makers: dict[str, Callable[[], Array]] = {
        OBSERVED: lambda: learning.exact(np.eye(2)[learning.observed], promise),
        DENOISED: lambda: learning.exact(learning.signed(FLIPS), promise),
        TRUE: lambda: learning.exact(np.eye(2)[learning.people.group], promise),
        MAIN: lambda: _plug_in(learning, promise, pairs=False),
        PAIRS: lambda: _plug_in(learning, promise, pairs=True),
        LESS: lambda: learning.exact(learning.signed(flips_of(0.2, 0.1)), promise),
        SWAPPED: lambda: learning.exact(learning.signed(flips_of(0.1, 0.3)), promise),
        AWASTHI: lambda: _after(learning, promise),
    }
    gold = learning.gold
    if gold is not None:
        makers[GOLD] = lambda: learning.exact(learning.signed(gold), promise)
    if learning.metric == "selection":
        makers[LAMY] = lambda: _shrunk(learning, tau)
    if with_soft:
        makers[WANG] = lambda: _blind(soft_groups(_noisy(learning), promise).chance)
        makers[BALLS] = lambda: _robust(learning, promise)
    return {name: _or_none(make) for name, make in makers.items()}


def _or_none(make: Callable[[], Array]) -> Array | None:
    try:
        return make()
    except UnreachablePromiseError:
        return None


def _blind(chance: Array) -> Array:
    return np.repeat(chance[:, None], 2, axis=1)


def _plug_in(learning: Learning, promise: Constraint, *, pairs: bool) -> Array:
    plugged = learning.plugged(pairs)
    task = plugged.task(promise)
    rule = solve(task, plugged.pool, tolerance=_TOLERANCE).rule
    return _blind(rule.chance(*plugged.models.gain_and_moments(learning.people.features)))


def _decided(learning: Learning) -> Codes:
    labels = learning.cells(np.ones((len(learning.people), 1))).labels
    return (labels[:, 1] > labels[:, 0]).astype(np.int64)


def _after(learning: Learning, promise: Constraint) -> Array:
    people, decided = learning.people, _decided(learning)
    asked = Asked((promise,), FLOOR, 0.0)
    found = after_the_fact(decided[people.cell], people.label, learning.observed, 2, asked)
    return found.chance[:, decided].T


def _shrunk(learning: Learning, tau: float) -> Array:
    # A ratio of tau is a gap of (1 - tau) times the highest rate: that of the rule without promise.
    decided, signed = _decided(learning)[learning.people.cell], learning.signed(FLIPS)
    highest = float((signed.T @ decided / signed.sum(axis=0)).max())
    observed = np.bincount(learning.observed, minlength=2) / len(decided)
    promise = gap("selection") <= min(max((1 - tau) * highest, 0.0), 1.0)
    eased = shrunk(promise, *contamination(FLIPS, observed))
    return learning.exact(np.eye(2)[learning.observed], eased)


def _noisy(learning: Learning) -> NoisyCells:
    cells = learning.cells(np.eye(2)[learning.observed])
    among = cells.mass.sum(axis=1) if learning.metric == "selection" else cells.mass[:, 0]
    return NoisyCells(cells.labels, among / among.sum(), FLIPS)


def _robust(learning: Learning, promise: Constraint) -> Array:
    noisy = _noisy(learning)
    return _blind(robust_groups(noisy, promise, mistaken(noisy)).chance)
