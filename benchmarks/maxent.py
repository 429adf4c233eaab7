"""Maximum-entropy laws: of millions of rows, of tables that are repaired, of continuous domains."""

from __future__ import annotations

from benchmarks import maxent_continuous, maxent_rows, maxent_tables
from benchmarks.figure import Figure


def figures() -> list[Figure]:
    """Processor time, what is left after it, and peers where they are installed.

    Returns
    -------
    list of Figure
    """
    return [
        figure
        for part in (maxent_rows, maxent_tables, maxent_continuous)
        for figure in part.figures()
    ]
