"""A column of weights, in memory and in one pass over files and streams."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from equipoise import audit, gap
from equipoise.audit import audit_one_pass, audit_scores_table, audit_stream, audit_table


@pytest.fixture
def table():
    random = np.random.default_rng(0)
    n = 500
    score = random.random(n).round(3)
    return pa.table(
        {
            "y": (random.random(n) < score).astype(int),
            "p": (score > 0.5).astype(int),
            "s": score,
            "sex": random.choice(["f", "m"], n),
            "w": random.gamma(1.0, 1.0, n).round(4),
        }
    )


ASKED = {"label": "y", "prediction": "p", "sensitive": ["sex"], "weight": "w"}


def in_memory(table):
    return audit(table["y"], table["p"], sensitive_features=table["sex"], sample_weight=table["w"])


@pytest.mark.parametrize("form", ["table", "parquet", "csv", "blocks"])
def test_rows_of_any_source_are_weighted_alike(table, form, tmp_path):
    source = table
    if form == "parquet":
        source = tmp_path / "rows.parquet"
        pq.write_table(table, source, row_group_size=100)
    elif form == "csv":
        source = tmp_path / "rows.csv"
        pa_csv.write_csv(table, source)
    elif form == "blocks":
        source = (table.slice(start, 70) for start in range(0, 500, 70))
    found, expected = audit_stream(source, **ASKED), in_memory(table)
    np.testing.assert_allclose(found.counts.weight, expected.counts.weight)
    np.testing.assert_allclose(found.parity(gap("selection")), expected.parity(gap("selection")))


def test_scores_of_a_stream_are_weighted_as_those_of_a_table(table):
    asked = {name: value for name, value in ASKED.items() if name != "prediction"}
    blocks = [table.slice(0, 200), table.slice(200)]
    found = audit_one_pass(blocks, score="s", **asked)
    expected = audit_scores_table(table, score="s", **asked)
    np.testing.assert_allclose(found.scores.counts.weight, expected.counts.weight)
    decided = audit_table(table, score="s", **asked)
    np.testing.assert_allclose(found.audit.counts.weight, decided.counts.weight)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, None, 1.0, 1.0], "missing values"),
        ([1.0, -2.0, 1.0, 1.0], "holds -2"),
        (["a", "b", "c", "d"], "must hold numbers"),
        ([0.0, 0.0, 0.0, 0.0], "0 in every row"),
    ],
)
def test_a_column_that_is_no_weight_is_refused_by_its_name(values, said):
    rows = pa.table({"y": [0, 1, 0, 1], "p": [0, 1, 1, 1], "sex": list("fmfm"), "w": values})
    with pytest.raises(ValueError, match=rf"weight: column 'w'.*{said}"):
        audit_stream(rows, **ASKED)


def test_a_weight_that_is_no_column_is_said():
    rows = pa.table({"y": [0, 1], "p": [0, 1], "sex": list("fm")})
    for way in (audit_stream, audit_table):
        with pytest.raises(ValueError, match=r"weight.*'w'"):
            way(rows, **ASKED)


def test_blanks_around_the_weights_of_a_file_do_not_matter(tmp_path):
    source = tmp_path / "rows.csv"
    source.write_text("y,p,sex,w\n0,0,f, 1\n1,0,f,2 \n0,1,m, 3 \n1,1,m,4\n")
    assert audit_stream(source, **ASKED).counts.by_class.tolist() == [4, 6]
