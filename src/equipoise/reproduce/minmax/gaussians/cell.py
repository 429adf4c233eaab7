"""One variant with its controls, on some seeds of one mixture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from equipoise.reproduce.minmax.gaussians.mixture import Array, Mixture
from equipoise.reproduce.minmax.gaussians.modes import covered_modes, forgotten, mass_within
from equipoise.reproduce.minmax.gaussians.networks import orthogonal_mlp
from equipoise.reproduce.minmax.stack.game import Draws, Game
from equipoise.reproduce.minmax.stack.train import Track, at_hand, train_with_controls
from equipoise.reproduce.minmax.stack.variants import (
    CONTROLS,
    COUNTERFACTUAL,
    GDA_ONCE,
    OPTIMISTIC,
    STATIONARY,
    UNROLLED,
    Plan,
)
from equipoise.reproduce.part import Cell, Result

_FORMAT = 1
_LOOKED_AT = 1024
_DRAWN = 150
"""Samples of each of the first seeds that a figure shows."""

DRAWN_SEEDS = 3
COSTLY = (UNROLLED, STATIONARY)
"""Variants that take several times as long as the rest, and may have fewer seeds."""

# How long a step takes, beside one of descent-ascent at k = 6; measured, controls by themselves.
_COSTS = {GDA_ONCE: 0.3, OPTIMISTIC: 0.2, COUNTERFACTUAL: 2.2, UNROLLED: 3.5, STATIONARY: 4.0}
# Streams of one seed: the players' beginnings, the batches, the coins, and what is looked at.
_DISCRIMINATOR, _BATCHES, _LOOKS = 100_000, 200_000, 300_000


@dataclass(frozen=True)
class Setting:
    """A mixture and how it is learnt.

    Attributes
    ----------
    mixture : Mixture
    plan : Plan
    n_noise : int
        Inputs of the generator.
    hidden : int
        Units of each of the two hidden layers of both networks.
    batch_size : int
    variants : tuple of str
        Without controls, which come with what they are controls of.
    n_seeds : int
    n_costly : int
        Seeds of the variants in ``COSTLY``: the first of the others'.
    """

    mixture: Mixture
    plan: Plan
    n_noise: int
    hidden: int
    batch_size: int
    variants: tuple[str, ...]
    n_seeds: int
    n_costly: int

    @property
    def all_variants(self) -> list[str]:
        """With controls, in the order in which they are shown."""
        return [each for name in self.variants for each in (name, *CONTROLS.get(name, ()))]

    def cells(self, variant: str, together: int, seconds: float) -> list[Cell]:
        """The cells of a variant and its controls, one a stack of seeds.

        Parameters
        ----------
        variant : str
        together : int
            How many seeds are stacked.
        seconds : float
            A guess for a step of one seed of descent-ascent at the same k.

        Returns
        -------
        list of Cell
        """
        n = min(self.n_costly, self.n_seeds) if variant in COSTLY else self.n_seeds
        stacks = [range(first, min(first + together, n)) for first in range(0, n, together)]
        return [self._cell(variant, seeds, seconds) for seeds in stacks]

    def _cell(self, variant: str, seeds: Sequence[int], seconds: float) -> Cell:
        decides = {
            "format": _FORMAT,
            "mixture": asdict(self.mixture),
            "plan": self.plan.to_dict(),
            "sizes": [self.n_noise, self.hidden, self.batch_size],
            "variant": variant,
            "seeds": list(seeds),
        }
        steps = self.plan.iterations * len(seeds)
        return Cell(
            f"{self.mixture.name}, seeds {seeds[0]} to {seeds[-1]}: {variant}",
            decides,
            partial(run_cell, self, variant, tuple(seeds)),
            seconds * steps * (_COSTS.get(variant, 1.0) + len(CONTROLS.get(variant, ()))),
        )

    def begin(self, seeds: Sequence[int], device: torch.device | None = None) -> tuple[Game, Draws]:
        """Players before their first step, and their batches.

        Parameters
        ----------
        seeds : sequence of int
        device : torch.device, optional

        Returns
        -------
        (Game, Draws)
        """
        generator = orthogonal_mlp((self.n_noise, self.hidden, self.hidden, 2), seeds)
        others = [seed + _DISCRIMINATOR for seed in seeds]
        discriminator = orthogonal_mlp((2, self.hidden, self.hidden, 1), others)
        draws = Draws(
            self.mixture.draw,
            self.batch_size,
            self.n_noise,
            [seed + _BATCHES for seed in seeds],
            device,
        )
        return Game(generator.to(device), discriminator.to(device)), draws


def run_cell(setting: Setting, variant: str, seeds: tuple[int, ...]) -> Result:
    """Train a variant and its controls.

    Parameters
    ----------
    setting : Setting
    variant : str
    seeds : tuple of int

    Returns
    -------
    dict
        By variant: "modes" and "mass" of shape (looks, r), "forgotten" of shape (r,), what tracks
        hold, and "samples" of the first seeds in the end.
    """
    device = at_hand()
    streams = [torch.Generator(device).manual_seed(seed + _LOOKS) for seed in seeds]
    size = (_LOOKED_AT, setting.n_noise)
    noise = torch.stack([torch.randn(size, generator=s, device=device) for s in streams])

    def look(game: Game) -> Array:
        with torch.no_grad():
            made: Array = game.make(noise).double().cpu().numpy()
        return made

    found = train_with_controls(
        variant, setting.plan, seeds, lambda: setting.begin(seeds, device), look
    )
    drawn = [number for number, seed in enumerate(seeds) if seed < DRAWN_SEEDS]
    return {name: _summary(setting.mixture, track, drawn) for name, (_, track) in found.items()}


def _summary(mixture: Mixture, track: Track[Array], drawn: Sequence[int]) -> dict[str, Any]:
    points = np.stack(track.seen)
    covered = covered_modes(points, mixture)
    last = points[-1][list(drawn), :_DRAWN]
    return {
        "modes": covered.sum(-1).tolist(),
        "mass": mass_within(points, mixture).round(4).tolist(),
        "forgotten": forgotten(covered).tolist(),
        "samples": last.round(3).tolist(),
        **track.to_dict(),
    }
