"""Polytopes that fall into parts without a constraint in common, each of a known shape."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import scipy
from numpy.typing import NDArray

from equipoise.sampling.exact_shapes import Shape, recognise, recognise_body
from equipoise.sampling.polytope import Polytope
from equipoise.sampling.polytope_errors import SinglePointError

Array = NDArray[Any]


def recognise_product(polytope: Polytope) -> Shape | None:
    """A product of known shapes: its parts are independent.

    Parameters
    ----------
    polytope : Polytope

    Returns
    -------
    Shape or None
        None if there is one part only, or the shape of one is not known.

    Raises
    ------
    EmptyPolytopeError, UnboundedPolytopeError
        If a part is.
    """
    parts = _parts(polytope)
    if len(parts) < 2:
        return None
    shapes = []
    # The smallest first: if one is unknown, that is soonest known.
    for columns in sorted(parts, key=len):
        shape = _shape(_part(polytope, columns))
        if shape is None:
            return None
        shapes.append((columns, shape))
    kinds = Counter(shape.name for _, shape in shapes)
    if set(kinds) == {"point"}:
        return None

    def draw(rng: np.random.Generator, number: int) -> Array:
        points = np.empty((number, polytope.n))
        for columns, shape in shapes:
            points[:, columns] = shape.draw(rng, number)
        return points

    told = [name if count == 1 else f"{name}^{count}" for name, count in sorted(kinds.items())]
    return Shape(
        " x ".join(told),
        draw,
        sum(shape.dimension for _, shape in shapes),
        sum(shape.log_volume for _, shape in shapes),
    )


def _parts(polytope: Polytope) -> list[Array]:
    """Variables by which of them share constraints; those in none are one part."""
    rows = scipy.sparse.vstack([polytope.A_ub, polytope.A_eq], format="csr")
    if (np.diff(rows.indptr) == 0).any():
        return []  # a row of zeros may be a contradiction, and is no part's
    corner = [[None, rows], [rows.T, None]]
    _, label = scipy.sparse.csgraph.connected_components(
        scipy.sparse.block_array(corner, format="csr"), directed=False
    )
    label = label[rows.shape[0] :]
    bare = np.bincount(rows.indices, minlength=polytope.n) == 0
    order = np.argsort(label[~bare], kind="stable")
    cuts = np.flatnonzero(np.diff(label[~bare][order])) + 1
    parts = np.split(np.flatnonzero(~bare)[order], cuts) if not bare.all() else []
    return [*parts, np.flatnonzero(bare)] if bare.any() else list(parts)


def _part(polytope: Polytope, columns: Array) -> Polytope:
    def rows(A: scipy.sparse.csr_array, b: Array) -> tuple[scipy.sparse.csr_array, Array]:
        cut = scipy.sparse.csr_array(A[:, columns])
        mine = np.diff(cut.indptr) > 0
        return cut[mine], b[mine]

    return Polytope(
        *rows(polytope.A_ub, polytope.b_ub),
        *rows(polytope.A_eq, polytope.b_eq),
        np.column_stack([polytope.lower[columns], polytope.upper[columns]]),
        names=[polytope.names[i] for i in columns],
    )


def _shape(part: Polytope) -> Shape | None:
    shape = recognise(part)
    if shape is not None:
        return shape
    try:
        return recognise_body(part.prepare(rounding="none"))
    except SinglePointError as error:
        point = error.point
        return Shape("point", lambda _, number: np.tile(point, (number, 1)), 0, 0.0)
