"""Prediction by a model that fit has made, which is the same whatever made it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from equipoise.learn.inputs import read_frame
from equipoise.learn.model import Model


class ModelPredictionMixin:
    """For classifiers with ``classes_``, ``model_`` and, from one to the other, ``_order``."""

    classes_: NDArray[Any]
    model_: Model
    _order: NDArray[np.int64]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Probability of each class.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)

        Returns
        -------
        ndarray of float64, shape (n, k)
            Columns in the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.model_.predict_proba(read_frame(self, X, reset=False))[:, self._order]

    def predict(self, X: Any) -> NDArray[Any]:
        """The more probable class of each row.

        Parameters
        ----------
        X : dataframe or array-like, shape (n, d)

        Returns
        -------
        ndarray, shape (n,)
        """
        likely = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likely]

    def save(self, folder: str | Path) -> None:
        """Write the trained model, for ``equipoise predict`` or :meth:`Model.load`.

        Parameters
        ----------
        folder : path
        """
        check_is_fitted(self)
        self.model_.save(folder)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.input_tags.allow_nan = True
        return tags
