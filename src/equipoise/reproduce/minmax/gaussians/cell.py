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
from equipoise.reproduce.minmax.stack.variants import CONTROLS, STATIONARY, UNROLLED, Plan
from equipoise.reproduce.part import Cell, Result

_FORMAT = 1
_LOOKED_AT = 1024
_DRAWN = 150
"""Samples of each of the first seeds that a figure shows."""

DRAWN_SEEDS = 3
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
    """

    mixture: Mixture
    plan: Plan
    n_noise: int
    hidden: int
    batch_size: int
    variants: tuple[str, ...]

    @property
    def all_variants(self) -> list[str]:
        """With controls, in the order in which they are shown."""
        return [each for name in self.variants for each in (name, *CONTROLS.get(name, ()))]

    def cell(self, variant: str, seeds: Sequence[int], seconds: float) -> Cell:
        """The cell of a variant and its controls.

        Parameters
        ----------
        variant : str
        seeds : sequence of int
        seconds : float
            A guess for one variant that evaluates seven batches a step.

        Returns
        -------
        Cell
        """
        decides = {
            "format": _FORMAT,
            "mixture": asdict(self.mixture),
            "plan": self.plan.to_dict(),
            "sizes": [self.n_noise, self.hidden, self.batch_size],
            "variant": variant,
            "seeds": list(seeds),
        }
        costly = 3 if variant in (UNROLLED, STATIONARY) else 1
        return Cell(
            f"{self.mixture.name}, seeds {seeds[0]} to {seeds[-1]}: {variant}",
            decides,
            partial(run_cell, self, variant, tuple(seeds)),
            seconds * (costly + len(CONTROLS.get(variant, ()))),
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
