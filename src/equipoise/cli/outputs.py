"""Whether files can be written where a user wants them, before anything is read."""

from __future__ import annotations

from pathlib import Path


def require_writable(data: str | Path, out: Path | None, html: Path | None) -> None:
    """Refuse outputs that would fail after minutes of work, or cost the user the input.

    Parameters
    ----------
    data : str or Path
        The table that is read; a known table's name is no file.
    out : Path, optional
        The table that is written, by ``--out``.
    html : Path, optional
        The report, by ``--html``.

    Raises
    ------
    DataError
        If a folder is not there, `out` ends in no known suffix, either is the input itself,
        or both are one file.
    """
    from equipoise.data import DataError, table_suffix

    if out is not None:
        table_suffix(out)
    if out is not None and html is not None and out.resolve() == html.resolve():
        raise DataError(f"--html: {html} is where --out writes the table; name another file")
    for path, option in ((out, "--out"), (html, "--html")):
        if path is None:
            continue
        if not path.parent.is_dir():
            raise DataError(f"{option}: no folder {path.parent} to write {path.name} in")
        if path.exists() and Path(data).exists() and path.samefile(data):
            raise DataError(f"{option}: {path} is the table that is read; write to another file")
