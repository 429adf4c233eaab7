"""The command line: one file a verb, and no logic of its own."""

from __future__ import annotations

from equipoise.cli.app import main

__all__ = ["main"]
