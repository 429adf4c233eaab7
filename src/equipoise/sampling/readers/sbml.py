"""Metabolic models as SBML, by cobrapy's reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from equipoise.sampling.polytope import Polytope


def read_sbml(path: str | Path) -> Polytope:
    """Fluxes at steady state, S v = 0 within their bounds; the objective is not part of it.

    Parameters
    ----------
    path : str or Path
        ``.xml``, ``.sbml`` or either with ``.gz``.

    Returns
    -------
    Polytope
        A variable a reaction, named by its id.

    Raises
    ------
    ImportError
        If cobra is not installed.
    ValueError
        If cobra finds no model in the file.
    """
    try:
        from cobra.io import read_sbml_model
        from cobra.io.sbml import CobraSBMLError
        from cobra.util.array import create_stoichiometric_matrix
    except ImportError as error:
        raise ImportError("SBML is read by cobra: pip install 'equipoise[sampling]'") from error
    try:
        model = read_sbml_model(str(path))
    except CobraSBMLError as error:
        raise ValueError(f"cobra finds no model in {path}: {error}") from error
    S = create_stoichiometric_matrix(model, array_type="lil")
    return Polytope(
        A_eq=S,
        b_eq=np.zeros(S.shape[0]),
        bounds=[reaction.bounds for reaction in model.reactions],
        names=[reaction.id for reaction in model.reactions],
    )
