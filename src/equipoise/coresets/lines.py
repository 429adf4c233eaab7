"""The coreset of Huang, Jiang and Vishnoi, as in their theory: points on lines through centres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.batches import cut
from equipoise.coresets.checks import as_count, as_positive
from equipoise.coresets.coreset import Coreset
from equipoise.coresets.distances import nearest
from equipoise.coresets.lloyd import refine
from equipoise.coresets.local_search import search_drawn
from equipoise.coresets.projection import replaced
from equipoise.coresets.seeding import draw_seeds

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# What is known of the least cost: it is no less than that of centres found by seeding, local search
# and Lloyd's steps, divided by this. The worst case of local search alone is 5 (z = 1) and 25
# (z = 2); to allow for it would make every coreset that much larger.
_APPROXIMATION = 2.0
# Lines are found without looking at the net; beyond this nearly every point has one of its own.
_LARGEST_NET = 10**6


@dataclass(frozen=True)
class Lines:
    """Points projected on lines through approximate centres, and cut into batches on each [1]_.

    From each of k centres that are nearly optimal, every direction is within an angle of O(eps)
    of one of a net [2]_; a point goes to the line of the net that its direction belongs to, which
    moves it by at most O(eps) times its distance from the centre. On each line each collection
    is cut into batches by itself; see :mod:`equipoise.coresets.batches`.

    Parameters
    ----------
    n_clusters : int
        k.
    eps : float
        For up to k centres anywhere, and any masses of collections in clusters, the cost on the
        coreset is within a factor 1 ± eps of that of the points, if the approximate centres
        cost at most twice the least. Errors that were seen were below a tenth of eps.

    Attributes
    ----------
    size : int
        0: how many points there will be follows from `eps`, and there is no coreset so small that
        it would be left as it is. See :func:`equipoise.coresets.with_size` for the converse.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if z is neither 1 nor 2, or the net would have
        more than 10^6 directions: their number grows with eps^(1-d), and so does the coreset.

    Notes
    -----
    Half of eps is for projection: the angle's sine is at most eps / (2 a) for z = 1, where a = 2
    is how far the centres are taken to be from optimal, and (sqrt(1 + eps/2) - 1) / sqrt(a) for
    z = 2. Errors of batches on a line, with thresholds eps h / (30 k) and eps^2 h / (200 k^2) where
    h is what the points of the batches' line and collection cost at its centre, are within the
    other half. In one dimension there is but one line, the same for all centres.

    The net has the directions to the cells of a grid on the faces of a cube. A point's cell is
    found by rounding, so lines without points cost nothing.

    References
    ----------
    .. [1] L. Huang, S. H.-C. Jiang, N. K. Vishnoi. Coresets for clustering with fairness
       constraints. NeurIPS 2019, Sections 4 and 5.
    .. [2] S. Har-Peled, A. Kushal. Smaller coresets for k-median and k-means clustering. Discrete
       & Computational Geometry 37, 2007.
    """

    n_clusters: int
    eps: float

    def __post_init__(self) -> None:
        as_count(self.n_clusters, "n_clusters")
        as_positive(self.eps, "eps")

    @property
    def size(self) -> int:
        """No coreset is small enough already."""
        return 0

    def __call__(self, larger: Coreset, random: np.random.Generator) -> Coreset:
        """Project the points of a coreset, and batch them.

        Parameters
        ----------
        larger : Coreset
            With at least one point.
        random : numpy.random.Generator
            For the approximate centres.

        Returns
        -------
        Coreset
        """
        check_power(larger.power, "Lines")
        X, w, power = larger.points, larger.weights, larger.power
        cells = _cells_on_an_edge(self.eps, power, X.shape[1])
        centres = _approximate_centres(X, w, self.n_clusters, power, random)
        labels, squares = nearest(X, centres)
        if X.shape[1] == 1:
            of = np.zeros(len(X), np.int64)
            origins, directions = np.zeros_like(X), np.ones_like(X)
            costs = w * np.sqrt(squares) ** power
        else:
            origins = centres[labels]
            of, directions = _net_lines(X - origins, cells)
            costs = w * np.abs(((X - origins) * directions).sum(1)) ** power
            of += labels * (cells ** (X.shape[1] - 1) * X.shape[1])
        positions = ((X - origins) * directions).sum(1)
        order = np.lexsort((positions, larger.collections, of))
        starts = first_of_each(of[order], larger.collections[order])
        sums = np.add.reduceat(costs[order], starts)
        thresholds = sums * one_dimensional_share(self.eps, self.n_clusters, power)
        batches = cut(positions[order], w[order], starts, thresholds, power)
        return replaced(larger, order, origins[order], directions[order], positions[order], batches)


def check_power(power: float, builder: str) -> None:
    """Refuse what the one-dimensional construction is not made for.

    Parameters
    ----------
    power : float
        z.
    builder : str
        Who asks.

    Raises
    ------
    ValueError
        If z is neither 1 nor 2.
    """
    if power not in (1, 2):
        raise ValueError(
            f"{builder} is for z = 1 and z = 2, not for z = {power:g}; Stratified and Snap are for "
            "any z."
        )


def one_dimensional_share(eps: float, n_clusters: int, power: float) -> float:
    """The error that a batch may have, in units of the least cost.

    Parameters
    ----------
    eps : float
    n_clusters : int
    power : float
        1 or 2.

    Returns
    -------
    float
    """
    return eps / (30 * n_clusters) if power == 1 else eps**2 / (200 * n_clusters**2)


def first_of_each(*keys: Integers) -> Integers:
    """Where in sorted keys a new combination begins.

    Parameters
    ----------
    *keys : ndarray of int64, shape (n,)
        n at least 1.

    Returns
    -------
    ndarray of int64
    """
    new = np.zeros(len(keys[0]), bool)
    new[0] = True
    for key in keys:
        new[1:] |= key[1:] != key[:-1]
    return np.flatnonzero(new)


def _approximate_centres(
    X: Floats, w: Floats, k: int, power: float, random: np.random.Generator
) -> Floats:
    rows = draw_seeds(X, w, k, power, random).rows
    rows = search_drawn(X, w, rows, power, 2 * k + 10, random)
    return refine(X, w, X[rows], power, max_iter=20)[0]


def _cells_on_an_edge(eps: float, power: float, d: int) -> int:
    """So many that the angle between a direction and that of its cell is as small as it has to be.

    A cube's face is at a distance of 1 and more, and its cells have a radius of
    sqrt(d - 1) / cells, which bounds the sine.
    """
    if power == 1:
        sine = eps / (2 * _APPROXIMATION)
    else:
        sine = (math.sqrt(1 + eps / 2) - 1) / math.sqrt(_APPROXIMATION)
    cells = max(1, math.ceil(math.sqrt(d - 1) / sine))
    if d * cells ** (d - 1) > _LARGEST_NET:
        raise ValueError(
            f"Lines with eps={eps:g} needs a net of {float(d * cells ** (d - 1)):.0e} directions "
            f"in {d} dimensions, where nearly every point would have a line of its own. Make eps "
            "larger, or use Stratified, or LinesAsCoded, which takes directions from the points."
        )
    return cells


def _net_lines(away: Floats, cells: int) -> tuple[Integers, Floats]:
    """The number and the direction of the line of the net that each vector is near to."""
    n, d = away.shape
    face = np.abs(away).argmax(1)
    largest = away[np.arange(n), face]
    scaled = away / np.where(largest == 0, 1.0, largest)[:, None]
    cell = np.minimum(((scaled + 1) * (cells / 2)).astype(np.int64), cells - 1)
    directions = (cell + 0.5) * (2 / cells) - 1
    directions[np.arange(n), face] = 1.0
    cell[np.arange(n), face] = 0
    directions /= np.sqrt((directions**2).sum(1))[:, None]
    of = face
    # The face's own coordinate says nothing: the others are the digits of the cell's number.
    for t in range(d):
        of = np.where(face == t, of, of * cells + cell[:, t])
    return of.astype(np.int64), directions
