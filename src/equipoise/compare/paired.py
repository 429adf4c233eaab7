"""Two contenders over the same seeds: by how much they differ, and how surely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from equipoise.audit import Estimate
from equipoise.audit.result import require_settings
from equipoise.compare.signed_rank import (
    as_differences,
    exact_p,
    smallest_p,
    typical_difference,
)


@dataclass(frozen=True)
class PairedSeeds:
    """A figure of two contenders, trained with the same seeds.

    Intervals and p-value are about new seeds, on the very test rows at hand;
    :func:`equipoise.compare.nested.nested_difference` is about new rows too.

    Attributes
    ----------
    n_seeds : int
    mean : Estimate
        Of the second's figure less the first's, with a BCa bootstrap interval (Efron 1987, JASA
        82). Of 20 seeds it covers 0.93 where it says 0.95, of even differences and skewed ones.
    typical : Estimate
        The same by Hodges and Lehmann, with the interval of the signed-rank test.
    p : float
        Of the exact two-sided signed-rank test.
    smallest_p : float
        The least that this number of seeds can have.
    """

    n_seeds: int
    mean: Estimate
    typical: Estimate
    p: float
    smallest_p: float

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON can hold them; None for what is undefined or infinite."""
        return {
            "n_seeds": self.n_seeds,
            "mean": _finite(self.mean),
            "typical": _finite(self.typical),
            "p": self.p,
            "smallest_p": self.smallest_p,
        }


def compare_seeds(
    first: ArrayLike,
    second: ArrayLike,
    *,
    confidence: float = 0.95,
    n_boot: int = 9999,
    random_state: int = 0,
) -> PairedSeeds:
    """Compare a figure of two contenders over the seeds that both were trained with.

    Parameters
    ----------
    first, second : array-like, shape (s,)
        A figure of each seed, in the same order; at least two.
    confidence : float
    n_boot : int
        Resamples of the seeds.
    random_state : int

    Returns
    -------
    PairedSeeds
        Of the second less the first.

    Raises
    ------
    ValueError
        If the numbers of seeds differ, there are fewer than two, a figure is not finite, the
        confidence is not between 0 and 1, or there are fewer than 100 resamples.

    Examples
    --------
    >>> from equipoise.compare import compare_seeds
    >>> both = compare_seeds([0.2, 0.3, 0.25, 0.22], [0.1, 0.2, 0.2, 0.21])
    >>> both.p, both.smallest_p
    (0.125, 0.125)
    """
    one, other = (np.asarray(figures, np.float64) for figures in (first, second))
    if one.shape != other.shape:
        raise ValueError(
            f"first and second must be figures of the same seeds, but have shapes {one.shape} and "
            f"{other.shape}."
        )
    differences = as_differences(other - one)
    if len(differences) < 2:
        raise ValueError("first and second must have at least two seeds, not one.")
    require_settings(confidence, n_boot)
    return PairedSeeds(
        len(differences),
        _mean(differences, confidence, n_boot, random_state),
        typical_difference(differences, confidence),
        exact_p(differences),
        smallest_p(len(differences)),
    )


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """P-values of a whole table, adjusted so that all of its statements hold together.

    Holm 1979 (Scandinavian Journal of Statistics 6): where those of at most alpha are called
    differences, the probability of calling any that is none is at most alpha, whatever depends on
    what.

    Parameters
    ----------
    p_values : array-like, any shape
        Of every test that was looked at.

    Returns
    -------
    ndarray of float64, the same shape

    Raises
    ------
    ValueError
        If one is not between 0 and 1.
    """
    given = np.asarray(p_values, np.float64)
    flat = given.ravel()
    if not ((flat >= 0) & (flat <= 1)).all():
        raise ValueError(
            "p_values must lie between 0 and 1; leave out tests that could not be done."
        )
    order = np.argsort(flat, kind="stable")
    stepped = np.maximum.accumulate(flat[order] * np.arange(len(flat), 0, -1))
    adjusted = np.empty_like(flat)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.reshape(given.shape)


def _mean(
    differences: NDArray[np.float64], confidence: float, n_boot: int, random_state: int
) -> Estimate:
    mean = float(differences.mean())
    if np.ptp(differences) == 0:  # of which no resample differs
        return Estimate(mean, mean, mean)
    found = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=n_boot,
        confidence_level=confidence,
        method="BCa",
        random_state=np.random.default_rng(random_state),
    ).confidence_interval
    return Estimate(mean, float(found.low), float(found.high))


def _finite(estimate: Estimate) -> dict[str, float | None]:
    return {
        name: float(value) if np.isfinite(value) else None
        for name, value in estimate._asdict().items()
    }
