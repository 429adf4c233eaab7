"""How long it takes to begin."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

from benchmarks.clock import interleaved
from benchmarks.figure import Figure

_ROUNDS = 5


def figures() -> list[Figure]:
    taken = interleaved(
        {
            "nothing": lambda: _run("pass"),
            "import": lambda: _run("import equipoise"),
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
        *_rooms("equipoise.sampling", "equipoise.sampling.densities"),
    ]


def _rooms(*modules: str) -> list[Figure]:
    codes = {"nothing": "pass"} | {module: f"import {module}" for module in modules}
    spent: dict[str, list[float]] = {name: [] for name in codes}
    for code in codes.values():
        _run(code)
    for _ in range(_ROUNDS):
        for name, code in codes.items():
            before = os.times()
            _run(code)
            after = os.times()
            spent[name].append(
                after.children_user
                - before.children_user
                + after.children_system
                - before.children_system
            )
    taken = {name: statistics.median(seconds) for name, seconds in spent.items()}
    return [
        Figure(
            f"startup.{module.removeprefix('equipoise.').replace('.', '_')}_cpu_seconds",
            taken[module] - taken["nothing"],
            "<=",
            0.5,
            f"import {module}, processor seconds beyond python's own start",
        )
        for module in modules
    ]


def _run(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
