"""Two levels, where there are closed forms, and uniform means, where nothing is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from scipy import special

from equipoise.maxent.continuous import (
    Projections,
    RankOneProjections,
    Simplex,
    Sphere,
    barycentric_entropy,
    fit,
)
from equipoise.report import Column, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.families import haar
from equipoise.reproduce.maxent.long_arithmetic import bloch
from equipoise.reproduce.maxent.published import BARYCENTRIC, EXACT
from equipoise.reproduce.part import Cell, Part, Result, Shown

_PARAMETERS = (0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)
_SIZES = (2, 3, 5, 10, 30, 100)
_TOLERANCE = 1e-12


def _complex(x: float) -> Result:
    """A state of two levels, turned at random."""
    r, entropy = bloch(x)
    u = haar(2, 1, np.random.default_rng(0))[0]
    rho = (u * np.array([(1 + r) / 2, (1 - r) / 2])) @ u.conj().T
    rho = (rho + rho.conj().T) / 2
    law = fit(RankOneProjections(2), rho)
    low, high = np.linalg.eigvalsh(law.parameter)
    sphere = fit(Sphere(3), [0.0, r, 0.0])
    return {
        "x": x,
        "r": r,
        "entropy": entropy,
        "error": abs(barycentric_entropy(rho) - entropy),
        "parameter": abs((high - low) / 2 / x - 1),
        "sphere": abs(sphere.entropy - entropy),
    }


def _real(x: float) -> Result:
    """A line in the plane: the direction of twice its angle is uniform on the circle."""
    r = float(special.ive(1, x) / special.ive(0, x))
    entropy = float(np.log(special.ive(0, x)) + x * (1 - r))
    law = fit(RankOneProjections(2, "real"), np.diag([(1 + r) / 2, (1 - r) / 2]))
    return {"error": abs(law.entropy - entropy)}


def _uniform() -> Result:
    """Entropies at the mean that the prior has."""
    found = [barycentric_entropy(np.eye(n) / n) for n in _SIZES]
    found += [fit(RankOneProjections(n, "real"), np.eye(n) / n).entropy for n in _SIZES]
    found += [fit(Simplex(n), np.full(n, 1 / n)).entropy for n in _SIZES]
    found += [
        fit(Projections(n, k), k / n * np.eye(n)).entropy for n, k in ((4, 2), (7, 3), (12, 4))
    ]
    return {"error": float(np.abs(found).max()), "number": len(found)}


def closed_forms_part(_: Tier, __: Path | None) -> Part:
    """All of them; they take no time.

    Returns
    -------
    Part
    """
    cells = [
        *(
            Cell(f"two levels, x = {x:g}", {"complex": x}, partial(_complex, x))
            for x in _PARAMETERS
        ),
        *(Cell(f"a line, x = {x:g}", {"real": x}, partial(_real, x)) for x in _PARAMETERS),
        Cell("uniform means", {"uniform": list(_SIZES)}, _uniform),
    ]
    return Part("closed forms", tuple(cells), _show)


def _show(results: Sequence[Result]) -> Shown:
    two, real = results[: len(_PARAMETERS)], results[len(_PARAMETERS) : -1]
    uniform = results[-1]
    tables = (_table(two),)
    figure = partial(
        lines,
        {"entropy": [Line([one["r"] for one in two], [one["entropy"] for one in two], "relative to "
                          "Haar measure")]},
        x_label="length of the Bloch vector",
    )  # fmt: skip
    claims: tuple[Claim, ...] = (
        exactly(
            "Barycentric entropy of states of two levels less log(sinh x / x) - x (coth x - 1 / x),"
            f" largest of {len(two)}: at most {_TOLERANCE:g}",
            BARYCENTRIC,
            max(one["error"] for one in two),
            _TOLERANCE,
        ),
        exactly(
            f"Their parameter over the exact one, less 1: at most {_TOLERANCE:g}",
            EXACT,
            max(one["parameter"] for one in two),
            _TOLERANCE,
        ),
        exactly(
            "The same entropy on the sphere in three dimensions, by other integrals: at most "
            f"{_TOLERANCE:g} apart",
            EXACT,
            max(one["sphere"] for one in two),
            _TOLERANCE,
        ),
        exactly(
            "Entropy of random lines in the plane less log I_0(x) - x I_1(x) / I_0(x), largest of "
            f"{len(real)}: at most {_TOLERANCE:g}",
            EXACT,
            max(one["error"] for one in real),
            _TOLERANCE,
        ),
        exactly(
            f"Entropy at the prior's own mean, largest of {uniform['number']} domains of up to "
            f"{_SIZES[-1]} dimensions: at most {_TOLERANCE:g}",
            EXACT,
            uniform["error"],
            _TOLERANCE,
        ),
    )
    return Shown(
        claims, tables, lambda: [Section("Closed forms", [Text(_TEXT), figure(), *tables])]
    )


_TEXT = (
    "Pure states of two levels are points of a sphere, and Haar measure is uniform on it, so that "
    "the law with a given mean is von Mises and Fisher's. Exact values are in fifty decimal digits."
)


def _table(found: Sequence[Result]) -> Table:
    rows = [
        [f"{one['x']:g}", *(f"{one[name]:.6f}" for name in ("r", "entropy")),
         *(f"{one[name]:.1e}" for name in ("error", "parameter", "sphere"))]
        for one in found
    ]  # fmt: skip
    names = ("x", "length r", "entropy", "error", "error of x, relative", "error, as a sphere")
    return Table(
        [Column(name, "right") for name in names], rows, "States of two levels, closed forms"
    )
