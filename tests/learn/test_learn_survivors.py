"""A replicate that diverges is left out, and the others end where they would have ended."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.constraints import gap
from equipoise.groups import Groups
from equipoise.learn import Rows, StackedMLP, Trained, TrainingSettings, train, train_survivors
from equipoise.learn.watch import History


def _blank(seeds) -> Trained:
    """As if trained: its loss tells the seeds."""
    loss = np.array([seeds], float)
    history = History(np.array([1]), loss, loss, loss[..., None], loss)
    return Trained(StackedMLP(2, (), 2, list(seeds)), history)


@settings(deadline=None)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=6, unique=True), st.sets(st.integers(0, 7)))
def test_whichever_seeds_diverge_the_others_are_kept_in_their_order(seeds, fatal):
    asked = []

    def run(some):
        asked.append(list(some))
        if fatal & set(some):
            raise FloatingPointError(f"seed {sorted(fatal & set(some))[0]} diverged")
        return _blank(some)

    found = train_survivors(run, seeds)
    assert found.diverged == [n for n, seed in enumerate(seeds) if seed in fatal]
    assert bool(found.reason) == bool(found.diverged)
    alive = [seed for seed in seeds if seed not in fatal]
    if alive:
        assert found.trained.history.loss.tolist() == [alive]
        expected = StackedMLP(2, (), 2, alive).state_dict()
        for name, weights in found.trained.network.state_dict().items():
            torch.testing.assert_close(weights, expected[name], rtol=0, atol=0)
    else:
        assert found.trained is None
    alone = [] if not found.diverged or len(seeds) == 1 else [[seed] for seed in seeds]
    assert asked == [seeds, *alone]


def _rows() -> Rows:
    random = np.random.default_rng(0)
    x, group = random.normal(size=(200, 3)), random.integers(0, 2, 200)
    return Rows.of(x, (x[:, 0] + group > 0).astype(int), Groups.from_codes(group, ["a", "b"]))


def test_replicates_trained_one_by_one_are_joined_as_if_trained_together():
    rows, chosen = _rows(), TrainingSettings(steps=12, batch_size=32, hidden=(4,))
    promises = [gap("selection") <= 0.1, gap("loss") <= 0.2]

    def run(seeds):
        if len(seeds) > 1:
            raise FloatingPointError("together they do not")
        return train(rows, 2, seeds, chosen, promises)

    joined, together = (
        train_survivors(run, [0, 1]).trained,
        train(rows, 2, [0, 1], chosen, promises),
    )
    for name, weights in together.network.state_dict().items():
        torch.testing.assert_close(joined.network.state_dict()[name], weights)
    for curve in ("step", "loss", "accuracy", "disparity", "multiplier"):
        np.testing.assert_allclose(
            getattr(joined.history, curve), getattr(together.history, curve), rtol=1e-4
        )


def test_training_that_diverges_for_every_seed_leaves_the_reason():
    chosen = TrainingSettings(
        "erm", hidden=(4,), optimizer="SGD", learning_rate=1e30, steps=20, batch_size=32
    )
    found = train_survivors(lambda seeds: train(_rows(), 2, seeds, chosen), [0, 1])
    assert found.trained is None
    assert found.diverged == [0, 1]
    assert "smaller learning_rate" in found.reason


def test_any_other_error_is_raised():
    def run(seeds):
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        train_survivors(run, [0, 1])
