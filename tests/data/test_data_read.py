"""Tables are read by suffix, written whole or not at all, and damage is named."""

from __future__ import annotations

import gzip

import narwhals as nw
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.data import DataError, read_table
from equipoise.data.delimited import sniff_delimiter
from equipoise.data.read import write_table


def written(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refusal(path):
    with pytest.raises(DataError) as caught:
        read_table(path)
    return str(caught.value)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_the_delimiter_of_a_csv_is_found(tmp_path, mark):
    path = written(tmp_path, f"a{mark}b{mark}c\n1{mark}x{mark}2.5\n")
    assert read_table(path).to_dict(as_series=False) == {"a": [1], "b": ["x"], "c": [2.5]}


def test_a_quoted_header_may_hold_another_delimiter(tmp_path):
    path = written(tmp_path, '"last, first";"age; years"\n"Doe, Jo";3\n')
    assert read_table(path).columns == ["last, first", "age; years"]


def test_decimal_commas_do_not_make_the_comma_the_delimiter(tmp_path):
    path = written(tmp_path, "a;b\n1,5;2,5\n3,5;4,5\n")
    assert read_table(path).to_dict(as_series=False) == {"a": ["1,5", "3,5"], "b": ["2,5", "4,5"]}


NAME = st.text(alphabet="abc ", min_size=1, max_size=4)


@given(st.lists(NAME, min_size=2, max_size=5), st.sampled_from(",;\t"))
def test_any_header_of_two_names_shows_its_delimiter(names, mark):
    assert sniff_delimiter(f"{mark.join(names)}\n".encode(), "x") == mark


def test_a_table_of_one_column_is_read(tmp_path):
    assert read_table(written(tmp_path, "a\n1\n2\n")).to_dict(as_series=False) == {"a": [1, 2]}


@pytest.mark.parametrize("name", ["t.csv", "t.CSV", "t.tsv", "t.csv.gz", "t.tsv.gz", "t.parquet"])
def test_what_is_written_is_read_back(tmp_path, name):
    table = pa.table(
        {"a": [1, None], "b": ['x,\t;\n"y', None], "c": [0.5, 1.5], "d": [True, False]}
    )
    write_table(table, tmp_path / name)
    read = read_table(tmp_path / name)
    assert isinstance(read, nw.DataFrame)
    assert read.to_arrow().equals(table)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_the_type_of_a_column_is_read_off_all_of_its_rows(tmp_path):
    rows = "1,2\n" * 400_000 + "x,2.5\n"
    table = read_table(written(tmp_path, "a,b\n" + rows))
    assert table.schema == {"a": nw.String, "b": nw.Float64}


@pytest.mark.parametrize("missing", ["", "NA", "N/A", "NaN", "null", '""', '"NA"'])
def test_spellings_of_missing_become_nulls_in_text_and_numbers(tmp_path, missing):
    table = read_table(written(tmp_path, f"a,b,c\nx,1,1\n{missing},{missing},2\n"))
    assert table["a"].to_list() == ["x", None]
    assert table["b"].to_list() == [1, None]


def test_the_word_none_is_a_value(tmp_path):
    assert read_table(written(tmp_path, "a,b\nNone,1\n"))["a"].to_list() == ["None"]


def test_parquet_is_taken_as_it_is(tmp_path):
    folder = tmp_path / "year=2018"
    folder.mkdir()
    pq.write_table(pa.table({"a": ["", "NA", None]}), folder / "t.parquet")
    assert read_table(folder / "t.parquet").to_dict(as_series=False) == {"a": ["", "NA", None]}


def test_a_byte_order_mark_and_windows_line_ends_are_no_content(tmp_path):
    table = read_table(written(tmp_path, "\ufeffa;b\r\n1;2\r\n".encode()))
    assert table.to_dict(as_series=False) == {"a": [1], "b": [2]}


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    assert read_table(written(tmp_path, "a,b\n")).shape == (0, 2)


def test_files_that_are_none_are_refused(tmp_path):
    assert "no file" in refusal(tmp_path / "none.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder.csv")
    assert "wanted one of .csv" in refusal(written(tmp_path, "a", "table.xlsx"))
    assert "'no suffix'" in refusal(written(tmp_path, "a", "table"))


@pytest.mark.parametrize("name", ["e.csv", "e.tsv", "e.parquet"])
def test_an_empty_file_is_refused(tmp_path, name):
    assert "is empty" in refusal(written(tmp_path, b"", name))


def test_blank_lines_alone_are_an_empty_file(tmp_path):
    assert "is empty" in refusal(written(tmp_path, "\n \n"))


@pytest.mark.parametrize("bad", ["3\n", "3,4,5\n"])
def test_a_row_of_the_wrong_length_is_named(tmp_path, bad):
    message = refusal(written(tmp_path, "a,b\n" + "1,2\n" * 1000 + bad + "1,2\n"))
    assert "Row #1002" in message
    assert "Expected 2 columns" in message


@pytest.mark.parametrize(
    ("content", "line"), [(b"a\tb\n1\tx\n2\t\xe9\n", 3), (b"\xe9\tb\n1\t2\n", 1)]
)
@pytest.mark.parametrize("name", ["t.csv", "t.tsv"])
def test_text_in_another_encoding_is_named_with_its_line(tmp_path, content, line, name):
    message = refusal(written(tmp_path, content, name))
    assert "not UTF-8 text: byte 0xe9" in message
    assert f"in line {line};" in message


def test_a_long_first_line_in_utf8_is_not_cut_inside_a_letter(tmp_path):
    header = ",".join(f"ä{i}" for i in range(20_000))
    assert read_table(written(tmp_path, f"{header}\n{',' * 19_999}\n")).shape == (1, 20_000)


def test_a_long_row_of_the_wrong_length_is_shown_in_part(tmp_path):
    assert len(refusal(written(tmp_path, "a,b\n" + "1," * 5000 + "\n"))) < 1000


def test_a_file_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    def denied(self):
        raise PermissionError(13, "Permission denied")

    path = written(tmp_path, "a,b\n1,2\n")
    monkeypatch.setattr("pathlib.Path.read_bytes", denied)
    assert f"cannot read {path}: Permission denied" in refusal(path)


def test_a_repeated_column_name_is_refused(tmp_path):
    assert "'a' more than once" in refusal(written(tmp_path, "a,a\n1,2\n"))


def test_damaged_parquet_is_named(tmp_path):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": list(range(1000))}), path)
    whole = path.read_bytes()
    for damaged in (whole[:-20], whole[:100], b"PAR1" + whole[50:], b"no parquet at all"):
        path.write_bytes(damaged)
        assert "no whole Parquet file" in refusal(path)


def test_a_truncated_gzip_file_is_named(tmp_path):
    whole = gzip.compress(b"a,b\n" + b"1,2\n" * 1000)
    assert "no whole gzip file" in refusal(written(tmp_path, whole[:-10], "t.csv.gz"))
    assert "no whole gzip file" in refusal(written(tmp_path, b"a,b\n1,2\n", "t.csv.gz"))


def test_categories_are_written_as_their_values(tmp_path):
    write_table(pd.DataFrame({"a": pd.Categorical(["x", "y"]), "b": [1, 2]}), tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv")["a"].to_list() == ["x", "y"]


def test_a_packed_table_is_the_same_bytes_each_time(tmp_path):
    for name in ("a.csv.gz", "b.csv.gz"):
        write_table(pa.table({"a": [1, 2]}), tmp_path / name)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_a_reader_of_the_former_file_is_not_disturbed(tmp_path):
    path = tmp_path / "t.csv"
    write_table(pa.table({"a": [1]}), path)
    with path.open() as reader:
        write_table(pa.table({"a": [2]}), path)
        assert reader.read() == '"a"\n1\n'
    assert read_table(path)["a"].to_list() == [2]


def test_a_failed_write_leaves_the_former_file_and_nothing_else(tmp_path):
    path = tmp_path / "t.csv"
    write_table(pa.table({"a": [1]}), path)
    with pytest.raises(DataError, match=r"^frame: .*or write \.parquet"):
        write_table(pa.table({"a": [[1]]}), path)
    assert [file.name for file in tmp_path.iterdir()] == ["t.csv"]
    assert read_table(path).to_dict(as_series=False) == {"a": [1]}


def test_writing_where_nothing_can_be_written_is_refused(tmp_path):
    table = pa.table({"a": [1]})
    with pytest.raises(DataError, match=r"no folder .*create it first"):
        write_table(table, tmp_path / "none" / "t.csv")
    with pytest.raises(DataError, match="wanted one of"):
        write_table(table, tmp_path / "t.xlsx")
    (tmp_path / "t.parquet").mkdir()
    with pytest.raises(DataError, match="cannot write"):
        write_table(table, tmp_path / "t.parquet")
    assert [file.name for file in tmp_path.iterdir()] == ["t.parquet"]
