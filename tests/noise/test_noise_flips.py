"""Flip matrices, and how people write them down."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest

from equipoise.noise import FlipMatrix, NoisyGroups
from equipoise.noise.given import read_flips

H = np.array([[0.7, 0.3], [0.1, 0.9]])


@pytest.mark.parametrize(
    "given",
    [
        {("a", "b"): 0.3, ("b", "a"): 0.1},
        {"a -> b": 0.3, "b->a": 0.1},
        {("a", "b"): 0.3, ("b", "a"): 0.1, ("b", "b"): 0.9},
        H,
        H.tolist(),
        pd.DataFrame(H, index=["a", "b"], columns=["a", "b"]),
        pd.DataFrame(H[::-1, ::-1], index=["b", "a"], columns=["b", "a"]),
        pl.DataFrame({"true": ["b", "a"], "a": [0.1, 0.7], "b": [0.9, 0.3]}),
        FlipMatrix(H, ("a", "b")),
    ],
)
def test_flips_are_read_however_they_are_written(given):
    found = read_flips(given, ("a", "b"))
    np.testing.assert_allclose(found.p_flip, H)
    assert found.names == ("a", "b")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([[0.7, 0.2], [0.1, 0.9]], r"true group 'a' sums to 0\.9"),
        (H.T, "give its transpose"),
        ([[1.1, -0.1], [0.1, 0.9]], "negative probability: a -> b is -0.1"),
        ([[np.nan, 1], [0, 1]], "no numbers"),
        ([[0.5, 0.5], [0.5, 0.5]], "condition"),
        ([[0.502, 0.498], [0.498, 0.502]], "least of all 'a' and 'b'"),
        (np.eye(3), r"shape \(2, 2\)"),
        ({("a", "c"): 0.1}, "'c' of 'a->c' does not occur"),
        ({("a", "b"): 0.1, "a -> b": 0.2}, "twice"),
        ({("a", "b"): "much"}, "must have a probability"),
        ({("a", "b"): 1.2}, "add up to 1.2"),
        ({"ab": 0.1}, "cannot read the pair"),
        (pd.DataFrame(H, index=["a", "c"], columns=["a", "b"]), "its rows are named"),
        (pd.DataFrame(np.eye(4)), "its rows are named"),
        (pl.DataFrame({"a": [1.0, 0.0]}), "must have a column for each"),
        (pl.DataFrame({"t": ["a", "b", "b"], "a": [1, 0, 0], "b": [0, 1, 1]}), "for each group"),
        (pl.DataFrame({"t": ["a", "b"], "a": ["much", "x"], "b": [0, 1]}), "column 'a' must hold"),
        (FlipMatrix(np.eye(2), ("a", "c")), "'b' is observed too"),
    ],
)
def test_what_is_no_flip_matrix_is_refused(given, told):
    with pytest.raises(ValueError, match=told):
        read_flips(given, ("a", "b"))


def test_the_price_is_that_of_the_papers_example():
    flips = FlipMatrix(H, ("a", "b"))
    np.testing.assert_allclose(flips.inverse, [[1.5, -0.5], [-1 / 6, 7 / 6]])
    assert flips.price == pytest.approx(2)
    assert FlipMatrix.none(("a", "b")).price == 1


def test_a_product_is_undone_by_the_product_of_the_inverses():
    random = np.random.default_rng(0)
    parts = [
        FlipMatrix(0.6 * np.eye(p) + 0.4 * random.dirichlet(np.ones(p), p), names)
        for p, names in ((2, "ab"), (3, "xyz"))
    ]
    whole = FlipMatrix.product(parts)
    assert whole.names[:2] == ("a, x", "a, y")
    np.testing.assert_allclose(whole.p_flip @ whole.inverse, np.eye(6), atol=1e-14)
    assert whole.condition == pytest.approx(np.linalg.cond(whole.p_flip))


def test_names_that_a_product_would_make_alike_are_told_apart():
    flips = FlipMatrix.product(
        [FlipMatrix.none(("a", "a, b")), FlipMatrix.none(("c", "b, c"))],
    )
    assert len(set(flips.names)) == 4


def test_flips_that_swap_groups_are_a_matter_of_names_and_not_of_order():
    # The trap: 0.3 and 0.1 the wrong way round. Named pairs say the same in any order of groups.
    one = NoisyGroups.of(list("abba"), p_flip={("a", "b"): 0.3, ("b", "a"): 0.1})
    swapped = NoisyGroups.of(list("abba"), p_flip={("b", "a"): 0.3, ("a", "b"): 0.1})
    renamed = NoisyGroups.of(list("baab"), p_flip={("b", "a"): 0.3, ("a", "b"): 0.1})
    np.testing.assert_allclose(one.sizes, renamed.sizes[::-1])
    assert not np.allclose(one.sizes, swapped.sizes)


@pytest.mark.parametrize("kind", ["crosstab", "array"])
def test_whole_numbers_are_counts_of_gold_rows(kind):
    true, observed = ["a"] * 10 + ["b"] * 10, ["a"] * 7 + ["b"] * 3 + ["a"] + ["b"] * 9
    table = pd.crosstab(pd.Series(true, name="true"), pd.Series(observed, name="observed"))
    given = table if kind == "crosstab" else table.to_numpy()
    found = read_flips(given, ("a", "b"))
    np.testing.assert_allclose(found.p_flip, H)
    assert not found.known
    assert read_flips(np.eye(2, dtype=int), ("a", "b")).known


@pytest.mark.parametrize(
    "given",
    [
        pd.DataFrame(H, index=["a", "b"], columns=["a", "b"]),
        pl.DataFrame({"true": ["a", "b"], "a": H[:, 0], "b": H[:, 1]}),
    ],
)
def test_a_table_may_know_groups_that_do_not_occur(given):
    groups = NoisyGroups.of(["b", "b"], p_flip=given)
    assert groups.names == ("b", "a")
    np.testing.assert_allclose(groups.sizes, np.linalg.inv(H).T[::-1] @ [0, 2])
