"""A file is there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from equipoise.report import Page
from equipoise.report.write import write_whole

PAGE = Page("Title", "", [])


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_page_is_written_as_it_renders(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    PAGE.write(str(path))
    assert path.read_text(encoding="utf-8") == PAGE.render()
    assert names(tmp_path) == ["page.html"]


def test_a_missing_folder_is_named(tmp_path):
    path = tmp_path / "missing" / "page.html"
    with pytest.raises(FileNotFoundError, match=r"missing.page\.html") as caught:
        PAGE.write(path)
    assert caught.value.filename == str(path)


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "page.html"
    path.write_text("old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"cannot write .*page\.html: No space left") as caught:
        PAGE.write(path)
    assert caught.value.errno == errno.ENOSPC
    assert names(tmp_path) == ["page.html"]
    assert path.read_text() == "old"


def test_an_interrupt_leaves_no_temporary_file(tmp_path, monkeypatch):
    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        PAGE.write(tmp_path / "page.html")
    assert not names(tmp_path)


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "page.html").mkdir()
    with pytest.raises(OSError, match=r"page\.html"):
        PAGE.write(tmp_path / "page.html")
    assert names(tmp_path) == ["page.html"]


def test_others_may_read_what_the_umask_lets_them(tmp_path):
    before = os.umask(0o022)
    try:
        write_whole(tmp_path / "file", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_a_name_as_long_as_a_folder_allows_can_be_written(tmp_path):
    write_whole(tmp_path / ("x" * 255), b"whole")
    assert (tmp_path / ("x" * 255)).read_bytes() == b"whole"
