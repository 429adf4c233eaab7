"""What is followed during training is exact and survives JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from equipoise import Constraint, Groups
from equipoise.learn import History, Rows, StackedMLP
from equipoise.learn.watch import Watch

N = 300
CURVES = ("step", "loss", "accuracy", "disparity", "multiplier")


class Watched:
    def __init__(self, *constraints, k=2, overlapping=False, n=N):
        rng = np.random.default_rng(1)
        self.label = rng.integers(0, k, n)
        self.member = rng.random((n, 2)) < 0.6
        if overlapping:
            groups = Groups.from_membership(self.member, ["a", "b"])
        else:
            groups = Groups.from_codes(self.member[:, 0].astype(int), ["a", "b"])
            self.member = np.stack([~self.member[:, 0], self.member[:, 0]], axis=1)
        self.rows = Rows.of(rng.normal(size=(n, 3)), self.label, groups)
        self.network = StackedMLP(3, (8,), k, [0, 1])
        self.watch = Watch(self.network, self.rows, k, [Constraint.parse(c) for c in constraints])

    def look(self):
        self.watch.after_step(0, 1, torch.zeros(2), None)
        return self.watch.history()

    def logits(self):
        return self.network(self.rows.features).detach().double()


@pytest.mark.parametrize("overlapping", [False, True])
def test_accuracy_and_disparity_are_counted_exactly(overlapping):
    watched = Watched('gap("true_positive") <= 0.1', overlapping=overlapping)
    history, decided = watched.look(), watched.logits().argmax(-1).numpy()
    for r in range(2):
        rates = [decided[r][m & (watched.label == 1)].mean() for m in watched.member.T]
        assert history.disparity[0, r].tolist() == pytest.approx([max(rates) - min(rates)])
        assert history.accuracy[0, r] == pytest.approx((decided[r] == watched.label).mean())


def test_a_disparity_of_several_classes_is_its_worst():
    watched = Watched('gap("selection") <= 0.1', k=3)
    history, decided = watched.look(), watched.logits().argmax(-1).numpy()
    rates = np.array([[(decided[0][m] == c).mean() for m in watched.member.T] for c in range(3)])
    assert history.disparity[0, 0, 0] == pytest.approx((rates.max(1) - rates.min(1)).max())


@pytest.mark.parametrize("overlapping", [False, True])
def test_a_disparity_of_losses_is_that_of_the_mean_cross_entropies(overlapping):
    watched = Watched('gap("loss") <= 0.1', overlapping=overlapping)
    history = watched.look()
    loss = -torch.log_softmax(watched.logits(), -1)[1, range(N), watched.label].numpy()
    means = [loss[m].mean() for m in watched.member.T]
    assert history.disparity[0, 1, 0] == pytest.approx(max(means) - min(means), rel=1e-6)


def test_of_several_promises_each_is_followed_as_it_would_be_alone():
    promises = [
        'gap("selection") <= 0.1',
        'ratio("true_positive") >= 0.8',
        'gap("loss") <= 0.1',
        'worst("accuracy") >= 0.7',
    ]
    together = Watched(*promises).look().disparity
    assert together.shape == (1, 2, 4)
    for number, promise in enumerate(promises):
        np.testing.assert_array_equal(together[..., [number]], Watched(promise).look().disparity)


def test_a_disparity_that_is_undefined_is_not_a_number():
    watched = Watched('gap("predictive_value") <= 0.1')
    with torch.no_grad():
        watched.network.biases[-1][..., 0] += 100  # nobody is selected
    assert np.isnan(watched.look().disparity).tolist() == [[[True], [True]]]


def test_without_a_constraint_there_is_accuracy_but_no_disparity():
    history = Watched().look()
    assert np.isfinite(history.accuracy).all()
    assert history.disparity.shape == (1, 2, 0)
    assert np.isnan(history.multiplier).all()


def test_a_large_table_is_watched_on_evenly_spaced_rows():
    watched = Watched(n=25_000)
    decided = watched.logits().argmax(-1).numpy()
    some = np.linspace(0, 24_999, 4_000).astype(int)
    expected = (decided[:, some] == watched.label[some]).mean(-1)
    np.testing.assert_allclose(watched.look().accuracy[0], expected)


@pytest.mark.parametrize("steps", [1, 10, 100, 101])
def test_loss_is_the_mean_since_the_moment_before(steps):
    watch, objectives = Watched().watch, np.arange(2.0 * steps).reshape(steps, 2) ** 2
    for step in range(steps):
        watch.after_step(step, steps, torch.from_numpy(objectives[step]), None)
    history = watch.history()
    spans = np.split(objectives, history.step[:-1])
    np.testing.assert_allclose(history.loss, [span.mean(0) for span in spans])


@pytest.mark.parametrize("steps", [1, 24, 41, 97, 1000])
def test_the_last_step_is_always_looked_at_and_moments_are_dozens(steps):
    watch = Watched().watch
    for step in range(steps):
        watch.after_step(step, steps, torch.zeros(2), None)
    history = watch.history()
    assert history.step[-1] == steps
    assert min(steps, 20) <= len(history.step) <= 60
    assert (np.diff(history.step) > 0).all()


def test_the_largest_multiplier_is_noted():
    watch = Watched().watch
    watch.after_step(0, 1, torch.zeros(2), torch.tensor([[0.5, 2.0], [0.0, 0.25]]))
    assert watch.history().multiplier.tolist() == [[2.0, 0.25]]


def test_a_method_without_constraints_has_no_multiplier():
    watch = Watched().watch
    watch.after_step(0, 1, torch.zeros(2), torch.zeros(2, 0))
    assert np.isnan(watch.history().multiplier).all()


def test_outputs_that_are_not_finite_are_not_counted_as_decisions():
    watched = Watched()
    with torch.no_grad():
        watched.network.weights[0][1] = torch.nan
    with pytest.raises(FloatingPointError, match="diverged"):
        watched.look()


def _history() -> History:
    return History(
        np.array([5, 10]),
        np.array([[0.5, 0.25], [0.125, 1 / 3]]),
        np.array([[1.0, 0.0], [0.75, 0.5]]),
        np.array([[[0.5, np.nan], [0.25, 0.75]], [[1 / 7, 0.0], [np.nan, 1.0]]]),
        np.array([[0.0, np.nan], [2.0, 1e-3]]),
    )


@pytest.mark.parametrize("promises", [0, 1, 2])
def test_a_history_goes_through_json_and_back(promises):
    history = _history()
    history = replace(history, disparity=history.disparity[..., :promises])
    text = json.dumps(history.to_dict(), allow_nan=False)
    back = History.from_dict(json.loads(text))
    assert json.dumps(back.to_dict()) == text
    assert back.step.dtype == history.step.dtype
    for name in CURVES:
        np.testing.assert_allclose(getattr(back, name), getattr(history, name), atol=1e-6)


def test_histories_side_by_side_keep_every_replicate():
    history = _history()
    wide = History.side_by_side([history, history])
    assert wide.step.tolist() == [5, 10]
    for name in CURVES[1:]:
        for half in (slice(2), slice(2, 4)):
            np.testing.assert_array_equal(getattr(wide, name)[:, half], getattr(history, name))
