"""One pass over blocks of rows tells of scores and subgroups what the whole table does."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import equipoise.audit.stream as stream
import equipoise.data.blocks as blocks
from equipoise.audit import (
    audit_one_pass,
    audit_scores_table,
    audit_stream,
    audit_table,
    find_subgroups_table,
)
from equipoise.data import DataError, read_table


def rows(n=3000, seed=0):
    random = np.random.default_rng(seed)
    # In order, so that most blocks have one group only, and the first have one label only.
    race = np.sort(random.choice(["a", "b", "c"], n))
    score = random.random(n).round(3)
    return pd.DataFrame(
        {
            "y": np.where((random.random(n) < score) & (np.arange(n) > 300), "yes", "no"),
            "p": np.where(random.random(n) < 0.5, "yes", "no"),
            "s": score,
            "race": race,
            "age": random.integers(18, 80, n),
            "city": random.choice(["x", "y"], n),
        }
    )


NAMED = {"label": "y", "score": "s", "sensitive": ["race", "age:30,60"]}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "_ROWS", 100)
    monkeypatch.setattr(blocks, "_BYTES", 2000)
    monkeypatch.setattr(stream, "_HELD", 50)


def written(table, tmp_path, kind):
    path = tmp_path / f"rows.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pandas(table), path)
    else:
        table.to_csv(path, index=False, sep="\t" if kind.startswith("tsv") else ",")
    return path


def same_scores(told, table, **named):
    named = {key: value for key, value in named.items() if key not in ("prediction", "threshold")}
    whole = audit_scores_table(table, **named)
    assert told.scores.counts.groups == whole.counts.groups
    assert told.scores.counts.classes == whole.counts.classes
    assert told.scores.counts.limits == whole.counts.limits
    np.testing.assert_array_equal(told.scores.counts.table, whole.counts.table)
    return True


@pytest.mark.parametrize("kind", ["parquet", "csv", "tsv.gz"])
@pytest.mark.parametrize("how", ["crossed", "each"])
def test_scores_of_a_file_are_audited_as_those_of_a_table(tmp_path, kind, how):
    table = rows()
    told = audit_one_pass(written(table, tmp_path, kind), **NAMED, how=how, threshold=0.3)
    assert same_scores(told, table, **NAMED, how=how)
    assert told.audit.to_dict() == audit_table(table, **NAMED, how=how, threshold=0.3).to_dict()
    assert told.subgroups is None


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_prediction_beside_scores_is_what_is_audited(tmp_path, kind):
    table, named = rows(), {**NAMED, "prediction": "p", "positive": "no"}
    told = audit_one_pass(written(table, tmp_path, kind), **named)
    assert same_scores(told, table, **named)
    assert told.audit.to_dict() == audit_table(table, **named).to_dict()


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize(("scale", "shift"), [(10, -5), (1, 0.2), (0, 3)])
def test_scores_beyond_0_and_1_are_counted_in_their_range(tmp_path, kind, scale, shift):
    table = rows().assign(s=lambda t: t.s * scale + shift)
    path, named = written(table, tmp_path, kind), {**NAMED, "threshold": shift + scale * 0.25}
    assert same_scores(audit_one_pass(path, **named), table, **named)
    assert same_scores(audit_one_pass([table[:50], table[50:]], **named), table, **named)


def test_scores_beyond_0_and_1_that_pass_by_once_need_limits():
    table = rows().assign(s=lambda t: t.s * 10 - 5)
    parts = [table[start : start + 500] for start in range(0, 3000, 500)]
    with pytest.raises(DataError, match=r"only once: give limits .*limits=\(-5, 5\)"):
        audit_one_pass(iter(parts), **NAMED)
    limits = (float(table.s.min()), float(table.s.max()))
    assert same_scores(audit_one_pass(iter(parts), **NAMED, limits=limits), table, **NAMED)
    with pytest.raises(DataError, match="beyond the limits -1 and 1"):
        audit_one_pass(iter(parts), **NAMED, limits=(-1, 1))
    # Decisions need no limits.
    found = audit_stream(iter(parts), **NAMED)
    assert found.to_dict() == audit_table(table, **NAMED).to_dict()


@pytest.mark.parametrize("dtype", ["float32", "Float64", "int64", "bool", "decimal"])
def test_scores_may_be_numbers_of_any_kind(dtype):
    tenths = np.random.default_rng(0).integers(0, 11, 3000)
    table = rows().assign(s=tenths / 10)
    if dtype == "decimal":
        table["s"] = [Decimal(int(t)) / 10 for t in tenths]
    else:
        table["s"] = pd.Series(tenths if dtype in ("int64", "bool") else tenths / 10).astype(dtype)
    named = {**NAMED, "threshold": 0.7}
    told = audit_one_pass([table[:900], table[900:]], **named)
    assert same_scores(told, table, **named)
    assert told.audit.to_dict() == audit_table(table, **named).to_dict()


def test_a_column_of_scores_may_be_sensitive_too(tmp_path):
    table = rows()
    named = {"label": "y", "score": "age", "sensitive": ["age:30,60"], "threshold": 40}
    told = audit_one_pass(written(table, tmp_path, "parquet"), **named)
    assert same_scores(told, table, **named)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_scores_that_are_missing_are_counted_over_all_blocks_and_refused(tmp_path, kind):
    table = rows(500)
    table.loc[::7, "s"] = None
    with pytest.raises(DataError, match="score: column 's' has 72 missing values in 500 rows"):
        audit_one_pass(written(table, tmp_path, kind), **NAMED)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_what_is_no_score_is_refused_in_words(tmp_path, kind):
    path = written(rows(300).assign(odd=["0.5"] * 299 + ["much"]), tmp_path, kind)
    with pytest.raises(DataError, match="score: column 'odd' must hold numbers"):
        audit_one_pass(path, **{**NAMED, "score": "odd"})
    with pytest.raises(DataError, match=r"score: no column 'S'.*'s'"):
        audit_one_pass(path, **{**NAMED, "score": "S"})
    with pytest.raises(DataError, match="decides everybody alike, since scores range from"):
        audit_one_pass(path, **NAMED, threshold=7)
    with pytest.raises(ValueError, match="label holds 3 classes"):
        audit_one_pass(path, **{**NAMED, "label": "race", "sensitive": ["city"]})
    with pytest.raises(DataError, match="column of decisions, or that of scores"):
        audit_one_pass(path, label="y", sensitive=["race"])


@pytest.mark.parametrize("limits", [(1, 1), (5, -5), (0, np.inf)])
def test_limits_that_are_no_range_are_refused(limits):
    with pytest.raises(DataError, match="wanted two finite numbers, the lower first"):
        audit_one_pass(rows(300), **NAMED, limits=limits)


def test_infinite_scores_are_refused():
    table = rows(300)
    table.loc[7, "s"] = np.inf
    with pytest.raises(DataError, match="'s' holds infinite values"):
        audit_one_pass(table, **NAMED)


def unfair():
    table = rows(4000)
    return table.assign(s=np.where(table.city == "x", table.s * 0.6, table.s).round(4))


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("by", [{"score": "s"}, {"prediction": "p"}])
def test_subgroups_of_a_file_are_those_of_its_table(tmp_path, kind, by):
    path = written(unfair().assign(p=lambda t: np.where(t.s > 0.4, "yes", "no")), tmp_path, kind)
    told = audit_one_pass(path, label="y", sensitive=["race"], **by, subgroups="selection")
    assert told.sampled is None
    assert told.subgroups == find_subgroups_table(read_table(path), "selection", label="y", **by)
    assert told.subgroups


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_of_too_many_rows_a_sample_is_searched(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(stream, "_SEARCHED", 2500)
    path = written(unfair(), tmp_path, kind)
    told = audit_one_pass(path, label="y", score="s", sensitive=["race"], subgroups="selection")
    assert told.sampled.to_dict() == {"rows": 2500, "of": 4000, "seed": 0}
    assert told.subgroups[0].rule in ("city is x", "city is y")
    assert told.audit.counts.n_rows == 4000


def test_what_a_sample_lacks_is_said_to_be_of_the_sample(monkeypatch):
    monkeypatch.setattr(stream, "_SEARCHED", 5)
    table = rows(1000).assign(y=["yes"] * 2 + ["no"] * 998, p=["yes"] * 2 + ["no"] * 998)
    with pytest.raises(DataError, match="in a uniform random sample of 5 of the 1,000 rows"):
        audit_one_pass(table, label="y", prediction="p", sensitive=["race"], subgroups="selection")


@pytest.mark.parametrize("precision", [12, 30])
def test_decimals_are_searched_as_numbers(tmp_path, precision):
    random = np.random.default_rng(0)
    income = random.integers(0, 10**6, 4000)
    table = pa.table(
        {
            "y": random.integers(0, 2, 4000),
            "p": ((income < 250_000) | (random.random(4000) < 0.2)).astype(int),
            "sex": random.choice(["f", "m"], 4000),
            "income": pa.array(
                [Decimal(int(i)) / 100 if i % 50 else None for i in income],
                pa.decimal128(precision, 2),
            ),
        }
    )
    path = tmp_path / "decimals.parquet"
    pq.write_table(table, path)
    told = audit_one_pass(path, label="y", prediction="p", sensitive=["sex"], subgroups="selection")
    assert told.subgroups[0].rule.startswith("income <= 25")
    assert pl.read_parquet(path)["income"].dtype == pl.Decimal


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([10, 300, 3000]))
def test_blocks_of_any_sizes_give_the_counts_of_the_whole(seed, most):
    random = np.random.default_rng(seed)
    table = rows(600, seed)
    cuts = np.sort(random.integers(0, 600, 5))
    parts = [p for p in np.split(np.arange(600), cuts) if len(p)]
    named = {**NAMED, "sensitive": ["race"]}
    told = audit_one_pass((table.iloc[p] for p in parts), **named)
    assert same_scores(told, table, **named)


def test_scores_that_are_all_one_huge_number_are_audited():
    rows = pa.table({"y": [0, 1, 0, 1], "s": [1e17] * 4, "sex": list("ffmm")})
    found = audit_one_pass(rows, label="y", score="s", sensitive=["sex"], threshold=1e17)
    assert found.scores.auc().values.tolist() == [[0.5, 0.5]]
