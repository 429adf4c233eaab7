"""A file that is there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path


def write_whole(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file in one step: a reader sees the old file or the new one, never half of it.

    The bytes go to a temporary file in the same folder, which then takes the place of `path`.

    Parameters
    ----------
    path : path-like
        File to write; one that is there is replaced. Its folder has to exist.
    content : bytes
        What the file shall hold.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written, or the disk is full. The error names
        `path`, what was at `path` before is unharmed, and no temporary file is left.
    """
    target = Path(path)
    # A short name of its own: one made of the target's could be longer than a folder allows.
    temporary = target.parent / f".{secrets.token_hex(8)}.tmp"
    try:
        try:
            with temporary.open("xb") as stream:
                stream.write(content)
                stream.flush()
                # Without it a crash soon after the rename can leave an empty file.
                os.fsync(stream.fileno())
            temporary.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"cannot write {target}: {reason}", str(target)) from error
