"""hopsy's rounding, stopped where it takes too long."""

from __future__ import annotations

import importlib.util
import multiprocessing
import resource
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling import Body

Array = NDArray[Any]


def hopsy_rounds(A: Array, b: Array, patience: float) -> tuple[float, Body | None] | None:
    """Round by hopsy in a process of its own.

    Parameters
    ----------
    A : ndarray, shape (m, d)
    b : ndarray, shape (m,)
    patience : float
        Seconds of the processor after which it is stopped.

    Returns
    -------
    seconds : float
        Of the processor.
    body : Body, or None
        Its polytope around the centre it found; None where it was stopped.

    Or None, where hopsy and PolyRound are not installed.
    """
    if any(importlib.util.find_spec(name) is None for name in ("hopsy", "PolyRound")):
        return None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rounded.npz")
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_round, args=(A, b, patience, path))
        process.start()
        process.join()
        if not path.exists():
            return patience, None
        with np.load(path) as found:
            rows, right = found["rows"], found["right"]
            lengths = np.linalg.norm(rows, axis=1)
            d = A.shape[1]
            body = Body(
                rows / lengths[:, None],
                right / lengths,
                np.zeros(d),
                found["matrix"],
                found["shift"],
                0.0,
                tuple(f"x[{i}]" for i in range(d)),
            )
            return float(found["seconds"]), body


def _round(A: Array, b: Array, patience: float, path: Path) -> None:
    import time
    import warnings

    warnings.simplefilter("ignore")
    import hopsy

    began = time.process_time()
    # Its loops are another language's, which only the system can stop.
    limit = int(began + patience) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    problem = hopsy.round(hopsy.Problem(A, b), simplify=False)
    np.savez(
        path,
        rows=np.asarray(problem.A),
        right=np.asarray(problem.b),
        matrix=np.asarray(problem.transformation),
        shift=np.asarray(problem.shift),
        seconds=time.process_time() - began,
    )
