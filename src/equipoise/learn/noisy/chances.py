"""Models of labels and of noisy groups, by any scikit-learn classifiers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import has_fit_parameter

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


def default_estimator() -> LogisticRegression:
    """Logistic regression by Newton's method, which scales of features do not trouble.

    Returns
    -------
    LogisticRegression
    """
    return LogisticRegression(solver="newton-cholesky", tol=1e-3)


@dataclass(frozen=True, eq=False)
class Learnt:
    """A fitted model of codes, and what it says of the rows it is for.

    Attributes
    ----------
    model : classifier
    chance : ndarray, shape (n, k)
        Of each of k codes.
    """

    model: Any
    chance: Array


def learn_chances(
    estimator: Any,
    X: Any,
    codes: Codes,
    n_codes: int,
    *,
    among: NDArray[np.bool_] | None = None,
    weights: Array | None = None,
    cv: int | None = None,
) -> Learnt:
    """Fit a model of codes given features.

    Parameters
    ----------
    estimator : classifier
        Is cloned.
    X : table or array of n rows
    codes : ndarray of int, shape (n,)
        From 0 to ``n_codes - 1``.
    n_codes : int
    among : ndarray of bool, shape (n,), optional
        The rows to learn from; chances are those of all rows.
    weights : ndarray, shape (n,), optional
    cv : int, optional
        Parts of which each gets its chances from a model of the others; by default rows get them
        from the model that learnt from them.

    Returns
    -------
    Learnt

    Raises
    ------
    ValueError
        If the estimator gives no probabilities or takes no weights where there are some.
    """
    rows = np.arange(len(codes)) if among is None else np.flatnonzero(among)
    model = clone(estimator)
    if len(codes[rows]) and (codes[rows] == codes[rows[0]]).all():
        model, cv = DummyClassifier(strategy="prior"), None  # others refuse to learn one class
    if not hasattr(model, "fit") or not hasattr(model, "predict_proba"):
        raise ValueError(
            f"the estimator {estimator!r} has no predict_proba; give a classifier with "
            "probabilities, such as LogisticRegression()."
        )
    if isinstance(X, np.ndarray):
        some = X if among is None else X[rows]
    else:
        some = X if among is None else _safe_indexing(X, rows)
    fitted = _fit_parameters(model, None if weights is None else weights[rows])
    model.fit(some, codes[rows], **fitted)
    chance = predict_chances(model, X, n_codes)
    if cv is not None:
        predicted = cross_val_predict(
            clone(estimator), some, codes[rows], cv=cv, method="predict_proba", params=fitted
        )
        chance[rows] = _spread(predicted, model, n_codes)
    return Learnt(model, chance)


def predict_chances(model: Any, X: Any, n_codes: int) -> Array:
    """Probabilities of codes by a fitted model.

    Parameters
    ----------
    model : classifier
    X : table or array of n rows
    n_codes : int

    Returns
    -------
    ndarray, shape (n, n_codes)
        0 for codes the model has not met.
    """
    return _spread(model.predict_proba(X), model, n_codes)


def _spread(found: ArrayLike, model: Any, n_codes: int) -> Array:
    chances = np.asarray(found, dtype=np.float64)
    if chances.shape[1] == n_codes:
        return chances
    spread = np.zeros((len(chances), n_codes))
    spread[:, np.asarray(model.classes_, dtype=np.int64)] = chances
    return spread


def _fit_parameters(model: Any, weights: Array | None) -> dict[str, Array]:
    if weights is None:
        return {}
    name, last = "sample_weight", model
    while isinstance(last, Pipeline):
        step, last = last.steps[-1]
        name = f"{step}__{name}"
    if not has_fit_parameter(last, "sample_weight"):
        raise ValueError(
            f"sample_weight is given, but {type(last).__name__} takes none; leave it out, or give "
            "another estimator."
        )
    return {name: weights}
