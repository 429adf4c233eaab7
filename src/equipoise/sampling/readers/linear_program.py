"""Feasible sets of linear programs, MPS and LP files, by HiGHS' own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scipy

from equipoise.sampling.polytope import Polytope


def read_linear_program(path: str | Path) -> Polytope:
    """Read rows and bounds of a linear program; the cost is not part of the polytope.

    Parameters
    ----------
    path : str or Path
        ``.mps``, ``.mps.gz`` or ``.lp``.

    Returns
    -------
    Polytope

    Raises
    ------
    ImportError
        If highspy is not installed.
    ValueError
        If HiGHS cannot read the file, or a variable must be integer.
    """
    try:
        import highspy
    except ImportError as error:
        raise ImportError(
            "MPS and LP files are read by highspy: pip install 'equipoise[sampling]'"
        ) from error
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    if solver.readModel(str(path)) == highspy.HighsStatus.kError:
        raise ValueError(f"HiGHS cannot read {path}")
    program = solver.getLp()
    if any(kind != highspy.HighsVarType.kContinuous for kind in program.integrality_):
        raise ValueError(f"{path} has variables that must be integer: no polytope")
    matrix = program.a_matrix_
    shape = (program.num_row_, program.num_col_)
    parts = (np.array(matrix.value_), np.array(matrix.index_), np.array(matrix.start_))
    by_column = matrix.format_ == highspy.MatrixFormat.kColwise
    A = scipy.sparse.csr_array(
        (scipy.sparse.csc_array if by_column else scipy.sparse.csr_array)(parts, shape=shape)
    )
    low, high = _infinite(program.row_lower_), _infinite(program.row_upper_)
    equal = low == high
    below, above = ~equal & np.isfinite(high), ~equal & np.isfinite(low)
    return Polytope(
        scipy.sparse.vstack([A[below], -A[above]]),
        np.concatenate([high[below], -low[above]]),
        A[equal],
        high[equal],
        np.column_stack([_infinite(program.col_lower_), _infinite(program.col_upper_)]),
        names=tuple(program.col_names_),
    )


def _infinite(values: object) -> np.ndarray:
    numbers = np.array(values, dtype=float)
    return np.where(np.abs(numbers) >= 1e30, np.copysign(np.inf, numbers), numbers)
