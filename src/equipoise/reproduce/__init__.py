"""Published claims, re-run: the paper's figure beside the measured one.

A paper is one file, or one folder, with a :class:`Reproduction`, listed in
:data:`REPRODUCTIONS`.
"""

from __future__ import annotations

from equipoise.report import Column, Table
from equipoise.reproduce.autobalance import AUTOBALANCE
from equipoise.reproduce.claim import Claim, Outcome, Reproduction, Workplace
from equipoise.reproduce.constrained import CONSTRAINED
from equipoise.reproduce.coreset import CORESET
from equipoise.reproduce.fair_coreset import FAIR_CORESET
from equipoise.reproduce.greedy_equilibrium import GREEDY_EQUILIBRIUM
from equipoise.reproduce.implicit_bias import IMPLICIT_BIAS
from equipoise.reproduce.intervals import INTERVALS
from equipoise.reproduce.mala import MALA_RERUN
from equipoise.reproduce.maxent import MAXENT
from equipoise.reproduce.minmax import MINMAX
from equipoise.reproduce.noisy_groups import NOISY_GROUPS
from equipoise.reproduce.optimizers import OPTIMIZERS
from equipoise.reproduce.polytope import POLYTOPE
from equipoise.reproduce.repair import REPAIR

__all__ = [
    "REPRODUCTIONS",
    "Claim",
    "Outcome",
    "Reproduction",
    "Workplace",
    "find_reproduction",
    "list_reproductions",
]

REPRODUCTIONS: dict[str, Reproduction] = {
    one.name: one
    for one in (
        INTERVALS,
        CONSTRAINED,
        AUTOBALANCE,
        MINMAX,
        GREEDY_EQUILIBRIUM,
        OPTIMIZERS,
        POLYTOPE,
        MALA_RERUN,
        MAXENT,
        REPAIR,
        NOISY_GROUPS,
        IMPLICIT_BIAS,
        CORESET,
        FAIR_CORESET,
    )
}
"""What can be re-run, by name."""


def find_reproduction(name: str) -> Reproduction:
    """Look a reproduction up.

    Parameters
    ----------
    name : str

    Returns
    -------
    Reproduction

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    if name not in REPRODUCTIONS:
        raise ValueError(f"nothing is called {name!r}; there are {', '.join(REPRODUCTIONS)}.")
    return REPRODUCTIONS[name]


def list_reproductions() -> Table:
    """What can be re-run, with its sources.

    Returns
    -------
    Table
    """
    return Table(
        [Column("name"), Column("what is claimed"), Column("source")],
        [[one.name, one.title, one.source] for one in REPRODUCTIONS.values()],
    )
