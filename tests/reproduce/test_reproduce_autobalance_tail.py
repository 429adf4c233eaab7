"""Classes made rare: rows, networks and methods."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.data import Images
from equipoise.reproduce.autobalance import tail, tail_methods
from equipoise.reproduce.autobalance.cell import Job, run_cell
from equipoise.reproduce.autobalance.networks import make_network
from equipoise.reproduce.autobalance.tail import TailTask, tail_tasks

TINY = TailTask("tiny", "digits", 40, 4, (16,), 60, 32, 0.02, outer_steps=3)


def test_digits_are_as_rare_as_is_said_and_the_test_rows_are_others():
    (digits,) = tail_tasks(None)
    found = digits.prepare(0)
    np.testing.assert_array_equal(found.counts, digits.counts)
    assert found.counts[0] / found.counts[-1] == digits.ratio
    assert found.counts[-1] >= 5
    held = found.counts_of(found.validation)
    assert held.min() >= 1
    assert len(np.unique(found.counts_of(found.test))) == 1
    seen = {row.tobytes() for row in found.rows.features.numpy()}
    assert not any(row.tobytes() in seen for row in found.test.features.numpy())


def test_a_seed_draws_other_rows():
    assert TINY.prepare(0).fingerprint == TINY.prepare(0).fingerprint
    assert TINY.prepare(0).fingerprint != TINY.prepare(1).fingerprint


@pytest.mark.parametrize(("source", "shape"), [("mnist", (784,)), ("cifar10", (3, 16, 16))])
def test_images_are_made_rare_in_training_alone(monkeypatch, source, shape):
    random = np.random.default_rng(0)
    side = (28, 28) if source == "mnist" else (32, 32, 3)
    labels = np.arange(200) % 10
    pixels = random.integers(256, size=(200, *side)).astype(np.uint8)
    images = Images({"train": labels, "test": labels}, lambda part, rows: pixels[rows])
    monkeypatch.setattr(tail, "load_images", lambda name, data_dir: images)
    task = TailTask("tiny", source, 16, 4, (), 1, data_dir="somewhere")
    found = task.prepare(0)
    assert found.rows.features.shape[1:] == shape
    np.testing.assert_array_equal(found.counts, task.counts)
    assert len(found.test) == 200
    # Both parts are shifted by the mean of the rows learnt from.
    assert abs(float(found.rows.features.mean())) < 1e-5
    first = found.test.features[0] - found.test.features[0].mean()
    expected = pixels[0] / 255
    if source == "cifar10":
        expected = expected.reshape(16, 2, 16, 2, 3).mean((1, 3)).transpose(2, 0, 1)
    expected = expected.reshape(shape) - expected.mean()
    np.testing.assert_allclose(first.numpy(), expected, atol=1e-5)


def test_where_files_are_does_not_name_a_cell():
    here, there = (tail_tasks(folder)[0] for folder in ("here", "there"))
    assert here.to_dict() == there.to_dict()


@pytest.mark.parametrize("shape", [(12,), (3, 16, 16)])
def test_networks_are_the_same_for_a_seed_and_leave_the_generator_alone(shape):
    state = torch.get_rng_state()
    networks = [make_network(shape, (8,), 5, seed) for seed in (0, 0, 1)]
    assert torch.equal(torch.get_rng_state(), state)
    x = torch.randn(2, *shape)
    first, same, other = (network(x) for network in networks)
    assert first.shape == (2, 5)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    cosines = make_network(shape, (8,), 5, 0, cosines=True)(100 * x)
    assert cosines.abs().max() <= 1 + 1e-5


@pytest.mark.parametrize("name", [method.name for method in tail_methods.tail_methods()])
def test_every_method_learns_more_than_chance(name):
    job = Job(TINY, 0)
    method = next(one for one in job.methods if one.name == name)
    material = TINY.prepare(0)
    record = run_cell(job, method, material, {})
    assert record.figures["balanced"] < 60
    assert record.table.sum() == len(material.test)
    if method.kind == "searched":
        assert record.additive is not None
        assert record.trajectory is not None
        assert len(record.trajectory.step) == TINY.outer_steps


def test_classes_are_weighted_in_the_last_fifth_alone(monkeypatch):
    epochs = []
    kept = tail_methods.DeferredReweighting.per_row

    def noted(self, logits, label):
        epochs.append(self.epoch)
        return kept(self, logits, label)

    monkeypatch.setattr(tail_methods.DeferredReweighting, "per_row", noted)
    job = Job(TINY, 0)
    method = next(one for one in job.methods if one.name == "LDAM-DRW")
    method.run(TINY.prepare(0), TINY, 0)
    assert epochs == [0] * 48 + [1] * 12


def test_training_that_diverges_is_recorded_and_not_raised():
    job = Job(TailTask("wild", "digits", 40, 4, (16,), 30, 32, learning_rate=1e30), 0)
    record = run_cell(job, job.methods[0], job.task.prepare(0), {})
    assert "diverged" in record.failed
    assert np.isnan(record.figures["balanced"])
