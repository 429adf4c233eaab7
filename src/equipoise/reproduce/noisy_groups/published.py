"""What is known of the paper's figures, all of it at second hand.

The paper's text was not at hand, and its table's values are in no public repository. What is in one
is the result files of the authors' program for an earlier version (10 repeats). Beside those stand
the figures of a linear program over cells that another program solved on the same tables and flips
(20 splits); they are not published. All are accuracy and statistical rate on the rows held out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.noise import FlipMatrix

SOURCE = "Celis, Huang, Keswani, Vishnoi 2021, ICML, arXiv 2006.04778"

NONE = "not published"

FLIPS = FlipMatrix([[0.7, 0.3], [0.1, 0.9]], ("0", "1"))
"""How often a member of each group is written down as one of the other: .3 and .1."""

THEOREM = "τ - 3δ"
"""What the rate is at least, with high probability if there are rows enough: at second hand."""

SLACK = 0.01
"""δ of the authors' program."""

OTHERS_SPLITS = 20
"""Over how many splits the other program's figures are."""

Pair = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """One promise of a table.

    Attributes
    ----------
    table : {"COMPAS", "Adult"}
    protected : {"race", "sex"}
    tau : float
    authors : (float, float)
        Accuracy and statistical rate of the authors' program with the correction.
    exact : dict of (float, float)
        Of the other program, by what groups were taken to be.
    """

    table: str
    protected: str
    tau: float
    authors: Pair
    exact: dict[str, Pair]


def _row(
    table: str, protected: str, tau: float, authors: Pair, naive: Pair, ours: Pair, true: Pair
) -> Row:
    return Row(table, protected, tau, authors, {"observed": naive, "denoised": ours, "true": true})


ROWS = (
    _row("COMPAS", "race", 0.8, (0.578, 0.795), (0.647, 0.605), (0.622, 0.705), (0.613, 0.769)),
    _row("COMPAS", "race", 0.9, (0.530, 0.884), (0.611, 0.756), (0.592, 0.810), (0.585, 0.860)),
    _row("COMPAS", "race", 0.95, (0.545, 0.881), (0.591, 0.838), (0.584, 0.857), (0.573, 0.906)),
    _row("COMPAS", "sex", 0.9, (0.579, 0.878), (0.656, 0.650), (0.639, 0.740), (0.621, 0.793)),
    _row("COMPAS", "sex", 0.95, (0.567, 0.846), (0.638, 0.734), (0.628, 0.769), (0.607, 0.870)),
    _row("Adult", "sex", 0.9, (0.758, 0.848), (0.776, 0.770), (0.772, 0.788), (0.768, 0.844)),
    _row("Adult", "sex", 0.95, (0.758, 0.869), (0.769, 0.810), (0.768, 0.823), (0.765, 0.887)),
    _row("Adult", "race", 0.9, (0.765, 0.917), (0.797, 0.738), (0.791, 0.814), (0.787, 0.850)),
    _row("Adult", "race", 0.95, (0.762, 0.894), (0.791, 0.786), (0.787, 0.815), (0.782, 0.875)),
)

ASSUMED = {
    (0.3, 0.1): 0.518,
    (0.2, 0.1): 0.552,
    (0.35, 0.1): 0.495,
    (0.25, 0.15): 0.487,
    (0.1, 0.3): 0.041,
}
"""Statistical rate that is found with flips assumed, where they are (.3, .1) and it is .518 of the
rows drawn: of another program with a million rows. The groups' shares were not noted; equal ones
give these figures."""


def flips_of(first: float, second: float) -> FlipMatrix:
    """Flips of two groups.

    Parameters
    ----------
    first, second : float
        P(1 observed | 0) and P(0 observed | 1).

    Returns
    -------
    FlipMatrix
    """
    return FlipMatrix(np.array([[1 - first, first], [second, 1 - second]]), ("0", "1"))
