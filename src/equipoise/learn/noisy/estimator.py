"""A classifier that keeps a promise about groups that are known with errors only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from equipoise.constraints import Constraint
from equipoise.groups import Groups, How
from equipoise.learn.inputs import read_labels, read_weights
from equipoise.learn.noisy.chances import default_estimator, learn_chances
from equipoise.learn.noisy.inequalities import Asked, needs_level
from equipoise.learn.noisy.kept import Kept, measure_kept
from equipoise.learn.noisy.moments import Moments
from equipoise.learn.noisy.rules import RandomRule, Rule
from equipoise.learn.noisy.scores import Models, learn_models
from equipoise.learn.noisy.solve import Task, solve
from equipoise.learn.promises import as_promises
from equipoise.learn.support import require_support
from equipoise.noise import FlipMatrix, NoisyGroups

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


class DenoisedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Any classifier, made to keep a promise about groups that are observed with errors.

    Celis, Huang, Keswani and Vishnoi, "Fair classification with noisy protected attributes: a
    framework with provable guarantees" (ICML 2021, arXiv 2006.04778), solved by a plug-in rule:
    with models of labels and of observed groups the best rule for given multipliers is known in
    closed form, multipliers are found by cutting planes, and what they leave to chance is drawn.
    The rule decides by the features alone; groups are not needed to predict.

    Parameters
    ----------
    constraint : str or Constraint, or a sequence of them, optional
        What is promised of the true groups, such as ``'ratio("selection") >= 0.8'``, which is the
        paper's tau of the statistical rate. Any counted rate can be promised of two classes; of
        those whose denominators move with decisions (``false_discovery``, ``false_omission``,
        ``predictive_value``) one gap or ratio at once, for which a level is searched. Without a
        promise it is the estimator alone, deciding at one half.
    estimator : classifier, optional
        Of labels, with ``predict_proba``; logistic regression by default.
    group_estimator : classifier, optional
        Of the groups that are observed, given features; by default as the estimator.
    noise : FlipMatrix or what :meth:`equipoise.noise.NoisyGroups.of` takes as ``p_flip``, optional
        How often the groups are observed as others. Not where fit is given NoisyGroups, which know
        it; without either groups are taken as they are observed.
    floor : float
        The paper's lambda: what share of all rows is at least in the event in each group where a
        ratio is promised (as those selected in each group), so that it is no ratio of nothings.
        For gaps and worst rates it bounds the denominators that move with decisions.
    slack : float
        The paper's delta: by how much floor and bounds are relaxed. 0 keeps the promise on the
        rows; the paper relaxes it by .01 for the noise of the sample.
    cv : int, optional
        Folds in which each row's probabilities come from models that have not learnt it, needed
        where estimators learn rows by heart, as forests do.
    how : {"crossed", "each", "lattice"}
        What several sensitive features mean, where no noise is given.
    tolerance : float
        How far the rule may be from the best, as a share of the rows.
    positive : optional
        Of the two classes the one that rates speak of; the larger by default.
    random_state : int, RandomState or None
        Decides the draws of :meth:`predict`.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X is a dataframe.
    groups_ : tuple of str or None
    estimator_ : classifier
        Of labels.
    group_estimators_ : dict of classifier
        Of observed groups: by code of the label, or by -1 for rows of any.
    rule_ : RandomRule
        How decisions are made.
    feasibility_ : tuple of Kept
        Of each promise, its value on the training rows, counted with signed membership, with
        standard errors.
    error_ : float
        The share of errors on the training rows, in expectation over draws.
    gap_ : float
        How much smaller, at most, the modelled share of errors of another rule could be; see
        :class:`equipoise.learn.noisy.Solved`.

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise.learn import DenoisedClassifier
    >>> from equipoise.noise import FlipMatrix, NoisyGroups
    >>> random = np.random.default_rng(0)
    >>> group = random.integers(0, 2, 4000)
    >>> X = random.normal(size=(4000, 3)) + group[:, None]
    >>> y = (X.sum(axis=1) + random.normal(size=4000) > 1.5).astype(int)
    >>> seen = np.where(random.random(4000) < np.where(group == 0, 0.3, 0.1), 1 - group, group)
    >>> noisy = NoisyGroups.of(seen, p_flip={("0", "1"): 0.3, ("1", "0"): 0.1})
    >>> fair = DenoisedClassifier('ratio("selection") >= 0.8', random_state=0)
    >>> fair = fair.fit(X, y, sensitive_features=noisy)
    >>> fair.feasibility_[0].kept
    True
    >>> chance = fair.predict_proba(X)[:, 1]
    >>> bool(0.7 < chance[group == 0].mean() / chance[group == 1].mean() < 0.9)
    True
    """

    def __init__(
        self,
        constraint: str | Constraint | Sequence[str | Constraint] | None = None,
        estimator: Any = None,
        *,
        group_estimator: Any = None,
        noise: Any = None,
        floor: float = 0.01,
        slack: float = 0.0,
        cv: int | None = None,
        how: How = "crossed",
        tolerance: float = 1e-5,
        positive: Any = None,
        random_state: Any = None,
    ) -> None:
        self.constraint = constraint
        self.estimator = estimator
        self.group_estimator = group_estimator
        self.noise = noise
        self.floor = floor
        self.slack = slack
        self.cv = cv
        self.how = how
        self.tolerance = tolerance
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
        """Fit the models and find the rule.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)
            What the estimators take.
        y : array-like, shape (n,)
            Labels of two classes.
        sensitive_features : NoisyGroups, Groups, array-like, mapping or dataframe, optional
            What is observed of the groups; needed where there is a promise.
        sample_weight : array-like, shape (n,), optional
            What each row counts, in the models and in the promise.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For input from which no such rule follows; the message names what is wrong.
        UnreachablePromiseError
            If no rule of the features keeps the promise; it says what can be kept.
        """
        promises = tuple(as_promises(self.constraint))
        self._check_settings()
        X = self._read(X, reset=True)
        self.classes_, self._order, label = self._labels(y, X)
        weights, counted = read_weights(sample_weight, label)
        self._seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        self.groups_: tuple[str, ...] | None = None
        self.feasibility_: tuple[Kept, ...] = ()
        estimator = default_estimator() if self.estimator is None else self.estimator
        if not promises:
            learnt = learn_chances(estimator, X, label, 2, weights=weights)
            self._models = Models(learnt.model, {}, Moments.of(()), np.empty((0, 0)))
            self.rule_ = RandomRule((Rule(1.0, np.empty(0)),), np.ones(1))
            self.gap_ = 0.0
            chance = (learnt.chance[:, 1] >= 0.5).astype(np.float64)
        else:
            groups = self._groups(sensitive_features, promises, label, counted)
            self.groups_ = groups.names
            chance = self._solve(promises, X, label, groups, estimator, weights)
        self.estimator_, self.group_estimators_ = self._models.of_label, self._models.of_groups
        self.error_ = float(np.average(np.where(label == 1, 1 - chance, chance), weights=weights))
        return self

    def _solve(
        self,
        promises: tuple[Constraint, ...],
        X: Any,
        label: Codes,
        groups: Groups | NoisyGroups,
        estimator: Any,
        weights: Array | None,
    ) -> Array:
        moments = Moments.of(promises)
        needs_level(promises, moments)
        self._models, scored = learn_models(
            X,
            label,
            groups,
            moments,
            estimator=estimator,
            group_estimator=estimator if self.group_estimator is None else self.group_estimator,
            weights=weights,
            cv=self.cv,
        )
        codes, patterns = groups.patterns()
        by_label = _by_label(codes, label, patterns.astype(np.float64), weights)
        rest = moments.at_rest(by_label)
        self._require_denominators(groups, moments, rest)
        asked = Asked(promises, self.floor, self.slack)
        task = Task(scored, moments, rest, by_label.sum(axis=0), asked)
        solved = solve(task, tolerance=self.tolerance)
        self.rule_, self.gap_ = solved.rule, solved.gap
        chance = solved.rule.chance(scored.gain, scored.modelled)
        membership = patterns.astype(np.float64)[codes]
        weight = np.ones(len(label)) if weights is None else weights
        self.feasibility_ = tuple(
            measure_kept(promise, chance, label, membership, weight / weight.sum(), _strata(groups))
            for promise in promises
        )
        return chance

    def predict_proba(self, X: Any) -> Array:
        """The chance that each class is decided, which is 0 or 1 for all but a few rows.

        What the model of labels says is ``estimator_.predict_proba``.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)

        Returns
        -------
        ndarray of float64, shape (n, 2)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        X = self._read(X, reset=False)
        chance = self.rule_.chance(*self._models.gain_and_moments(X))
        return np.stack([1 - chance, chance], axis=1)[:, self._order]

    def predict(self, X: Any) -> NDArray[Any]:
        """Decide rows, at random where the rule leaves it to chance.

        The draws are decided by ``random_state``, and are the same each time it is called; of equal
        rows some may be decided otherwise than others.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)

        Returns
        -------
        ndarray, shape (n,)
        """
        chance = self.predict_proba(X)[:, self._order[1]]
        drawn = np.random.default_rng(self._seed).random(len(chance)) < chance
        return self.classes_[self._order[drawn.astype(np.int64)]]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.non_deterministic = self.constraint is not None
        return tags

    def _check_settings(self) -> None:
        for name in ("floor", "slack"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be at least 0 and below 1, not {value!r}.")
        if not self.tolerance > 0:
            raise ValueError(f"tolerance must be above 0, not {self.tolerance!r}.")

    def _read(self, X: Any, *, reset: bool) -> Any:
        if isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame):
            validate_data(self, X, reset=reset, skip_check_array=True)
            return X
        return validate_data(self, X, reset=reset, dtype=None, ensure_all_finite="allow-nan")

    def _labels(self, y: ArrayLike, X: Any) -> tuple[NDArray[Any], Codes, Codes]:
        labels = read_labels(y, len(X), self.positive)
        if len(labels.classes) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"{type_of_target(y)}, with {len(labels.classes)} classes."
            )
        return labels.classes, labels.order, labels.codes

    def _groups(
        self,
        sensitive_features: Any,
        promises: tuple[Constraint, ...],
        label: Codes,
        counted: Codes,
    ) -> Groups | NoisyGroups:
        if sensitive_features is None:
            raise ValueError(
                f"the constraint {promises[0]} compares groups: pass sensitive_features to fit."
            )
        groups: Groups | NoisyGroups
        if isinstance(sensitive_features, NoisyGroups):
            if self.noise is not None:
                raise ValueError(
                    "sensitive_features are NoisyGroups, which know their noise: leave noise out."
                )
            groups = sensitive_features
        elif self.noise is not None:
            groups = NoisyGroups.of(sensitive_features, p_flip=self.noise)
        else:
            groups = Groups.of(sensitive_features, self.how)
        if groups.n_rows != len(label):
            raise ValueError(
                f"sensitive_features has {groups.n_rows:,} rows, but y has {len(label):,}."
            )
        seen = groups.observed if isinstance(groups, NoisyGroups) else groups
        for promise in promises:
            some = seen.take(counted)
            classes = self.classes_[self._order].tolist()
            require_support(promise, label[counted], some, classes, "the rows to train on")
        return groups

    def _require_denominators(
        self, groups: Groups | NoisyGroups, moments: Moments, rest: Array
    ) -> None:
        fixed = rest[moments.n_components :][~moments.fractional]
        if (fixed > 0).all():
            return
        component, group = (int(i) for i in np.argwhere(~(fixed > 0))[0])
        raise ValueError(
            f"by the flip matrix, a share of {fixed[component, group]:.3g} of the rows is in group "
            f"{groups.names[group]!r} and counts for the promise: there are too few rows, or the "
            "flip matrix is another one. Give true flips, join groups, or bring more rows."
        )


def _strata(groups: Groups | NoisyGroups) -> list[tuple[FlipMatrix, NDArray[np.bool_]]]:
    if isinstance(groups, Groups):
        return []
    stratum = np.zeros(groups.n_rows) if groups.stratum is None else groups.stratum
    return [(flips, stratum == s) for s, flips in enumerate(groups.by_stratum)]


def _by_label(codes: Codes, label: Codes, patterns: Array, weights: Array | None) -> Array:
    counts = np.bincount(2 * codes + label, weights, 2 * len(patterns)).reshape(-1, 2)
    return np.asarray(counts.T @ patterns / counts.sum())
