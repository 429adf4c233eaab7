"""H-representations as cdd and lrs write them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np

from equipoise.sampling.polytope import Polytope


def read_ine(path: str | Path) -> Polytope:
    """Read rows (b, -A) of b - A x >= 0, and which of them are equations.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Polytope

    Raises
    ------
    ValueError
        If the file is no H-representation, or rows are missing or of another length.
    """
    lines = [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line and not line.startswith("*")]
    if any(line.lower().startswith("v-representation") for line in lines):
        raise ValueError(f"{path} lists vertices (V-representation): give inequalities")
    places = [i for i, line in enumerate(lines) if line.lower() == "begin"]
    if not places or len(lines) <= places[0] + 1:
        raise ValueError(f"{path} has no 'begin': it is not an .ine file")
    equations: list[int] = []
    for line in lines:
        words = line.split()
        if words[0].lower() == "linearity":
            equations = [int(word) - 1 for word in words[2:]]
    sizes = lines[places[0] + 1].split()
    m, width = int(sizes[0]), int(sizes[1])
    words = " ".join(lines[places[0] + 2 :]).split()
    if "end" in words:
        words = words[: words.index("end")]
    if len(words) != m * width:
        raise ValueError(
            f"{path} promises {m} rows of {width} numbers and has {len(words)} numbers"
        )
    table = np.array([_number(word, path) for word in words]).reshape(m, width)
    if any(not 0 <= row < m for row in equations):
        raise ValueError(f"{path} calls a row an equation that it does not have")
    equal = np.zeros(m, dtype=bool)
    equal[equations] = True
    A, b = -table[:, 1:], table[:, 0]
    return Polytope(A[~equal], b[~equal], A[equal], b[equal])


def _number(word: str, path: str | Path) -> float:
    try:
        return float(Fraction(word)) if "/" in word else float(word)
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError(f"{path} has {word!r} where a number should be") from error
