"""Processes that work ahead: all of it is done, failures are told, and no process is left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from equipoise.reproduce.ahead import work_ahead


def write(path: Path) -> None:
    path.write_text("done")


def note_and_wait(path: Path) -> None:
    path.write_text(str(os.getpid()))
    time.sleep(600)


def fail() -> None:
    raise ValueError("no such rows")


def test_all_work_is_done(tmp_path):
    told = []
    work = [(str(k), partial(write, tmp_path / str(k))) for k in range(5)]
    work_ahead(work, 2, lambda *what: told.append(what))
    assert sorted(path.name for path in tmp_path.iterdir()) == list("01234")
    assert told[0][1:] == (0, 5)
    assert told[-1][1:] == (5, 5)


def test_what_fails_is_told():
    with pytest.raises(ValueError, match="no such rows"):
        work_ahead([("a cell", fail)], 1, lambda *_: None)


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # What has ended and was not yet waited for is still in the list.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
@pytest.mark.parametrize("ended_by", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_was_killed_or_interrupted(tmp_path, ended_by):
    path = tmp_path / "pid"
    code = (
        "import signal; from functools import partial; from pathlib import Path\n"
        "from equipoise.reproduce.ahead import work_ahead\n"
        "from tests.reproduce.test_reproduce_ahead import note_and_wait\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"    work_ahead([('', partial(note_and_wait, Path({str(path)!r})))], 1, lambda *_: None)\n"
    )
    script = tmp_path / "run.py"
    script.write_text(code)
    paths = [str(Path(__file__).parents[2]), *sys.path]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    parent = subprocess.Popen(
        [sys.executable, str(script)], env=environment, stderr=subprocess.DEVNULL
    )
    try:
        while not (path.exists() and path.read_text()):
            assert parent.poll() is None
            time.sleep(0.1)
        worker = int(path.read_text())
        assert exists(worker)
    finally:
        parent.send_signal(ended_by)
        parent.wait()
    while exists(worker):  # until the limit of time of a test
        time.sleep(0.1)
