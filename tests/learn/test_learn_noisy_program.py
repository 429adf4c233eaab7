"""The denoised program: its inequalities, its solver against the program over cells, the gap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noisy_people import cells_of, people, saturated
from scipy.optimize import linprog

from equipoise import Constraint
from equipoise.learn.noisy import (
    Asked,
    UnreachablePromiseError,
    measure_kept,
    solve,
    solve_by_cell,
)
from equipoise.learn.noisy.moments import Moments
from equipoise.noise import flips_from_gold

LINEAR = [
    'ratio("selection") >= 0.9',
    'ratio("false_positive") >= 0.95',
    'gap("true_positive") <= 0.02',
    'gap("equalized_odds") <= 0.03',
    'worst("accuracy") >= 0.65',
]
FRACTIONAL = [
    'ratio("false_discovery") >= 0.9',
    'gap("false_omission") <= 0.02',
    'worst("predictive_value") >= 0.7',
]


def rates_of(task, chance):
    moved = np.repeat(task.moments.moving, len(task.shares))
    found = task.rest.ravel().copy()
    found[moved] += task.scored.counted @ chance
    found = found.reshape(task.rest.shape)
    c = task.moments.n_components
    return found[:c] / found[c:], found[:c]


@pytest.mark.parametrize("p", [2, 3])
@pytest.mark.parametrize("promise", [*LINEAR, *FRACTIONAL])
def test_with_means_of_cells_it_is_the_program_over_cells(promise, p):
    some = people(p=p)
    task = saturated(some, promise, some.signed)
    solved = solve(task)
    exact = solve_by_cell(cells_of(some, some.signed), task.asked)
    assert solved.error == pytest.approx(exact.error, abs=2e-6)
    assert 0 <= solved.gap <= 1e-5


@pytest.mark.parametrize("promise", [*LINEAR, *FRACTIONAL])
def test_the_promise_is_kept_on_the_rows_to_the_last_digit(promise):
    some = people(p=3, seed=1)
    task = saturated(some, promise, some.signed)
    chance = solve(task).rule.chance(task.scored.gain, task.scored.modelled)
    rates, numerators = rates_of(task, chance)
    [asked] = task.asked.promises
    assert asked.kept_by(rates)
    if asked.disparity.kind == "ratio":
        assert numerators.min() >= task.asked.floor


def test_pairs_of_groups_and_a_level_ask_the_same():
    some = people(p=3, seed=2)
    cells = cells_of(some, some.signed)
    asked = Asked((Constraint.parse('ratio("selection") >= 0.9'),), 0.05, 0.0)
    selected, sizes = cells.mass.sum(axis=1), cells.mass.sum(axis=(0, 1))
    per_head = selected / sizes
    rows = [0.9 * per_head[:, j] - per_head[:, i] for i in range(3) for j in range(3) if i != j]
    rows += [-selected[:, i] for i in range(3)]
    pairs = linprog(
        cells.labels[:, 0] - cells.labels[:, 1],
        A_ub=np.stack(rows),
        b_ub=np.array([0.0] * 6 + [-0.05] * 3),
        bounds=(0, 1),
    )
    assert solve_by_cell(cells, asked).error == pytest.approx(
        pairs.fun + cells.labels[:, 1].sum(), abs=1e-9
    )


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10_000), tau=st.floats(0.6, 1.0), p=st.integers(2, 4))
def test_no_rule_of_cells_has_fewer_errors(seed, tau, p):
    some = people(400, p, seed)
    promise = f'ratio("selection") >= {tau:.6f}'
    task = saturated(some, promise, some.signed, floor=0.001)
    try:
        exact = solve_by_cell(cells_of(some, some.signed), task.asked)
    except UnreachablePromiseError:
        with pytest.raises(UnreachablePromiseError):
            solve(task)
        return
    solved = solve(task)
    assert exact.error - 1e-7 <= solved.error <= exact.error + 1e-5


def test_models_that_are_wrong_are_shifted_until_the_rows_agree():
    some = people(seed=3)
    task = saturated(some, 'ratio("selection") >= 0.95', some.signed)
    random = np.random.default_rng(0)
    blurred = task.scored.modelled * random.uniform(0.7, 1.3, task.scored.modelled.shape[1])
    object.__setattr__(task.scored, "modelled", blurred)
    solved = solve(task)
    chance = solved.rule.chance(task.scored.gain, blurred)
    rates, _ = rates_of(task, chance)
    assert rates.min() / rates.max() >= 0.95
    exact = solve_by_cell(cells_of(some, some.signed), task.asked)
    assert solved.error < exact.error + 0.02


def test_the_gap_is_what_a_linear_program_over_rows_confirms():
    some = people(n=1500, seed=11)
    task = saturated(some, 'ratio("selection") >= 0.95', some.signed)
    blurred = task.scored.modelled * np.random.default_rng(1).uniform(0.8, 1.25, (1, 1500))
    object.__setattr__(task.scored, "modelled", blurred)
    solved = solve(task, tolerance=1e-9)
    chance = solved.rule.chance(task.scored.gain, blurred)
    shift = (task.scored.counted - blurred) @ chance
    program = task.program()
    best = linprog(
        np.append(-task.scored.gain, 0.0),
        A_ub=-np.column_stack([program.on_moments @ blurred, program.on_levels]),
        b_ub=program.on_moments @ shift - program.at_least,
        bounds=(0, 1),
    )
    short = solved.error - (best.fun + task.scored.base)
    assert -1e-7 <= short <= solved.gap + 1e-7
    assert solved.gap < 1e-3


def test_the_bound_that_is_offered_can_be_kept_and_hardly_more():
    some = people(seed=5)
    with pytest.raises(UnreachablePromiseError, match="what can be kept") as raised:
        solve(saturated(some, 'worst("accuracy") >= 0.95', some.signed))
    [offered] = raised.value.reachable
    kept = solve(saturated(some, str(offered), some.signed))
    assert kept.error < 1 - offered.bound + 0.1
    stricter = f'worst("accuracy") >= {offered.bound + 0.002}'
    with pytest.raises(UnreachablePromiseError):
        solve_by_cell(cells_of(some, some.signed), Asked((Constraint.parse(stricter),), 0.01, 0.0))


def test_a_floor_above_a_groups_share_is_refused_with_the_share():
    some = people(seed=6)
    share = some.signed.mean(axis=0).min()
    with pytest.raises(UnreachablePromiseError, match="floor") as raised:
        solve(saturated(some, 'ratio("selection") >= 0.8', some.signed, floor=0.9))
    assert raised.value.reachable == ()
    assert raised.value.floor == pytest.approx(share, abs=1e-3)


def test_the_floor_excludes_selecting_nobody():
    some = people(seed=7)
    some.label[:] = np.random.default_rng(0).random(len(some.label)) < 0.1
    nobody = saturated(some, 'ratio("selection") >= 0.8', some.signed, floor=0.0)
    assert nobody.scored.gain.max() < 0.4 / len(some.label)
    task = saturated(some, 'ratio("selection") >= 0.8', some.signed, floor=0.1)
    chance = solve(task).rule.chance(task.scored.gain, task.scored.modelled)
    assert rates_of(task, chance)[1].min() >= 0.1 - 1e-9


def test_slack_relaxes_bound_and_floor():
    some = people(seed=8)
    cells = cells_of(some, some.signed)
    promise = Constraint.parse('ratio("selection") >= 0.9')
    eased = Asked((Constraint.parse('ratio("selection") >= 0.88'),), 0.08, 0.0)
    with_slack = solve_by_cell(cells, Asked((promise,), 0.1, 0.02))
    assert with_slack.error == pytest.approx(solve_by_cell(cells, eased).error, abs=1e-9)


def test_without_noise_it_is_the_clean_program():
    some = people(seed=9)
    promise = 'ratio("selection") >= 0.9'
    one_hot = np.eye(2)[some.group]
    clean = solve_by_cell(cells_of(some, one_hot), saturated(some, promise, one_hot).asked)
    chance = clean.chance[some.cell]
    rates = [chance[some.group == k].mean() for k in (0, 1)]
    assert min(rates) / max(rates) >= 0.9 - 1e-9


def test_groups_in_another_order_change_nothing():
    some = people(p=3, seed=10)
    promise = 'ratio("true_positive") >= 0.95'
    order = [2, 0, 1]
    plain = solve(saturated(some, promise, some.signed))
    turned = solve(saturated(some, promise, some.signed[:, order]))
    assert plain.error == pytest.approx(turned.error, abs=1e-8)


def test_standard_errors_are_those_of_repeated_draws():
    promise = Constraint.parse('ratio("selection") >= 0.9')
    values, said = [], []
    for seed in range(150):
        random = np.random.default_rng(seed)
        group = (random.random(1500) < 0.6).astype(int)
        flip = np.array([[0.7, 0.3], [0.1, 0.9]])
        seen = np.where(random.random(1500) < flip[group, 1 - group], 1 - group, group)
        chance = (random.random(1500) < np.where(group == 0, 0.3, 0.5)).astype(float)
        label = random.integers(0, 2, 1500)
        kept = measure_kept(
            promise, chance, label, np.linalg.inv(flip)[seen], np.full(1500, 1 / 1500)
        )
        values.append([kept.value, *kept.rates[0]])
        said.append([kept.error, *kept.rate_errors[0]])
    assert np.mean(values, axis=0) == pytest.approx([0.6, 0.3, 0.5], abs=0.015)
    spread = np.std(values, axis=0) / np.mean(said, axis=0)
    assert ((spread > 0.8) & (spread < 1.25)).all()


def test_flips_that_were_estimated_make_errors_larger_as_repeated_draws_show():
    promise = Constraint.parse('gap("selection") <= 0.1')
    truth = np.array([[0.7, 0.3], [0.1, 0.9]])
    n, values, said, known = 4000, [], [], []
    for seed in range(150):
        random = np.random.default_rng(seed)
        group = (random.random(n) < 0.6).astype(int)
        seen = np.where(random.random(n) < truth[group, 1 - group], 1 - group, group)
        chance = (random.random(n) < np.where(group == 0, 0.3, 0.7)).astype(float)
        gold = random.choice(n, 120, replace=False)
        flips = flips_from_gold(group[gold], seen[gold]).flips
        measured = [promise, chance, np.zeros(n, int), flips.inverse[seen], np.full(n, 1 / n)]
        everyone = np.ones(n, bool)
        kept = measure_kept(*measured, [(flips, everyone)])
        values.append(kept.value)
        said.append(kept.error)
        known.append(measure_kept(*measured).error)
    assert np.mean(known) < 0.7 * np.mean(said)
    assert 0.75 < np.std(values) / np.mean(said) < 1.3


def test_moments_know_which_rates_are_linear():
    for text, moves in (("selection", False), ("false_discovery", True), ("treatment", True)):
        moments = Moments.of([Constraint.parse(f'gap("{text}") <= 0.1')])
        assert list(moments.fractional) == [moves]
    with pytest.raises(ValueError, match="mean loss"):
        Moments.of([Constraint.parse('gap("loss") <= 0.1')])


def test_two_levels_at_once_are_refused():
    some = people()
    both = tuple(Constraint.parse(f'gap("{r}") <= 0.1') for r in ("false_omission", "precision"))
    with pytest.raises(ValueError, match="only one such"):
        solve_by_cell(cells_of(some, some.signed), Asked(both, 0.0, 0.0))
