"""Parts of a re-run that are kept, so that nothing is done twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from equipoise.report.write import write_whole

Part = TypeVar("Part")


def name_of(description: dict[str, Any]) -> str:
    """A name for a part by all that decides it.

    Parameters
    ----------
    description : dict
        As JSON can hold it.

    Returns
    -------
    str
        Of 24 digits: the same for the same description, whatever the order of its keys.
    """
    text = json.dumps(description, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class Kept(Generic[Part]):
    """Parts by name, in a folder or, without one, for as long as this object lives.

    Parameters
    ----------
    folder : path or None
    write : callable
        From a part to what JSON can hold, without NaN.
    read : callable
        The way back.
    told : callable, optional
        Told the title of a part before it is made or found.
    """

    def __init__(
        self,
        folder: Path | None,
        write: Callable[[Part], dict[str, Any]],
        read: Callable[[dict[str, Any]], Part],
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._folder = folder
        self._write, self._read = write, read
        self._told = told
        self._parts: dict[str, Part] = {}
        self.made = 0

    def get(self, name: str, title: str, make: Callable[[], Part]) -> Part:
        """Make a part, unless that has been done.

        Parameters
        ----------
        name : str
            Of its file, without ending.
        title : str
        make : callable

        Returns
        -------
        Part

        Raises
        ------
        ValueError
            If its file is damaged.
        """
        if self._told is not None:
            self._told(title)
        if name in self._parts:
            return self._parts[name]
        path = None if self._folder is None else self._folder / f"{name}.json"
        if path is not None and path.is_file():
            found = self._from(path)
        else:
            found = make()
            self.made += 1
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                text = json.dumps(self._write(found), ensure_ascii=False, allow_nan=False)
                write_whole(path, text.encode())
        self._parts[name] = found
        return found

    def _from(self, path: Path) -> Part:
        try:
            return self._read(json.loads(path.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path} is damaged; delete it and repeat the command.") from error
