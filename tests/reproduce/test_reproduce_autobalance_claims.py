"""Verdicts follow from the figures, whichever way these are."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.reproduce.autobalance.birds import BirdsTask
from equipoise.reproduce.autobalance.birds_claims import birds_claims
from equipoise.reproduce.autobalance.birds_methods import BALANCED, birds_methods, frontier_methods
from equipoise.reproduce.autobalance.claims import (
    Comparison,
    comparisons,
    no_harm,
    overall_claims,
    share_better,
)
from equipoise.reproduce.autobalance.record import Record
from equipoise.reproduce.autobalance.results import Results, shown, standard_error
from equipoise.reproduce.autobalance.tail import tail_tasks
from equipoise.reproduce.autobalance.tail_claims import rank_correlation, tail_claims
from equipoise.reproduce.autobalance.tail_methods import AUTOBALANCE, tail_methods

WEIGHTS = (0.1, 0.5)


def _birds(cells: np.ndarray) -> Record:
    wrong = np.asarray(cells, float).T  # by group and label, in percent
    table = np.empty((2, 2, 2), np.int64)
    for g in range(2):
        for k in range(2):
            table[g, k, k] = 1000 - round(10 * wrong[g, k])
            table[g, k, 1 - k] = round(10 * wrong[g, k])
    return Record({}, 1.0, np.array([[3498, 184], [56, 1057]]), table)


def _results(ours, others, ce=((1, 45), (60, 5))) -> Results:
    # A tenth of a point up and down makes two seeds differ.
    methods = birds_methods()
    names = [one.name for one in methods + frontier_methods(WEIGHTS)]
    cells = {name: ours if name.startswith("AutoBalance") else others for name in names}
    cells["CE"] = ce
    records = {
        name: [_birds(np.add(cell, push)) for push in (-0.1, 0.1)] for name, cell in cells.items()
    }
    return Results(BirdsTask(), methods, records)


def _verdicts(claims) -> list[str]:
    return [claim.verdict for claim in claims]


def _comparison(*behind: float) -> Comparison:
    return Comparison("task", "LA", np.array(behind))


def test_no_harm_allows_one_standard_error_and_no_more():
    # The standard error of (0, 2) is 1, and so is the mean.
    assert standard_error(np.array([0.0, 2.0])) == 1
    assert no_harm([_comparison(0.0, 2.0)]) == "holds"
    assert no_harm([_comparison(1.0, 2.0), _comparison(-1, -1)]) == "does not hold"
    assert no_harm([_comparison(-1.0, -1.1)]) == "holds"


def test_a_single_seed_has_no_error_to_allow():
    assert no_harm([_comparison(0.0)]) == "holds"
    assert no_harm([_comparison(0.1)]) == "does not hold"


def test_a_training_that_failed_is_harm():
    assert no_harm([_comparison(-1.0, np.nan)]) == "does not hold"
    (first, _) = overall_claims([_comparison(-1, -1), _comparison(np.nan, np.nan)])
    assert first.verdict == "does not hold"


def test_the_share_of_tasks_has_ends_by_what_intervals_say():
    surely, hardly, surely_not = (-1.0, -1.1, -1.2), (-1.0, 2.0, -1.5), (1.0, 1.1, 1.2)
    found = share_better([_comparison(*each) for each in (surely, hardly, surely_not)])
    assert (found.low, found.value, found.high) == pytest.approx((1 / 3, 2 / 3, 2 / 3))


@pytest.mark.parametrize(
    ("behind", "verdict"),
    [
        ([(-1.0, -1.1, -1.2), (1.0, 1.1, 1.2)], "holds"),
        ([(-1.0, 2.0, -1.5), (1.0, 1.1, 1.2)], "holds with a condition"),
        ([(0.1, 2.0, -1.5), (1.0, 1.1, 1.2)], "does not hold"),
    ],
)
def test_better_on_half_holds_if_intervals_say_so(behind, verdict):
    claims = overall_claims([_comparison(*each) for each in behind])
    assert claims[1].verdict == verdict
    assert claims[0].paper.endswith("(CIFAR10-LT)")


def test_the_best_fixed_loss_is_the_one_of_least_mean_and_no_search():
    results = _results(ours=((1, 2), (3, 4)), others=((1, 20), (30, 5)))
    assert results.best() in {"CE balanced", "Group-LA", "CE_deo", "blend"}
    np.testing.assert_allclose(results.behind(BALANCED, results.best()), -11.5, atol=1e-9)
    (found,) = comparisons([results])
    assert found.beyond < 0


def test_all_claims_of_waterbirds_hold_where_autobalance_is_better_in_all():
    results = _results(ours=((8, 12), (12, 9)), others=((5, 30), (40, 10)))
    assert set(_verdicts(birds_claims(results, WEIGHTS))) == {"holds"}


def test_a_cut_of_less_than_threefold_does_not_hold():
    # CE's difference of odds is 44 + 55 = 99 points; a third of it is 33.
    enough = _results(ours=((10, 25), (25, 9)), others=((5, 30), (40, 10)))
    short = _results(ours=((10, 30), (30, 9)), others=((5, 30), (40, 10)))
    assert birds_claims(enough, WEIGHTS)[0].verdict == "holds"
    assert birds_claims(enough, WEIGHTS)[0].ours == pytest.approx(31 / 99, abs=0.01)
    assert birds_claims(short, WEIGHTS)[0].verdict == "does not hold"


def test_a_smaller_difference_at_a_higher_balanced_error_is_said():
    results = _results(ours=((40, 42), (41, 40)), others=((5, 30), (40, 10)))
    cut, level, *_ = birds_claims(results, WEIGHTS)
    assert cut.verdict == "holds"
    assert level.verdict == "does not hold"
    assert level.ours == pytest.approx(13.0)


def test_volumes_are_those_of_the_blends_and_of_cross_entropy():
    results = _results(ours=((0, 0), (0, 0)), others=((1, 45), (60, 5)))
    assert results.volumes("AutoBalance", WEIGHTS, "balanced")[1] == pytest.approx(99.6, abs=0.2)
    alone = results.volumes("CE balanced", WEIGHTS, "balanced")[1]
    standard, balanced = results.of("CE", "standard")[1], results.of("CE", "balanced")[1]
    assert alone == pytest.approx((50 - standard) * (50 - balanced) / 25)


def test_the_rank_correlation_is_undefined_where_nothing_moved():
    counts = np.array([30, 20, 10])
    assert rank_correlation(np.array([3.0, 2.0, -1.0]), counts) == pytest.approx(1)
    assert rank_correlation(np.array([-3.0, -2.0, 1.0]), counts) == pytest.approx(-1)
    assert np.isnan(rank_correlation(np.ones(3), counts))
    assert np.isnan(rank_correlation(None, counts))


def _tail(errors: dict[str, float], term: np.ndarray) -> Results:
    methods = tail_methods()

    def record(name: str, push: float) -> Record:
        wrong = round(10 * (errors.get(name, 30.0) + push))
        table = np.full((1, 10, 10), 0)
        table[0] += np.diag(np.full(10, 1000 - wrong)) + np.roll(np.diag(np.full(10, wrong)), 1, 1)
        counts = np.arange(100, 0, -10)[:, None]
        return Record({}, 1.0, counts, table, additive=term, multiplicative=term)

    records = {one.name: [record(one.name, push) for push in (-0.1, 0.1)] for one in methods}
    return Results(tail_tasks(None)[0], methods, records)


def test_the_claims_of_a_long_tail_follow_the_errors_and_the_terms():
    falling = np.linspace(1, -1, 10)
    good = _tail({AUTOBALANCE: 10, "l&Delta, LA init": 12, "LA": 15}, falling)
    assert set(_verdicts(tail_claims(good))) == {"holds"}
    bad = _tail({AUTOBALANCE: 40, "l&Delta, LA init": 42, "LA": 15}, -falling)
    assert set(_verdicts(tail_claims(bad))) == {"does not hold"}
    (found,) = comparisons([good])
    assert found.best == "LA"


def test_failed_seeds_are_counted_beside_the_mean():
    assert shown(np.array([1.0, 3.0])).startswith("2.0 ±")
    assert shown(np.array([1.0, 3.0, np.nan])).endswith("(1 failed)")
    assert shown(np.array([np.nan])) == "failed"
