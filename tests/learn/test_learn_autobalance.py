"""Searching a loss: from warm-up to a network trained anew, and no harm where it does not help."""

from __future__ import annotations

import copy
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from equipoise import Groups
from equipoise.learn import Rows, StackedMLP, TrainingSettings
from equipoise.learn.augment import SphericalAugmentation
from equipoise.learn.autobalance import (
    FewValidationRowsWarning,
    Search,
    SearchSettings,
    Trajectory,
    balance,
    choose,
    errors_of,
    fit,
    hold_out,
    make_judge,
    make_objective,
    make_prior,
    search_exactly,
    solve,
)
from equipoise.learn.autobalance.network import OneMLP, as_stack
from equipoise.learn.imbalance import (
    ParametricCrossEntropy,
    balanced_loss,
    cell_counts,
    equalized_odds_loss,
    log_prior,
    logit_adjusted,
)
from equipoise.optim.bilevel import CurvatureError

QUICK = TrainingSettings(hidden=(16,), steps=60, batch_size=64, learning_rate=0.01)
COUNTS = (400, 150, 60)


def long_tail(seed=0, counts=COUNTS, d=6):
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(len(counts), d))
    label = np.repeat(np.arange(len(counts)), counts)
    return (centres[label] + random.normal(size=(len(label), d))).astype(np.float32), label


def two_groups(seed=0, counts=((700, 60), (60, 300)), d=10):
    """The group shows in features that the label does not: those of a majority mislead."""
    random = np.random.default_rng(seed)
    features, label, group = [], [], []
    for k, row in enumerate(counts):
        for g, n in enumerate(row):
            x = random.normal(size=(n, d))
            x[:, :2] += 0.8 * (2 * k - 1)
            x[:, 2:4] += 1.0 * (2 * g - 1)
            features.append(x)
            label += [k] * n
            group += [g] * n
    return np.concatenate(features).astype(np.float32), np.array(label), np.array(group)


def network(d=6, k=3, hidden=(16,), seed=0):
    return OneMLP(StackedMLP(d, hidden, k, [seed]))


def searching(how=None, augment=None, seed=0, settings=QUICK):
    X, y = long_tail()
    held = hold_out(Rows.of(X, y), 3, 0.3, 0)
    rest = np.setdiff1d(np.arange(len(y)), held)
    rows = Rows.of(X, y)
    prior = make_prior(np.bincount(y), ("additive", "multiplicative"), None, "logit-adjusted")
    return Search(
        network(),
        prior,
        rows.take(rest),
        rows.take(held),
        balanced_loss,
        settings,
        how or SearchSettings(outer_steps=10),
        seed,
        augment,
    )


def balanced_error(decide, X, y):
    wrong = decide(torch.from_numpy(X)).argmax(1).numpy() != y
    return np.mean([wrong[y == k].mean() for k in np.unique(y)])


# ------------------------------------------------------------------------ the search


def test_the_loss_stays_as_it_is_during_the_warm_up():
    search = searching(SearchSettings(warmup=0.5, outer_steps=10))
    start = copy.deepcopy(search.loss.state_dict())
    while search.done < 29:
        search.step()
    assert all(torch.equal(x, start[name]) for name, x in search.loss.state_dict().items())
    search.run()
    assert any(not torch.equal(x, start[name]) for name, x in search.loss.state_dict().items())


def test_outer_steps_are_spread_over_what_the_warm_up_leaves():
    found = searching(SearchSettings(warmup=0.4, outer_steps=9)).run()
    assert 8 <= len(found.step) <= 10
    assert found.step[0] == 24
    assert np.ptp(np.diff(found.step)) == 0


@pytest.mark.parametrize("outer_steps", [5, 7])
def test_no_more_outer_steps_than_asked_for_and_none_at_a_rate_of_0(outer_steps):
    found = searching(SearchSettings(outer_steps=outer_steps)).run()
    assert len(found.step) <= outer_steps
    assert (found.additive[-1] != found.additive[-2]).any()


def test_terms_move_no_farther_than_the_trust_region():
    how = SearchSettings(outer_steps=20, learning_rate=0.02)
    search = searching(how)
    search.run()
    moved = max(float(u.detach().abs().max()) for u in search.loss.coordinates.values())
    # Steps of Adam may exceed the rate a little at the start.
    assert 0 < moved < 0.6 * how.outer_steps * how.learning_rate


@pytest.mark.parametrize("name", ["identity", "neumann", "cg"])
def test_every_hyper_gradient_can_search(name):
    found = searching(SearchSettings(hypergradient=name, outer_steps=5)).run()
    assert np.isfinite(found.objective).all()


def test_a_curvature_that_does_not_serve_is_said_with_the_cure():
    search = searching(SearchSettings(hypergradient="neumann", outer_steps=5))

    def refuse(*_, **__):
        raise CurvatureError("the series diverges.")

    search.bilevel.outer_step = refuse
    with pytest.raises(FloatingPointError, match="hypergradient='identity'"):
        search.run()


def test_rare_classes_get_smaller_terms_than_frequent_ones():
    X, y = long_tail(counts=(600, 200, 80, 40))
    held = hold_out(Rows.of(X, y), 4, 0.4, 0)
    rows = Rows.of(X, y)
    counts = np.bincount(y)
    prior = make_prior(counts, ("additive",), "free", "cross-entropy")
    search_exactly(
        prior,
        rows.take(np.setdiff1d(np.arange(len(y)), held)),
        rows.take(held),
        4,
        balanced_loss,
        1e-2,
        SearchSettings(learn=("additive",), outer_steps=30, learning_rate=0.1),
    )
    assert spearmanr(prior.additive.detach(), counts).statistic > 0.9


def test_a_search_that_was_stopped_goes_on_bit_for_bit():
    straight = searching(augment=SphericalAugmentation([0, 1, 2], radius=0.1))
    straight.run()
    stopped = searching(augment=SphericalAugmentation([0, 1, 2], radius=0.1))
    while stopped.done < 37:
        stopped.step()
    file = io.BytesIO()
    torch.save(stopped.state_dict(), file)
    resumed = searching(augment=SphericalAugmentation([0, 1, 2], radius=0.1), seed=5)
    file.seek(0)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    resumed.run()
    for name, x in straight.loss.state_dict().items():
        assert torch.equal(x, resumed.loss.state_dict()[name])
    for name, x in straight.network.state_dict().items():
        assert torch.equal(x, resumed.network.state_dict()[name])
    assert straight.trajectory.to_dict() == resumed.trajectory.to_dict()


def test_a_trajectory_survives_json():
    found = searching(SearchSettings(outer_steps=3)).run()
    again = Trajectory.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.to_dict() == found.to_dict()
    np.testing.assert_allclose(np.sum(found.additive, axis=1), 0, atol=1e-6)


def test_a_trajectory_is_drawn(tmp_path):
    found = searching(SearchSettings(outer_steps=3)).run()
    found.figure(["many", "some", "few"]).save(tmp_path / "search.png")
    assert (tmp_path / "search.png").stat().st_size > 5000
    with pytest.raises(ValueError, match="names must be 3"):
        found.figure(["many"])
    with pytest.raises(ValueError, match="no outer step"):
        Trajectory().figure()


def test_an_augmentation_is_searched_beside_the_loss():
    augment = SphericalAugmentation([0, 1, 2], radius=0.3)
    before = [p.detach().clone() for p in augment.parameters()]
    searching(SearchSettings(outer_steps=5), augment).run()
    assert any(not torch.equal(p, q) for p, q in zip(augment.parameters(), before, strict=True))


def test_a_large_validation_set_is_looked_at_in_parts():
    found = searching(SearchSettings(outer_steps=5, batch_size=50)).run()
    assert np.isfinite(found.objective).all()


# ------------------------------------------------------------------------ exactly


def test_an_exact_search_goes_down_its_objective():
    X, y, group = two_groups()
    rows = Rows.of(X, y, Groups.of(group))
    held = hold_out(rows, 2, 0.5, 0)
    rest = np.setdiff1d(np.arange(len(y)), held)
    prior = make_prior(cell_counts(y, 2, group, 2), ("additive",), "free", "cross-entropy")
    objective = make_objective("equalized_odds", None, 2, 2)
    how = SearchSettings(learn=("additive",), outer_steps=25, learning_rate=0.1)
    found = search_exactly(prior, rows.take(rest), rows.take(held), 2, objective, 1e-2, how)
    assert found.objective[-1] < 0.7 * found.objective[0]


def test_a_linear_model_is_solved_as_scikit_learn_solves_it():
    from sklearn.linear_model import LogisticRegression

    X, y = long_tail()
    decay = 0.01
    head = solve(ParametricCrossEntropy(3, learn=()), Rows.of(X, y), 3, decay)
    X1 = np.column_stack([X, np.ones(len(X))]).astype(np.float64)
    theirs = LogisticRegression(
        C=1 / (decay * len(y)), fit_intercept=False, tol=1e-10, max_iter=10_000
    ).fit(X1, y)
    ours = torch.column_stack([head.weight, head.bias]).detach().numpy()
    np.testing.assert_allclose(ours - ours.mean(0), theirs.coef_ - theirs.coef_.mean(0), atol=1e-5)
    stack = as_stack(head)
    with torch.no_grad():
        np.testing.assert_allclose(
            stack(torch.from_numpy(X))[0], head(torch.from_numpy(X).double()), atol=1e-5
        )


@pytest.mark.parametrize("decay", [0.0, -1.0])
def test_without_weight_decay_nothing_is_solved(decay):
    X, y = long_tail()
    with pytest.raises(ValueError, match="weight_decay must be positive"):
        solve(logit_adjusted(np.bincount(y)), Rows.of(X, y), 3, decay)


@pytest.mark.parametrize(
    ("hypergradient", "optimizer", "augment", "said"),
    [
        ("unrolled", "Adam", None, "optimizer='SGD'"),
        ("cg", "AdamW", None, "decoupled"),
        ("cg", "Adam", SphericalAugmentation([0, 0, 1]), "augmentation"),
    ],
)
def test_a_hyper_gradient_that_is_not_to_be_had_is_refused_before_training(
    hypergradient, optimizer, augment, said
):
    settings = replace(QUICK, optimizer=optimizer)
    how = SearchSettings(hypergradient=hypergradient)
    with pytest.raises(ValueError, match=said):
        searching(how, augment, settings=settings)


def test_a_loss_that_learns_nothing_is_refused():
    with pytest.raises(ValueError, match="no terms that are learnt"):
        balanced(prior=logit_adjusted(COUNTS))


def test_a_search_that_diverges_says_when_and_what_to_do():
    search = searching(settings=replace(QUICK, optimizer="SGD", learning_rate=1e12))
    with pytest.raises(FloatingPointError, match=r"after \d+ steps: .* smaller learning_rate"):
        search.run()


# ------------------------------------------------------------------------ from rows to a network


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
        objective=lambda z, y, g=None: balanced_loss(z, y, g),
        judge=lambda z, y, g=None: 0 * z.sum(),
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


def test_without_retraining_the_network_has_not_seen_the_validation_rows():
    X, y = long_tail()
    held = hold_out(Rows.of(X, y), 3, 0.2, 0)
    strange = X.copy()
    strange[held] = 1e3
    nets = [
        balanced(
            rows=Rows.of(x, y),
            retrain=False,
            held_out=held,
            judge=lambda z, y, g=None: 0 * z.sum(),  # keeps the prior, which saw no row of them
        ).network
        for x in (X, strange)
    ]
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(p, q)


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


@pytest.mark.parametrize("retrain", [False, True])
def test_the_network_predicts_as_it_is(retrain):
    assert not balanced(retrain=retrain).network.training


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
    with pytest.raises(ValueError, match="class 1 has 1 rows"):
        hold_out(rows, 2, 0.2, 0)


def test_few_validation_rows_are_warned_of():
    X, y = long_tail(counts=(200, 100, 12))
    with pytest.warns(FewValidationRowsWarning, match="class 2 has"):
        balanced(rows=Rows.of(X, y))


def test_a_network_that_diverges_is_said():
    with pytest.raises(FloatingPointError, match=r"loss is|diverged|not finite"):
        balanced(settings=replace(QUICK, optimizer="SGD", learning_rate=1e12))


# ------------------------------------------------------------------------ the choice


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
    found = choose(logits, label, None, errors_of(balanced_loss))
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
    found = choose(logits, label, None, errors_of(balanced_loss))
    assert found.error == pytest.approx(0.5 / np.sqrt(60), rel=0.3)


def test_a_cell_of_one_row_is_resampled_with_another():
    logits = torch.eye(2)[[0, 0, 0]].double(), torch.eye(2)[[0, 1, 1]].double()
    found = choose(logits, torch.tensor([1, 0, 0]), None, errors_of(balanced_loss))
    assert found.error > 0.1


# ------------------------------------------------------------------------ what is searched


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
