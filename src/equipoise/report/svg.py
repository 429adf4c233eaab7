"""From a matplotlib figure to SVG whose colours follow the page.

A drawing uses the light colours of `palette` and nothing else. Each of them stands for its role:
in SVG for a page it is replaced by the CSS variable of that role, so that one drawing serves light
and dark mode.
"""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from equipoise.report.palette import LIGHT
from equipoise.report.printable import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing
    from matplotlib.transforms import Bbox

ID_PREFIX = re.compile(r"\bfig-[0-9a-f]{12}\b")
"""What every id in a drawing begins with."""

HALO = "halo"
"""The gid of text that has to stay readable over lines: it gets a rim in the paper's colour."""

_HALO_STYLE = "paint-order: stroke; stroke: var(--paper); stroke-width: 3.5px"
_ROLES = {colour: role for role, colour in LIGHT.items()}
_COLOUR = re.compile(r"#[0-9a-f]{6}\b")
_FONT_FAMILY = re.compile(r"'DejaVu Sans'[^;]*")
_SYSTEM_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', Arial, sans-serif"
_ID_USE = re.compile(r"#(?P<url>[\w.-]+)\)|^#(?P<href>[\w.-]+)$")


def to_svg(
    drawing: Drawing, *, title: str, alt: str, themed: bool, crop: Bbox | None = None
) -> str:
    """Write a matplotlib figure as one SVG element.

    The ids in it begin with a hash of the drawing, so that two drawings on one page do not
    answer to each other's names.

    Parameters
    ----------
    drawing : matplotlib.figure.Figure
        What to write; its colours have to be those of `palette.LIGHT`.
    title : str
        Short name, for ``<title>``.
    alt : str
        What the drawing shows, in words, for ``<desc>``.
    themed : bool
        Whether colours are CSS variables (for a page), or the light colours (for a file of its
        own, which an image viewer has to understand).
    crop : matplotlib.transforms.Bbox or None, default None
        What part of the drawing to write, in inches; None for all of it.

    Returns
    -------
    str
        ``<svg ...>...</svg>``; the same drawing gives the same text.
    """
    buffer = io.StringIO()
    drawing.savefig(
        buffer,
        format="svg",
        bbox_inches=crop,
        metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")),
    )
    root = ET.fromstring(buffer.getvalue())
    _drop_leftovers(root)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = {k.rpartition("}")[2]: v for k, v in element.attrib.items()}
        element.tail = None
        if element.text is not None and not element.text.strip():
            element.text = None
        if "style" in element.attrib:
            element.set("style", _restyle(element.attrib["style"], themed=themed))
        # Viewers other than browsers may not know paint-order, and would draw the rim on top.
        if themed and element.get("id") == HALO:
            for text in element:
                text.set("style", f"{text.attrib['style']}; {_HALO_STYLE}")
    title, alt = one_line(title), one_line(alt)
    digest = hashlib.sha256(f"{title}\0{alt}\0{buffer.getvalue()}".encode()).hexdigest()
    prefix = f"fig-{digest[:12]}"
    _rename_ids(root, prefix)
    _head(root, prefix, title, alt, themed=themed)
    return ET.tostring(root, encoding="unicode")


def _drop_leftovers(root: ET.Element) -> None:
    """Remove the metadata, and the style sheet, which would reach into the page around it."""
    for parent in root.iter():
        for child in list(parent):
            if child.tag.endswith(("}metadata", "}style")):
                parent.remove(child)
    for child in list(root):
        if child.tag.endswith("}defs") and len(child) == 0:
            root.remove(child)


def _restyle(style: str, *, themed: bool) -> str:
    style = _FONT_FAMILY.sub(_SYSTEM_FONTS, style)
    if not themed:
        return style
    return _COLOUR.sub(lambda found: f"var(--{_ROLES[found.group()]})", style)


def _rename_ids(root: ET.Element, prefix: str) -> None:
    """Give the ids in use a name of this drawing; drop the others."""
    used: dict[str, str] = {}
    for element in root.iter():
        for value in element.attrib.values():
            for found in _ID_USE.finditer(value):
                name = found.group("url") or found.group("href")
                used.setdefault(name, f"{prefix}-{len(used) + 1}")
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id":
                if value in used:
                    element.set("id", used[value])
                else:
                    del element.attrib["id"]
            elif key in ("clip-path", "href"):
                element.set(key, _ID_USE.sub(lambda f: _renamed(f, used), value))


def _renamed(found: re.Match[str], used: dict[str, str]) -> str:
    if found.group("url"):
        return f"#{used[found.group('url')]})"
    return f"#{used[found.group('href')]}"


def _head(root: ET.Element, prefix: str, title: str, alt: str, *, themed: bool) -> None:
    width, height = (root.attrib[side].removesuffix("pt") for side in ("width", "height"))
    root.attrib = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": root.attrib["viewBox"],
        "width": "100%" if themed else width,
        "role": "img",
        "aria-labelledby": f"{prefix}-title {prefix}-desc",
        "style": "stroke-linejoin: round",
    }
    if not themed:
        root.set("height", height)
    for place, (tag, text) in enumerate((("title", title), ("desc", alt))):
        element = ET.Element(tag, {"id": f"{prefix}-{tag}"})
        element.text = text
        root.insert(place, element)
