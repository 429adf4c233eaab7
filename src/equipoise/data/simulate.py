"""A census with known truth, so that a method can be held to what is so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.data import census_model as model
from equipoise.data.census_model import CensusModel
from equipoise.data.census_truth import CensusTruth
from equipoise.data.errors import DataError

__all__ = ["Census", "CensusTruth", "simulate_census"]

_FEWEST = 100
_LABELS = ("<=50K", ">50K")


@dataclass(frozen=True, eq=False)
class Census:
    """A simulated census.

    Attributes
    ----------
    table : narwhals.DataFrame of n rows
        Backed by pyarrow: six numeric columns, `occupation`, `neighbourhood`, the sensitive
        columns `sex` (female, male) and `race` (A, B, C), and the recorded label `income`
        ("<=50K", ">50K").
    merit : ndarray of shape (n,), int64
        1 where the label deserved is positive; in a real census nobody has this column.
    truth : CensusTruth
        Exact quantities of the population that the rows are drawn from.
    """

    table: nw.DataFrame[Any]
    merit: NDArray[np.int64]
    truth: CensusTruth


def simulate_census(
    n: int = 120_000,
    *,
    base_rates: Mapping[tuple[str, str], float] | None = None,
    selection_bias: float = 0.2,
    label_bias: float = 0.15,
    proxy_strength: float = 0.8,
    seed: int = 0,
) -> Census:
    """Draw a census from a structural model whose truth is known exactly.

    A person's group (sex x race) sets the chance of merit and, as a proxy, the neighbourhood;
    merit sets the numeric columns (normal) and the occupation; then merit of the disadvantaged
    (women, and race C) may go unrecorded, and their recorded positives may stay out of the
    sample. `equipoise.data.census_model` writes the model down.

    Parameters
    ----------
    n : int
        Rows after selection, at least 100.
    base_rates : mapping of (sex, race) to float, optional
        Chance of merit in a group, in (0, 1), as in ``{("female", "A"): 0.4}``; the groups left
        out keep the default.
    selection_bias : float
        Chance in [0, 1) that a disadvantaged person of positive label is not sampled.
    label_bias : float
        Chance in [0, 1) that a disadvantaged person's merit is recorded as "<=50K".
    proxy_strength : float
        In [0, 1]; how much the neighbourhood tells of the group: 0 nothing, 1 most.
    seed : int
        Non-negative; the same seed gives the same rows.

    Returns
    -------
    Census

    Raises
    ------
    DataError
        If a parameter is out of range, or a group is unknown.
    """
    if n < _FEWEST:
        raise DataError(f"n: given {n}, wanted at least {_FEWEST} rows, for six groups to occur")
    if seed < 0:
        raise DataError(f"seed: given {seed}, wanted an integer >= 0")
    census = CensusModel(base_rates, selection_bias, label_bias, proxy_strength)
    generator = np.random.default_rng(seed)

    # Drawing the cell after selection is drawing people until n of them are selected.
    cell = generator.choice(census.cells.size, size=n, p=census.cells.ravel())
    group, kind = np.divmod(cell, 3)
    merit = (kind < 2).astype(np.int64)
    label = (kind == 0).astype(np.int64)

    factor = np.linalg.cholesky(model.COVARIANCE)
    numeric = model.MEANS[merit] + generator.standard_normal((n, len(model.NUMERIC))) @ factor.T
    occupation = _categories(model.OCCUPATION_GIVEN_MERIT, merit, generator)
    neighbourhood = _categories(census.neighbourhoods, group, generator)

    sexes, races = zip(*model.GROUPS, strict=True)
    columns = {
        **dict(zip(model.NUMERIC, numeric.T.copy(), strict=True)),
        "occupation": _texts(model.OCCUPATIONS, occupation),
        "neighbourhood": _texts(model.NEIGHBOURHOODS, neighbourhood),
        "sex": _texts(sexes, group),
        "race": _texts(races, group),
        "income": _texts(_LABELS, label),
    }
    table = nw.from_native(pa.table(columns), eager_only=True)
    return Census(table=table, merit=merit, truth=census.truth())


def _categories(
    laws: NDArray[np.float64], rows: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw one category for each entry of `rows` from the law in that row, by inversion."""
    steps = np.cumsum(laws, axis=1)[:, :-1]
    uniform = generator.random(len(rows))
    drawn = np.zeros(len(rows), dtype=np.int64)
    for step in steps.T:
        drawn += uniform >= step[rows]
    return drawn


def _texts(names: tuple[str, ...], codes: NDArray[np.int64]) -> pa.Array:
    return pa.array(names).take(pa.array(codes))
