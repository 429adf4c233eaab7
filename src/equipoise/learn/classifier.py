"""A scikit-learn classifier that is trained to keep a promise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state

from equipoise.constraints import Constraint
from equipoise.data import split
from equipoise.groups import Groups, How
from equipoise.learn.encoder import TableEncoder
from equipoise.learn.ending import JUDGED
from equipoise.learn.inputs import read_frame, read_labels, read_weights
from equipoise.learn.methods import find_method
from equipoise.learn.model import Model
from equipoise.learn.prediction import ModelPredictionMixin
from equipoise.learn.problem import Rows
from equipoise.learn.promises import as_promises
from equipoise.learn.support import require_support
from equipoise.learn.train import TrainingSettings, train
from equipoise.noise import NoisyGroups


class FairClassifier(ModelPredictionMixin, ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A neural network trained under a promise about groups.

    Parameters
    ----------
    constraint : str or Constraint, or a sequence of them, optional
        What is promised, such as ``'gap("selection") <= 0.05'``; several promises are about the
        same groups. Without one it is an ordinary classifier.
    method : str
        How it is trained for the promise, one of :data:`equipoise.learn.METHODS`: "alm",
        "penalty", "ssl-alm", "switching", "ghost", ... ; "erm" takes no notice of it.
    hidden : tuple of int
        Units of each hidden layer; ``()`` is a logistic regression.
    optimizer : str
        What takes the steps: one of torch's optimizers that act on each coordinate alone, or
        Momentum, Nesterov, NormalisedSGD, SignSGD, Lion, Adafactor, Muon, SOAP, Sophia; or SAM
        (around Momentum) or SAMAdam, which compute two gradients a step.
    learning_rate : float
        At the start; it falls to 0 along a cosine.
    weight_decay : float
    steps : int
        Number of optimizer steps, whatever the number of rows.
    batch_size : int
    iterate : {"best", "last", "average", "mixture"}
        Which iterate training ends with: of the last ones the one with the least loss that keeps
        the promise; simply the last; their average; or a random choice among iterates, which
        keeps the promise in expectation and is drawn for each row by a hash of its features.
    validation_fraction : float
        What share of the rows, by group and label, is not learnt from: there the iterates are
        judged instead, so that a network that learns its rows by heart keeps the promise on
        others too. It takes groups large enough to judge on; 0 judges on the rows learnt from.
        Nothing is held out where nothing is judged: without a promise, with a method that does not
        heed it, or where the last iterate or the average is kept.
    margin : float
        By how much training is asked to keep more than the promise, in units of the disparity.
    how : {"crossed", "each", "lattice"}
        Whether several sensitive features mean their intersections, stand side by side, or both.
    positive : optional
        Of two classes, the one that rates such as selection speak of; the larger by default.
    random_state : int, RandomState or None
        Decides initial weights and the order of rows.
    device : str
        Where torch trains, such as ``"cpu"`` or ``"cuda"``.

    Attributes
    ----------
    classes_ : ndarray, shape (k,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Where X is a dataframe.
    groups_ : tuple of str or None
        The groups compared in training.
    model_ : Model
        What predicts; it can be saved on its own.
    history_ : History
        Loss, accuracy, disparities and multiplier along the training.

    Examples
    --------
    >>> import numpy as np
    >>> from equipoise import FairClassifier
    >>> random = np.random.default_rng(0)
    >>> group = random.integers(0, 2, 2000)
    >>> X = random.normal(size=(2000, 3)) + group[:, None]
    >>> y = (X.sum(axis=1) > 1.5).astype(int)
    >>> fair = FairClassifier('gap("selection") <= 0.1', steps=300, random_state=0)
    >>> decisions = fair.fit(X, y, sensitive_features=group).predict(X)
    >>> bool(abs(decisions[group == 1].mean() - decisions[group == 0].mean()) < 0.15)
    True
    """

    def __init__(
        self,
        constraint: str | Constraint | Sequence[str | Constraint] | None = None,
        method: str = "alm",
        *,
        hidden: tuple[int, ...] = TrainingSettings.hidden,
        optimizer: str = TrainingSettings.optimizer,
        learning_rate: float = TrainingSettings.learning_rate,
        weight_decay: float = TrainingSettings.weight_decay,
        steps: int = TrainingSettings.steps,
        batch_size: int = TrainingSettings.batch_size,
        iterate: str = TrainingSettings.iterate,
        validation_fraction: float = 0.0,
        margin: float = 0.0,
        how: How = "crossed",
        positive: Any = None,
        random_state: Any = None,
        device: str = "cpu",
    ) -> None:
        self.constraint = constraint
        self.method = method
        self.hidden = hidden
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.steps = steps
        self.batch_size = batch_size
        self.iterate = iterate
        self.validation_fraction = validation_fraction
        self.margin = margin
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
        """Train on rows.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)
            A pandas, polars or pyarrow table of numbers and categories, or an array of numbers.
            Missing values are handled.
        y : array-like, shape (n,)
            Labels of two or more classes.
        sensitive_features : optional
            Needed where there is a constraint: one or several columns of n values, a table, or
            Groups. Not needed to predict. Of NoisyGroups the promise is about the true groups.
        sample_weight : array-like, shape (n,), optional
            What each row counts, in the loss and in the rates of the promise.

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
        if not 0 <= self.validation_fraction < 1:
            raise ValueError(
                f"validation_fraction must be at least 0 and below 1, not "
                f"{self.validation_fraction}."
            )
        promises = as_promises(self.constraint)
        asked = [promise.tightened(self.margin) for promise in promises]
        settings = TrainingSettings(
            self.method,
            self.hidden,
            self.optimizer,
            self.learning_rate,
            self.weight_decay,
            self.steps,
            self.batch_size,
            self.iterate,
        )
        frame = read_frame(self, X, reset=True)
        # Rates speak of the last of two classes, whatever their order in classes_.
        self.classes_, self._order, codes = read_labels(y, len(frame), self.positive)
        weights, counted = read_weights(sample_weight, codes)
        groups = self._groups(sensitive_features, promises, codes, counted)
        encoder = TableEncoder.fit(frame)
        rows = Rows.of(encoder.transform(frame), codes, groups, weights, device=self.device)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        validation = None
        judged = settings.iterate in JUDGED and find_method(settings.method).heeds_constraint
        if asked and self.validation_fraction and judged:
            learnt, held = self._hold_out(rows, promises, seed)
            rows, validation = rows.take(learnt), rows.take(held)
        trained = train(rows, len(self.classes_), [seed], settings, asked, validation=validation)
        self.groups_ = None if groups is None else groups.names
        self.history_ = trained.history
        self.model_ = Model(
            encoder,
            trained.network.cpu(),
            tuple(self.classes_[self._order].tolist()),
            {
                "constraint": ", ".join(map(str, promises)) or None,
                "asked_of_training": ", ".join(map(str, asked)) or None,
                "training": settings.to_dict(),
                "seed": seed,
            },
        )
        return self

    def _groups(
        self,
        sensitive_features: Any,
        promises: list[Constraint],
        codes: NDArray[np.int64],
        counted: NDArray[np.int64],
    ) -> Groups | NoisyGroups | None:
        if not promises:
            return None
        if sensitive_features is None:
            raise ValueError(
                f"the constraint {promises[0]} compares groups: pass sensitive_features to fit."
            )
        groups = sensitive_features
        if not isinstance(groups, NoisyGroups):
            groups = Groups.of(sensitive_features, self.how)
        if groups.n_rows != len(codes):
            raise ValueError(
                f"sensitive_features has {groups.n_rows:,} rows, but y has {len(codes):,}."
            )
        self._require_support(promises, codes, groups, counted, "the rows to train on")
        return groups

    def _require_support(
        self,
        promises: list[Constraint],
        codes: NDArray[np.int64],
        groups: Groups | NoisyGroups,
        counted: NDArray[np.int64],
        where: str,
    ) -> None:
        # Rows of weight 0 support nothing.
        classes, some = self.classes_[self._order].tolist(), groups.take(counted)
        for promise in promises:
            require_support(promise, codes[counted], some, classes, where)

    def _hold_out(
        self, rows: Rows, promises: list[Constraint], seed: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        codes, groups = rows.label.cpu().numpy(), rows.members
        assert groups is not None
        strata = rows.cells(len(self.classes_))
        share = self.validation_fraction
        parts = split(strata, {"training": 1 - share, "validation": share}, seed)
        for name, chosen in parts.items():
            counted = chosen
            if rows.weights is not None:
                counted = chosen[rows.weights.cpu().numpy()[chosen] > 0]
            where = f"the {name} rows (validation_fraction = {share:g})"
            self._require_support(promises, codes, groups, counted, where)
        return parts["training"], parts["validation"]
