"""What methods did on tasks, kept in a folder, so that a stopped benchmark goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import equipoise
from benchmarks.frontier_method import Method
from benchmarks.frontier_task import Result, Task, Tried

FOLDER = Path("runs/frontier")


def path(task: Task, method: Method) -> Path:
    """Where the results are, or would be: the name holds a hash of all that decides them."""
    decided_by = {
        "task": task.name,
        "table": task.fingerprint,
        "budget": asdict(task.budget),
        "method": method.name,
        "versions": {name: version(name) for name in ("torch", "numpy", method.package)},
        "code": _code(),
    }
    name = hashlib.sha256(json.dumps(decided_by, sort_keys=True).encode()).hexdigest()[:16]
    words = "".join(c if c.isalnum() else "-" for c in method.name.lower())
    return FOLDER / f"{words}-{name}.json"


def read(file: Path) -> list[list[Tried]] | None:
    """By seed, what each setting did; None where it was not run to its end."""
    if not file.exists():
        return None
    return [
        [{part: Result(**seen) for part, seen in setting.items()} for setting in seed]
        for seed in json.loads(file.read_text())["by_seed"]
    ]


def write(file: Path, task: Task, method: Method, by_seed: Sequence[Sequence[Tried]]) -> None:
    """Keep results; the names of task and method are for people who look into the folder."""
    state: dict[str, Any] = {
        "task": task.name,
        "method": method.name,
        "by_seed": [
            [{part: asdict(seen) for part, seen in setting.items()} for setting in seed]
            for seed in by_seed
        ],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps(state, indent=1))
    part.replace(file)


@cache  # one run has one code, whatever is edited meanwhile
def _code() -> str:
    # Any change of the library or of the protocol may change what is measured; that of how it is
    # shown does not.
    here = Path(__file__).parent
    files = [*Path(equipoise.__file__).parent.rglob("*.py"), *here.glob("frontier*.py")]
    code = hashlib.sha256()
    for file in sorted(files):
        if file.name != "frontier_table.py":
            code.update(file.name.encode() + file.read_bytes())
    return code.hexdigest()
