"""Columns in which the terms of many classes move together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from equipoise.learn.imbalance import (
    ParametricCrossEntropy,
    cell_counts,
    frequency_clusters,
    from_attributes,
    log_frequency,
    log_prior,
    scaling_dictionary,
    vector_scaling,
)

COUNTS = [40, 900, 5, 300, 90]


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_clusters_are_chunks_of_the_classes_sorted_by_count():
    clusters = frequency_clusters(COUNTS, 2)  # 900, 300 and 90; 40 and 5
    assert clusters.tolist() == [[0, 1], [1, 0], [0, 1], [1, 0], [1, 0]]


@given(counts=st.lists(st.integers(1, 50), min_size=2, max_size=60), share=st.floats(0.01, 1))
def test_every_class_is_in_one_cluster_and_clusters_are_of_like_size_and_in_order(counts, share):
    n_clusters = max(1, round(share * len(counts)))
    clusters = frequency_clusters(counts, n_clusters).numpy().astype(bool)
    assert (clusters.sum(1) == 1).all()
    assert np.ptp(clusters.sum(0)) <= 1
    rows = np.array(counts)
    for more, fewer in zip(clusters.T[:-1], clusters.T[1:], strict=True):
        assert rows[more].min() >= rows[fewer].max()


def test_as_many_clusters_as_classes_are_the_classes():
    clusters = frequency_clusters(COUNTS, 5)
    assert torch.equal(clusters.T @ clusters, torch.eye(5))


def test_the_log_prior_is_that_of_shares_within_each_group():
    cells = np.array([[300, 20], [100, 60]])
    torch.testing.assert_close(log_prior(cells[:, 0]), torch.log(torch.tensor([0.75, 0.25])))
    expected = torch.log(torch.tensor([[0.75, 0.25], [0.25, 0.75]]))
    torch.testing.assert_close(log_prior(cells), expected)


def test_coordinates_of_the_default_dictionary_are_tau_and_gamma_of_vector_scaling():
    loss = ParametricCrossEntropy(5, dictionary=scaling_dictionary(COUNTS))
    with torch.no_grad():
        loss.coordinates["additive"].fill_(1.3)
        loss.coordinates["multiplicative"].fill_(0.2)
    random = torch.Generator().manual_seed(0)
    logits, label = torch.randn(30, 5, generator=random), torch.arange(30) % 5
    expected = vector_scaling(COUNTS, gamma=0.2, tau=1.3)(logits, label)
    torch.testing.assert_close(loss(logits, label), expected, rtol=1e-12, atol=0)


def test_the_default_dictionary_of_groups_shares_tau_and_gamma():
    dictionary = scaling_dictionary([[300, 20], [100, 60]])
    loss = ParametricCrossEntropy(2, 2, dictionary=dictionary)
    assert [tuple(u.shape) for u in loss.parameters()] == [(1,), (1,)]


def test_columns_of_several_kinds_stand_side_by_side():
    columns = torch.column_stack(
        [torch.ones(5), log_prior(COUNTS), log_frequency(COUNTS), frequency_clusters(COUNTS, 2)]
    )
    loss = ParametricCrossEntropy(5, learn=["additive"], dictionary=columns)
    assert loss.coordinates["additive"].shape == (5,)


def test_attributes_are_standardised_columns_of_any_table():
    table = pd.DataFrame({"difficulty": [1.0, 2.0, 6.0], "noise": [0, 1, 0]})
    columns = from_attributes(table)
    assert columns.shape == (3, 2)
    torch.testing.assert_close(columns.mean(0), torch.zeros(2), rtol=0, atol=1e-12)
    torch.testing.assert_close(columns.square().mean(0), torch.ones(2), rtol=0, atol=1e-12)
    plain = from_attributes(table, standardize=False)
    assert plain.tolist() == [[1, 0], [2, 1], [6, 0]]


def test_cells_are_counted():
    assert cell_counts([0, 2, 2, 0], 3).tolist() == [2, 0, 2]
    assert cell_counts([0, 2, 2, 0], 3, [1, 0, 1, 1], 2).tolist() == [[0, 2], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (lambda: log_prior([3, 0]), "class 1 has 0 rows"),
        (lambda: log_frequency([3, 0]), "class 1 has 0 rows"),
        (lambda: scaling_dictionary([[3, 1], [0, 2]]), "class 1 of group 0 has 0 rows"),
        (lambda: frequency_clusters([3, 0], 1), "class 1 has 0 rows"),
        (lambda: frequency_clusters([3, 2], 3), "n_clusters"),
        (lambda: frequency_clusters([3, 2], 0), "n_clusters"),
        (lambda: from_attributes([1.0, 2.0]), "shape"),
        (lambda: from_attributes([[1.0], [float("nan")]]), "column 0 of class 1"),
        (lambda: from_attributes([["a"], ["b"]]), "numbers"),
        (lambda: from_attributes([[1.0, 2.0], [1.0, 3.0]]), "column 0 of attributes is the same"),
        (lambda: cell_counts([0, 3], 3), "label must lie in"),
        (lambda: cell_counts([0.5], 3), "label must be a vector of codes"),
        (lambda: cell_counts([0, 1], 2, [0, 1]), "n_groups"),
        (lambda: cell_counts([0, 1], 2, [0], 1), "rows"),
    ],
)
def test_what_makes_no_column_is_refused(build, what):
    with pytest.raises(ValueError, match=what):
        build()
