"""The law that repairs a table, and rows drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from equipoise.constraints import Constraint
from equipoise.maxent.discrete import ExpectationError, MaxEntropy, Prior, fit
from equipoise.noise import NoisyGroups
from equipoise.repair.donors import Donors
from equipoise.repair.inputs import is_number, is_whole
from equipoise.repair.noisy import noisy_weights, true_table
from equipoise.repair.reweight import row_weights, wanted_law
from equipoise.repair.table_model import TableModel
from equipoise.repair.wanted import Representation, group_shares

Array = NDArray[np.float64]

Product = Literal["marginals", "uniform"]
RowsOfPrior = Literal["weighted", "data"]
Expectation = Literal["weighted", "data", "balanced"]


@dataclass(frozen=True)
class Choices:
    """What law is wanted, apart from its data and its promise.

    Attributes
    ----------
    representation : float, mapping or None
    share : float
    product : {"marginals", "uniform"}
    prior : {"weighted", "data"}
    expectation : {"weighted", "data", "balanced"}
    exact : bool
    bins : int
        Each as :class:`equipoise.repair.MaxEntropyRepair` explains it.

    Raises
    ------
    ValueError
        If one is out of its range.
    """

    representation: Representation = None
    share: float = 0.1
    product: Product = "marginals"
    prior: RowsOfPrior = "weighted"
    expectation: Expectation = "weighted"
    exact: bool = True
    bins: int = 10

    def __post_init__(self) -> None:
        if not is_number(self.share) or not 0 <= self.share <= 1:
            raise ValueError(f"share must be between 0 and 1, not {self.share!r}.")
        if not is_whole(self.bins) or self.bins < 2:
            raise ValueError(f"bins must be a whole number and at least 2, not {self.bins!r}.")
        if self.exact not in (True, False):
            raise ValueError(f"exact must be True or False, not {self.exact!r}.")
        for name, choices in (
            ("product", Product),
            ("prior", RowsOfPrior),
            ("expectation", Expectation),
        ):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(
                    f"{name} must be one of {', '.join(get_args(choices))}, not "
                    f"{getattr(self, name)!r}."
                )


@dataclass(frozen=True, eq=False)
class Labelled:
    """A table with its labels and groups as codes.

    Attributes
    ----------
    table : pyarrow.Table of n rows
    label, group : ndarray of int64, shape (n,)
    classes : tuple, length k
    groups : tuple of str, length g
    with_group : tuple of str
        Columns that belong to the group: what they say of a row is drawn with it.
    weights : ndarray of float64, shape (n,)
        What each row counts.
    noise : NoisyGroups, optional
        Where ``group`` is observed with errors.
    """

    table: pa.Table
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    classes: tuple[object, ...]
    groups: tuple[str, ...]
    with_group: tuple[str, ...]
    weights: Array
    noise: NoisyGroups | None = None

    @property
    def counts(self) -> Array:
        """How much each label weighs in each group, as observed, shape (g, k)."""
        g, k = len(self.groups), len(self.classes)
        return np.bincount(self.cell, self.weights, g * k).reshape(g, k).astype(np.float64)

    @property
    def cell(self) -> NDArray[np.int64]:
        """Group and label of each row as one code, shape (n,)."""
        return self.group * len(self.classes) + self.label


@dataclass(frozen=True, eq=False)
class Law:
    """The law that repairs a table.

    Attributes
    ----------
    data : Labelled
    model : TableModel
    distribution : MaxEntropy
        On the model's domain.
    weights : ndarray, shape (n,)
        Of the re-weighting algorithm, of mean 1.
    rows : ndarray, shape (n,)
        The weights of the prior's rows.
    wanted : ndarray, shape (statistics,)
        The expectation that was asked for.
    """

    data: Labelled
    model: TableModel
    distribution: MaxEntropy
    weights: Array
    rows: Array
    wanted: Array

    @classmethod
    def of(cls, data: Labelled, promises: Sequence[Constraint], choices: Choices) -> Law:
        """Find the law.

        Parameters
        ----------
        data : Labelled
        promises : sequence of Constraint
        choices : Choices

        Returns
        -------
        Law

        Raises
        ------
        ValueError
            If a promise is none about labels, or no weights keep it; if columns have no levels.
        """
        wanted, weights = _wanted(data, promises, choices)
        model = TableModel.of(
            data.table,
            data.label,
            data.group,
            (len(data.groups), len(data.classes)),
            with_group=data.with_group,
            exact=choices.exact,
            bins=choices.bins,
        )
        mean = _expectation(data, model, wanted, weights, choices)
        rows = weights if choices.prior == "weighted" else data.weights
        laws: Literal["rows", "uniform"] = "rows" if choices.product == "marginals" else "uniform"
        prior = Prior.of(model.domain, model.codes, rows, share=choices.share, marginals=laws)
        return cls(data, model, fit(prior, mean), weights, rows, mean)

    @cached_property
    def sample_weight(self) -> Array:
        """Weights of the rows under which they have the expectation, shape (n,), of mean 1.

        Those closest to the prior's rows; the law itself where the product law has no share.

        Raises
        ------
        ExpectationError
            If no weights of the rows have it.
        """
        found = self.distribution
        if found.prior.share > 0:
            try:
                found = fit(Prior.of(self.model.domain, self.model.codes, self.rows), self.wanted)
            except ExpectationError as error:
                raise ExpectationError(
                    f"no weights of the rows have this expectation, though the law has it: {error}"
                ) from error
        prior = found.prior.rows
        assert prior is not None
        ratio = np.divide(
            found.row_law, prior.weights, out=np.zeros(len(prior)), where=prior.weights > 0
        )
        weights = ratio[prior.place] * self.rows
        return np.asarray(weights / weights.mean())

    def draw_rows(self, n: int, random: np.random.Generator) -> NDArray[np.signedinteger[Any]]:
        """Draw rows, as the rows of the table that their values are taken from.

        Parameters
        ----------
        n : int
        random : Generator

        Returns
        -------
        ndarray of int, shape (n, attributes)
            One row for each attribute; they are the same where a row of the table is drawn whole.
        """
        drawn = self.distribution.draw_parts(n, random)
        rows = np.empty(drawn.levels.shape, np.min_scalar_type(-len(self.data.label)))
        whole = drawn.row >= 0
        if whole.any():
            rows[whole] = self._whole.draw(drawn.row[whole], random)[:, None]
        for j, donors in enumerate(self._donors):
            rows[~whole, j] = donors.draw(drawn.levels[~whole, j].astype(np.int64), random)
        return rows

    @cached_property
    def _donors(self) -> tuple[Donors, ...]:
        return self.model.donors(self.data.weights)

    @cached_property
    def _whole(self) -> Donors:
        rows = self.distribution.prior.rows
        assert rows is not None
        return Donors(rows.place, len(rows), self.rows)


def _wanted(
    data: Labelled, promises: Sequence[Constraint], choices: Choices
) -> tuple[Array, Array]:
    # The joint law of observed group and label, and the weights that give it.
    if data.noise is None:
        known = data.counts
    else:
        if choices.expectation == "balanced":
            raise ValueError(
                "expectation 'balanced' fixes the shares of groups as they are observed, and those "
                "of noisy groups are not: take 'weighted' or 'data', and representation."
            )
        known = true_table(data.label, data.noise, len(data.classes), data.weights)
    asked = choices.representation
    wanted = wanted_law(known, data.groups, promises, asked, labels=data.classes)
    if data.noise is None:
        return wanted, row_weights(known, wanted, data.cell, data.weights)
    weights = noisy_weights(data.label, data.noise, known, wanted, data.weights)
    observed = np.bincount(data.cell, weights, wanted.size).reshape(wanted.shape)
    return observed / observed.sum(), weights


def _expectation(
    data: Labelled, model: TableModel, wanted: Array, weights: Array, choices: Choices
) -> Array:
    domain = model.domain
    if choices.expectation == "weighted":
        return domain.mean(model.codes, weights)
    mean = domain.mean(model.codes, data.weights)
    if choices.exact:
        mean[domain.slices[0]] = wanted.ravel()
    elif choices.expectation == "balanced":
        asked = 1.0 if choices.representation is None else choices.representation
        shares = data.counts.sum(axis=1)
        mean[domain.slices[0]] = group_shares(shares / shares.sum(), data.groups, asked)
    return mean
