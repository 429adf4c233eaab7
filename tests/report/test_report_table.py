"""A table reads the same in a terminal as on a page."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from equipoise.report import Cell, Column, Table


def in_terminal(table: Table, *, colour: bool = False) -> str:
    out = io.StringIO()
    system = "standard" if colour else None
    console = Console(file=out, width=100, force_terminal=colour, color_system=system)
    console.print(table.to_rich())
    return out.getvalue()


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="rows: row 1 has 1 cells, wanted 2"):
        Table([Column("a"), Column("b")], [["1", "2"], ["3"]])


def test_a_number_is_not_a_cell():
    with pytest.raises(TypeError, match=r"rows: the cell in row 0, column 1 is 0.5 \(float\)"):
        Table([Column("a"), Column("b")], [["1", 0.5]])


def test_unknown_kinds_and_alignments_are_refused():
    with pytest.raises(ValueError, match="kind: given 'red'"):
        Cell("x", "red")
    with pytest.raises(ValueError, match="align: given 'middle'"):
        Column("x", "middle")


def test_square_brackets_stay_what_they_are():
    text = "[red]x[/red] [/] [link=http://a]b"
    table = Table([Column(text, note=text)], [[text], [Cell(text, "good")]], text)
    assert in_terminal(table).count(text) == 5


def test_control_characters_do_not_reach_the_terminal():
    table = Table([Column("\x1b[2J")], [["\x1b]0;title\x07"]], "\x9b31m")
    assert not {"\x1b", "\x07", "\x9b"} & set(in_terminal(table))


@pytest.mark.parametrize(("kind", "code"), [("good", "32"), ("warn", "33"), ("bad", "31")])
def test_a_kind_has_its_colour_in_a_terminal(kind, code):
    table = Table([Column("a")], [[Cell("text", kind, strong=True)]])
    assert f"\x1b[1;{code}mtext" in in_terminal(table, colour=True)


def test_numbers_are_set_flush_right():
    shown = in_terminal(Table([Column("n", "right")], [["1"], ["1,000"]])).splitlines()
    assert {len(line.rstrip()) for line in shown if "1" in line} == {6}


def test_a_table_without_rows_still_shows_its_headings():
    assert "Name" in in_terminal(Table([Column("Name")], []))
