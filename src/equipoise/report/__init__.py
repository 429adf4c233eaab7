"""The drawing room: the parts of a page that explains itself.

A `Page` is one HTML file without script or network: text, tables and figures that read well in
light and dark, on a phone, on paper and to a screen reader. It knows nothing of what it shows.

Everything is described first and drawn when asked for: importing this package loads neither
matplotlib, jinja2 nor rich.
"""

from __future__ import annotations

from equipoise.report.chart_clouds import clouds
from equipoise.report.chart_contours import Field, Trail, contours
from equipoise.report.chart_intervals import Interval, intervals
from equipoise.report.chart_lines import Line, lines
from equipoise.report.chart_scatter import Point, scatter
from equipoise.report.figure import Figure
from equipoise.report.page import Callout, Code, Facts, Page, Section, Text
from equipoise.report.table import Cell, Column, Table

__all__ = [
    "Callout",
    "Cell",
    "Code",
    "Column",
    "Facts",
    "Field",
    "Figure",
    "Interval",
    "Line",
    "Page",
    "Point",
    "Section",
    "Table",
    "Text",
    "Trail",
    "clouds",
    "contours",
    "intervals",
    "lines",
    "scatter",
]
