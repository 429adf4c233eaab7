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
from tests.learn.rare import QUICK, long_tail, network, two_groups

from equipoise import Groups
from equipoise.learn import Rows
from equipoise.learn.augment import SphericalAugmentation
from equipoise.learn.autobalance import (
    Search,
    SearchSettings,
    Trajectory,
    hold_out,
    make_objective,
    make_prior,
    search_exactly,
    solve,
)
from equipoise.learn.autobalance.network import as_stack
from equipoise.learn.imbalance import (
    ParametricCrossEntropy,
    balanced_loss,
    cell_counts,
    logit_adjusted,
)
from equipoise.optim.bilevel import CurvatureError


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


def test_a_search_that_diverges_says_when_and_what_to_do():
    search = searching(settings=replace(QUICK, optimizer="SGD", learning_rate=1e12))
    with pytest.raises(FloatingPointError, match=r"after \d+ steps: .* smaller learning_rate"):
        search.run()
