"""Metabolic models as COBRA's JSON."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import scipy

from equipoise.sampling.polytope import Polytope


def read_cobra_json(path: str | Path) -> Polytope:
    """Fluxes at steady state, S v = 0 within their bounds; the objective is not part of it.

    Parameters
    ----------
    path : str or Path
        ``.json`` or ``.json.gz``.

    Returns
    -------
    Polytope
        A variable a reaction, named by its id.

    Raises
    ------
    ValueError
        If the file is no such model.
    """
    opened = gzip.open if str(path).endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8") as file:
            model = json.load(file)
    except (gzip.BadGzipFile, EOFError, ValueError) as error:
        raise ValueError(f"{path} is not JSON, whole and by its ending: {error}") from error
    try:
        rows = {metabolite["id"]: i for i, metabolite in enumerate(model["metabolites"])}
        reactions = model["reactions"]
        entries = [
            (rows[metabolite], j, float(coefficient))
            for j, reaction in enumerate(reactions)
            for metabolite, coefficient in reaction["metabolites"].items()
        ]
        bounds = [(reaction["lower_bound"], reaction["upper_bound"]) for reaction in reactions]
        names = [reaction["id"] for reaction in reactions]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a COBRA model: {error!r}") from error
    i, j, values = zip(*entries, strict=True) if entries else ((), (), ())
    S = scipy.sparse.coo_array((values, (i, j)), shape=(len(rows), len(reactions)))
    return Polytope(A_eq=S, b_eq=np.zeros(len(rows)), bounds=bounds, names=names)
