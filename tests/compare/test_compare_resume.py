from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [
    sys.executable,
    "-m",
    "equipoise",
    "compare",
    "census-sim",
    *("--sensitive", "sex", "--constraint", 'gap("selection") <= 0.1', "--rows", "4000"),
    *("--seeds", "2", "--steps", "150", "--hidden", "8", "--batch-size", "64"),
]


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timings.json"
    }


def _run(folder: Path) -> None:
    subprocess.run([*COMMAND, "--out", str(folder)], check=True, capture_output=True)


def _kill_when(folder: Path, pattern: str) -> None:
    process = subprocess.Popen(
        [*COMMAND, "--out", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, f"{pattern} never came to be"
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    _run(folder)
    return _files(folder)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("models/erm", marks=pytest.mark.slow),
        "trials/erm.json",
        pytest.param("run.json", marks=pytest.mark.slow),
        pytest.param("models/*.part", marks=pytest.mark.slow),
        pytest.param("trials/penalty.json*", marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_at_any_moment_ends_with_the_bytes_of_an_undisturbed_one(
    moment: str, tmp_path: Path, undisturbed: dict[str, bytes]
):
    folder = tmp_path / "run"
    _kill_when(folder, moment)
    _run(folder)
    assert _files(folder) == undisturbed


def test_what_was_finished_before_the_kill_is_not_trained_again(tmp_path: Path):
    folder = tmp_path / "run"
    _kill_when(folder, "trials/erm.json")
    before = (folder / "trials" / "erm.json").stat()
    _run(folder)
    after = (folder / "trials" / "erm.json").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_the_report_of_an_unfinished_run_is_refused_with_the_cure(tmp_path: Path):
    folder = tmp_path / "run"
    _kill_when(folder, "trials/erm.json")
    told = subprocess.run(
        [sys.executable, "-m", "equipoise", "report", str(folder)], capture_output=True, text=True
    )
    assert told.returncode == 1
    assert "not finished" in told.stderr
    assert "alm" in told.stderr
