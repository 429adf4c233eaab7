"""What others do about noisy groups does what it says, and no more."""

from __future__ import annotations

import numpy as np
import pytest
from noisy_people import cells_of, people

from equipoise import Constraint
from equipoise.learn.noisy import Asked, UnreachablePromiseError, solve_by_cell
from equipoise.learn.noisy.baselines import (
    NoisyCells,
    after_the_fact,
    against_adversary,
    contamination,
    mistaken,
    robust_groups,
    shrunk,
    soft_groups,
)
from equipoise.noise import FlipMatrix

RATIO = Constraint.parse('ratio("selection") >= 0.8')
GAP = Constraint.parse('gap("selection") <= 0.1')


def known(some):
    return FlipMatrix(some.flips, [str(k) for k in range(len(some.flips))])


def test_differences_shrink_by_what_is_contaminated():
    truth, flips = np.array([0.4, 0.6]), np.array([[0.7, 0.3], [0.1, 0.9]])
    rates = np.array([0.2, 0.5])
    observed = truth @ flips
    seen = (truth * rates) @ flips / observed
    alpha, beta = contamination(FlipMatrix(flips, ("a", "b")), observed)
    assert seen[1] - seen[0] == pytest.approx(0.3 * (1 - alpha - beta))
    assert shrunk(GAP, alpha, beta).bound == pytest.approx(0.1 * (1 - alpha - beta))


def test_a_shrunk_gap_keeps_the_promise_in_the_denoised_counts():
    some = people(n=40_000, seed=1)
    observed = np.bincount(some.seen) / len(some.seen)
    eased = shrunk(GAP, *contamination(known(some), observed))
    rule = solve_by_cell(cells_of(some, np.eye(2)[some.seen]), Asked((eased,), 0.0, 0.0))
    signed = some.signed
    rates = signed.T @ rule.chance[some.cell] / signed.sum(axis=0)
    assert abs(rates[1] - rates[0]) <= 0.1 + 1e-9


def test_only_gaps_of_two_groups_shrink():
    with pytest.raises(ValueError, match="alone shrink"):
        shrunk(RATIO, 0.1, 0.1)
    with pytest.raises(ValueError, match="below 1"):
        shrunk(GAP, 0.6, 0.5)
    with pytest.raises(ValueError, match="two groups"):
        contamination(known(people(p=3)), np.ones(3) / 3)


def test_against_an_adversary_nothing_is_left_where_he_can_change_all():
    asked = Asked((RATIO,), 0.2, 0.0)
    assert against_adversary(asked, 0.0) == asked
    eased = against_adversary(asked, 0.02)
    assert eased.floor == pytest.approx(0.18)
    assert eased.promises[0].bound == pytest.approx(0.8 * (0.9 / 1.1) ** 2)
    with pytest.raises(ValueError, match="nothing is left"):
        against_adversary(asked, 0.2)
    with pytest.raises(ValueError, match="not a ratio"):
        against_adversary(Asked((GAP,), 0.2, 0.0), 0.01)


def test_after_the_fact_the_observed_groups_get_the_promise():
    some = people(seed=2)
    decided = (some.cell % 3 == 0).astype(int)
    promise = Constraint.parse('ratio("true_positive") >= 0.95')
    chances = after_the_fact(decided, some.label, some.seen, 2, Asked((promise,), 0.0, 0.0))
    chance = chances.decide(decided.astype(float), some.seen)
    rates = [chance[(some.label == 1) & (some.seen == k)].mean() for k in (0, 1)]
    assert min(rates) / max(rates) >= 0.95 - 1e-9
    assert chances.decide(np.array([0.5]), np.array([1])) == pytest.approx(chances.chance[1].mean())


def worst_rates(some, chance, i):
    """The lowest and highest rate of a group, its members taken from one end."""
    n, flips = len(chance), some.flips
    true = (np.bincount(some.seen) / n) @ np.linalg.inv(flips)
    ends = []
    for sign in (1, -1):
        total = 0.0
        for j in range(len(flips)):
            own = sign * np.sort(sign * chance[some.seen == j])
            wanted = flips[i, j] * true[i] * n
            whole = int(wanted)
            total += own[:whole].sum() + (wanted - whole) * own[min(whole, len(own) - 1)]
        ends.append(total / n / true[i])
    return ends


@pytest.mark.parametrize("promise", [RATIO, GAP])
def test_soft_groups_keep_the_promise_for_the_worst_assignment(promise):
    some = people(seed=0)
    cells = cells_of(some, np.eye(2)[some.seen])
    noisy = NoisyCells(cells.labels, cells.mass.sum(axis=1), known(some))
    rule = soft_groups(noisy, promise)
    ends = np.array([worst_rates(some, rule.chance[some.cell], i) for i in (0, 1)])
    low, high = ends[:, 0].min(), ends[:, 1].max()
    if promise is RATIO:
        assert high > 0.5
        assert low / high == pytest.approx(0.8, abs=1e-6)  # and no more than that
    else:
        assert high - low == pytest.approx(0.1, abs=1e-6)
    denoised = solve_by_cell(cells_of(some, some.signed), Asked((promise,), 0.0, 0.0))
    assert rule.error > denoised.error


def worst_in_ball(mass, chance, radius):
    """The lowest and highest mean when a share is moved to one end, row by row."""
    ends = []
    for sign in (1, -1):
        order = np.argsort(-sign * chance)
        left, total = 1 - radius, radius * chance[order[0]]
        for cell in order:
            taken = min(mass[cell], left)
            total, left = total + taken * chance[cell], left - taken
        ends.append(total)
    return ends[::-1]


def test_balls_keep_the_promise_for_the_worst_distribution_in_them():
    some = people(seed=0)
    cells = cells_of(some, np.eye(2)[some.seen])
    noisy = NoisyCells(cells.labels, cells.mass.sum(axis=1), known(some))
    radii = mistaken(noisy) / 4
    own = noisy.among / noisy.among.sum(axis=0)
    for promise in (RATIO, GAP):
        rule = robust_groups(noisy, promise, radii)
        ends = [worst_in_ball(own[:, j], rule.chance, radii[j]) for j in (0, 1)]
        low, high = min(e[0] for e in ends), max(e[1] for e in ends)
        if promise is RATIO:
            assert low >= 0.8 * high - 1e-7
        else:
            assert high - low <= 0.1 + 1e-7
    plain = solve_by_cell(cells, Asked((GAP,), 0.0, 0.0))
    assert robust_groups(noisy, GAP, np.zeros(2)).error == pytest.approx(plain.error, abs=1e-9)
    with pytest.raises(ValueError, match="between 0 and 1"):
        robust_groups(noisy, GAP, np.array([0.1, 2.0]))


def test_the_share_mistaken_is_what_is_drawn():
    some = people(n=60_000, seed=5)
    cells = cells_of(some, np.eye(2)[some.seen])
    noisy = NoisyCells(cells.labels, cells.mass.sum(axis=1), known(some))
    counted = [(some.group[some.seen == k] != k).mean() for k in (0, 1)]
    assert mistaken(noisy) == pytest.approx(counted, abs=0.01)


def test_soft_groups_without_noise_are_the_plain_program():
    some = people(seed=4)
    cells = cells_of(some, np.eye(2)[some.group])
    noisy = NoisyCells(cells.labels, cells.mass.sum(axis=1), FlipMatrix.none(("0", "1")))
    plain = solve_by_cell(cells, Asked((RATIO,), 0.0, 0.0))
    assert soft_groups(noisy, RATIO).error == pytest.approx(plain.error, abs=1e-9)


def test_soft_groups_compare_groups():
    some = people()
    cells = cells_of(some, np.eye(2)[some.seen])
    noisy = NoisyCells(cells.labels, cells.mass.sum(axis=1), known(some))
    with pytest.raises(ValueError, match="compares no groups"):
        soft_groups(noisy, Constraint.parse('worst("selection") >= 0.1'))


def test_what_no_rule_of_cells_can_do_is_refused():
    some = people()
    impossible = Asked((Constraint.parse('worst("accuracy") >= 0.99'),), 0.0, 0.0)
    with pytest.raises(UnreachablePromiseError):
        solve_by_cell(cells_of(some, some.signed), impossible)
