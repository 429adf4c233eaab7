"""What is searched, by what it is judged, and whether what was found is used."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.learn.rare import COUNTS, two_groups
from torch.nn.functional import cross_entropy

from equipoise import Groups
from equipoise.learn import Rows
from equipoise.learn.autobalance import (
    SearchSettings,
    choose,
    errors_of,
    make_judge,
    make_objective,
    make_prior,
    search_exactly,
)
from equipoise.learn.imbalance import (
    balanced_loss,
    cell_counts,
    equalized_odds_loss,
)


def test_errors_take_the_place_of_cross_entropies():
    random = np.random.default_rng(0)
    logits, label = torch.from_numpy(random.normal(size=(200, 3))), torch.arange(200) % 3
    group = torch.from_numpy(random.integers(0, 2, 200))
    wrong = (logits.argmax(1) != label).double()
    by_class = torch.stack([wrong[label == k].mean() for k in range(3)]).mean()
    torch.testing.assert_close(errors_of(balanced_loss)(logits, label), by_class)
    apart = sum(
        abs(wrong[(label == k) & (group == 0)].mean() - wrong[(label == k) & (group == 1)].mean())
        for k in range(3)
    )
    torch.testing.assert_close(errors_of(equalized_odds_loss)(logits, label, group), apart)


def test_the_error_of_a_choice_is_that_of_resampled_rows():
    random = np.random.default_rng(0)
    label = torch.from_numpy(random.integers(0, 2, 1000))
    right = [random.random(1000) < share for share in (0.7, 0.8)]
    logits = tuple(
        torch.nn.functional.one_hot(torch.where(torch.from_numpy(r), label, 1 - label), 2).double()
        for r in right
    )
    found = choose(logits, label, None, None, errors_of(balanced_loss))
    difference = right[1].astype(float) - right[0]
    assert found.prior - found.searched == pytest.approx(
        np.mean([difference[label.numpy() == k].mean() for k in (0, 1)]), abs=1e-6
    )
    assert found.error == pytest.approx(difference.std() / np.sqrt(1000), rel=0.15)
    assert not found.keeps_prior


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_error_of_a_choice_is_as_large_where_cells_have_few_rows(size):
    label = torch.arange(60) // size
    wrong = (label + 1) % 60
    right = torch.from_numpy(np.random.default_rng(0).random(60) < 0.5)
    logits = tuple(
        torch.nn.functional.one_hot(decided, 60).double()
        for decided in (wrong, torch.where(right, label, wrong))
    )
    found = choose(logits, label, None, None, errors_of(balanced_loss))
    assert found.error == pytest.approx(0.5 / np.sqrt(60), rel=0.3)


def test_a_cell_of_one_row_is_resampled_with_another():
    logits = torch.eye(2)[[0, 0, 0]].double(), torch.eye(2)[[0, 1, 1]].double()
    found = choose(logits, torch.tensor([1, 0, 0]), None, None, errors_of(balanced_loss))
    assert found.error > 0.1


def test_the_default_dictionary_has_two_numbers_for_classes_and_is_free_for_groups():
    two = make_prior(np.array(COUNTS), ("additive", "multiplicative"), None, "logit-adjusted")
    assert [u.numel() for u in two.coordinates.values()] == [1, 1]
    free = make_prior(np.full((2, 3), 10), ("additive",), None, "cross-entropy")
    assert free.coordinates["additive"].shape == (2, 3)
    clusters = make_prior(np.arange(1, 8), ("additive",), 3, "cross-entropy")
    assert clusters.coordinates["additive"].shape == (3,)


def test_a_cell_without_rows_does_not_stop_a_search():
    prior = make_prior(np.array([[10, 0], [5, 5]]), ("additive",), None, "logit-adjusted")
    assert torch.isfinite(prior.additive).all()


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("balance", "objective must be one of"),
        ("equalized_odds", "compares groups"),
        ('gap("selection") <= 0.05', "give sensitive_features"),
    ],
)
def test_an_objective_that_cannot_be_is_refused(objective, said):
    with pytest.raises(ValueError, match=said):
        make_objective(objective, None, 2, None)


def test_a_promise_is_judged_by_errors_and_by_how_much_it_is_broken():
    judge = make_judge('gap("selection") <= 0.1', 2, 2)
    decided = torch.tensor([1, 1, 0, 1, 0, 0, 0, 0])
    label = torch.tensor([1, 1, 0, 0, 0, 0, 0, 1])
    group = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1])
    logits = torch.nn.functional.one_hot(decided, 2).float() * 4
    assert float(judge(logits, label, group)) == pytest.approx(2 / 8 + (0.75 - 0.1))
    assert make_judge("balanced", 2, 2) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"learn": ()},
        {"learn": ("margin",)},
        {"warmup": 1.0},
        {"outer_steps": 0},
        {"learning_rate": 0.0},
        {"hypergradient": "newton"},
        {"optimizer": "Adamant"},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SearchSettings(**wrong)


# ------------------------------------------------------------------------ weights


def repeated(x, times):
    return torch.repeat_interleave(x, times, 0)


@pytest.mark.parametrize(
    "objective", ["balanced", "equalized_odds", "worst", 'gap("true_positive") <= 0.01']
)
@pytest.mark.parametrize("make", [make_objective, make_judge])
def test_a_row_of_weight_3_is_judged_as_3_rows(make, objective):
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(80, 2, generator=draw, dtype=torch.float64)
    label, group = (torch.randint(2, (80,), generator=draw) for _ in range(2))
    times = torch.randint(1, 4, (80,), generator=draw)
    figure = make(objective, None, 2, 2) if make is make_objective else make(objective, 2, 2)
    if figure is None:
        figure = errors_of(make_objective(objective, None, 2, 2))
    found = figure(logits, label, group, times.double())
    torch.testing.assert_close(found, figure(*(repeated(x, times) for x in (logits, label, group))))
    assert float(found) != pytest.approx(float(figure(logits, label, group)), abs=1e-4)


def test_weights_that_do_not_count_in_rates_count_in_the_cross_entropy_alone():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(80, 2, generator=draw, dtype=torch.float64)
    label, group = (torch.randint(2, (80,), generator=draw) for _ in range(2))
    weights = torch.rand(80, generator=draw, dtype=torch.float64)
    whole, alone = (
        make_objective('gap("selection") <= 0', None, 2, 2, weigh_rates=weigh_rates)
        for weigh_rates in (True, False)
    )
    same = torch.ones(80, dtype=torch.float64)
    gap = whole(logits, label, group, same) - cross_entropy(logits, label)
    of_rows = cross_entropy(logits, label, reduction="none")
    mean = (weights * of_rows).sum() / weights.sum()
    torch.testing.assert_close(alone(logits, label, group, weights), mean + gap)
    assert whole(logits, label, group, weights) != pytest.approx(float(mean + gap), abs=1e-4)


def test_a_choice_counts_rows_by_their_weights():
    # The second model is right where rows count nothing to speak of, the first where they do.
    label = torch.zeros(100, dtype=torch.int64)
    right = torch.arange(100) < 50
    logits = tuple(torch.nn.functional.one_hot((~r).long(), 2).double() for r in (right, ~right))
    weights = torch.where(right, 1.9, 0.1)
    found = choose(logits, label, None, weights, errors_of(balanced_loss))
    assert (found.prior, found.searched) == pytest.approx((0.05, 0.95), abs=1e-6)


def test_an_exact_search_takes_a_row_of_weight_3_for_3_rows():
    X, y, g = two_groups(counts=((70, 20), (20, 50)))
    times = np.random.default_rng(0).integers(1, 4, len(y))
    held = np.arange(len(y)) % 2 == 0
    found = []
    for repeats in (False, True):
        parts = []
        for part in (~held, held):
            n = times[part]
            x, label, group = (np.repeat(a[part], n, 0) if repeats else a[part] for a in (X, y, g))
            groups = Groups.of(group)
            parts.append(Rows.of(x, label, groups, None if repeats else n.astype(float)))
        prior = make_prior(np.array([[70, 20], [20, 50]]), ("additive",), None, "logit-adjusted")
        how = SearchSettings(learn=("additive",), hypergradient="exact", outer_steps=5)
        search_exactly(prior, *parts, 2, equalized_odds_loss, 0.01, how)
        found.append(prior.additive.detach())
    torch.testing.assert_close(found[0], found[1], rtol=1e-4, atol=1e-5)


def test_counts_of_cells_are_sums_of_weights():
    label, group = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    weights = np.array([2.0, 0.4, 1.2, 3.0])
    assert cell_counts(label, 2, weights=weights).tolist() == [2, 4]
    assert cell_counts(label, 2, group, 2, weights).tolist() == [[2, 0], [0, 4]]
