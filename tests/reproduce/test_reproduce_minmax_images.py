"""What a small classifier makes of images, and what follows from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.reproduce.minmax.images.judge import (
    class_score,
    class_shares,
    frechet_distance,
    train_judge,
)
from equipoise.reproduce.minmax.images.part import images_part
from equipoise.reproduce.minmax.images.results import Run
from equipoise.reproduce.minmax.images.task import ImageTask
from equipoise.reproduce.minmax.stack.variants import GDA, Plan

PLAN = Plan(1, 1e-3, 1e-3, 0.2, 4, 2)


def _task(classes=(0, 1)) -> ImageTask:
    return ImageTask("some digits", "digits", classes, PLAN, 4, (8,), (8,), 16, (GDA,))


def test_a_class_score_is_one_where_all_look_alike_and_the_number_of_classes_where_none_do():
    assert class_score(np.eye(4)) == pytest.approx(4)
    assert class_score(np.tile([1.0, 0, 0, 0], (5, 1))) == pytest.approx(1)
    assert class_score(np.full((5, 4), 0.25)) == pytest.approx(1)
    assert class_score(np.repeat(np.eye(4)[:2], 3, 0)) == pytest.approx(2)


def test_the_distance_of_normal_features_is_known():
    random = np.random.default_rng(0)
    one = random.normal(size=(4000, 3))
    scale, shift = np.array([2.0, 0.5, 1.0]), np.array([3.0, 0.0, -1.0])
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    spread = one.std(0, ddof=1)
    wanted = ((one * scale + shift - one).mean(0) ** 2).sum() + ((scale - 1) ** 2 * spread**2).sum()
    # Exact where covariances commute, which those of three independent columns nearly do.
    assert frechet_distance(one, one * scale + shift) == pytest.approx(wanted, rel=0.01)
    turned = np.linalg.qr(random.normal(size=(3, 3)))[0]
    assert frechet_distance(one @ turned, (one * scale) @ turned) == pytest.approx(
        frechet_distance(one, one * scale)
    )


def test_images_of_a_single_feature_have_a_distance():
    one = np.array([[0.0], [2.0]])
    assert frechet_distance(one, one + 1) == pytest.approx(1)


def test_shares_count_what_each_image_is_taken_for():
    chances = np.array([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.8, 0.1, 0.1], [1.0, 0.0, 0.0]])
    assert class_shares(chances).tolist() == [0.75, 0.25, 0]


def test_the_classifier_knows_digits():
    images, label = _task(()).load()
    judge = train_judge(images, label, (64, 32), 300)
    chances, units = judge.look(images)
    assert (chances.argmax(1) == label.numpy()).mean() > 0.97
    assert chances.sum(1) == pytest.approx(1)
    assert units.shape == (len(label), 32)
    logits = judge.network(images[None])[0]
    assert torch.softmax(logits, -1).detach().numpy() == pytest.approx(chances, abs=1e-5)


def test_classes_of_a_task_are_numbered_from_zero():
    images, label = _task((3, 7)).load()
    assert sorted(set(label.tolist())) == [0, 1]
    assert images.shape == (362, 64)
    assert images.min() == -1
    assert images.max() == 1
    assert _task((3, 7)).least_share == pytest.approx(0.1)
    assert _task(()).least_share == pytest.approx(0.02)


def test_unevenness_of_two_classes_is_the_difference_of_a_share():
    classes = np.array([[[1.0, 0.0]], [[0.9, 0.1]], [[0.3, 0.7]]])  # looks, seed, class
    none = np.zeros(1)
    run = Run(classes, none, none, none, none, 0.0)
    real = np.array([0.5, 0.5])
    assert run.unevenness(real)[:, 0] == pytest.approx([0.5, 0.4, 0.2])
    assert run.late_unevenness(real) == pytest.approx([0.3])  # the first third is passed over
    assert run.made(0.4).tolist() == [1]
    assert run.made(0.1).tolist() == [2]


def test_what_there_are_no_files_of_is_said_and_not_run(tmp_path):
    (tmp_path / "mnist").mkdir()
    without = images_part("full", None)
    assert "MNIST, CIFAR-10" in without.notes[-1]
    assert {cell.decides["task"]["source"] for cell in without.cells} == {"digits"}
