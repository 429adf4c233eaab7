"""A scikit-learn classifier whose training loss is learnt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, check_scalar

from equipoise.codes import to_numpy
from equipoise.constraints import Constraint
from equipoise.groups import Groups, How
from equipoise.learn.augment import PersonalisedAugmentation, encoded_operations
from equipoise.learn.autobalance.balance import balance
from equipoise.learn.autobalance.choice import Choice
from equipoise.learn.autobalance.network import OneMLP, as_stack
from equipoise.learn.autobalance.settings import HyperGradientName, SearchSettings
from equipoise.learn.autobalance.space import Start, make_judge, make_objective, make_prior
from equipoise.learn.encoder import TableEncoder
from equipoise.learn.imbalance import cell_counts, frequency_clusters
from equipoise.learn.imbalance.parametric import Term
from equipoise.learn.inputs import read_frame, read_labels, read_weights
from equipoise.learn.model import Model
from equipoise.learn.network import StackedMLP
from equipoise.learn.optimizers import DECOUPLED, find_optimizer
from equipoise.learn.prediction import ModelPredictionMixin
from equipoise.learn.problem import Rows
from equipoise.learn.train import TrainingSettings


class AutoBalanceClassifier(ModelPredictionMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A neural network whose training loss is designed for rare classes or for groups.

    The loss is a cross-entropy with a weight, an additive and a multiplicative logit term for each
    class, or for each class and group. Its terms are learnt on rows held out, by bilevel
    optimisation; a network is then trained anew on all rows with what was found, or with the loss
    begun with where that did not help (Li et al. 2021, arXiv 2201.01212).

    Parameters
    ----------
    objective : str, Constraint, or sequence of them
        What the loss is designed for: "balanced" (every class, or class of a group, counts the
        same), "equalized_odds" (groups have like losses within each class), "worst" (the class, or
        class of a group, that is worst off), or promises such as ``'gap("selection") <= 0.05'``.
    weight_ce : float, optional
        The share of the cross-entropy in an objective that has a name; by default 0.1 in
        "equalized_odds" and 0 in the others.
    learn : tuple of {"weight", "additive", "multiplicative"}, optional
        Which terms are learnt; by default the last two or, for promises, the additive one.
    dictionary : {"scaling", "free"}, int, array-like of shape (K, columns), or None
        In which directions: how strongly both follow the frequencies ("scaling", two numbers),
        clusters of classes of like frequency (so many), each for itself ("free"), or any attributes
        of classes, in the order of ``classes_``. None is "scaling" for classes alone and "free" for
        classes of groups.
    start : {"logit-adjusted", "cross-entropy"}, optional
        The loss begun with; "cross-entropy" by default where promises are the objective.
    augment : int
        How many clusters of classes of like frequency have a policy of their own for changing
        training rows (noise, columns dropped or taken from other rows), which is searched beside
        the loss. By default rows stay as they are.
    hidden : tuple of int
        Units of each hidden layer; ``()`` is a linear model.
    optimizer : str
        What trains the network, as in :class:`FairClassifier`.
    learning_rate, weight_decay : float
        Of the network.
    steps : int
        Of each training: the search, two for the comparison, and the last.
    batch_size : int
    warmup : float
        Share of the search before the loss begins to change.
    outer_steps : int
        How often it changes.
    outer_learning_rate : float, optional
        By how much, at the start; by default 0.02 or, for promises, 0.1.
    hypergradient : {"identity", "neumann", "cg", "unrolled", "exact"}, optional
        How the gradient through training is estimated; "exact" is for a linear model of the
        features, which is solved instead of trained. By default "identity", the cheapest, or "cg"
        for promises, where networks do not learn their rows by heart, unless the weight decay is
        decoupled.
    validation_fraction : float
        Share of the rows that the loss is judged on, by class and group.
    compare : bool
        Whether the loss found is used only if it is better than the one begun with, on rows that it
        was not searched on, by a standard error (of promises, at all).
    how : {"crossed", "each", "lattice"}
        What several sensitive features mean; a row takes its terms from one group.
    positive : optional
        Of two classes, the one that rates such as selection speak of; the larger by default.
    random_state : int, RandomState or None
    device : str

    Attributes
    ----------
    classes_ : ndarray, shape (k,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X is a dataframe.
    groups_ : tuple of str or None
    loss_ : ParametricCrossEntropy
        With which the network was trained. Its classes are those of ``model_.classes``.
    trajectory_ : Trajectory
        The terms along the search.
    augmentation_ : PersonalisedAugmentation or None
        By which rows were changed in the last training.
    choice_ : Choice or None
        How what was found compares with what was begun with.
    model_ : Model
        What predicts; it can be saved on its own.

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise.learn import AutoBalanceClassifier
    >>> random = np.random.default_rng(0)
    >>> y = (random.random(2000) < 0.05).astype(int)
    >>> X = random.normal(size=(2000, 4)) + y[:, None]
    >>> fair = AutoBalanceClassifier(hidden=(), steps=200, random_state=0).fit(X, y)
    >>> bool((fair.predict(X) == y)[y == 1].mean() > 0.7)
    True
    """

    def __init__(
        self,
        objective: str | Constraint | Sequence[str | Constraint] = "balanced",
        *,
        weight_ce: float | None = None,
        learn: Sequence[Term] | None = None,
        dictionary: str | int | ArrayLike | None = None,
        start: Start | None = None,
        augment: int = 0,
        hidden: tuple[int, ...] = TrainingSettings.hidden,
        optimizer: str = TrainingSettings.optimizer,
        learning_rate: float = TrainingSettings.learning_rate,
        weight_decay: float = TrainingSettings.weight_decay,
        steps: int = TrainingSettings.steps,
        batch_size: int = TrainingSettings.batch_size,
        warmup: float = SearchSettings.warmup,
        outer_steps: int = SearchSettings.outer_steps,
        outer_learning_rate: float | None = None,
        hypergradient: HyperGradientName | None = None,
        validation_fraction: float = 0.2,
        compare: bool = True,
        how: How = "crossed",
        positive: Any = None,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.objective = objective
        self.weight_ce = weight_ce
        self.learn = learn
        self.dictionary = dictionary
        self.start = start
        self.augment = augment
        self.hidden = hidden
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = steps
        self.batch_size = batch_size
        self.warmup = warmup
        self.outer_steps = outer_steps
        self.outer_learning_rate = outer_learning_rate
        self.hypergradient = hypergradient
        self.validation_fraction = validation_fraction
        self.compare = compare
        self.how = how
        self.positive = positive
        self.random_state = random_state
        self.device = device

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        *,
        sensitive_features: Any = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Search a loss and train with it.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)
            A pandas, polars or pyarrow table of numbers and categories, or an array of numbers.
            Missing values are handled.
        y : array-like, shape (n,)
            Labels of two or more classes.
        sensitive_features : optional
            With them the terms are of classes in groups. Not needed to predict.
        sample_weight : array-like, shape (n,), optional
            What each row counts, in the training loss and in what it is designed for; rows of
            weight 0 are left out altogether.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For input that cannot be learnt from, before any training.
        FloatingPointError
            If training diverges.
        """
        settings = TrainingSettings(
            "erm",
            self.hidden,
            self.optimizer,
            self.learning_rate,
            self.weight_decay,
            self.steps,
            self.batch_size,
        )
        check_scalar(
            self.validation_fraction,
            "validation_fraction",
            Real,
            min_val=0,
            max_val=1,
            include_boundaries="neither",
        )
        frame = read_frame(self, X, reset=True)
        self.classes_, self._order, codes = read_labels(y, len(frame), self.positive)
        weights, counted = read_weights(sample_weight, codes)
        groups = None
        if sensitive_features is not None:
            groups = Groups.of(sensitive_features, self.how)
            if groups.n_rows != len(codes):
                raise ValueError(
                    f"sensitive_features has {groups.n_rows:,} rows, but y has {len(codes):,}."
                )
        if weights is not None and len(counted) < len(codes):
            frame, codes, weights = frame[counted.tolist()], codes[counted], weights[counted]
            groups = None if groups is None else groups.take(counted)
        k = len(self.classes_)
        n_groups = None if groups is None else len(groups)
        objective = make_objective(self.objective, self.weight_ce, k, n_groups)
        judge = make_judge(self.objective, k, n_groups)
        how = self._search_settings(of_promises=judge is not None)
        encoder = TableEncoder.fit(frame)
        rows = Rows.of(encoder.transform(frame), codes, groups, weights, device=self.device)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        of_group = None if groups is None else groups.codes
        counts = cell_counts(
            codes,
            k,
            of_group,
            None if of_group is None else n_groups,
            None if rows.weights is None else rows.weights.cpu(),
        )
        usual: Start = "cross-entropy" if judge else "logit-adjusted"
        start = usual if self.start is None else self.start
        prior = make_prior(counts, how.learn, self._dictionary(), start).to(self.device)

        policies = self._policies(encoder, counts)

        def make_network() -> OneMLP:
            stack = StackedMLP(rows.features.shape[1], settings.hidden, k, [seed])
            return OneMLP(stack).to(self.device)

        found = balance(
            make_network,
            rows,
            k,
            prior,
            objective,
            settings,
            how,
            seed,
            validation_fraction=self.validation_fraction,
            compare=self.compare,
            judge=judge,
            # The loss begun with does nothing for a promise: to stay with it is no caution.
            needed=0.0 if judge else Choice.needed,
            augment=None if policies is None else policies.to(self.device),
            class_names=self.classes_[self._order].tolist(),
        )
        self.groups_ = None if groups is None else groups.names
        self.loss_ = found.loss
        self.trajectory_ = found.trajectory
        self.augmentation_ = found.augment
        self.choice_ = found.choice
        self.model_ = Model(
            encoder,
            as_stack(found.network).cpu(),
            tuple(self.classes_[self._order].tolist()),
            {
                "objective": str(self.objective),
                "training": settings.to_dict(),
                "choice": None if found.choice is None else found.choice.to_dict(),
                "seed": seed,
            },
        )
        return self

    def _dictionary(self) -> str | int | ArrayLike | None:
        """What is given for each class, in the order of the codes."""
        given = self.dictionary
        if given is None or isinstance(given, str | int | np.integer):
            return given
        rows = np.asarray(to_numpy(given, "dictionary"))
        return rows[self._order] if len(rows.shape) and len(rows) == len(self._order) else rows

    def _policies(
        self, encoder: TableEncoder, counts: NDArray[np.int64]
    ) -> PersonalisedAugmentation | None:
        if isinstance(self.augment, bool):
            raise TypeError(f"augment must be a number of policies, not {self.augment}.")
        check_scalar(self.augment, "augment", Integral, min_val=0, max_val=len(counts))
        if not self.augment:
            return None
        rows = np.maximum(counts if counts.ndim == 1 else counts.sum(1), 1)
        clusters = frequency_clusters(rows, int(self.augment))
        return PersonalisedAugmentation(encoded_operations(encoder), clusters)

    def _search_settings(self, *, of_promises: bool) -> SearchSettings:
        usual = SearchSettings.for_promises() if of_promises else SearchSettings()
        if find_optimizer(self.optimizer) in DECOUPLED:  # whose decay is in no Hessian
            usual = replace(usual, hypergradient="identity")
        given: dict[str, Any] = {
            "learn": tuple(self.learn) if isinstance(self.learn, list) else self.learn,
            "learning_rate": self.outer_learning_rate,
            "hypergradient": self.hypergradient,
        }
        given = {name: value for name, value in given.items() if value is not None}
        return replace(usual, warmup=self.warmup, outer_steps=self.outer_steps, **given)
