"""Streams of random numbers: read, compared, set back."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from equipoise.optim.streams import Streams

DRAWS = {
    "torch": lambda: torch.rand(()).item(),
    "random": random.random,
    "numpy": np.random.rand,
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_draw_moves_the_streams_and_they_can_be_set_back(name):
    streams = Streams([torch.device("cpu")])
    start = streams.get()
    assert streams.at(start)
    drawn = DRAWS[name]()
    assert not streams.at(start)
    streams.set(start)
    assert streams.at(start)
    assert DRAWS[name]() == drawn


def test_the_second_of_a_pair_of_normal_numbers_is_a_draw_too():
    # numpy draws two and keeps one: the second takes nothing from the generator itself.
    streams = Streams([])
    np.random.seed(0)  # noqa: NPY002
    np.random.standard_normal()  # noqa: NPY002
    start = streams.get()
    np.random.standard_normal()  # noqa: NPY002
    assert not streams.at(start)
