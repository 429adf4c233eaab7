"""A classifier that keeps a promise about groups that are known with noise only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import narwhals as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from equipoise.constraints import Constraint
from equipoise.groups import Groups, How
from equipoise.learn.inputs import read_labels, read_weights
from equipoise.learn.noisy.chances import default_estimator, learn_chances, predict_chances
from equipoise.learn.noisy.inequalities import Asked, needs_level
from equipoise.learn.noisy.kept import Kept, measure_kept
from equipoise.learn.noisy.moments import Moments
from equipoise.learn.noisy.pool import Scored
from equipoise.learn.noisy.rules import RandomRule, Rule
from equipoise.learn.noisy.solve import Task, solve
from equipoise.learn.promises import as_promises
from equipoise.learn.support import require_support

Array = NDArray[np.float64]
Codes = NDArray[np.int64]
