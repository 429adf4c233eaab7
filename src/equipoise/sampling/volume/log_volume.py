"""The volume of a polytope, with a standard error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from equipoise.sampling.analytic_centre import analytic_centre
from equipoise.sampling.body import Body
from equipoise.sampling.choose import lies_along_axes
from equipoise.sampling.exact_shapes import Shape, recognise, recognise_body
from equipoise.sampling.polytope import Polytope
from equipoise.sampling.prepare import rounded
from equipoise.sampling.product_shapes import recognise_product
from equipoise.sampling.volume.estimate import VolumeProgress, estimate
from equipoise.sampling.volume.result import Volume


def log_volume(
    polytope: Polytope | Body,
    *,
    se: float = 0.1,
    method: Literal["auto", "exact", "cooling"] = "auto",
    seed: int = 0,
    n_chains: int = 4,
    workers: int = 1,
    max_steps: int = 2_000_000_000,
    progress: Callable[[VolumeProgress], None] | None = None,
) -> Volume:
    """Estimate the log of a polytope's volume to a standard error.

    Boxes, simplices and their products have closed forms. Otherwise a chain of Gaussians leads
    from one that is mostly inside to the uniform distribution, each so near to the next that
    weights between them vary little, and the log of the volume is a sum of logs of mean weights
    (Gaussian cooling: Cousins and Vempala, "A practical volume algorithm", Mathematical
    Programming Computation 8, 2016). Other than there, the narrowest Gaussian is drawn from
    independently and its share inside is measured; coordinates are drawn in turn, exactly; a
    stage's draws are none of those that chose the schedule; errors come from the
    autocorrelation of the weights within chains and the differences between them; and stages
    get draws as their errors need them, until the standard error is what was asked for.

    Parameters
    ----------
    polytope : Polytope or Body
        Of a body, the volume in the coordinates that it maps to.
    se : float
        Standard error of the log: 0.1 is about ten per cent of the volume. Draws needed go as
        its inverse square.
    method : {"auto", "exact", "cooling"}
        ``auto`` is exact where the shape is recognised.
    seed : int
    n_chains : int
        Two or more.
    workers : int
        Threads, at most one a chain. The result does not depend on how many.
    max_steps : int
        Coordinates drawn, of all chains together.
    progress : callable, optional
        Called with a :class:`VolumeProgress` after each stage is chosen and after each stage is
        drawn from. An exception that it raises ends the estimate.

    Returns
    -------
    Volume

    Warns
    -----
    TooFewDrawsWarning
        If max_steps were spent before the standard error was reached.

    Raises
    ------
    EmptyPolytopeError, UnboundedPolytopeError, SinglePointError
    ValueError
        If a number is out of range, the method is unknown, or ``exact`` is asked of a shape that
        is not recognised.
    TypeError
        If it is neither a polytope nor a body.
    RuntimeError
        If max_steps were spent before all stages were known, so that nothing can be said.
    """
    if not 0 < se < np.inf:
        raise ValueError(f"se is positive, not {se!r}")
    if method not in ("auto", "exact", "cooling"):
        raise ValueError(f"method is 'auto', 'exact' or 'cooling', not {method!r}")
    for name, value, least in (
        ("n_chains", n_chains, 2),
        ("workers", workers, 1),
        ("max_steps", max_steps, 1),
    ):
        if value < least:
            raise ValueError(f"{name} is {least} or more, not {value}")
    if not isinstance(polytope, Polytope | Body):
        raise TypeError(f"polytope is a Polytope or a Body, not {type(polytope).__name__}")
    easy = method != "cooling"
    if isinstance(polytope, Body):
        plain = polytope
    else:
        shape = recognise(polytope) or recognise_product(polytope) if easy else None
        if shape is not None:
            return _exact(shape)
        plain = polytope.prepare(rounding="none")
    shape = recognise_body(plain) if easy else None
    if shape is not None:
        return _exact(shape)
    if method == "exact":
        raise ValueError("the polytope is not seen to be of a known shape: use 'auto'")
    return estimate(
        _suited(plain),
        se=se,
        seed=seed,
        n_chains=n_chains,
        workers=workers,
        max_steps=max_steps,
        progress=progress,
    )


def _exact(shape: Shape) -> Volume:
    return Volume(shape.log_volume, 0.0, shape.dimension, f"exact ({shape.name})")


def _suited(plain: Body) -> Body:
    """Where coordinates in turn get about: along its own axes if they are cheap, else rounded.

    Along its own axes too the ellipsoid's widths are made alike, since Gaussians are round.
    """
    if not lies_along_axes(plain):
        return rounded(plain)
    centre, factor = analytic_centre(plain.A, plain.b, plain.centre)
    widths = np.linalg.norm(np.linalg.inv(factor), axis=0)
    return plain.mapped(np.diag(widths), centre)
