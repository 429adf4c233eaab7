"""The registry of well-known tables."""

from __future__ import annotations

from equipoise.data.tables import acs, adult, bank, compas, diabetes, german
from equipoise.data.tables.known_table import KnownTable

__all__ = ["KnownTable", "known_tables"]


def known_tables() -> dict[str, KnownTable]:
    """Return the tables that `equipoise.data.load` knows by name.

    None of their rows is in the package: each is read from files in a folder of yours, and says
    where its holder offers them.

    Returns
    -------
    dict of str to KnownTable
        By name, in alphabetical order.
    """
    families = (acs, adult, bank, compas, diabetes, german)
    tables = [table for family in families for table in family.TABLES]
    return {table.name: table for table in sorted(tables, key=lambda table: table.name)}
