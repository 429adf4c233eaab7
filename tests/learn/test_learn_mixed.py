"""A mixture decides each row by one of its networks, drawn as often as it should be."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equipoise import Constraint, FairClassifier, Groups
from equipoise.learn import MixedMLP, Model, Rows, StackedMLP, TrainingSettings, train
from equipoise.learn.mixed import network_from_weights, side_by_side
from equipoise.learn.snapshots import Snapshots

CHANCES = torch.tensor([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0]])


def mixture(chances=CHANCES, d=4):
    """Mixtures whose member j answers with the constant logit j."""
    r, s = chances.shape
    members = StackedMLP(d, (), 2, range(r * s))
    with torch.no_grad():
        members.weights[0].zero_()
        members.biases[0][:, 0, 1] = torch.arange(r * s, dtype=torch.float32) % s
        members.biases[0][:, 0, 0] = 0
    return MixedMLP(members, chances)


def drawn(network, features):
    return network(features)[..., 1].round().long()


def features(n=20_000, d=4, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_members_are_drawn_as_often_as_their_chances_say():
    found = drawn(mixture(), features())
    for of, chances in zip(found, CHANCES, strict=True):
        shares = torch.bincount(of, minlength=3) / 20_000
        # Five standard errors of a share of 20,000 rows.
        assert (shares - chances).abs().max() < 5 * 0.5 / 20_000**0.5


@pytest.mark.parametrize("column", range(4))
def test_rows_that_differ_in_one_column_are_drawn_independently(column):
    x = features(4000)
    y = x.clone()
    y[:, column] = torch.nextafter(y[:, column], torch.tensor(9.0))
    even = torch.tensor([[0.5, 0.5]])
    a, b = (drawn(mixture(even), rows)[0].double() for rows in (x, y))
    assert abs(float(torch.corrcoef(torch.stack([a, b]))[0, 1])) < 5 / 4000**0.5


def test_a_row_is_decided_alike_whenever_and_with_whatever_it_is_asked_for():
    x = features(500)
    network = mixture()
    every = drawn(network, x)
    assert torch.equal(every, drawn(mixture(), x))
    assert torch.equal(every[:, 100:120], drawn(network, x[100:120]))
    assert torch.equal(every, drawn(network, x.expand(2, -1, -1)))
    assert torch.equal(every, drawn(network.double_precision(), x.double()))
    assert torch.equal(every, torch.cat([drawn(network.replicate(j), x) for j in range(2)]))


def test_both_zeros_are_one_number():
    x = torch.zeros(1, 4)
    assert torch.equal(drawn(mixture(), x), drawn(mixture(), -x))


def test_each_replicate_is_asked_about_its_own_batch():
    x = torch.stack([features(50, seed=1), features(50, seed=2)])
    together = mixture()(x)
    assert torch.equal(together[0], mixture().replicate(0)(x[0])[0])
    assert torch.equal(together[1], mixture().replicate(1)(x[1])[0])


@pytest.mark.parametrize(
    "chances",
    [torch.tensor([0.5, 0.5]), torch.tensor([[0.5, 0.4]]), torch.tensor([[1.5, -0.5]])],
)
def test_what_are_no_chances_is_refused(chances):
    with pytest.raises(ValueError, match="chances must"):
        MixedMLP(StackedMLP(3, (), 2, range(2)), chances)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(-1, 1)), min_size=1, max_size=8),
    st.integers(0, 3),
)
def test_the_mixture_keeps_in_expectation_what_some_iterate_keeps(points, extra):
    network = StackedMLP(2, (), 2, [0])
    snapshots = Snapshots(network)
    points = [*points, (1.0, -0.1 * extra)]  # one at least that keeps it
    for number, (f, c) in enumerate(points):
        with torch.no_grad():
            network.biases[0].fill_(number)
        snapshots.keep(torch.tensor([f]), torch.tensor([[c]]))
    mixed = snapshots.mixed()
    chosen = mixed.members.biases[0][:, 0, 0].long().tolist()
    chances = mixed.chances[0].tolist()
    assert sum(p * points[at][1] for p, at in zip(chances, chosen, strict=True)) <= 1e-6
    value = sum(p * points[at][0] for p, at in zip(chances, chosen, strict=True))
    assert value <= min(f for f, c in points if c <= 0) + 1e-6


def test_iterates_that_are_not_finite_are_left_out_and_none_at_all_is_said():
    network = StackedMLP(2, (), 2, range(2))
    snapshots = Snapshots(network)
    bad = torch.tensor([0.5, torch.nan])
    snapshots.keep(bad, torch.zeros(2, 1))
    with pytest.raises(FloatingPointError, match="smaller learning_rate"):
        snapshots.mixed()
    snapshots.keep(torch.ones(2), torch.full((2, 1), -1.0))
    assert snapshots.mixed().chances.shape == (2, 1)


def people(n=2000):
    random = np.random.default_rng(3)
    group = random.integers(0, 2, n)
    x = random.normal(size=(n, 3)) + group[:, None]
    label = (x.sum(1) + random.logistic(size=n) > 1.5).astype(np.int64)
    return x, label, group


def test_training_ends_with_a_mixture_that_keeps_the_promise(tmp_path):
    x, label, group = people()
    fair = FairClassifier(
        'gap("selection") <= 0.1', iterate="mixture", hidden=(8,), steps=400, random_state=0
    ).fit(x, label, sensitive_features=group)
    decided = fair.predict(x)
    # The draw of each row leaves a few rows' worth of chance.
    assert abs(decided[group == 1].mean() - decided[group == 0].mean()) <= 0.11
    assert np.array_equal(decided, fair.predict_proba(x).argmax(1))
    fair.save(tmp_path)
    again = Model.load(tmp_path)
    assert isinstance(again.network, MixedMLP)
    rows = x.astype(np.float32)
    assert np.array_equal(again.probabilities(rows), fair.model_.probabilities(rows))


def test_a_replicate_ends_with_the_mixture_that_it_would_have_ended_with_alone():
    x, label, group = people(600)
    rows = Rows.of(x, label, Groups.from_codes(group, ["a", "b"]), dtype=torch.float64)
    promise = Constraint.parse('gap("selection") <= 0.1')
    settings = TrainingSettings(hidden=(), steps=80, batch_size=64, iterate="mixture")
    together = train(rows, 2, [0, 1, 2], settings, promise).network
    for number in range(3):
        alone = train(rows, 2, [number], settings, promise).network
        assert torch.allclose(together(rows.features)[number], alone(rows.features)[0])


def test_a_rate_of_rows_that_decisions_choose_is_refused():
    x, label, group = people(600)
    fair = FairClassifier('worst("predictive_value") >= 0.5', iterate="mixture", steps=5)
    with pytest.raises(ValueError, match="does not mix"):
        fair.fit(x, label, sensitive_features=group)


def test_weights_alone_say_what_kind_of_network_it_is():
    plain = StackedMLP(3, (4,), 2, [0])
    assert isinstance(network_from_weights(plain.sizes, plain.state_dict()), StackedMLP)
    mixed = mixture()
    again = network_from_weights(mixed.sizes, mixed.state_dict())
    assert torch.equal(again(features(50)), mixed(features(50)))


def test_mixtures_of_different_numbers_stand_side_by_side():
    x = features(300)
    two, three = mixture(torch.tensor([[0.5, 0.5]])), mixture(torch.tensor([[0.2, 0.5, 0.3]]))
    both = side_by_side([two, three])
    assert torch.equal(both(x), torch.cat([two(x), three(x)]))
