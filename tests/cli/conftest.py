"""Running the command line in this process, as far as the user can tell a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from equipoise.cli import main


class Said(NamedTuple):
    """What a command said and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Run a command."""

    def command(*words: object) -> Said:
        monkeypatch.setattr("sys.argv", ["equipoise", *map(str, words)])
        monkeypatch.setenv("COLUMNS", "200")
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Said(ended.value.code if isinstance(ended.value.code, int) else 0, out, err)

    return command
