"""From rows to a network: no harm where a search does not help."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.learn.rare import COUNTS, QUICK, balanced_error, long_tail, network

from equipoise import Groups
from equipoise.learn import Rows
from equipoise.learn.autobalance import (
    FewValidationRowsWarning,
    SearchSettings,
    balance,
    fit,
    hold_out,
    make_prior,
)
from equipoise.learn.imbalance import (
    ParametricCrossEntropy,
    balanced_loss,
    log_prior,
    logit_adjusted,
)


def balanced(objective=balanced_loss, seed=0, prior=None, settings=QUICK, rows=None, **how):
    X, y = long_tail()
    rows = rows or Rows.of(X, y)
    prior = prior or make_prior(np.bincount(y), ("additive",), None, "logit-adjusted")
    return balance(
        network,
        rows,
        3,
        prior,
        objective,
        settings,
        SearchSettings(learn=("additive",), outer_steps=10),
        seed,
        **how,
    )


def test_the_prior_is_left_as_it_was():
    prior = make_prior(np.array(COUNTS), ("additive",), None, "logit-adjusted")
    start = copy.deepcopy(prior.state_dict())
    balanced(prior=prior)
    assert all(torch.equal(x, start[name]) for name, x in prior.state_dict().items())


def test_a_loss_that_does_not_help_is_not_used():
    # An objective that no training loss can change: nothing is better.
    found = balanced(
        objective=lambda z, y, g=None, w=None: balanced_loss(z, y, g),
        judge=lambda z, y, g=None, w=None: 0 * z.sum(),
    )
    assert found.choice.keeps_prior
    torch.testing.assert_close(found.loss.additive, log_prior(COUNTS))


def test_a_loss_that_helps_is_used():
    X, y = long_tail(counts=(2000, 160, 80))
    prior = make_prior(np.bincount(y), ("additive",), "free", "cross-entropy")
    found = balance(
        network,
        Rows.of(X, y),
        3,
        prior,
        balanced_loss,
        replace(QUICK, steps=200),
        SearchSettings(learn=("additive",), outer_steps=60, learning_rate=0.1),
        0,
        validation_fraction=0.4,
    )
    assert not found.choice.keeps_prior
    test = long_tail(seed=7, counts=(300, 300, 300))
    plain = network()
    fit(plain, prior, Rows.of(X, y), replace(QUICK, steps=200), 0)
    assert balanced_error(found.network, *test) < 0.8 * balanced_error(plain, *test)


def test_without_a_comparison_what_was_found_is_used():
    found = balanced(compare=False)
    assert found.choice is None
    assert found.loss is found.searched


class Recorder(torch.nn.Module):
    """A linear model that notes the rows it sees, whose first feature is their number."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(6, 3)
        self.trained_on, self.judged_on = set(), set()

    def forward(self, x):
        seen = self.trained_on if self.training else self.judged_on
        seen.update(x[:, 0].int().tolist())
        return self.linear(x[:, 1:])


def test_the_networks_that_are_compared_are_judged_where_neither_they_nor_the_loss_have_learnt():
    X, y = long_tail()
    rows = Rows.of(np.column_stack([np.arange(len(y)), X]).astype(np.float32), y)
    held = hold_out(rows, 3, 0.2, 0)
    made = []

    def recorded():
        made.append(Recorder())
        return made[-1]

    prior = make_prior(np.bincount(y), ("additive",), None, "logit-adjusted")
    how = SearchSettings(learn=("additive",), outer_steps=10)
    balance(recorded, rows, 3, prior, balanced_loss, QUICK, how, 0, held_out=held)
    _, first, second, last = made
    for compared in (first, second):
        assert len(compared.judged_on) == pytest.approx(len(held), abs=3)
        assert not compared.judged_on & (compared.trained_on | set(held.tolist()))
        assert compared.trained_on == set(range(len(y))) - compared.judged_on
    assert last.trained_on == set(range(len(y)))


def test_a_loss_that_learns_nothing_is_refused():
    with pytest.raises(ValueError, match="no terms that are learnt"):
        balanced(prior=logit_adjusted(COUNTS))


@pytest.mark.parametrize("fraction", [0.4995, 0.5, 0.7])
def test_where_half_of_the_rows_or_more_are_held_out_all_others_are_judged_on(fraction):
    assert balanced(validation_fraction=fraction).choice is not None


@pytest.mark.parametrize(
    "held_out", [np.arange(610) < 60, [-1, -2], [0, 0, 1], [610], np.arange(610), []]
)
def test_held_out_rows_that_are_no_part_of_the_rows_are_refused(held_out):
    with pytest.raises(ValueError, match="held_out must"):
        balanced(held_out=held_out)


def test_a_network_that_is_not_made_anew_is_refused():
    X, y = long_tail()
    prior = make_prior(np.bincount(y), ("additive",), None, "logit-adjusted")
    same = network()
    with pytest.raises(ValueError, match="same network twice"):
        balance(lambda: same, Rows.of(X, y), 3, prior, balanced_loss, QUICK, SearchSettings(), 0)


def test_the_network_predicts_as_it_is():
    assert not balanced().network.training


def test_the_same_seed_gives_the_same_network():
    first, second = balanced(), balanced()
    for p, q in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(p, q)


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(5)
    torch.manual_seed(3)
    balanced()
    assert torch.equal(torch.rand(5), expected)


def test_progress_ends_where_it_says():
    told = []
    balanced(progress=lambda done, of: told.append((done, of)))
    assert told[-1][0] == told[-1][1] == 4 * QUICK.steps
    assert [d for d, _ in told] == sorted(d for d, _ in told)


@pytest.mark.filterwarnings("ignore::equipoise.learn.autobalance.FewValidationRowsWarning")
def test_every_class_is_on_both_sides_however_few_its_rows():
    y = np.repeat([0, 1, 2], [50, 3, 2])
    rows = Rows.of(np.zeros((55, 2), np.float32), y)
    for seed in range(20):
        held = hold_out(rows, 3, 0.2, seed)
        assert set(y[held]) == {0, 1, 2} == set(np.delete(y, held))


def test_a_class_of_one_row_is_refused():
    rows = Rows.of(np.zeros((11, 2), np.float32), np.repeat([0, 1], [10, 1]))
    with pytest.raises(ValueError, match="class 1 has 1 row,"):
        hold_out(rows, 2, 0.2, 0)


def test_few_validation_rows_are_warned_of():
    X, y = long_tail(counts=(200, 100, 12))
    with pytest.warns(FewValidationRowsWarning, match=r"class 2 has \d\): learn few terms \(the"):
        balanced(rows=Rows.of(X, y))
    with pytest.warns(FewValidationRowsWarning, match="class owl has"):
        balanced(rows=Rows.of(X, y), class_names=("gull", "hawk", "owl"))


def test_a_network_that_diverges_is_said():
    with pytest.raises(FloatingPointError, match=r"loss is|diverged|not finite"):
        balanced(settings=replace(QUICK, optimizer="SGD", learning_rate=1e12))


def test_overlapping_groups_are_refused():
    X, y = long_tail(counts=(50, 50))
    both = Groups.of({"a": y, "b": np.roll(y, 1)}, "each")
    with pytest.raises(ValueError, match="groups overlap"):
        balance(
            lambda: network(k=2),
            Rows.of(X, y, both),
            2,
            ParametricCrossEntropy(2),
            balanced_loss,
            QUICK,
            SearchSettings(),
            0,
        )


def test_an_optimizer_of_stacks_trains_networks_of_ours_alone():
    muon = replace(QUICK, optimizer="Muon")
    assert balanced(settings=muon).choice is not None
    X, y = long_tail()
    prior = make_prior(np.bincount(y), ("additive",), None, "logit-adjusted")
    with pytest.raises(ValueError, match="'Muon' is of networks that equipoise makes"):
        balance(
            lambda: torch.nn.Linear(6, 3),
            Rows.of(X, y),
            3,
            prior,
            balanced_loss,
            muon,
            SearchSettings(),
            0,
        )
