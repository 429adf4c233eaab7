"""What the paper is known to claim: its abstract. It has theorems and no experiments."""

from __future__ import annotations

SOURCE = "Mangoubi, Vishnoi 2019, FOCS, arXiv 1905.01745"

NONE = "not published"

STEP = "about m operations"
"""Of a step, for m rows in n dimensions, logarithms left out; looking at all rows takes m n. Each
look takes n, so the claim is that about m / n rows are looked at."""

ROUNDING = "isotropic"
"""What the body is after rounding, in about m n^4.5 operations."""

VOLUME = "1 + delta, any delta"
"""The relative error of the volume, in about m n^4.5 + m n^4 / delta^2 operations."""
