"""Laws of latent utility that the experiments draw from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.reproduce.implicit_bias.published import JOHNSON_SU, LOGNORMAL

Array = NDArray[np.float64]


def laws_of(data: str) -> dict[str, Any]:
    """The laws that the authors fitted.

    Parameters
    ----------
    data : {"JEE", "SS"}

    Returns
    -------
    dict
        Distributions of ``scipy.stats`` by group; men are first.
    """
    if data == "SS":
        law = stats.lognorm(*LOGNORMAL)
        return {"men": law, "women": law}
    return {group: stats.johnsonsu(*JOHNSON_SU[group]) for group in ("men", "women")}


Draw = Callable[[np.random.Generator, int, int], tuple[Array, Array, Array]]
"""From a generator and numbers of men and women to men's and women's latent utility, and women's as
it is observed, all from the best to the worst."""


def drawn_from_laws(data: str, beta: float) -> Draw:
    """Draws from fitted laws, with multiplicative bias.

    Parameters
    ----------
    data : {"JEE", "SS"}
    beta : float

    Returns
    -------
    callable
    """
    laws = laws_of(data)

    def draw(random: np.random.Generator, men: int, women: int) -> tuple[Array, Array, Array]:
        # A factor below 1 makes negative marks better. They are far below the best hundred, and
        # count as nothing.
        found = [
            np.sort(np.maximum(law.rvs(size=size, random_state=random), 0.0))[::-1]
            for law, size in zip(laws.values(), (men, women), strict=True)
        ]
        return found[0], found[1], beta * found[1]

    return draw
