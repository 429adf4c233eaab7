"""How long it takes to begin."""

from __future__ import annotations

import subprocess
import sys

from benchmarks.clock import interleaved
from benchmarks.figure import Figure


def figures() -> list[Figure]:
    def run(code: str) -> None:
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)

    taken = interleaved(
        {
            "nothing": lambda: run("pass"),
            "import": lambda: run("import equipoise"),
            "help": lambda: subprocess.run(
                [sys.executable, "-m", "equipoise", "--help"], check=True, capture_output=True
            ),
        }
    )
    return [
        Figure(
            "startup.import_seconds",
            taken["import"] - taken["nothing"],
            "<=",
            0.3,
            "import equipoise, seconds beyond python's own start",
        ),
        Figure(
            "startup.help_seconds",
            taken["help"] - taken["nothing"],
            "<=",
            1.0,
            "equipoise --help, seconds beyond python's own start",
        ),
    ]
