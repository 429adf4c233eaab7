"""Polytopes from the files that others keep them in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from equipoise.sampling.polytope import Polytope
from equipoise.sampling.readers.cobra_json import read_cobra_json
from equipoise.sampling.readers.ine import read_ine
from equipoise.sampling.readers.linear_program import read_linear_program
from equipoise.sampling.readers.matlab import read_matlab
from equipoise.sampling.readers.sbml import read_sbml

__all__ = [
    "read_cobra_json",
    "read_ine",
    "read_linear_program",
    "read_matlab",
    "read_polytope",
    "read_sbml",
]

_READERS: dict[str, Callable[[str | Path], Polytope]] = {
    ".ine": read_ine,
    ".json": read_cobra_json,
    ".lp": read_linear_program,
    ".mat": read_matlab,
    ".mps": read_linear_program,
    ".sbml": read_sbml,
    ".xml": read_sbml,
}

_COMPRESSED = (".json", ".mps", ".sbml", ".xml")


def read_polytope(path: str | Path) -> Polytope:
    """Read a polytope by what its file is called.

    ``.ine`` (cdd, lrs), ``.mat`` (MATLAB), ``.json`` (COBRA), ``.mps`` and ``.lp`` (needs
    highspy), ``.xml`` and ``.sbml`` (needs cobra); ``.gz`` after ``.json``, ``.mps``, ``.xml`` and
    ``.sbml``.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Polytope

    Raises
    ------
    ValueError
        If the ending is unknown, or the file is not what it says.
    """
    kinds = [kind for kind in Path(path).suffixes if kind != ".gz"]
    if not kinds or kinds[-1] not in _READERS:
        raise ValueError(f"{path} ends in none of {', '.join(_READERS)}")
    if kinds[-1] not in _COMPRESSED and str(path).endswith(".gz"):
        raise ValueError(f"{path}: unpack it, {kinds[-1]} is not read from .gz")
    return _READERS[kinds[-1]](path)
