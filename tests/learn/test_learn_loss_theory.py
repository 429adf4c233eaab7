"""What theory says of the parametric loss: Lemmas 1 and 2 of AutoBalance (arXiv 2201.01212)."""

from __future__ import annotations

import math

import pytest
import torch

from equipoise.learn.augment import SphericalAugmentation
from equipoise.learn.imbalance import ParametricCrossEntropy

CLASSES = torch.arange(3)


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def expected_loss(loss, logits, posterior):
    """Of one point, over its labels."""
    per_label = loss.per_row(logits.expand(len(posterior), -1), CLASSES[: len(posterior)])
    return (posterior * per_label).sum()


def minimisers(posterior, loss, constant):
    """log(w eta) - l + c over Delta, which minimise the risk of a point for every c."""
    terms = (posterior * loss.weight).log() - loss.additive + constant
    return terms / loss.multiplicative


def test_with_unequal_scales_the_same_risk_is_had_by_different_decisions():
    posterior = torch.tensor([0.5, 0.3, 0.2])
    loss = ParametricCrossEntropy(3, multiplicative=[1.0, 0.5, 0.25], learn=())
    decided = set()
    for constant in (0.0, 1.0, 5.0):
        logits = minimisers(posterior, loss, constant).requires_grad_()
        risk = expected_loss(loss, logits, posterior)
        (gradient,) = torch.autograd.grad(risk, logits)
        assert risk.item() == pytest.approx(1.0297, abs=5e-5)
        assert gradient.abs().max() < 1e-12
        decided.add(logits.argmax().item())
    assert {0, 2} <= decided


@pytest.mark.parametrize(
    ("additive", "weight", "correct"),
    [
        ("zero", "one", "posterior"),
        ("log prior", "one", "posterior over prior"),
        ("zero", "inverse prior", "posterior over prior"),
        # w exp(-l) is constant, so that what one term does the other undoes.
        ("log prior", "prior", "posterior"),
    ],
)
def test_with_equal_scales_a_loss_is_consistent_for_the_error_that_its_other_terms_say(
    additive, weight, correct
):
    prior = torch.tensor([0.7, 0.2, 0.1])
    posterior = torch.tensor([0.5, 0.3, 0.2])
    terms = {
        "zero": torch.zeros(3),
        "log prior": prior.log(),
        "one": torch.ones(3),
        "prior": prior,
        "inverse prior": 1 / prior,
    }
    loss = ParametricCrossEntropy(
        3,
        additive=terms[additive],
        weight=terms[weight],
        multiplicative=[0.6, 0.6, 0.6],
        learn=(),
    )
    target = posterior if correct == "posterior" else posterior / prior
    for constant in (-3.0, 0.0, 5.0):
        logits = minimisers(posterior, loss, constant).requires_grad_()
        (gradient,) = torch.autograd.grad(expected_loss(loss, logits, posterior), logits)
        assert gradient.abs().max() < 1e-12
        assert logits.argmax() == target.argmax()


def binary(delta_minus, delta_plus, **terms):
    """Of one score s: log(1 + exp(-delta_y y s)), the label being its own group."""
    by_label = torch.tensor([delta_minus, delta_plus]).expand(2, 2)
    return ParametricCrossEntropy(2, 2, multiplicative=by_label, learn=(), **terms)


def of_score(loss, score, label):
    return loss.per_row(torch.stack([-score, score], dim=1) / 2, label, label)


@pytest.mark.parametrize("delta_plus", [0.5, 1.0, 3.0])
def test_unequal_scales_move_the_threshold_of_the_posterior(delta_plus):
    loss = binary(1.0, delta_plus)
    threshold = 1 / (delta_plus + 1.0)  # two thirds for Delta+ = 0.5
    for posterior, sign in ((threshold - 1e-3, -1), (threshold + 1e-3, 1)):
        score = torch.zeros(2, requires_grad=True)
        of = torch.tensor([1 - posterior, posterior])
        risk = (of * of_score(loss, score, torch.tensor([0, 1]))).sum()
        # The risk is convex in the score, so that its slope at 0 tells where its minimum is.
        (slope,) = torch.autograd.grad(risk, score)
        assert math.copysign(1, -slope.sum()) == sign


POINTS = torch.tensor(
    [[2.0, 0.5], [3.1, 2.0], [3.9, -0.4], [4.2, 1.7], [-1.0, -0.7], [-2.3, 0.6], [-2.2, -2.1]],
    dtype=torch.float64,
)
LABEL = torch.tensor([1, 1, 1, 1, 0, 0, 0])
HALF_GAP = math.hypot(3.0, 1.2) / 2  # the nearest points of the classes are the first of each


def margins(row_losses, norm):
    """Smallest distances of each class from the separator of least loss of that norm."""
    angle, bias = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [angle, bias],
        max_iter=200,
        tolerance_grad=1e-12,
        tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )

    def distance():
        return POINTS @ torch.cat([angle.cos(), angle.sin()]) + bias

    def closure():
        optimizer.zero_grad()
        # The logarithm is as convex as the loss is small, and has the same minimum.
        value = row_losses(norm * distance(), norm).mean().log()
        value.backward()
        return value

    for _ in range(5):
        optimizer.step(closure)
    with torch.no_grad():
        signed = distance()
    return torch.stack([signed[LABEL == 1].min(), (-signed[LABEL == 0]).min()])


def limit(row_losses, norm):
    # Along the path margins differ from their limit by a multiple of one over the norm, once the
    # points that are further away no longer count.
    return 2 * margins(row_losses, 2 * norm) - margins(row_losses, norm)


SCALES = (1.0, 0.4)  # of minus and of plus


def in_theory():
    minus, plus = SCALES
    return 2 * HALF_GAP * torch.tensor([minus, plus]) / (minus + plus)


@pytest.mark.parametrize(
    "terms",
    [{}, {"weight": [1.0, 6.0], "additive": [0.0, 2.0]}],
    ids=["scales alone", "weights and additive terms too"],
)
def test_the_margins_of_a_separable_set_are_those_of_lemma_2(terms):
    loss = binary(*SCALES, **terms)
    found = limit(lambda score, _: of_score(loss, score, LABEL), 8.0)
    torch.testing.assert_close(found, in_theory(), rtol=0, atol=2e-3)


def matching_spheres():
    """None for the class of the larger scale, and the lemma's around the other."""
    minus, plus = SCALES
    radius = 2 * HALF_GAP * (minus - plus) / (minus + plus)
    return SphericalAugmentation([0, 1], radius=[0.0, radius])


def test_spheres_around_the_rare_class_give_the_same_margins():
    augment = matching_spheres()
    cross_entropy = torch.nn.functional.cross_entropy

    def worst_in_sphere(score, norm):
        # Of a classifier whose score is the difference of its logits.
        weight = torch.tensor([[-norm / 2, 0.0], [norm / 2, 0.0]])
        logits = augment.worst_logits(torch.stack([-score, score], dim=1) / 2, LABEL, weight)
        return cross_entropy(logits, LABEL, reduction="none")

    torch.testing.assert_close(limit(worst_in_sphere, 8.0), in_theory(), rtol=0, atol=2e-3)


def test_rows_drawn_from_those_spheres_come_as_near_to_the_separator_as_the_lemma_says():
    augment = matching_spheres()
    # The separator of the lemma lies across the line between the nearest points of the classes.
    between = POINTS[0] - POINTS[4]
    direction = between / between.norm()
    bias = in_theory()[0] - POINTS[0] @ direction
    many = POINTS.repeat(2000, 1)
    label = LABEL.repeat(2000)
    moved = augment(many, label, torch.Generator().manual_seed(0)) @ direction + bias
    nearest = torch.stack([moved[label == 1].min(), (-moved[label == 0]).min()])
    expected = in_theory() - augment.radius.detach().flip(0)
    # Both classes are then equally far, which is what the logistic loss wants.
    torch.testing.assert_close(expected[0], expected[1])
    torch.testing.assert_close(nearest, expected, rtol=0, atol=1e-4)
