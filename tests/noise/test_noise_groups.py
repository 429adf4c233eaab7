"""Counts by true group from what is observed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise import Groups
from equipoise.noise import FlipMatrix, NoisyGroups


def random_flips(p, random, keep=0.5):
    return keep * np.eye(p) + (1 - keep) * random.dirichlet(np.ones(p), p)


@settings(max_examples=40, deadline=None)
@given(p=st.integers(2, 5), cells=st.integers(1, 6), seed=st.integers(0, 10_000))
def test_of_a_whole_population_the_moments_are_those_of_the_true_groups(p, cells, seed):
    random = np.random.default_rng(seed)
    truth = random.dirichlet(np.ones(p * cells)).reshape(p, cells)
    flips = random_flips(p, random)
    seen = flips.T @ truth  # each observed group and cell is one row, with its share for a weight
    observed, cell = (x.ravel() for x in np.indices((p, cells)))
    groups = NoisyGroups.of(observed, p_flip=flips)
    counted = groups.tabulate(cell, cells, seen.ravel())
    np.testing.assert_allclose(counted, truth, atol=1e-13)
    of_cells = (cell[:, None] == np.arange(cells)) * seen.ravel()[:, None]
    np.testing.assert_allclose(groups.matrix().T @ of_cells, truth, atol=1e-13)


@settings(max_examples=30, deadline=None)
@given(p=st.integers(2, 5), seed=st.integers(0, 10_000))
def test_permuting_groups_permutes_what_is_found(p, seed):
    random = np.random.default_rng(seed)
    flips, observed = random_flips(p, random), np.append(np.arange(p), random.integers(0, p, 50))
    cell = random.integers(0, 3, len(observed))
    order = random.permutation(p)  # group order[i] gets the number i
    rank = np.argsort(order)
    one = NoisyGroups.of(observed, p_flip=flips)
    other = NoisyGroups.of(rank[observed], p_flip=flips[np.ix_(order, order)])
    np.testing.assert_allclose(other.tabulate(cell, 3), one.tabulate(cell, 3)[order], atol=1e-10)


def test_without_noise_counts_are_those_of_clean_groups_to_the_bit():
    random = np.random.default_rng(0)
    observed, cell = random.integers(0, 4, 1000), random.integers(0, 7, 1000)
    weights = random.random(1000)
    noisy, clean = NoisyGroups.of(observed, p_flip={}), Groups.of(observed)
    for weight in (None, weights):
        assert (noisy.tabulate(cell, 7, weight) == clean.tabulate(cell, 7, weight)).all()
    assert (noisy.matrix() == clean.matrix()).all()
    assert (noisy.sizes == clean.sizes).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_columns_that_err_apart_are_crossed(seed):
    random = np.random.default_rng(seed)
    sex, race = random_flips(2, random), random_flips(3, random)
    truth = random.dirichlet(np.ones(12)).reshape(6, 2)
    seen = np.kron(sex, race).T @ truth
    s, r, cell = (x.ravel() for x in np.indices((2, 3, 2)))
    groups = NoisyGroups.of(pd.DataFrame({"sex": s, "race": r}), p_flip={"sex": sex, "race": race})
    assert groups.names[:3] == ("0, 0", "0, 1", "0, 2")
    np.testing.assert_allclose(groups.tabulate(cell, 2, seen.ravel()), truth, atol=1e-13)


def test_a_column_without_flips_is_taken_as_it_is():
    columns = {"sex": list("abab"), "race": list("xxyy")}
    groups = NoisyGroups.of(columns, p_flip={"sex": {("a", "b"): 0.3}})
    np.testing.assert_allclose(groups.flips.p_flip, np.kron([[0.7, 0.3], [0, 1]], np.eye(2)))


@settings(max_examples=20, deadline=None)
@given(p=st.integers(2, 4), seed=st.integers(0, 10_000))
def test_each_stratum_has_flips_of_its_own(p, seed):
    random = np.random.default_rng(seed)
    truth = random.dirichlet(np.ones(2 * p * 3)).reshape(2, p, 3)
    flips = [random_flips(p, random) for _ in range(2)]
    seen = np.stack([h.T @ t for h, t in zip(flips, truth, strict=True)])
    stratum, observed, cell = (x.ravel() for x in np.indices((2, p, 3)))
    groups = NoisyGroups.of(
        observed,
        p_flip={"young": flips[1], "old": flips[0]},
        strata=np.array(["old", "young"])[stratum],
    )
    counted = groups.tabulate(cell, 3, seen.ravel())
    np.testing.assert_allclose(counted, truth.sum(0), atol=1e-13)
    some = np.arange(len(cell)) % 2 == 0
    np.testing.assert_allclose(groups.take(some).matrix(), groups.matrix()[some])
    with pytest.raises(ValueError, match="2 strata"):
        _ = groups.flips


def test_a_group_that_a_flip_matrix_knows_need_not_occur():
    flips = FlipMatrix([[0.9, 0.1, 0], [0, 1, 0], [0, 0.2, 0.8]], ("a", "b", "c"))
    groups = NoisyGroups.of(list("bab"), p_flip=flips)
    assert groups.names == ("a", "b", "c")
    assert groups.observed.sizes.tolist() == [1, 2, 0]
    assert groups.sizes.sum() == pytest.approx(3)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"sensitive_features": Groups.of({"x": [0, 1], "y": [1, 0]}, how="each")}, "overlap"),
        ({"sensitive_features": {"x": [0, 1], "y": [1, 0]}}, "mapping from their names"),
        (
            {"sensitive_features": {"x": [0, 1], "y": [1, 0]}, "p_flip": {"z": {}}},
            "no sensitive column 'z'",
        ),
        ({"sensitive_features": {"x": [0, 1], "y": [1]}, "p_flip": {"x": {}}}, "differ in length"),
        ({"sensitive_features": [0, 1], "strata": ["u", "v"]}, "with strata"),
        (
            {"sensitive_features": [0, 1], "strata": ["u", "v"], "p_flip": {"u": {}}},
            "no flips for stratum 'v'",
        ),
        ({"sensitive_features": [0, 1], "strata": ["u"], "p_flip": {"u": {}}}, "strata has 1 rows"),
        (
            {
                "sensitive_features": {"x": np.arange(30), "y": np.arange(30)},
                "p_flip": {"x": {}},
            },
            "900 groups",
        ),
    ],
)
def test_what_has_no_flips_is_refused(asked, told):
    with pytest.raises(ValueError, match=told):
        NoisyGroups.of(**{"p_flip": np.eye(2), **asked})


def test_what_cannot_correct_for_noise_says_so():
    groups = NoisyGroups.of([0, 1, 0, 1], p_flip={(0, 1): 0.1})
    with pytest.raises(ValueError, match="this cannot correct for noise"):
        Groups.of(groups)
