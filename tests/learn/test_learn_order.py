"""The order of rows: every row once an epoch, every replicate its own stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.learn.order import Order


def stream(order: Order, batches: int) -> np.ndarray:
    return np.concatenate([order.next_batch().numpy() for _ in range(batches)], axis=1)


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 40), st.integers(1, 60), st.lists(st.integers(0, 99), min_size=1, max_size=3))
def test_each_replicate_sees_each_row_once_an_epoch(n, batch_size, seeds):
    order = Order(n, batch_size, seeds)
    batches = -(-3 * n // order.batch_size)
    seen = stream(order, batches)[:, : 3 * n].reshape(len(seeds), 3, n)
    np.testing.assert_array_equal(np.sort(seen, axis=-1), np.broadcast_to(np.arange(n), seen.shape))


def test_an_epochs_last_rows_share_their_batch_with_the_next_epochs_first():
    order = Order(10, 4, [0])
    sizes = [order.next_batch().shape for _ in range(6)]
    assert sizes == [(1, 4)] * 6


def test_a_replicates_stream_depends_on_its_own_seed_alone():
    stacked, alone = stream(Order(30, 7, [4, 9, 1]), 20), stream(Order(30, 7, [9]), 20)
    np.testing.assert_array_equal(stacked[1], alone[0])


def test_replicates_and_epochs_have_orders_of_their_own():
    seen = stream(Order(50, 50, [0, 1]), 2)
    orders = {tuple(epoch) for epoch in seen.reshape(4, 50)}
    assert len(orders) == 4


@pytest.mark.parametrize("batch_size", [10, 11, 10_000])
def test_a_batch_is_never_larger_than_the_table(batch_size):
    order = Order(10, batch_size, [0])
    assert order.batch_size == 10
    assert sorted(order.next_batch()[0].tolist()) == list(range(10))


def test_drawing_rows_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    stream(Order(10, 4, [0]), 5)
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002
