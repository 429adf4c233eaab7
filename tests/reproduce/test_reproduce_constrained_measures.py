from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sklearn.metrics import log_loss, roc_auc_score

from equipoise import Constraint, Groups
from equipoise.reproduce.constrained.measures import (
    Seen,
    area_under_curve,
    constant_loss,
    disparity_with_error,
    measure,
    squared_wasserstein,
)


def _seen(n: int = 400, g: int = 2, seed: int = 0) -> Seen:
    random = np.random.default_rng(seed)
    code = random.integers(g, size=n)
    label = (random.random(n) < 0.3 + 0.2 * (code == 0)).astype(np.int64)
    positive = np.clip(0.3 + 0.3 * label + 0.1 * code + 0.2 * random.standard_normal(n), 0.01, 0.99)
    probability = np.stack([1 - positive, positive], axis=1)
    groups = Groups.from_codes(code, [str(number) for number in range(g)])
    return Seen(probability, probability.argmax(1), label, groups)


def _share(event, condition) -> float:
    return (event & condition).sum() / condition.sum()


def test_the_papers_measures_are_sums_over_both_classes():
    seen = _seen()
    one, other = seen.groups.codes == 0, seen.groups.codes == 1
    yes, right = seen.decision == 1, seen.label == 1
    found = measure(seen, Constraint.parse('gap("loss") <= 0.005'))
    assert found["independence"] == pytest.approx(abs(_share(yes, one) - _share(yes, other)))
    assert found["separation"] == pytest.approx(
        abs(_share(yes, one & right) - _share(yes, other & right))
        + abs(_share(yes, one & ~right) - _share(yes, other & ~right))
    )
    assert found["sufficiency"] == pytest.approx(
        abs(_share(right, one & yes) - _share(right, other & yes))
        + abs(_share(~right, one & ~yes) - _share(~right, other & ~yes))
    )
    assert found["inaccuracy"] == pytest.approx((yes != right).mean())
    assert found["loss"] == pytest.approx(log_loss(seen.label, seen.probability))
    by_group = [log_loss(seen.label[who], seen.probability[who]) for who in (one, other)]
    assert found["loss_gap"] == pytest.approx(abs(by_group[0] - by_group[1]))
    assert found["violation"] == pytest.approx(found["loss_gap"] - 0.005)
    assert found["auc"] == pytest.approx(roc_auc_score(seen.label, seen.probability[:, 1]))


def test_of_many_groups_the_distances_to_the_first_are_added():
    seen = _seen(g=3)
    rates = [(seen.decision[seen.groups.codes == number] == 1).mean() for number in range(3)]
    found = measure(seen, Constraint.parse('gap("selection") <= 0.1'))
    assert found["independence"] == pytest.approx(
        abs(rates[1] - rates[0]) + abs(rates[2] - rates[0])
    )
    assert found["disparity"] == pytest.approx(max(rates) - min(rates))


def test_a_group_that_nobody_is_selected_from_has_no_sufficiency():
    seen = _seen()
    nobody = np.where(seen.groups.codes == 0, 0, seen.decision)
    undefined = Seen(seen.probability, nobody, seen.label, seen.groups)
    assert np.isnan(measure(undefined, Constraint.parse('gap("loss") <= 0.1'))["sufficiency"])


@pytest.mark.parametrize("constraint", ['gap("selection") <= 0.1', 'gap("loss") <= 0.1'])
def test_the_standard_error_is_that_of_fresh_rows(constraint: str):
    draws = [
        disparity_with_error(_seen(2_000, seed=seed), Constraint.parse(constraint))
        for seed in range(200)
    ]
    spread = np.std([value for value, _ in draws])
    assert np.mean([error for _, error in draws]) == pytest.approx(spread, rel=0.15)


def _transport(a, b) -> float:
    cost = (a[:, None] - b[None]) ** 2
    rows = np.kron(np.eye(len(a)), np.ones(len(b)))
    columns = np.kron(np.ones(len(a)), np.eye(len(b)))
    found = linprog(
        cost.ravel(),
        A_eq=np.concatenate([rows, columns]),
        b_eq=np.concatenate([np.full(len(a), 1 / len(a)), np.full(len(b), 1 / len(b))]),
        # By default it takes two costs that differ by 1e-7 for one.
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    return float(found.fun)


_VALUES = st.lists(st.floats(0, 1, width=16), min_size=1, max_size=6)


@settings(deadline=None, max_examples=40)
@example([0.25, 0.0], [0.0, 0.0, 2.0**-23])
@given(_VALUES, _VALUES)
def test_the_wasserstein_distance_is_that_of_the_best_transport(a, b):
    x, y = np.array(a), np.array(b)
    assert squared_wasserstein(x, y) == pytest.approx(_transport(x, y), abs=1e-8)
    assert squared_wasserstein(x, y) == pytest.approx(squared_wasserstein(y, x), abs=1e-12)


def test_a_shift_is_as_far_as_it_is():
    x = np.random.default_rng(0).random(50)
    assert squared_wasserstein(x, x + 0.3) == pytest.approx(0.09)
    assert np.isnan(squared_wasserstein(x, x[:0]))


def test_ties_count_half_in_the_area_under_the_curve():
    assert area_under_curve(np.array([0.5, 0.5]), np.array([0, 1])) == 0.5
    assert np.isnan(area_under_curve(np.array([0.5, 0.5]), np.array([1, 1])))


def test_the_constant_predictor_has_the_entropy_as_its_loss():
    label = np.array([0, 0, 0, 1])
    assert constant_loss(label) == pytest.approx(log_loss(label, np.full(4, 0.25)))
