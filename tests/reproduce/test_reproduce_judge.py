from __future__ import annotations

import numpy as np
import pytest

from equipoise.audit import Estimate
from equipoise.reproduce.judge import (
    at_least,
    at_most,
    compare,
    judged,
    over_seeds,
    record_of_wins,
    share,
    shown_above,
    shown_at_least,
    shown_at_most,
    shown_below,
)


def test_the_interval_over_seeds_is_students():
    found = over_seeds(np.array([1.0, 2.0, 3.0]))
    assert (found.value, found.high - found.value) == (2.0, pytest.approx(2.4841377))
    assert over_seeds(np.array([0.5])) == Estimate(0.5, 0.5, 0.5)
    assert over_seeds(np.array([np.nan, 1.0, 2.0, 3.0])) == found
    assert np.isnan(over_seeds(np.array([np.nan])).value)


def test_the_interval_of_a_share_is_that_of_clopper_and_pearson():
    found = share(np.ones(10, bool))
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / 10))


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Estimate(0.1, 0.05, 0.15), "holds"),
        (Estimate(0.1, 0.05, 0.25), "holds with a condition"),
        (Estimate(0.3, 0.15, 0.45), "does not hold"),
        (Estimate(np.nan, np.nan, np.nan), "does not hold"),
    ],
)
def test_a_verdict_follows_from_the_interval(figure: Estimate, verdict: str):
    assert at_most(figure, 0.2) == verdict
    mirrored = Estimate(-figure.value, -figure.high, -figure.low)
    assert at_least(mirrored, -0.2) == verdict


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Estimate(0.1, 0.05, 0.15), "holds"),
        (Estimate(0.1, 0.05, 0.25), "cannot be told"),
        (Estimate(0.3, 0.15, 0.45), "cannot be told"),
        (Estimate(0.4, 0.25, 0.55), "does not hold"),
        (Estimate(np.nan, np.nan, np.nan), "cannot be told"),
    ],
)
def test_what_is_to_be_shown_cannot_be_told_while_the_interval_contains_the_limit(
    figure: Estimate, verdict: str
):
    assert shown_at_most(figure, 0.2) == verdict
    mirrored = Estimate(-figure.value, -figure.high, -figure.low)
    assert shown_at_least(mirrored, -0.2) == verdict


def test_no_difference_is_no_gain():
    none = Estimate(0.0, 0.0, 0.0)
    assert shown_above(none, 0) == shown_below(none, 0) == "does not hold"
    assert shown_at_least(none, 0) == shown_at_most(none, 0) == "holds"
    assert shown_above(Estimate(0.2, 0.1, 0.3), 0) == "holds"
    assert shown_above(Estimate(0.2, -0.1, 0.3), 0) == "cannot be told"


def test_a_condition_is_said_in_the_claim():
    claim = judged("it is small", "0", Estimate(0.1, 0.0, 0.3), "holds with a condition")
    assert "the interval leaves it open" in claim.claim
    assert (claim.ours, claim.low, claim.high) == (0.1, 0.0, 0.3)


def test_what_is_undefined_does_not_hold():
    claim = judged("it is", "0", Estimate(np.nan, np.nan, np.nan), "holds")
    assert claim.verdict == "does not hold"
    assert "undefined" in claim.claim


def test_a_method_wins_where_it_is_better_on_nearly_all_seeds():
    base = np.linspace(0.2, 0.3, 10)
    noise = np.random.default_rng(0).normal(0, 0.001, 10)
    assert compare(base - 0.02 + noise, base) == "win"
    assert compare(base, base - 0.02 + noise) == "loss"
    assert compare(base + noise, base) == "tie"
    assert compare(base, base) == "tie"


def test_a_method_that_diverged_loses():
    fine, diverged = np.full(10, 0.3), np.full(10, np.nan)
    assert compare(fine, diverged) == "win"
    assert compare(diverged, fine) == "loss"
    assert compare(diverged, diverged) == "tie"


def test_wins_and_losses_mirror_each_other():
    random = np.random.default_rng(0)
    costs = [{name: random.normal(k, 1, 10) for k, name in enumerate("abc")} for _ in range(4)]
    del costs[0]["c"]
    found = record_of_wins(costs, list("abc"))
    for a, b in found:
        assert found[a, b] == found[b, a][::-1]
        assert sum(found[a, b]) == (3 if "c" in (a, b) else 4)
