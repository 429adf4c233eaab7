"""k-means and k-median whose clusters have their share of every group."""

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
from sklearn.utils.validation import check_is_fitted, validate_data

from equipoise.cluster.bounds import Bounds, ShareBounds, asks_nothing
from equipoise.cluster.kept import Violation
from equipoise.cluster.labels import Labeller, cheapest
from equipoise.cluster.memberships import Memberships
from equipoise.cluster.plain import row_weights
from equipoise.cluster.sizes import read_size, read_whole
from equipoise.cluster.solve import (
    Search,
    as_int,
    children,
    read_search,
    read_seed,
    require_rows,
    warn_of_few_points,
)
from equipoise.cluster.solve_fair import FairSolved, solve_fair
from equipoise.coresets import Coreset, CoresetStream, Stratified
from equipoise.coresets.distances import all_costs, nearest, to_power
from equipoise.groups import Groups, How

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_EVERYONE = ("everyone",)


class _FairClusterer(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    ClusterMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """What fair k-means and fair k-median have in common: all but the power of distances."""

    _power: ClassVar[float]

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        at_least: Bounds | None = None,
        at_most: Bounds | None = None,
        balance: float | None = None,
        how: How = "each",
        size: int | None = None,
        eps: float | None = None,
        n_init: int = 5,
        max_iter: int = 100,
        tol: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.at_least = at_least
        self.at_most = at_most
        self.balance = balance
        self.how = how
        self.size = size
        self.eps = eps
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sensitive_features: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Find centres, and a cluster for each row so that all keep the bounds.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)
        y : ignored
        sensitive_features : Groups, array-like, mapping or dataframe
            One or several columns of n values. Not needed where nothing is asked (balance=0).
        sample_weight : array-like of float, shape (n,), optional
            How much each row counts, in costs and in shares.

        Returns
        -------
        self

        Raises
        ------
        InfeasibleError
            If no clusters keep the bounds.
        ValueError
            If rows are fewer than clusters, something is not finite, or a bound is of no group
            there is.
        """
        search = self._search()
        rows = validate_data(self, X, dtype=np.float64, order="C")
        weights = row_weights(sample_weight, rows)
        require_rows(len(rows), search.n_clusters)
        groups = self._groups(sensitive_features, len(rows))
        self._memberships = Memberships()
        codes = self._memberships.codes(groups)
        self._names: tuple[str, ...] | None = groups.names
        build, self._solving = children(read_seed(self.random_state), 2)
        coreset = Coreset.from_block(rows, weights, codes, power=self._power)
        self._held: Coreset | CoresetStream = coreset.reduce(
            self._builder(len(self._memberships.known)), build
        )
        self._found: tuple[Coreset, ShareBounds, FairSolved] | None = None
        _, bounds, found = self._find()
        members = self._memberships.matrix(bounds.names)
        labeller = Labeller(found.centres, self._power, found.assignment, members, bounds)
        labeller.add(rows, weights, codes)
        labelled = labeller.finish(lambda: iter([(rows, weights, codes)]))
        self._prices: Array | None
        self.labels_, self.inertia_, self._kept, self._prices = labelled
        at_plain = to_power(nearest(rows, found.plain.centres)[1], self._power)
        self.plain_inertia_ = float(weights @ at_plain)
        return self

    def partial_fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sensitive_features: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Take more rows into account, of which none are kept but those in the coreset.

        Blocks may come in any sizes, and may lack groups: what is found is the same to the bit.
        Centres are looked for when they are first asked for after a block.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)
        y : ignored
        sensitive_features : Groups, array-like, mapping or dataframe
            Of these rows. Groups are known by their names.
        sample_weight : array-like of float, shape (n,), optional

        Returns
        -------
        self
            Without what is of all rows, such as ``labels_``: ask :meth:`predict`.
        """
        self._search()
        first = not isinstance(getattr(self, "_held", None), CoresetStream)
        rows = validate_data(self, X, dtype=np.float64, order="C", reset=first)
        weights = row_weights(sample_weight, rows)
        groups = self._groups(sensitive_features, len(rows))
        if first:
            build, self._solving = children(read_seed(self.random_state), 2)
            self._memberships, self._names, self._prices = Memberships(), None, None
            self._held = CoresetStream(
                self._builder(1), rows.shape[1], self._power, seed=as_int(build)
            )
            for of_all_rows in ("labels_", "inertia_", "plain_inertia_", "_kept"):
                self.__dict__.pop(of_all_rows, None)
        assert isinstance(self._held, CoresetStream)
        self._held.add(rows, weights, self._memberships.codes(groups))
        self._found = None
        return self

    def predict(self, X: Any, *, sensitive_features: Any = None) -> Integers:
        """The cluster of new rows, at the prices that groups paid when it was fitted.

        A row goes to the centre that costs it least, where each centre's cost is raised or lowered
        by what its groups pay there. Rows that are distributed as those fitted so keep the bounds
        on average. Rows in a combination of known groups that was not met pay the prices of their
        groups.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)
        sensitive_features : Groups, array-like, mapping or dataframe
            Of these rows. Not needed where nothing is asked.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        ValueError
            If a row is in a group that was not there when it was fitted.
        """
        check_is_fitted(self, "_held")
        rows = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        _, bounds, found = self._find()
        codes, unmet = self._memberships.look_up(self._groups(sensitive_features, len(rows)))
        prices = found.assignment.prices if self._prices is None else self._prices
        if unmet:
            prices = np.vstack([prices, self._prices_of(unmet, bounds.names, prices)])
        return cheapest(rows, codes, found.centres, self._power, prices)[0]

    def transform(self, X: Any) -> Array:
        """Distances to the centres.

        Parameters
        ----------
        X : dataframe or array-like of float, shape (n, d)

        Returns
        -------
        ndarray, shape (n, k)
        """
        check_is_fitted(self, "_held")
        rows = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        return all_costs(rows, self.cluster_centers_, 1.0)

    @property
    def cluster_centers_(self) -> Array:
        """Centres, shape (k, d)."""
        return self._find()[2].centres

    @property
    def coreset_(self) -> Coreset:
        """What the centres were found on."""
        return self._find()[0]

    @property
    def bounds_(self) -> ShareBounds:
        """The groups, their shares of all rows, and the bounds that were kept."""
        return self._find()[1]

    @property
    def groups_(self) -> tuple[str, ...]:
        """Names of the groups, length l."""
        return self.bounds_.names

    @property
    def fair_cost_(self) -> float:
        """What the coreset costs within the bounds, where points may be divided."""
        coreset, _, found = self._find()
        return found.assignment.value + coreset.offset

    @property
    def gap_(self) -> float:
        """How much less the coreset may cost at these centres, as a share of ``fair_cost_``."""
        return self._find()[2].assignment.gap

    @property
    def n_iter_(self) -> int:
        """Rounds of the start that found the centres."""
        return self._find()[2].n_iter

    @property
    def price_(self) -> float:
        """How much more all rows cost than at the best centres without bounds, as a share."""
        self._need_rows("price_")
        if self.plain_inertia_ == 0:
            return 0.0 if self.inertia_ == 0 else np.inf
        return self.inertia_ / self.plain_inertia_ - 1

    @property
    def sizes_(self) -> Array:
        """Rows, or their weight, of each cluster, shape (k,)."""
        self._need_rows("sizes_")
        return self._kept.sizes

    @property
    def shares_(self) -> Array:
        """The share of each group in each cluster, shape (k, l); NaN of an empty cluster."""
        self._need_rows("shares_")
        return self._kept.shares

    @property
    def violation_(self) -> Violation:
        """The bound that whole rows break most; it is false if none is broken."""
        self._need_rows("violation_")
        return self._kept.violation

    @property
    def _n_features_out(self) -> int:
        return len(self.cluster_centers_)

    def _need_rows(self, name: str) -> None:
        check_is_fitted(self, "_held")
        if not hasattr(self, "_kept"):
            raise AttributeError(
                f"{name} is of all rows, which are not kept by partial_fit: fit all at once, or "
                "look at what predict gives."
            )

    def _search(self) -> Search:
        return read_search(self.n_clusters, self._power, self.n_init, self.max_iter, self.tol)

    def _builder(self, n_collections: int) -> Stratified:
        k = read_whole(self.n_clusters, "n_clusters")
        return Stratified(k, read_size(self.size, self.eps, k, self._power, n_collections))

    def _groups(self, sensitive_features: Any, n: int) -> Groups:
        if sensitive_features is None:
            if asks_nothing(self.balance, self.at_least, self.at_most):
                return Groups.from_codes(np.zeros(n, np.int64), _EVERYONE)
            raise ValueError(
                "say who belongs to which group: pass sensitive_features, one or several columns; "
                "or ask for nothing with balance=0."
            )
        groups = Groups.of(sensitive_features, self.how)
        if groups.n_rows != n:
            raise ValueError(f"sensitive_features has {groups.n_rows:,} rows, but X has {n:,}.")
        return groups

    def _prices_of(
        self, unmet: list[frozenset[str]], names: tuple[str, ...], prices: Array
    ) -> Array:
        unknown = sorted(set().union(*unmet) - set(names))
        if unknown:
            raise ValueError(
                f"sensitive_features has the groups {', '.join(map(repr, unknown))}, which were "
                f"not there when it was fitted; known are {', '.join(map(repr, names[:20]))}."
            )
        members = self._memberships.matrix(names).astype(np.float64)
        # Prices of collections are sums of those of their groups.
        of_groups = np.linalg.lstsq(members, prices, rcond=None)[0]
        return np.array([[name in one for name in names] for one in unmet], float) @ of_groups

    def _find(self) -> tuple[Coreset, ShareBounds, FairSolved]:
        check_is_fitted(self, "_held")
        if self._found is None:
            held = self._held.coreset if isinstance(self._held, CoresetStream) else self._held
            search = self._search()
            if held.n_rows < search.n_clusters:
                raise ValueError(
                    f"n_samples={held.n_rows} so far should be >= n_clusters={search.n_clusters}: "
                    "give more rows before you ask for centres."
                )
            warn_of_few_points(len(np.unique(held.points, axis=0)), search.n_clusters)
            names = self._memberships.names if self._names is None else self._names
            members = self._memberships.matrix(names)
            mass = np.bincount(held.collections, held.weights, len(members))
            bounds = ShareBounds.of(
                names,
                members.T.astype(np.float64) @ mass / mass.sum(),
                at_least=self.at_least,
                at_most=self.at_most,
                balance=self.balance,
            )
            self._found = (
                held,
                bounds,
                solve_fair(
                    held.points,
                    held.weights,
                    held.collections,
                    members,
                    bounds,
                    search,
                    self._solving,
                ),
            )
        return self._found


class FairKMeans(_FairClusterer):
    """k-means whose clusters have their share of every group, for overlapping groups too.

    Bera, Chakrabarty, Flores and Negahbani, "Fair algorithms for clustering" (NeurIPS 2019, arXiv
    1901.02393), ask that each group's share of each cluster lies between two bounds; Huang, Jiang
    and Vishnoi, "Coresets for clustering with fairness constraints" (NeurIPS 2019, arXiv
    1906.08484), that this be found on a few weighted rows. Here a coreset that has the exact mass
    of every combination of groups is clustered by turns of a fair assignment (a linear program,
    solved by its dual with a certificate) and of moves of the centres; then every row gets a whole
    cluster in one pass, at the prices that the groups pay.

    Parameters
    ----------
    n_clusters : int
        k.
    at_least, at_most : str, several of them, or mapping, optional
        Shares of each cluster, by the names of the groups: ``"sex: women >= 0.3"``, or
        ``{"sex: women": 0.3}``. Of one column alone the names are its values.
    balance : float, optional
        b: the share of each group in each cluster is between b and 1/b times its share of all
        rows, unless ``at_least`` or ``at_most`` say otherwise for the group. By default 0.8 where
        these are not given, and 0 where they are, which asks for nothing.
    how : {"each", "crossed", "lattice"}
        Of several sensitive columns: groups of each, which overlap; their intersections; or both.
    size, eps : int or float, optional
        Points of the coreset, about; or the error it is to have, 0.01 by default. With as many
        rows as the coreset would have or fewer, it is all rows.
    n_init : int
        Starts within the bounds, on the coreset: the best of four times as many without.
    max_iter : int
        Rounds of each.
    tol : float
        A start ends when a round lowers its cost by no more than this share of it.
    random_state : int, RandomState or None

    Attributes
    ----------
    cluster_centers_ : ndarray, shape (k, d)
    labels_ : ndarray of int64, shape (n,)
    inertia_ : float
        The sum of squared distances of all rows to the centres of their clusters.
    plain_inertia_ : float
        That at the best centres that were found without bounds.
    price_ : float
        What the bounds cost: ``inertia_ / plain_inertia_ - 1``.
    fair_cost_, gap_ : float
        What the coreset costs where points may be divided, and by what share of it the best
        assignment to these centres may cost less, which is certain.
    groups_ : tuple of str, length l
    shares_ : ndarray, shape (k, l)
    sizes_ : ndarray, shape (k,)
    bounds_ : ShareBounds
    violation_ : Violation
        By how much whole rows break the bounds: a few rows at most, since rows are not divided.
    coreset_ : Coreset
    n_iter_ : int
    n_features_in_ : int
        After :meth:`partial_fit` there is nothing that is of all rows: no labels, inertia, price,
        shares, sizes nor violation.

    See Also
    --------
    CoresetKMeans : Without groups.
    fair_cost : What given centres cost within bounds.

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise import FairKMeans
    >>> random = np.random.default_rng(0)
    >>> sex = random.choice(["men", "women"], 2000)
    >>> X = random.normal(size=(2000, 2)) + 2 * (sex == "women")[:, None]
    >>> model = FairKMeans(2, balance=0.9, random_state=0).fit(X, sensitive_features=sex)
    >>> bool(model.violation_)
    False
    >>> bool((abs(model.shares_ - 0.5) < 0.07).all())
    True
    """

    _power = 2.0


class FairKMedian(_FairClusterer):
    """k-median whose clusters have their share of every group, for overlapping groups too.

    As :class:`FairKMeans`, but the sum of distances is made small, not that of their squares: a
    far point pulls no harder than a near one. A cluster's centre is its geometric median.

    Parameters
    ----------
    n_clusters, at_least, at_most, balance, how, size, eps, n_init, max_iter, tol, random_state
        As :class:`FairKMeans` has them.

    Attributes
    ----------
    cluster_centers_, labels_, inertia_, plain_inertia_, price_, fair_cost_, gap_, groups_
        As :class:`FairKMeans` has them, with distances that are not squared.
    shares_, sizes_, bounds_, violation_, coreset_, n_iter_, n_features_in_
        Likewise.
    """

    _power = 1.0
