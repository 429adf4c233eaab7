"""Who belongs to what: every way of making groups agrees with looking at the rows one by one."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise import Groups

a_few = settings(deadline=None, max_examples=50, derandomize=True)

SEX = ["f", "m", "f", "f", "m", "f"]
AGE = [30, 30, 60, 30, 60, 60]


def members(groups):
    """Which rows each group has, by name."""
    matrix = groups.matrix().astype(bool)
    return {name: np.flatnonzero(matrix[:, j]).tolist() for j, name in enumerate(groups.names)}


@st.composite
def tables(draw):
    """Some columns of some categories."""
    n = draw(st.integers(1, 30))
    row = st.lists(st.sampled_from("abcd"), min_size=n, max_size=n)
    return draw(st.dictionaries(st.sampled_from(["p", "q", "r"]), row, min_size=2))


@st.composite
def memberships(draw):
    """A boolean matrix whose columns need not be disjoint nor cover."""
    n, g = draw(st.integers(0, 20)), draw(st.integers(1, 11))
    cells = draw(st.lists(st.booleans(), min_size=n * g, max_size=n * g))
    return np.array(cells, bool).reshape(n, g)


def named(matrix):
    return Groups.from_membership(matrix, [f"g{j}" for j in range(matrix.shape[1])])


@a_few
@given(tables())
def test_crossed_columns_are_the_intersections_that_have_a_row(table):
    rows = list(zip(*table.values(), strict=True))
    expected = {
        ", ".join(cell): [i for i, row in enumerate(rows) if row == cell]
        for cell in sorted(set(rows))
    }
    assert members(Groups.of(table)) == expected


@a_few
@given(tables())
def test_crossed_groups_are_in_the_order_of_their_levels(table):
    assert list(Groups.of(table).names) == [
        ", ".join(cell) for cell in sorted(set(zip(*table.values(), strict=True)))
    ]


@a_few
@given(tables())
def test_columns_side_by_side_are_the_levels_of_each(table):
    expected = {
        f"{name}: {level}": [i for i, v in enumerate(values) if v == level]
        for name, values in table.items()
        for level in sorted(set(values))
    }
    assert members(Groups.of(table, "each")) == expected


def test_one_column_gives_groups_that_carry_its_values():
    assert members(Groups.of(AGE)) == {"30": [0, 1, 3], "60": [2, 4, 5]}


TABLES = {
    "mapping": lambda d: d,
    "pandas": pd.DataFrame,
    "pandas-odd-index": lambda d: pd.DataFrame(d, index=[5, 4, 3, 2, 1, 0]),
    "polars": pl.DataFrame,
    "pyarrow": pa.table,
    "numpy-object": lambda d: np.array(list(zip(*d.values(), strict=True)), object),
    "list-of-rows": lambda d: list(zip(*d.values(), strict=True)),
    "mapping-of-pyarrow": lambda d: {k: pa.array(v) for k, v in d.items()},
    "mapping-of-tensors": lambda d: {
        k: v if isinstance(v[0], str) else torch.tensor(v) for k, v in d.items()
    },
}


@pytest.mark.parametrize("container", TABLES.values(), ids=TABLES)
def test_tables_of_every_library_make_the_same_groups(container):
    assert members(Groups.of(container({"sex": SEX, "age": AGE}))) == {
        "f, 30": [0, 3],
        "f, 60": [2, 5],
        "m, 30": [1],
        "m, 60": [4],
    }


@pytest.mark.parametrize(
    "column",
    [SEX, np.array(SEX), pd.Series(SEX), pl.Series(SEX), pa.array(SEX), pa.chunked_array([SEX])],
    ids=["list", "numpy", "pandas", "polars", "pyarrow", "pyarrow-chunked"],
)
def test_columns_of_every_library_make_the_same_groups(column):
    assert members(Groups.of(column)) == {"f": [0, 2, 3, 5], "m": [1, 4]}


def test_a_tensor_that_requires_a_gradient_makes_groups():
    assert Groups.of(torch.tensor([0.0, 1.0, 1.0], requires_grad=True)).sizes.tolist() == [1, 2]


def test_pandas_rows_count_by_position_and_not_by_index():
    column = pd.Series(["a", "b", "b"], index=[2, 0, 1])
    assert members(Groups.of(column)) == {"a": [0], "b": [1, 2]}


def test_columns_of_a_table_may_have_numbers_for_names():
    assert members(Groups.of(pd.DataFrame([["f", 1], ["m", 1], ["f", 1]]))) == {
        "f, 1": [0, 2],
        "m, 1": [1],
    }


def test_groups_made_before_are_taken_as_they_are():
    groups = Groups.of(SEX)
    assert Groups.of(groups) is groups


def test_seventy_crossed_columns_do_not_overflow():
    hot = {f"c{j}": [int(i == j % 6) for i in range(6)] for j in range(70)}
    assert Groups.of(hot).sizes.tolist() == [1] * 6


def test_crossing_into_too_many_groups_is_refused_with_a_way_out():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"at most 500.*how='each'"):
        Groups.of({"a": rng.integers(0, 100, 5000), "b": rng.integers(0, 100, 5000)})


def test_a_number_taken_for_a_category_is_refused():
    with pytest.raises(ValueError, match=r"'income' has 501 distinct values.*cut a number"):
        Groups.of({"income": range(501), "sex": ["f"] * 501})


@pytest.mark.parametrize("rows", [[("f", 1), ("m", None)], [("f", "x"), ("m", float("nan"))]])
def test_a_value_missing_from_a_list_of_rows_is_refused(rows):
    with pytest.raises(ValueError, match="missing"):
        Groups.of(rows)


def test_the_column_with_missing_values_is_named():
    with pytest.raises(ValueError, match="sensitive feature 'age' has 1 missing"):
        Groups.of(pd.DataFrame({"sex": ["f", "m"], "age": [1.0, np.nan]}))


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"differ in length: \{'a': 2, 'b': 3\}"):
        Groups.of({"a": [1, 2], "b": [1, 2, 3]})


@pytest.mark.parametrize("nothing", [[], {}, pd.DataFrame({"a": []}), {"a": [], "b": []}])
def test_no_rows_are_refused(nothing):
    with pytest.raises(ValueError, match="sensitive_features has no rows"):
        Groups.of(nothing)


def test_two_columns_whose_names_print_alike_are_refused_and_none_is_dropped():
    with pytest.raises(ValueError, match="two columns called '1'"):
        Groups.of({1: ["a", "b"], "1": ["c", "d"]})


def test_intersections_whose_names_would_be_the_same_are_told_apart_by_quotes():
    groups = Groups.of({"a": ["x, y", "x"], "b": ["z", "y, z"]})
    assert members(groups) == {"'x, y', 'z'": [0], "'x', 'y, z'": [1]}


def test_an_unknown_meaning_of_several_columns_is_refused():
    with pytest.raises(ValueError, match="how must be one of crossed, each, lattice, not 'both'"):
        Groups.of(SEX, "both")


def test_codes_may_name_groups_that_have_no_row():
    groups = Groups.from_codes(np.array([2, 0, 2], np.uint8), ["a", "b", "c"])
    assert members(groups) == {"a": [1], "b": [], "c": [0, 2]}


def test_no_codes_at_all_are_codes():
    assert Groups.from_codes([], ["a"]).sizes.tolist() == [0]


@pytest.mark.parametrize(
    ("codes", "message"),
    [([0, 2], r"lie in 0\.\.1"), ([-1, 0], r"lie in 0\.\.1"), ([0.0, 1.0], "integers")],
)
def test_codes_that_are_no_group_are_refused(codes, message):
    with pytest.raises(ValueError, match=message):
        Groups.from_codes(codes, ["a", "b"])


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((3, 3)), r"shape \(n, 2\)"),
        (np.zeros(2), r"shape \(n, 2\)"),
        (np.array([[0.5, 1.0]]), "only True and False"),
        (np.array([[np.nan, 1.0]]), "only True and False"),
    ],
)
def test_a_matrix_that_is_no_membership_is_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        Groups.from_membership(matrix, ["a", "b"])


@a_few
@given(memberships())
def test_a_membership_matrix_is_kept(matrix):
    np.testing.assert_array_equal(named(matrix).matrix(), matrix)


@a_few
@given(memberships())
def test_the_patterns_of_the_rows_are_their_memberships(matrix):
    codes, patterns = named(matrix).patterns()
    np.testing.assert_array_equal(patterns[codes], matrix)


@a_few
@given(memberships())
def test_patterns_are_distinct_and_each_has_a_row(matrix):
    codes, patterns = named(matrix).patterns()
    assert len({tuple(p) for p in patterns.tolist()}) == len(patterns) == len({*codes.tolist()})


@a_few
@given(memberships(), st.integers(1, 4), st.booleans(), st.randoms(use_true_random=False))
def test_tabulating_overlapping_groups_counts_row_by_row(matrix, k, weighted, random):
    n, g = matrix.shape
    codes = np.array([random.randrange(k) for _ in range(n)], np.int64)
    weights = np.array([random.randrange(5) for _ in range(n)], float) if weighted else None
    expected = np.zeros((g, k))
    for i, j in itertools.product(range(n), range(g)):
        expected[j, codes[i]] += matrix[i, j] * (weights[i] if weighted else 1)
    np.testing.assert_array_equal(named(matrix).tabulate(codes, k, weights), expected)


@a_few
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 5))), st.booleans())
def test_tabulating_disjoint_groups_counts_row_by_row(rows, weighted):
    expected = np.zeros((4, 3))
    for group, code, weight in rows:
        expected[group, code] += weight if weighted else 1
    group, code, weight = np.array(rows, int).reshape(-1, 3).T
    groups = Groups.from_codes(group, "abcd")
    found = groups.tabulate(code, 3, weight.astype(float) if weighted else None)
    np.testing.assert_array_equal(found, expected)


def test_counting_narrow_codes_of_many_groups_does_not_overflow():
    codes = np.arange(300) % 300
    groups = Groups.from_codes(codes, [str(i) for i in range(300)])
    found = groups.tabulate(np.full(300, 199, np.uint8), 200)
    assert found[299, 199] == 1


def test_sizes_count_a_row_in_each_of_its_groups():
    assert Groups.of({"sex": SEX, "age": AGE}, "each").sizes.tolist() == [4, 2, 3, 3]


@pytest.mark.parametrize("how", ["crossed", "each"])
@pytest.mark.parametrize(
    "rows", [np.array([5, 0, 0]), np.array([True, False, True, False, True, False])]
)
def test_taking_rows_takes_their_memberships_and_keeps_the_names(how, rows):
    groups = Groups.of({"sex": SEX, "age": AGE}, how)
    taken = groups.take(rows)
    assert taken.names == groups.names
    np.testing.assert_array_equal(taken.matrix(), groups.matrix()[rows])


@a_few
@given(st.lists(st.sampled_from("abcde"), min_size=1), st.integers(0, 6))
def test_joining_rare_groups_moves_their_rows_and_no_others(column, least):
    counts = {v: column.count(v) for v in sorted(set(column))}
    expected = {v: [i for i, x in enumerate(column) if x == v] for v in counts}
    rare = [v for v, n in counts.items() if n < least]
    if rare:
        expected = {v: rows for v, rows in expected.items() if v not in rare}
        expected["rest"] = [i for i, x in enumerate(column) if x in rare]
    assert members(Groups.of(column).join_rare(least, "rest")) == expected


def test_rare_groups_cannot_be_joined_under_the_name_of_another():
    with pytest.raises(ValueError, match="already a group called 'f'"):
        Groups.of(SEX).join_rare(3, "f")


def test_the_lattice_holds_every_column_and_every_intersection():
    groups = Groups.of({"sex": SEX, "age": AGE}, "lattice")
    each, crossed = Groups.of({"sex": SEX, "age": AGE}, "each"), Groups.of({"sex": SEX, "age": AGE})
    assert groups.names[: len(each)] == each.names
    assert len(groups) == len(each) + len(crossed)
    membership = np.concatenate([each.matrix(), crossed.matrix()], axis=1)
    np.testing.assert_array_equal(groups.matrix(), membership)
    assert all("sex: " in name and "age: " in name for name in groups.names[len(each) :])


def test_the_lattice_of_three_columns_has_the_pairs_too():
    random = np.random.default_rng(0)
    columns = {name: random.integers(0, 2, 200) for name in "abc"}
    groups = Groups.of(columns, "lattice")
    assert len(groups) == 3 * 2 + 3 * 4 + 8
    pair = groups.names.index("a: 1, c: 0")
    np.testing.assert_array_equal(
        groups.matrix()[:, pair], (columns["a"] == 1) & (columns["c"] == 0)
    )


def test_a_lattice_too_large_is_refused_with_the_cure():
    random = np.random.default_rng(0)
    columns = {str(i): random.integers(0, 6, 5000) for i in range(4)}
    with pytest.raises(ValueError, match=r"lattice.*fewer columns"):
        Groups.of(columns, "lattice")


def test_rare_groups_that_overlap_can_be_left_out():
    groups = Groups.of({"sex": SEX, "age": AGE}, "lattice")
    kept = groups.drop_rare(2)
    assert kept.names == tuple(
        name for name, size in zip(groups.names, groups.sizes, strict=True) if size >= 2
    )
    assert kept.n_rows == groups.n_rows
    assert groups.drop_rare(1) is groups


def test_disjoint_groups_are_not_left_out_and_neither_are_all():
    with pytest.raises(ValueError, match="use join_rare"):
        Groups.of(SEX).drop_rare(100)
    with pytest.raises(ValueError, match="no group has 100 rows"):
        Groups.of({"sex": SEX, "age": AGE}, "each").drop_rare(100)


def test_groups_that_overlap_are_not_joined():
    with pytest.raises(ValueError, match="overlap cannot be joined"):
        Groups.of({"sex": SEX, "age": AGE}, "each").join_rare(3)


@pytest.mark.parametrize("names", [[], ["a", "a"]])
def test_names_must_be_there_and_distinct(names):
    with pytest.raises(ValueError, match="names"):
        Groups.from_codes([], names)


def test_groups_survive_a_pickle_to_another_process():
    groups = Groups.of({"sex": SEX, "age": AGE}, "each")
    assert members(pickle.loads(pickle.dumps(groups))) == members(groups)


def test_groups_print_how_many_they_are():
    assert repr(Groups.of(SEX)) == "Groups(6 rows, 2 disjoint groups: f, m)"
