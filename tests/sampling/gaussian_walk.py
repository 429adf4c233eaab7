"""A kernel plain enough to be right by looking at it: random-walk Metropolis on N(0, I)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equipoise.sampling import State


@dataclass(frozen=True)
class GaussianWalk:
    scale: float = 1.0

    @property
    def identity(self) -> str:
        return f"GaussianWalk(scale={self.scale})"

    @property
    def counters(self) -> tuple[str, ...]:
        return ("steps", "accepted")

    def init(self, position: np.ndarray) -> State:
        nothing = np.zeros(len(position), dtype=np.int64)
        density = -(position**2).sum(axis=1) / 2
        return {
            "position": position,
            "log_density": density,
            "steps": nothing,
            "accepted": nothing,
        }

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        x = state["position"]
        moves = np.stack([rng.standard_normal(x.shape[1]) for rng in generators])
        levels = np.log([rng.random() for rng in generators])
        y = x + self.scale * moves
        density = -(y**2).sum(axis=1) / 2
        accept = levels < density - state["log_density"]
        return {
            "position": np.where(accept[:, None], y, x),
            "log_density": np.where(accept, density, state["log_density"]),
            "steps": state["steps"] + 1,
            "accepted": state["accepted"] + accept,
        }
