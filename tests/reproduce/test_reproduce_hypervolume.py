from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.reproduce.hypervolume import hypervolume


def test_the_hypervolume_of_known_points():
    corner = (1.0, 1.0)
    assert hypervolume(np.array([[0.0, 0.0]]), corner) == 1
    assert hypervolume(np.array([[0.5, 0.0], [0.0, 0.5]]), corner) == pytest.approx(0.75)
    assert hypervolume(np.array([[0.5, 0.5], [0.6, 0.6]]), corner) == pytest.approx(0.25)
    assert hypervolume(np.array([[1.5, 0.0], [np.nan, 0.0]]), corner) == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=8))
def test_the_hypervolume_counts_the_cells_that_are_dominated(points):
    cells = np.stack(np.indices((10, 10)), axis=-1).reshape(-1, 1, 2)
    dominated = (np.array(points)[None] <= cells).all(axis=2).any(axis=1).sum()
    assert hypervolume(np.array(points, float), (10, 10)) == pytest.approx(dominated)
