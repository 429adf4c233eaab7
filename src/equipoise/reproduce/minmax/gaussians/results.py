"""All seeds of one mixture, put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.reproduce.minmax.gaussians.cell import Setting
from equipoise.reproduce.part import Result

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Run:
    """One variant on all seeds.

    Attributes
    ----------
    modes, mass, gradients, moves : ndarray, shape (looks, r)
        Modes covered, share of samples within three standard deviations of a centre, gradients
        needed and moves made up to each look.
    forgotten, share : ndarray, shape (r,)
        Times that a mode was lost, and share of the proposals that stayed.
    seconds : float
        Of the processor, a step of one seed.
    samples : ndarray, shape (s, m, 2)
        Of the first seeds, in the end.
    """

    modes: Array
    mass: Array
    gradients: Array
    moves: Array
    forgotten: Array
    share: Array
    seconds: float
    samples: Array

    @property
    def last(self) -> Array:
        """Modes in the end, shape (r,)."""
        end: Array = self.modes[-1]
        return end

    @property
    def lost(self) -> Array:
        """Share of the modes seen at a look that are not there at the next, shape (r,).

        Losses alone would speak for a variant that never has a mode to lose; its share is NaN.
        """
        had = self.modes[:-1].sum(0)
        return np.where(had > 0, self.forgotten / np.maximum(had, 1), np.nan)

    def modes_at(self, budget: Array) -> Array:
        """Modes at the last look within a budget of gradients.

        Parameters
        ----------
        budget : ndarray, shape (r,)

        Returns
        -------
        ndarray, shape (r,)
            0 where it was over before the first look.
        """
        within = (self.gradients <= budget).sum(0)
        at = np.maximum(within - 1, 0)
        return np.where(within > 0, self.modes[at, np.arange(self.modes.shape[1])], 0.0)


@dataclass(frozen=True, eq=False)
class Results:
    """What came of a setting.

    Attributes
    ----------
    setting : Setting
    runs : dict of Run
        By variant, controls included.
    """

    setting: Setting
    runs: dict[str, Run]

    @property
    def n_seeds(self) -> int:
        """How many seeds there are, r, of variants that have all of them."""
        return max(len(run.share) for run in self.runs.values())


def collect(setting: Setting, found: Sequence[Result]) -> Results:
    """Put the cells of one setting together.

    Parameters
    ----------
    setting : Setting
    found : sequence of dict
        Seeds in one order for every variant.

    Returns
    -------
    Results
    """
    by_variant: dict[str, list[dict[str, Any]]] = {}
    for result in found:
        for name, state in result.items():
            by_variant.setdefault(name, []).append(state)
    order = [name for name in setting.all_variants if name in by_variant]
    return Results(setting, {name: _run(by_variant[name], setting) for name in order})


def _run(states: Sequence[dict[str, Any]], setting: Setting) -> Run:
    def joined(name: str, axis: int) -> Array:
        return np.concatenate([np.array(state[name], np.float64) for state in states], axis)

    share = joined("share", 0)
    seconds = sum(state["seconds"] for state in states) / len(share) / setting.plan.iterations
    samples = [np.array(state["samples"], np.float64) for state in states if state["samples"]]
    return Run(
        joined("modes", 1),
        joined("mass", 1),
        joined("gradients", 1),
        joined("moves", 1),
        joined("forgotten", 0),
        share,
        seconds,
        np.concatenate(samples) if samples else np.empty((0, 0, 2)),
    )
