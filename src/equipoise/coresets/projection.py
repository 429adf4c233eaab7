"""Points that were projected on lines and cut into batches, as a coreset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from equipoise.coresets.batches import means, pairs
from equipoise.coresets.coreset import Coreset

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def replaced(
    larger: Coreset,
    order: Integers,
    origins: Floats,
    directions: Floats,
    positions: Floats,
    starts: Integers,
) -> Coreset:
    """The one or two points of each batch, put back in space.

    A batch of equal points needs no line: it stays where it is, and its error is 0.

    Parameters
    ----------
    larger : Coreset
        Whose points were projected; for z = 1 or z = 2.
    order : ndarray of int64, shape (n,)
        Numbers of its points, batch by batch, in each as they lie on the line. What follows is in
        this order. All points of a batch are of one line and one collection.
    origins, directions : ndarray of float64, shape (n, d)
        The line of each point; directions have length 1.
    positions : ndarray of float64, shape (n,)
        Where on its line each point is.
    starts : ndarray of int64, shape (b,)
        Where in `order` each batch begins.

    Returns
    -------
    Coreset
        With the least movement for z = 2 and that onto the means for z = 1, both from the points
        themselves, not their projections. Its offset is 0, as the construction has it: what
        points lose that are projected depends on the centres that they are seen from.
    """
    X, w = larger.points[order], larger.weights[order]
    batch = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(X)))
    changes = np.ones(len(X), bool)
    changes[1:] = (X[1:] != X[:-1]).any(1)
    changes[starts] = False
    alike = np.bincount(batch, changes, len(starts)) == 0
    o, u, first = origins[starts], directions[starts], X[starts]
    rows = np.where(alike, order[starts], -1)
    collections = larger.collections[order[starts]]
    if larger.power == 1:
        at, masses = means(positions, w, starts)
        S = np.where(alike[:, None], first, o + at[:, None] * u)
        moved = w * np.sqrt(((X - S[batch]) ** 2).sum(1))
    else:
        two, twice, along = pairs(positions, w, starts)
        S = np.where(
            alike[:, None, None], first[:, None], o[:, None] + two[:, :, None] * u[:, None]
        )
        masses = np.where(alike[:, None], [1.0, 0.0] * twice.sum(1, keepdims=True), twice).ravel()
        S, rows, collections = S.reshape(-1, X.shape[1]), rows.repeat(2), collections.repeat(2)
        # Across the line and along it: Pythagoras.
        across = w * ((X - origins - positions[:, None] * directions) ** 2).sum(1)
        moved = np.append(across[~alike[batch]], along[~alike])
    kept = masses > 0
    return Coreset(
        S[kept],
        masses[kept],
        collections[kept],
        rows[kept],
        larger.power,
        movement=float(moved.sum()),
        n_rows=larger.n_rows,
    )
