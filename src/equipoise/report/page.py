"""A page: its sections, their parts, and how they become one HTML file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal, get_args

from equipoise.report.figure import Figure
from equipoise.report.palette import DARK, LIGHT, declarations
from equipoise.report.printable import printable
from equipoise.report.table import Table
from equipoise.report.write import write_whole

CalloutKind = Literal["good", "warn", "bad", "info"]

_CONTENTS_FROM = 4
"""Number of sections from which a page has a table of contents."""


@dataclass(frozen=True)
class Text:
    """Paragraphs.

    Parameters
    ----------
    text : str
        Plain text; a blank line begins a new paragraph.
    """

    text: str

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs, each on one or more lines."""
        gathered: list[list[str]] = [[]]
        for line in printable(self.text).split("\n"):
            if line.strip():
                gathered[-1].append(line)
            elif gathered[-1]:
                gathered.append([])
        return ["\n".join(lines) for lines in gathered if lines]


@dataclass(frozen=True)
class Callout:
    """A box for what matters most on the page.

    Parameters
    ----------
    kind : {"good", "warn", "bad", "info"}
        Its colour. The words have to say as much without it.
    heading : str
        The answer, in a few words.
    text : str
        What it means; a blank line begins a new paragraph.

    Raises
    ------
    ValueError
        If `kind` is none of the four.
    """

    kind: CalloutKind
    heading: str
    text: str

    def __post_init__(self) -> None:
        if self.kind not in get_args(CalloutKind):
            raise ValueError(f"kind: given {self.kind!r}, wanted one of {get_args(CalloutKind)}")

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs of the text."""
        return Text(self.text).paragraphs


@dataclass(frozen=True)
class Code:
    """Text whose line breaks and spaces count: a command, a setting.

    Parameters
    ----------
    text : str
        What to show, as it is.
    """

    text: str


@dataclass(frozen=True)
class Facts:
    """A list of names and what each of them is.

    Parameters
    ----------
    pairs : mapping of str to str
        The facts, in order.
    """

    pairs: Mapping[str, str]


Part = Text | Callout | Code | Facts | Table | Figure


@dataclass(frozen=True)
class Section:
    """A heading and the parts under it.

    Parameters
    ----------
    heading : str
        Name of the section.
    parts : sequence of Text, Callout, Code, Facts, Table or Figure
        What it shows, from the top.
    note : str, default ""
        Small print at its end.

    Raises
    ------
    TypeError
        If a part is something else.
    """

    heading: str
    parts: Sequence[Part]
    note: str = ""

    def __post_init__(self) -> None:
        for i, part in enumerate(self.parts):
            if not isinstance(part, Part):
                raise TypeError(
                    f"parts: part {i} of {self.heading!r} is a {type(part).__name__}, wanted "
                    "a Text, Callout, Code, Facts, Table or Figure"
                )


@dataclass(frozen=True)
class Page:
    """One HTML file that needs nothing else: no network, no script, no second file.

    All text is shown as it is; nothing in it is read as HTML. The same page gives the same bytes.

    Parameters
    ----------
    title : str
        Heading of the page and name of its window.
    lead : str
        A sentence or two under the title; a blank line begins a new paragraph.
    sections : sequence of Section
        What the page shows. From four on, a table of contents comes first.
    footer : str, default ""
        A line at the end.
    """

    title: str
    lead: str
    sections: Sequence[Section]
    footer: str = ""

    def render(self) -> str:
        """Give the page as HTML.

        Returns
        -------
        str
            The whole document.
        """
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup

        package = resources.files(__package__)
        environment = Environment(
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=lambda value: (
                value
                if isinstance(value, Markup) or not isinstance(value, str)
                else printable(value)
            ),
        )
        drawings = iter(self._drawings())
        template = environment.from_string(
            package.joinpath("page.html.jinja").read_text(encoding="utf-8")
        )
        return template.render(
            page=self,
            lead=Text(self.lead).paragraphs,
            contents=len(self.sections) >= _CONTENTS_FROM,
            # In an HTML style element nothing is unescaped, so escaping would spoil the quotes.
            css=Markup(package.joinpath("page.css").read_text(encoding="utf-8")),
            light=declarations(LIGHT),
            dark=declarations(DARK),
            shape=lambda part: type(part).__name__,
            speaks=_speaks,
            next_drawing=lambda: Markup(next(drawings)),
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all.

        Parameters
        ----------
        path : path-like
            File to write; one that is there is replaced. Its folder has to exist.

        Raises
        ------
        OSError
            If the file cannot be written; it names `path`, and what was there is unharmed.
        """
        write_whole(path, self.render().encode("utf-8"))

    def _drawings(self) -> list[str]:
        """Give the drawings in order; ids of one that is shown twice differ the second time."""
        shown: dict[str, int] = {}
        drawings = []
        for section in self.sections:
            for part in section.parts:
                if isinstance(part, Figure):
                    shown[part.svg] = shown.get(part.svg, 0) + 1
                    drawings.append(part.copy(shown[part.svg]))
        return drawings


def _speaks(text: str) -> bool:
    """Whether a cell of a column of figures has words in it that may be set on two lines."""
    return len(text) > 14 and sum(letter.isalpha() for letter in text) > 8
