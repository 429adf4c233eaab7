"""k-means and k-median by way of a coreset."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from equipoise.cluster.sizes import read_size
from equipoise.cluster.solve import (
    Search,
    Solved,
    as_int,
    children,
    read_search,
    read_seed,
    require_rows,
    solve,
    warn_of_few_points,
)
from equipoise.coresets import Coreset, CoresetStream, Stratified
from equipoise.coresets.distances import all_costs, nearest, to_power

Array = NDArray[np.float64]


class _CoresetClusterer(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    ClusterMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """What k-means and k-median have in common: all but the power of distances."""

    _power: ClassVar[float]

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        size: int | None = None,
        eps: float | None = None,
        n_init: int = 10,
        max_iter: int = 300,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.size = size
        self.eps = eps
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find centres, and the nearest of them for each row.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)
        y : ignored
        sample_weight : array-like of float, shape (n,), optional
            How much each row counts; 3 is the same as three copies.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If rows are fewer than clusters, or X or the weights are not finite numbers.
        """
        search, size = self._settings()
        rows = validate_data(self, X, dtype=np.float64, order="C")
        weights = row_weights(sample_weight, rows)
        require_rows(len(rows), search.n_clusters)
        build, solving = children(read_seed(self.random_state), 2)
        coreset = Coreset.from_block(rows, weights, power=self._power)
        self._held: Coreset | CoresetStream = coreset.reduce(
            Stratified(search.n_clusters, size), build
        )
        self._solving = solving
        self._find()
        labels, squares = nearest(rows, self.cluster_centers_)
        self.labels_ = labels
        self.inertia_ = float(weights @ to_power(squares, self._power))
        return self

    def partial_fit(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Take more rows into account, of which none are kept but those in the coreset.

        Blocks may come in any sizes: what is found is the same to the bit. Centres are looked for
        when they are first asked for after a block.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)
        y : ignored
        sample_weight : array-like of float, shape (n,), optional

        Returns
        -------
        self
            Without ``labels_`` and ``inertia_``, which are of all rows; ask :meth:`predict` and
            :meth:`score`.
        """
        search, size = self._settings()
        first = not isinstance(getattr(self, "_held", None), CoresetStream)
        rows = validate_data(self, X, dtype=np.float64, order="C", reset=first)
        weights = row_weights(sample_weight, rows)
        if first:
            build, self._solving = children(read_seed(self.random_state), 2)
            self._held = CoresetStream(
                Stratified(search.n_clusters, size), rows.shape[1], self._power, seed=as_int(build)
            )
            for of_all_rows in ("labels_", "inertia_"):
                self.__dict__.pop(of_all_rows, None)
        assert isinstance(self._held, CoresetStream)
        self._held.add(rows, weights)
        self._found: tuple[Coreset, Solved] | None = None
        return self

    @property
    def cluster_centers_(self) -> Array:
        """Centres, shape (k, d)."""
        return self._find()[1].centres

    @property
    def coreset_(self) -> Coreset:
        """What the centres were found on."""
        return self._find()[0]

    @property
    def coreset_inertia_(self) -> float:
        """What the coreset costs at the centres: an estimate of what all rows cost."""
        coreset, found = self._find()
        return found.cost + coreset.offset

    @property
    def n_iter_(self) -> int:
        """Rounds of the start that found the centres."""
        return self._find()[1].n_iter

    def predict(self, X: Any) -> NDArray[np.int32]:
        """The nearest centre of each row.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)

        Returns
        -------
        ndarray of int32, shape (n,)
        """
        rows = self._rows(X)
        return nearest(rows, self.cluster_centers_)[0]

    def transform(self, X: Any) -> Array:
        """Distances to the centres.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)

        Returns
        -------
        ndarray, shape (n, k)
        """
        rows = self._rows(X)
        return all_costs(rows, self.cluster_centers_, 1.0)

    def score(self, X: Any, y: Any = None, sample_weight: ArrayLike | None = None) -> float:
        """What rows cost at their nearest centres, with the sign that makes more better.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)
        y : ignored
        sample_weight : array-like of float, shape (n,), optional

        Returns
        -------
        float
            Minus the weighted sum of distances to the power of z.
        """
        rows = self._rows(X)
        weights = row_weights(sample_weight, rows)
        squares = nearest(rows, self.cluster_centers_)[1]
        return -float(weights @ to_power(squares, self._power))

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def _rows(self, X: Any) -> Array:
        check_is_fitted(self, "_held")
        return np.asarray(validate_data(self, X, dtype=np.float64, order="C", reset=False))

    def _settings(self) -> tuple[Search, int]:
        search = read_search(self.n_clusters, self._power, self.n_init, self.max_iter, self.tol)
        return search, read_size(self.size, self.eps, search.n_clusters, self._power)

    def _find(self) -> tuple[Coreset, Solved]:
        check_is_fitted(self, "_held")
        if getattr(self, "_found", None) is None:
            held = self._held.coreset if isinstance(self._held, CoresetStream) else self._held
            search, _ = self._settings()
            if held.n_rows < search.n_clusters:
                raise ValueError(
                    f"n_samples={held.n_rows} so far should be >= n_clusters={search.n_clusters}: "
                    "give more rows before you ask for centres."
                )
            warn_of_few_points(len(np.unique(held.points, axis=0)), search.n_clusters)
            self._found = held, solve(held.points, held.weights, search, self._solving)
        assert self._found is not None
        return self._found


class CoresetKMeans(_CoresetClusterer):
    """k-means of many rows: ten starts on a coreset, then one pass over all rows.

    The coreset is a few thousand weighted rows, which cost nearly the same as all rows at any
    centres (:class:`equipoise.coresets.Stratified`), so that looking for centres takes no longer
    for many rows than for few. With as many rows as the coreset would have or fewer, it is all
    rows.

    Parameters
    ----------
    n_clusters : int
        k.
    size : int, optional
        Points of the coreset, about. By default what :func:`equipoise.coresets.suggest_size` says
        for an error of ``eps``.
    eps : float, optional
        Instead: the error of costs that the coreset is to have, by a rule of experience; 0.01 by
        default.
    n_init : int
        Starts on the coreset, of which the best is kept: k-means++ seeds, then Lloyd's rounds.
    max_iter : int
        Rounds of each start.
    tol : float
        A start ends when a round lowers its cost by no more than this share of it.
    random_state : int, RandomState or None

    Attributes
    ----------
    cluster_centers_ : ndarray, shape (k, d)
    labels_ : ndarray of int32, shape (n,)
        The nearest centre of each row; after :meth:`fit` alone.
    inertia_ : float
        The sum of squared distances of all rows to their centres; after :meth:`fit` alone.
    coreset_ : Coreset
    coreset_inertia_ : float
        The coreset's estimate of it.
    n_iter_ : int
        Rounds of the best start.
    n_features_in_ : int

    See Also
    --------
    FairKMeans : Clusters in which groups have their share.
    CoresetKMedian : Distances that are not squared, for which outliers matter less.

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise import CoresetKMeans
    >>> random = np.random.default_rng(0)
    >>> X = random.normal(size=(100_000, 2)) + 20 * random.integers(0, 3, 100_000)[:, None]
    >>> model = CoresetKMeans(3, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_.round()[:, 0].tolist())
    [0.0, 20.0, 40.0]
    >>> len(model.coreset_) < 2000
    True
    """

    _power = 2.0


class CoresetKMedian(_CoresetClusterer):
    """k-median of many rows: ten starts on a coreset, then one pass over all rows.

    As :class:`CoresetKMeans`, but the sum of distances is made small, not that of their squares:
    a far point pulls no harder than a near one. A cluster's centre is its geometric median.

    Parameters
    ----------
    n_clusters : int
        k.
    size : int, optional
        Points of the coreset, about. By default what :func:`equipoise.coresets.suggest_size` says
        for an error of ``eps``.
    eps : float, optional
        Instead: the error of costs that the coreset is to have, by a rule of experience; 0.01 by
        default.
    n_init : int
        Starts on the coreset, of which the best is kept.
    max_iter : int
        Rounds of each start.
    tol : float
        A start ends when a round lowers its cost by no more than this share of it.
    random_state : int, RandomState or None

    Attributes
    ----------
    cluster_centers_ : ndarray, shape (k, d)
    labels_ : ndarray of int32, shape (n,)
        The nearest centre of each row; after :meth:`fit` alone.
    inertia_ : float
        The sum of distances of all rows to their centres; after :meth:`fit` alone.
    coreset_ : Coreset
    coreset_inertia_ : float
        The coreset's estimate of it.
    n_iter_ : int
        Rounds of the best start.
    n_features_in_ : int

    See Also
    --------
    FairKMedian : Clusters in which groups have their share.
    """

    _power = 1.0


def row_weights(sample_weight: ArrayLike | None, rows: Array) -> Array:
    """Check weights of rows.

    Parameters
    ----------
    sample_weight : array-like of float, shape (n,), or None
    rows : ndarray, shape (n, d)

    Returns
    -------
    ndarray of float64, shape (n,)
        By default 1.

    Raises
    ------
    ValueError
        If weights are negative, not finite or all zero.
    """
    if sample_weight is None:
        return np.ones(len(rows))
    weights = np.asarray(
        _check_sample_weight(sample_weight, rows, dtype=np.float64, ensure_non_negative=True)
    )
    if not weights.any():
        raise ValueError("sample_weight is zero in every row; wanted a positive sum.")
    return weights
