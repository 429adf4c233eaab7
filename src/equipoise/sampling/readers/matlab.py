"""MATLAB files of polytopes and of metabolic models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from equipoise.sampling.polytope import Polytope


def read_matlab(path: str | Path) -> Polytope:
    """Read A_ub x <= b_ub, A_eq x = b_eq and bounds under the names in use.

    Known are ``Aineq, bineq, Aeq, beq, lb, ub`` (quadprog, PolytopeSampler) and a COBRA model's
    ``S, b, lb, ub, csense``, as variables or as fields of a struct.

    Parameters
    ----------
    path : str or Path
        Up to version 7; 7.3 is HDF5.

    Returns
    -------
    Polytope

    Raises
    ------
    ValueError
        If no such names are found, or several structs have them, or the version is 7.3.
    """
    from scipy.io import loadmat

    try:
        file = loadmat(path, struct_as_record=True)
    except NotImplementedError as error:
        raise ValueError(f"{path} is of version 7.3: save it with -v7") from error
    held = {name: value for name, value in file.items() if not name.startswith("__")}
    structs = [
        {field: value[field][0, 0] for field in value.dtype.names}
        for value in held.values()
        if isinstance(value, np.ndarray) and value.dtype.names and value.size == 1
    ]
    known = [fields for fields in (held, *structs) if fields.keys() & {"Aeq", "Aineq", "S"}]
    if len(known) != 1:
        raise ValueError(f"{path} has {len(known)} sets of Aeq, Aineq or S, and should have one")
    fields = known[0]
    model = "S" in fields
    A_eq, b_eq = fields.get("S" if model else "Aeq"), fields.get("b" if model else "beq")
    A_ub, b_ub = fields.get("Aineq"), fields.get("bineq")
    if model and "csense" in fields:
        A_ub, b_ub, A_eq, b_eq = _by_sense(A_eq, _column(b_eq), _word(fields["csense"]))
    n = next(A.shape[1] for A in (A_eq, A_ub) if A is not None and A.shape[1])
    return Polytope(
        *_pair(A_ub, b_ub), *_pair(A_eq, b_eq), _bounds(fields, n), names=_names(fields, n)
    )


def _word(letters: Any) -> str:
    """A column or row of letters as one word."""
    return "".join(str(letter) for letter in np.ravel(letters))


def _column(values: Any) -> Any:
    return np.asarray(values.toarray() if scipy.sparse.issparse(values) else values, float).ravel()


def _pair(A: Any, b: Any) -> tuple[Any, Any]:
    if A is None or not A.shape[0]:
        return None, None
    if b is None:
        raise ValueError("the file has rows without their right-hand sides")
    return A, _column(b)


def _by_sense(S: Any, b: Any, sense: str) -> tuple[Any, Any, Any, Any]:
    kinds = np.array(list(sense))
    if len(kinds) != S.shape[0] or not set(sense) <= set("ELG"):
        raise ValueError("csense has one of E, L and G for each row of S")
    S = scipy.sparse.csr_array(S)
    equal, below, above = (kinds == letter for letter in "ELG")
    A_ub = scipy.sparse.vstack([S[below], -S[above]])
    return A_ub, np.concatenate([b[below], -b[above]]), S[equal], b[equal]


def _bounds(fields: Mapping[str, Any], n: int) -> Any:
    low, high = fields.get("lb"), fields.get("ub")
    lower = np.full(n, -np.inf) if low is None or not low.size else _column(low)
    upper = np.full(n, np.inf) if high is None or not high.size else _column(high)
    if len(lower) != n or len(upper) != n:
        raise ValueError(f"lb and ub have {n} entries, one a variable")
    return np.column_stack([lower, upper])


def _names(fields: Mapping[str, Any], n: int) -> tuple[str, ...]:
    names = [_word(name) for name in np.ravel(fields.get("rxns", []))]
    return tuple(names) if len(names) == n else ()
