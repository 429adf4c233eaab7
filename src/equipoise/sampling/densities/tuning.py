"""Step size and metric in a file, so that a saved chain can be gone on with elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from equipoise.sampling.densities.metric import Metric
from equipoise.sampling.densities.warm_up import Adaptive


def save_tuning(kernel: Adaptive, path: str | Path) -> None:
    """Write a kernel's step size and metric to one ``.npz`` file, without pickle.

    Parameters
    ----------
    kernel : MALA, RandomWalk or HMC
    path : str or Path
    """
    with Path(path).open("wb") as file:
        np.savez(file, step_size=np.array(kernel.step_size), factor=kernel.metric.factor)


def load_tuning(kernel: Adaptive, path: str | Path) -> Adaptive:
    """A kernel with the step size and the metric that :func:`save_tuning` wrote, bit for bit.

    Parameters
    ----------
    kernel : MALA, RandomWalk or HMC
        Of the same target and kind; its own step size and metric are not used.
    path : str or Path

    Returns
    -------
    MALA, RandomWalk or HMC

    Raises
    ------
    ValueError
        If the file is not of a kernel.
    """
    with np.load(path, allow_pickle=False) as file:
        if set(file.files) != {"step_size", "factor"}:
            raise ValueError(f"{path} was not written by save_tuning")
        return replace(kernel, step_size=float(file["step_size"]), metric=Metric(file["factor"]))
