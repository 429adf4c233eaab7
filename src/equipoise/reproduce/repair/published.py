"""What is known of the paper's figures, all of it at second hand.

The paper's text was not at hand. Its theorem is quoted from notes on it, and its figures are those
that its authors' public notebooks hold as the output of runs. The exact table is not published: it
was computed for comparison by summing over all cells of the domain with a program of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "Celis, Keswani, Vishnoi 2020, ICML, arXiv 1906.02164"

NONE = "not published"

BOUND = "τ - 4δ(1 + τ) / (C + 4δ)"
"""That the statistical rate is at least, where the group 1 has a share from 1/2 to 1 / (1 + τ) and
δ is the most by which p(Y = 1, Z = z) differs between law and prior: the theorem at second hand."""

CONTRACTION = 1 - 1 / 2.718281828459045
"""Of the error in each late step of the published solver, as its constants imply: 0.632."""

NEWTON_STEPS = 6
"""The most that Newton's method needed where the exact table was computed."""


@dataclass(frozen=True)
class Exact:
    """One row of the exact table.

    Attributes
    ----------
    table : {"COMPAS", "Adult"}
    protected : {"race", "sex"}
    tau, share : float
    expectation : {"w", "b", "d"}
    figures : (float, float, float, float)
        Statistical rate, representation rate, divergence from the rows, total variation from them.
    """

    table: str
    protected: str
    tau: float
    share: float
    expectation: str
    figures: tuple[float, float, float, float]


EXACT = (
    Exact("COMPAS", "race", 1.0, 0.0, "w", (1.0000, 1.0000, 0.0303, 0.1016)),
    Exact("COMPAS", "race", 1.0, 0.5, "w", (0.9952, 1.0000, 0.1198, 0.1631)),
    Exact("COMPAS", "race", 1.0, 0.5, "b", (0.9961, 1.0000, 0.1213, 0.1635)),
    Exact("COMPAS", "race", 1.0, 0.5, "d", (0.9960, 0.6624, 0.0990, 0.1309)),
    Exact("COMPAS", "race", 0.8, 0.0, "w", (1.0000, 0.8000, 0.0598, 0.1571)),
    Exact("COMPAS", "sex", 1.0, 0.5, "w", (0.9888, 1.0000, 0.3485, 0.3205)),
    Exact("Adult", "sex", 1.0, 0.0, "w", (1.0000, 1.0000, 0.0991, 0.1685)),
    Exact("Adult", "sex", 1.0, 0.5, "w", (0.9793, 1.0000, 0.3360, 0.2101)),
    Exact("Adult", "sex", 0.8, 0.5, "w", (0.9434, 0.8000, 0.3017, 0.1779)),
    Exact("Adult", "race", 1.0, 0.5, "w", (0.9902, 1.0000, 0.6009, 0.3783)),
)

RAW = {
    ("COMPAS", "race"): (0.7471, 0.6624),
    ("COMPAS", "sex"): (0.7282, 0.2428),
    ("Adult", "sex"): (0.3597, 0.4959),
    ("Adult", "race"): (0.6006, 0.1695),
}
"""Statistical and representation rate of the rows, beside the exact table."""


@dataclass(frozen=True)
class Folds:
    """What the notebooks found over five folds.

    Attributes
    ----------
    rate, rate_deviation : float
        Statistical rate of 10,000 rows drawn, and what follows its ± there.
    representation, representation_deviation : float
    divergence : float
        Of those rows from the data.
    decided : float
        Statistical rate of a classifier's mean probabilities. Trees and naive Bayes were trained;
        which of them this is of is not known here.
    accuracy : float
    """

    rate: float
    rate_deviation: float
    representation: float
    representation_deviation: float
    divergence: float
    decided: float
    accuracy: float


COMPAS_FOLDS = {
    "weighted": Folds(0.978, 0.018, 0.988, 0.012, 0.141, 0.947, 0.646),
    "balanced": Folds(0.985, 0.011, 0.983, 0.012, 0.143, 0.950, 0.645),
}
"""COMPAS of 144 cells, race, rows of the prior re-weighted; by the expectation."""

MANY_COLUMNS_ROWS, MANY_COLUMNS_CELLS = 8_723, 1.4e11
"""Of COMPAS with 19 columns."""

MANY_COLUMNS_SECONDS = 43.9
"""What a notebook took for one law of that table, q^w and θ^b, by the clock."""
