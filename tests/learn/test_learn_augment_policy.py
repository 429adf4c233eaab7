"""Policies of class clusters: what they draw, what they learn from, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from equipoise.learn.augment import (
    Operation,
    PersonalisedAugmentation,
    image_operations,
    table_operations,
)
from equipoise.learn.augment.gate import (
    logistic_noise,
    relaxed_bernoulli,
    straight_through_bernoulli,
)
from equipoise.learn.imbalance import frequency_clusters

CLUSTERS = [0, 0, 1]


def images_and_labels(n=24, channels=3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(n, channels, 8, 8, generator=generator, dtype=dtype)
    return x, torch.arange(n) % 3


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def of_images(**settings):
    settings = {"probability": 0.7, "n_subpolicies": 3} | settings
    torch.manual_seed(1)
    return PersonalisedAugmentation(image_operations(), CLUSTERS, **settings)


def of_tables(**settings):
    operations = table_operations(torch.ones(5), blocks=[[3, 4]])
    return PersonalisedAugmentation(operations, CLUSTERS, **{"probability": 0.7} | settings)


def shift(name="up", by=1.0):
    return Operation(name, lambda x, amount: x + amount[:, None] * by, 1.0, takes="table")


def set_coordinates(augment, **values):
    with torch.no_grad():
        for name, value in values.items():
            augment.coordinates[name].copy_(torch.as_tensor(value))


def test_the_same_state_of_the_generator_gives_the_same_rows_bit_for_bit():
    augment = of_images()
    x, label = images_and_labels()
    first = augment(x, label, seeded(3))
    assert torch.equal(first, augment(x, label, seeded(3)))
    assert not torch.equal(first, augment(x, label, seeded(4)))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        assert torch.equal(first, augment(x, label))


@pytest.mark.parametrize("make", [of_images, of_tables])
def test_what_happens_to_a_row_depends_on_its_own_cluster_alone(make):
    augment = make()
    x, label = images_and_labels()
    if augment.takes == "table":
        x = x.flatten(1)[:, :5]
    inside = augment.cluster_of_class[label] == 0
    before = augment(x, label, seeded())
    parameters = list(augment.parameters())
    for gradient in torch.autograd.grad(before[inside].square().sum(), parameters):
        assert gradient[0].abs().max() > 0
        assert gradient[1].abs().max() == 0
    # Not even by way of noise: other operations and fewer of them leave the other rows alone.
    with torch.no_grad():
        for u in parameters:
            u[1] += torch.randn(u[1].shape, generator=seeded()) * 3
    after = augment(x, label, seeded())
    assert torch.equal(before[inside], after[inside])
    assert not torch.equal(before[~inside], after[~inside])


def test_every_amount_and_probability_can_be_learnt():
    augment = of_images(n_subpolicies=1, n_stages=1, temperature=0.5)
    x, label = images_and_labels(600)
    weight = torch.rand(x.shape, generator=seeded())
    (weight * augment(x, label, seeded())).sum().backward()
    has_amount = torch.tensor([of.largest is not None for of in augment.operations])
    moved = augment.coordinates["magnitude"].grad != 0
    assert torch.equal(moved, has_amount.expand_as(moved))
    assert (augment.coordinates["probability"].grad != 0).all()
    assert (augment.coordinates["choice"].grad != 0).all()


def test_in_evaluation_rows_stay_as_they_are():
    x, label = images_and_labels()
    assert of_images().eval()(x, label) is x


def test_a_policy_starts_with_most_rows_as_they_were():
    augment = PersonalisedAugmentation([shift()], [0])
    moved = augment(torch.zeros(4000, 1), torch.zeros(4000, dtype=torch.int64), seeded())
    assert (moved < 0.15).float().mean().item() == pytest.approx(0.9**2, abs=0.03)


@pytest.mark.parametrize("temperature", [0.05, 0.5])
@pytest.mark.parametrize("p", [0.03, 0.5, 0.8])
def test_a_gate_is_open_as_often_as_it_should_be(p, temperature):
    n = 200_000
    noise = logistic_noise(torch.zeros((), dtype=torch.float64), (n,), seeded())
    logit = torch.tensor(p, dtype=torch.float64).logit()
    gate = relaxed_bernoulli(logit, noise, temperature)
    error = 4 * math.sqrt(p * (1 - p) / n)
    assert (gate > 0.5).double().mean().item() == pytest.approx(p, abs=error)
    # The mean by quadrature over the noise, which tends to p with the temperature.
    middles = (torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000
    mean = relaxed_bernoulli(logit, middles.logit(), temperature).mean().item()
    assert gate.mean().item() == pytest.approx(mean, abs=error)
    if temperature == 0.05:
        assert mean == pytest.approx(p, abs=2e-3)


def test_a_hard_gate_is_0_or_1_and_has_the_gradient_of_its_probability():
    n = 100_000
    p = torch.full((n,), 0.2, requires_grad=True)
    gate = straight_through_bernoulli(p, torch.rand(n, generator=seeded()))
    assert set(gate.unique().tolist()) == {0, 1}
    assert gate.mean().item() == pytest.approx(0.2, abs=4 * math.sqrt(0.16 / n))
    (slope,) = torch.autograd.grad(gate.sum(), p)
    assert torch.equal(slope, torch.ones(n))


def linear_gradients(n=40_000):
    """Of the mean of a linear function of rows changed by two operations, and the true ones."""
    operations = [shift("up", 2.0), shift("down", -3.0)]
    augment = PersonalisedAugmentation(
        operations, [0], n_stages=1, probability=0.6, magnitude=0.4, temperature=0.05
    ).double()
    set_coordinates(augment, choice=torch.tensor([0.4, -0.3]).expand(1, 1, 1, 2))
    x = torch.zeros(n, 1, dtype=torch.float64)
    changed = augment(x, torch.zeros(n, dtype=torch.int64), seeded())
    names = ["choice", "probability", "magnitude"]
    parameters = [augment.coordinates[name] for name in names]
    found = torch.autograd.grad(changed.mean(), parameters)
    moves = torch.tensor([2.0, -3.0], dtype=torch.float64)
    mean = (augment.log_share.exp() * augment.probability * augment.magnitude * moves).sum()
    true = torch.autograd.grad(mean, parameters)
    return {name: (f, t) for name, f, t in zip(names, found, true, strict=True)}


@pytest.mark.parametrize("name", ["choice", "probability", "magnitude"])
def test_gradients_of_a_linear_function_are_right_in_expectation(name):
    found, true = linear_gradients()[name]
    torch.testing.assert_close(found, true, rtol=0.05, atol=0.01)


def test_operations_are_drawn_by_their_shares():
    augment = PersonalisedAugmentation(
        [shift("one", 1.0), shift("two", 2.0), shift("three", 3.0)],
        [0],
        n_stages=1,
        probability=1 - 1e-7,
        magnitude=1 - 1e-7,
    )
    share = torch.tensor([0.5, 0.3, 0.2])
    set_coordinates(augment, choice=share.log().expand(1, 1, 1, 3))
    n = 20_000
    changed = augment(torch.zeros(n, 1), torch.zeros(n, dtype=torch.int64), seeded())
    drawn = torch.bincount(changed[:, 0].round().long(), minlength=4)[1:] / n
    torch.testing.assert_close(drawn, share, rtol=0, atol=4 * math.sqrt(0.25 / n))


def test_a_signed_amount_is_as_often_negative():
    both = Operation("both", shift().apply, 1.0, signed=True, takes="table")
    augment = PersonalisedAugmentation([both], [0], n_stages=1, probability=1 - 1e-7)
    changed = augment(torch.zeros(10_000, 1), torch.zeros(10_000, dtype=torch.int64), seeded())
    torch.testing.assert_close(changed.abs(), torch.full_like(changed, 0.3), rtol=1e-4, atol=0)
    assert (changed > 0).float().mean().item() == pytest.approx(0.5, abs=0.02)


def test_stages_follow_one_another():
    double = Operation("double", lambda x, amount: 2 * x, takes="table")
    augment = PersonalisedAugmentation([double], [0], n_stages=3, probability=1 - 1e-7)
    changed = augment(torch.ones(5, 2), torch.zeros(5, dtype=torch.int64), seeded())
    torch.testing.assert_close(changed, torch.full((5, 2), 8.0), rtol=1e-4, atol=0)


def test_the_hyper_gradient_flows_through_the_inputs_of_the_model():
    augment = PersonalisedAugmentation(
        image_operations("rotate", "brightness"), [0, 1], probability=0.5, temperature=0.5
    ).double()
    x, label = images_and_labels(30, dtype=torch.float64)
    label = label % 2
    model = torch.nn.Linear(3 * 64, 2).double()
    vector = torch.randn(model.weight.shape, generator=seeded(), dtype=torch.float64)

    def directional():
        logits = model(augment(x, label, seeded(8)).flatten(1))
        loss = torch.nn.functional.cross_entropy(logits, label)
        (slope,) = torch.autograd.grad(loss, model.weight, create_graph=True)
        return (slope * vector).sum()

    # Moving a choice may change what is drawn: its gradient is not that of one draw.
    for name in ("probability", "magnitude"):
        u = augment.coordinates[name]
        (found,) = torch.autograd.grad(directional(), u)
        expected = torch.empty_like(found)
        with torch.no_grad():
            for place in np.ndindex(*u.shape):
                values = []
                for step in (1e-5, -2e-5):
                    u[place] += step
                    with torch.enable_grad():
                        values.append(directional().item())
                u[place] += 1e-5
                expected[place] = (values[0] - values[1]) / 2e-5
        assert found.abs().min() > 1e-6
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-8)


def test_a_policy_is_read_off_by_cluster_and_use():
    augment = PersonalisedAugmentation(
        image_operations("rotate", "invert"), CLUSTERS, probability=0.25, magnitude=0.5
    )
    share = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).log()[:, None, None]
    set_coordinates(augment, choice=share.expand(2, 1, 2, 2))
    rows = augment.policy()
    assert [(row.cluster, row.operation) for row in rows] == [
        (0, "rotate"),
        (0, "invert"),
        (1, "invert"),
        (1, "rotate"),
    ]
    assert rows[0].classes == (0, 1)
    assert rows[0].uses == pytest.approx(2 * 0.9 * 0.25)
    assert rows[0].probability == pytest.approx(0.25)
    assert rows[0].amount == pytest.approx(15.0)
    assert rows[1].amount is None
    assert str(rows[0]) == "cluster 0: rotate 0.450 times a row, 15 degrees"


def test_a_policy_of_several_sub_policies_is_their_mean():
    augment = PersonalisedAugmentation(
        image_operations("rotate"), [0], n_subpolicies=2, n_stages=1, probability=0.5
    )
    probability = torch.tensor([0.2, 0.6])
    magnitude = torch.tensor([0.1, 0.5])
    set_coordinates(
        augment,
        probability=(probability.logit() - augment.probability_start).view(1, 2, 1, 1),
        magnitude=(magnitude.logit() - augment.magnitude_start).view(1, 2, 1, 1),
    )
    (row,) = augment.policy()
    assert row.uses == pytest.approx(0.4)
    assert row.probability == pytest.approx(0.4)
    assert row.amount == pytest.approx(30 * (0.2 * 0.1 + 0.6 * 0.5) / 0.8)


def test_one_policy_for_all_classes_is_one_cluster():
    augment = PersonalisedAugmentation(image_operations("rotate"), [0, 0, 0])
    assert augment.coordinates["magnitude"].shape == (1, 1, 2, 1)


def test_clusters_by_frequency_are_understood():
    augment = PersonalisedAugmentation(
        image_operations("rotate"), frequency_clusters([5, 100, 50, 1], 2)
    )
    assert augment.cluster_of_class.tolist() == [1, 0, 0, 1]


def test_policies_of_clusters_start_alike_and_sub_policies_do_not():
    share = of_images().log_share
    assert torch.equal(share[0], share[1])
    assert not torch.equal(share[:, 0], share[:, 1])


def test_a_policy_is_kept_by_its_state():
    augment, other = (
        of_images(),
        PersonalisedAugmentation(image_operations(), [1, 0, 0], n_subpolicies=3, probability=0.7),
    )
    set_coordinates(augment, magnitude=torch.randn(augment.coordinates["magnitude"].shape))
    other.load_state_dict(augment.state_dict())
    x, label = images_and_labels()
    assert torch.equal(augment(x, label, seeded()), other(x, label, seeded()))


def test_half_precision_is_kept():
    x, label = images_and_labels()
    changed = of_images()(x.bfloat16(), label, seeded())
    assert changed.dtype == torch.bfloat16
    assert (changed.min() >= 0, changed.max() <= 1) == (True, True)


def test_rows_are_changed_in_their_own_precision_under_autocast():
    x, label = images_and_labels()
    augment = of_images()
    expected = augment(x, label, seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(augment(x, label, seeded()), expected)


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (torch.tensor([0, 3]), "label 3 has no cluster.*0..2"),
        (torch.tensor([0, -1]), "label -1 has no cluster"),
        (torch.tensor([0.0, 1.0]), "label must be int64"),
        (torch.tensor([0]), r"label must be int64 of shape \(2,\)"),
    ],
)
def test_a_label_without_a_cluster_is_refused(label, message):
    with pytest.raises(ValueError, match=message):
        of_images()(torch.rand(2, 3, 4, 4), label)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(2, 4, 4), r"x must be floating-point of shape \(b, c, h, w\)"),
        (torch.rand(2, 2, 4, 4), "c being 1 or 3"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), "not torch.uint8"),
        (torch.rand(2, 3, 0, 4), "not empty"),
        (torch.randn(2, 3, 9, 9), "before they are normalised"),
        (torch.full((2, 3, 4, 4), math.nan), "ranges from nan to nan"),
    ],
)
def test_what_is_no_image_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        of_images()(x, torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.rand(2, 5, 1), r"x must be floating-point of shape \(b, d\)"),
        (torch.rand(2, 4), "x has 4 columns, but the operations were made for 5"),
        (torch.full((2, 5), math.inf), "x must be finite"),
    ],
)
def test_what_is_no_table_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        of_tables()(x, torch.zeros(2, dtype=torch.int64))


@pytest.mark.parametrize(
    ("clusters", "message"),
    [
        ([0, -1, 1], "each class needs one"),
        ([0.0, 1.5], "whole numbers"),
        ([0, 2], "cluster 1 has no class"),
        ([[1, 0], [0, 0]], "class 1 is in 0 clusters"),
        ([[1, 0], [1, 1]], "class 1 is in 2 clusters"),
        ([[2, 0], [0, 1]], "0 or 1"),
        ([[1, 0], [1, 0]], "cluster 1 has no class"),
        ([], "clusters must be"),
        (["a", "b"], "clusters must be"),
    ],
)
def test_clusters_that_do_not_fit_are_refused(clusters, message):
    with pytest.raises(ValueError, match=message):
        PersonalisedAugmentation(image_operations(), clusters)


@pytest.mark.parametrize(
    ("operations", "settings", "message"),
    [
        ([], {}, "operations must be some"),
        ([shift(), shift()], {}, "of different names"),
        ([shift(), *image_operations("flip")], {}, "all of images or all of tables"),
        ([shift()], {"n_stages": 0}, r"n_stages \(0\)"),
        ([shift()], {"n_subpolicies": 0}, r"n_subpolicies \(0\)"),
        ([shift()], {"probability": 0.0}, "probability must lie between 0 and 1"),
        ([shift()], {"magnitude": 1.0}, "magnitude must lie between 0 and 1"),
        ([shift()], {"temperature": math.nan}, "temperature must be positive"),
    ],
)
def test_policies_that_cannot_be_are_refused(operations, settings, message):
    with pytest.raises(ValueError, match=message):
        PersonalisedAugmentation(operations, CLUSTERS, **settings)
