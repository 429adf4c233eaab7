"""A page is one file that shows text as text and asks the network for nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.report import (
    Callout,
    Cell,
    Code,
    Column,
    Facts,
    Figure,
    Interval,
    Line,
    Page,
    Point,
    Section,
    Table,
    Text,
    intervals,
    lines,
    scatter,
)
from equipoise.report.printable import printable

VOID = {"meta", "link", "br"}


class Reader(HTMLParser):
    """Collects what a browser would: text, tags with attributes, and whether tags balance."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def squeeze(text: str) -> str:
    return " ".join(printable(text).split())


def page_of(*parts, title="Title", heading="Heading") -> Page:
    return Page(title, "", [Section(heading, parts)])


def everywhere(text: str) -> Page:
    """Put a text into every place that takes one."""
    nan = float("nan")
    table = Table([Column(text, note=text)], [[text], [Cell(text, "bad")]], text)
    figures = [
        scatter(
            [
                Point(0, 1, nan, nan, nan, nan, text, text),
                Point(nan, 1, nan, nan, nan, nan, text, "b"),
            ],
            x_label=text,
            y_label=text,
            title=text,
            vertical=(0, text),
            caption=text,
        ),
        intervals(
            {text: [Interval(text, nan, nan, nan, text)]},
            x_label=text,
            title=text,
            reference=(1, text),
            caption=text,
        ),
        lines({text: [Line([0, 1], [0, 1], text)]}, x_label=text, references={text: (1, text)}),
        Figure("<svg></svg>", text, text),
    ]
    parts = [Text(text), Callout("warn", text, text), Code(text), Facts({text: text}), table]
    return Page(text, text, [Section(text, [*parts, *figures], text)] * 4, text)


def test_text_that_looks_like_html_is_shown_not_obeyed():
    attack = """</title></style></svg><script>alert("x")</script><img src=x onerror='a()'>"""
    html = everywhere(attack).render()
    reader = Reader(html)
    assert not reader.open
    assert not reader.named("script")
    assert not reader.named("img")
    assert not [key for _, attributes in reader.tags for key in attributes if key.startswith("on")]
    assert "".join(reader.text).count("<script>") > 40


def test_quotes_in_a_caption_do_not_leave_the_attribute():
    table = Table([Column("a")], [["b"]], 'x" onclick="y')
    regions = Reader(page_of(table).render()).named("div")
    assert regions == [
        {"class": "scroll", "tabindex": "0", "role": "region", "aria-label": 'x" onclick="y'}
    ]


@given(st.text())
def test_any_text_can_be_read_back_from_the_page(text):
    table = Table([Column("a")], [[text]])
    parts = [Text(text), Callout("info", text, text), Code(text), Facts({text: text}), table]
    html = page_of(*parts, title=text, heading=text).render()
    reader = Reader(html)
    assert not reader.open
    assert squeeze("".join(reader.text)).count(squeeze(text)) >= 8
    html.encode("utf-8")


@pytest.mark.parametrize(
    "text", ["a\x00b", "\x1b[31mred", "\ud800", "\ufffe", "\r\n", "$x^2$ \\alpha"]
)
def test_characters_that_cannot_be_shown_do_not_break_a_page(text):
    html = everywhere(text).render()
    assert not Reader(html).open
    html.encode("utf-8")


def test_the_same_page_gives_the_same_bytes(a_page):
    assert a_page.render() == a_page.render()
    assert everywhere("text").render() == everywhere("text").render()


def test_a_page_forbids_itself_the_network(a_page):
    html = a_page.render()
    reader = Reader(html)
    policies = [m["content"] for m in reader.named("meta") if "http-equiv" in m]
    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; img-src data:"]
    targets = [
        value
        for _, attributes in reader.tags
        for key, value in attributes.items()
        if key in {"src", "href", "xlink:href", "data", "action", "srcset"}
    ]
    assert targets
    assert all(target.startswith(("#", "data:")) for target in targets)
    assert set(re.findall(r"https?://[^\"' )]*", html)) == {"http://www.w3.org/2000/svg"}
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)


def test_ids_are_unique_even_if_a_figure_is_shown_twice(a_page, a_scatter):
    page = Page("", "", [*a_page.sections, Section("Once more", [a_scatter, a_scatter])])
    reader = Reader(page.render())
    ids = [attributes["id"] for _, attributes in reader.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    used = [v[1:] for _, a in reader.tags for k, v in a.items() if k == "href" and v[0] == "#"]
    used += re.findall(r"url\(#([^)]*)\)", page.render())
    assert set(used) <= set(ids)


def test_contents_are_listed_from_four_sections_on():
    def navigation(n):
        return Reader(Page("", "", [Section("S", [])] * n).render()).named("nav")

    assert not navigation(3)
    assert navigation(4)


def test_blank_lines_separate_paragraphs():
    assert Text("one\ntwo\n \n\nthree\r\n\r\nfour\n").paragraphs == ["one\ntwo", "three", "four"]


def test_table_headings_say_what_they_head():
    table = Table([Column("Name"), Column("n", "right")], [["a", "1"]])
    scopes = [th["scope"] for th in Reader(page_of(table).render()).named("th")]
    assert scopes == ["col", "col", "row"]


def test_every_figure_has_words_and_data(a_page):
    html = a_page.render()
    drawings = Reader(html).named("svg")
    assert len(drawings) == 3
    for drawing in drawings:
        assert drawing["role"] == "img"
        for name in drawing["aria-labelledby"].split():
            assert re.search(rf'id="{name}">[^<]+<', html)
    assert html.count("<details>") == 3


def test_a_part_that_is_none_is_refused_by_name():
    with pytest.raises(TypeError, match=r"parts: part 1 of 'S' is a str, wanted a Text"):
        Section("S", [Text("fine"), "not fine"])


def test_an_unknown_kind_of_callout_is_refused():
    with pytest.raises(ValueError, match="kind: given 'great'"):
        Callout("great", "", "")


def test_importing_the_package_loads_none_of_the_heavy_libraries():
    code = (
        "import sys, equipoise; before = set(sys.modules); import equipoise.report\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new & {'matplotlib', 'jinja2', 'rich', 'numpy'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_cell_of_long_text_is_given_room_whatever_its_column():
    note = "of each class: 3 of 10 seeds, for all: 7"
    table = Table([Column("Name"), Column("Chosen"), Column("n", "right")], [["a", note, note]])
    shown = Page("Title", "", [Section("One", [table])]).render()
    assert f'<td class="left long">{note}</td>' in shown
    assert f'<td class="right words">{note}</td>' in shown


def test_figures_stay_on_one_line_and_words_among_them_do_not():
    cells = ["0.68", "[-0.0049, 1.2e+05]", "10.7 ± 1.3", "4 against a cycle"]
    table = Table([Column("x", "right")], [[cell] for cell in cells])
    shown = Page("Title", "", [Section("One", [table])]).render()
    assert [f'<td class="right">{cell}</td>' in shown for cell in cells] == [True] * 3 + [False]
    assert '<td class="right words">4 against a cycle</td>' in shown
