"""A table's closest law that keeps a promise about labels and groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import narwhals as nw
import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from equipoise.codes import as_array
from equipoise.constraints import Constraint
from equipoise.data.dataset import reject_text
from equipoise.data.sensitive import group_names, sensitive_columns
from equipoise.groups import Groups, How
from equipoise.noise import NoisyGroups
from equipoise.repair.inputs import is_whole, read_labels, read_promises, read_table
from equipoise.repair.law import Choices, Expectation, Labelled, Law, Product, RowsOfPrior
from equipoise.repair.moved import what_moved
from equipoise.repair.reweight import disjoint
from equipoise.repair.wanted import Representation

Array = NDArray[np.float64]

_EVERYONE = ("everyone",)

PARITY = 'gap("selection") <= 0'
"""That labels are independent of groups."""


class Repaired(NamedTuple):
    """Rows drawn from a repaired law.

    Attributes
    ----------
    X : dataframe or ndarray, shape (n, d)
        Of the kind that was given to fit.
    y : ndarray, shape (n,)
    group : ndarray of str, shape (n,)
        The name of each row's group.
    """

    X: Any
    y: NDArray[Any]
    group: NDArray[np.str_]


class MaxEntropyRepair(BaseEstimator):  # type: ignore[misc]
    """The maximum-entropy law that repairs a table, to draw from or to weigh rows by.

    Celis, Keswani and Vishnoi, "Data preprocessing to mitigate bias: a maximum entropy based
    approach" (ICML 2020, arXiv 1906.02164).

    Parameters
    ----------
    constraint : str or Constraint, a sequence of them, or None
        What the labels are to keep, taken as decisions: ``'ratio("selection") >= 0.9'`` is the
        paper's statistical rate. By default they become independent of the groups. None leaves
        the rates of each group's labels as they are; with no ``representation`` either, no groups
        are needed.
    sensitive : sequence of str, optional
        Columns of X that say who belongs to which group, such as ``["sex", "age:25,60"]``. Needed
        where fit gets no sensitive features.
    representation : float or mapping, optional
        What the shares of the groups are to be: a bound of the smallest over the largest, which is
        the paper's tau; or the share of each group by name. By default they stay.
    share : float
        C in the paper: how much of the prior is a product law, under which columns are independent.
        With 0 only rows that the data have are drawn, and the law is the re-weighted rows; the
        larger it is, the more unseen combinations there are and the less is left of what columns
        tell of each other.
    product : {"marginals", "uniform"}
        The product law: each column as the re-weighted rows have it, or uniform as in the paper,
        which lets rare values occur as often as common ones.
    prior : {"weighted", "data"}
        The rows of the prior: re-weighted, or as they are.
    expectation : {"weighted", "data", "balanced"}
        What the law is to have on average: what the re-weighted rows have; what the data have; or
        what the data have but for the groups, which have the shares asked for (equal ones, if none
        are).
    exact : bool
        Whether label and group are one attribute, whose joint law is then exactly the wanted one,
        whatever the expectation of other columns. Otherwise, as in the paper, each has its
        expectation alone and the promise is kept only as far as the prior does.
    bins : int
        Numbers of more distinct values than this are cut into so many intervals of equal counts.
    how : {"crossed", "each", "lattice"}
        What several sensitive features mean. Of groups that overlap every combination is one.
    missing_group : str, optional
        With ``sensitive``: the group of rows without a value.
    positive : optional
        Of two labels the one that the promise speaks of; the larger by default.
    random_state : int, RandomState or None

    Attributes
    ----------
    distribution_ : MaxEntropy
        On the levels of label, group and columns.
    gap_ : float
        Duality gap, in nats: see :class:`equipoise.maxent.discrete.MaxEntropy`.
    weights_ : ndarray, shape (n,)
        Of the re-weighting algorithm, with mean 1.
    law_ : Law
        The law with its table: what is drawn from.
    groups_ : tuple of str
    classes_ : ndarray, shape (k,)
        Of two, the positive one is last.
    moved_ : Moved
        What the law changed.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise.repair import MaxEntropyRepair
    >>> random = np.random.default_rng(0)
    >>> group = random.integers(0, 2, 1000)
    >>> X = random.integers(0, 3, (1000, 4))
    >>> y = (random.random(1000) < 0.3 + 0.3 * group).astype(int)
    >>> repair = MaxEntropyRepair('ratio("selection") >= 0.9', random_state=0)
    >>> repair = repair.fit(X, y, sensitive_features=group)
    >>> float(np.round(repair.moved_.rates_after.min() / repair.moved_.rates_after.max(), 6))
    0.9
    >>> repair.sample(500).X.shape
    (500, 4)
    """

    def __init__(
        self,
        constraint: str | Constraint | Sequence[str | Constraint] | None = PARITY,
        *,
        sensitive: Sequence[str] | None = None,
        representation: Representation = None,
        share: float = 0.1,
        product: Product = "marginals",
        prior: RowsOfPrior = "weighted",
        expectation: Expectation = "weighted",
        exact: bool = True,
        bins: int = 10,
        how: How = "crossed",
        missing_group: str | None = None,
        positive: Any = None,
        random_state: Any = None,
    ) -> None:
        self.constraint = constraint
        self.sensitive = sensitive
        self.representation = representation
        self.share = share
        self.product = product
        self.prior = prior
        self.expectation = expectation
        self.exact = exact
        self.bins = bins
        self.how = how
        self.missing_group = missing_group
        self.positive = positive
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        sensitive_features: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Find the law.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)
            A pandas, polars or pyarrow table of numbers and categories, or an array of numbers;
            values may be missing. Columns that label and group determine stay with them.
        y : array-like, shape (n,)
        sensitive_features : optional
            One or several columns of n values, a table, Groups or NoisyGroups; by default the
            columns of X that ``sensitive`` names. Of noisy groups the promise is of the true ones,
            of which draws and weights show what is observed.
        sample_weight : array-like, shape (n,), optional
            What each row counts in the data.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For input from which no such law follows; the message names what is wrong.
        """
        choices = Choices(
            self.representation,
            self.share,
            self.product,
            self.prior,
            self.expectation,
            self.exact,
            self.bins,
        )
        promises = read_promises(self.constraint)
        frame, table = read_table(self, X)
        data = self._labelled(table, y, sensitive_features, sample_weight)
        self.law_ = Law.of(data, promises, choices)
        self.distribution_ = self.law_.distribution
        self.gap_ = self.distribution_.gap
        self.weights_ = self.law_.weights
        self.groups_ = data.groups
        self.classes_ = np.array(data.classes)
        self.moved_ = what_moved(self.law_)
        self._frame, self._y = frame, as_array(y, "y")
        return self

    @property
    def sample_weight_(self) -> Array:
        """Weights of the rows that give them the law's expectation, for learners that take them.

        ndarray of shape (n,), of mean 1: of all such weights those closest to the prior's rows.
        """
        check_is_fitted(self, "law_")
        return self.law_.sample_weight

    def sample(self, n: int, random_state: Any = None) -> Repaired:
        """Draw rows from the law.

        Every value is one that the column has in the data. Rows of the product part take the
        values of each column from a row of its own, with the same level.

        Parameters
        ----------
        n : int
            At least 1.
        random_state : int, RandomState or None
            By default the estimator's.

        Returns
        -------
        Repaired
        """
        check_is_fitted(self, "law_")
        if not is_whole(n) or n < 1:
            raise ValueError(f"n must be a whole number and at least 1, not {n!r}.")
        source = self.random_state if random_state is None else random_state
        seed = int(check_random_state(source).randint(np.iinfo(np.int32).max))
        rows = self.law_.draw_rows(n, np.random.default_rng(seed))
        model = self.law_.model
        groups = np.array(self.groups_)[self.law_.data.group[rows[:, model.of_group]]]
        return Repaired(self._gathered(rows), self._y[rows[:, model.of_label]], groups)

    def fit_resample(
        self,
        X: Any,
        y: ArrayLike,
        *,
        sensitive_features: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[Any, NDArray[Any]]:
        """Find the law and draw as many rows from it as there were.

        Parameters
        ----------
        X, y, sensitive_features, sample_weight
            As :meth:`fit` takes them.

        Returns
        -------
        X : dataframe or ndarray, shape (n, d)
        y : ndarray, shape (n,)
        """
        self.fit(X, y, sensitive_features=sensitive_features, sample_weight=sample_weight)
        drawn = self.sample(len(self._y))
        return drawn.X, drawn.y

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        return tags

    def _labelled(
        self, table: pa.Table, y: ArrayLike, sensitive_features: Any, sample_weight: Any
    ) -> Labelled:
        label, classes = read_labels(y, table.num_rows, self.positive)
        groups, columns = self._groups(table, sensitive_features)
        if groups.n_rows != table.num_rows:
            raise ValueError(
                f"sensitive_features has {groups.n_rows:,} rows, but X has {table.num_rows:,}."
            )
        weights = np.ones(len(label))
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight,
                np.empty((len(label), 1)),
                dtype=np.float64,
                ensure_non_negative=True,
            )
        noise = groups if isinstance(groups, NoisyGroups) else None
        group, names = disjoint(groups.observed if isinstance(groups, NoisyGroups) else groups)
        return Labelled(table, label, group, classes, names, columns, weights, noise)

    def _groups(
        self, table: pa.Table, sensitive_features: Any
    ) -> tuple[Groups | NoisyGroups, tuple[str, ...]]:
        reject_text("sensitive", self.sensitive)
        columns: tuple[str, ...] = ()
        named: dict[str, Any] = {}
        if self.sensitive is not None:
            specs = sensitive_columns(self.sensitive, table.column_names)
            columns = tuple(spec.column for spec in specs)
            if sensitive_features is None:
                named = {
                    spec.column: group_names(table[spec.column], spec, self.missing_group)
                    for spec in specs
                }
        elif sensitive_features is None:
            if self.constraint is None and self.representation is None:  # nothing compares groups
                return Groups.from_codes(np.zeros(table.num_rows, np.int64), _EVERYONE), ()
            raise ValueError(
                "say who belongs to which group: pass sensitive_features to fit, or name columns "
                "of X, as in sensitive=['sex']."
            )
        if isinstance(sensitive_features, NoisyGroups):
            return sensitive_features, columns
        return Groups.of(named or sensitive_features, self.how), columns

    def _gathered(self, rows: NDArray[np.signedinteger[Any]]) -> Any:
        of_column = list(self.law_.model.of_column.values())
        if isinstance(self._frame, np.ndarray):
            return np.stack([self._frame[rows[:, j], c] for c, j in enumerate(of_column)], axis=1)
        taken = [
            nw.maybe_reset_index(self._frame[rows[:, j], [c]]) for c, j in enumerate(of_column)
        ]
        return nw.concat(taken, how="horizontal").to_native()
