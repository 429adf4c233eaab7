"""How many points a coreset should have: a rule that was measured, not proved."""

from __future__ import annotations

import math

from equipoise.coresets.allocation import A_COLLECTION_WANTS
from equipoise.coresets.checks import as_count, as_power

# Of the square root of k over the size: k-median and other z; for one collection, for several.
_MEDIAN = (0.15, 0.25)
_OTHERWISE = (0.25, 0.4)

_MOST = 2**62


def suggest_size(eps: float, n_clusters: int, power: float = 2.0, n_collections: int = 1) -> int:
    """Points that :class:`equipoise.coresets.Stratified` needs for an error, by experience.

    The largest relative error of the cost, over 45 sets of centres of many kinds (rows at random,
    k-means++, near the best, clumped), was at most 0.15 sqrt(k / m) for k-median and
    0.25 sqrt(k / m) for k-means in the mean over runs. This is an **empirical rule and no
    guarantee**: what has a guarantee has sizes that nobody could use.

    It was measured with m / k from 25 to 400 on 50,000 points: Gaussian mixtures with clusters of
    very unequal sizes and outliers (d = 2, 10, 50; k = 5 to 50), the uniform cube (d = 2, 10), and
    Student's t with 2.5 degrees of freedom (d = 3, 10). The rule is set by the hardest, the
    cube; where there are clusters to find, errors were two to twenty times smaller. Single runs
    vary by a factor of two.

    Parameters
    ----------
    eps : float
        The largest relative error that is wished for, between 0 and 1.
    n_clusters : int
        k.
    power : float
        z. What was measured for 2 is taken for all but 1.
    n_collections : int
        With several, the rule has 0.25 and 0.4, and at least 20 points a collection. Measured on
        costs under constraints on the masses of 9, 14 and 20 collections in k = 3 clusters of
        three tables of people, with 184 to 3,200 points: there it was 0.07 to 0.24 for k-median,
        0.05 to 0.39 for k-means.

    Returns
    -------
    int
        m: to be compared with the number of rows, which is not known here.

    Raises
    ------
    ValueError
        If eps is not between 0 and 1, or another number is none.

    Examples
    --------
    >>> from equipoise.coresets import suggest_size
    >>> suggest_size(0.02, n_clusters=10)
    1563
    """
    if isinstance(eps, bool) or not isinstance(eps, int | float) or not 0 < eps < 1:
        raise ValueError(f"eps must be between 0 and 1, an error to be hoped for, not {eps!r}.")
    k = as_count(n_clusters, "n_clusters")
    g = as_count(n_collections, "n_collections")
    constant = (_MEDIAN if as_power(power) == 1 else _OTHERWISE)[g > 1]
    # Fewer rows than this there are anyway, and what is more than floats hold could not be counted.
    hoped = math.ceil(min(k * (constant / max(eps, 1e-100)) ** 2, _MOST))
    return max(hoped, A_COLLECTION_WANTS * g, k)
