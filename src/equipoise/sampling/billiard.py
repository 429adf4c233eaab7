"""The billiard walk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.body import Body
from equipoise.sampling.kernel import State
from equipoise.sampling.starts import slack_state

Array = NDArray[Any]

_PRODUCTS = 4_000  # rows up to which all their products are kept: 128 MB
_LENGTH = 3.0  # of a trajectory, in chords: 2 to 6 do about as well on all bodies tried
_CHORDS = 200


@dataclass(frozen=True)
class Billiard:
    """Fly straight in a uniform direction for an exponential length, reflected at every wall.

    Reflection is exact. Trajectories with more than ``most_reflections`` are given up, and the
    chain stays, which keeps the walk reversible (Gryazina and Polyak 2014, arXiv:1211.3932).

    Parameters
    ----------
    body : Body
        Rounded.
    length : float, optional
        Mean; by default three mean chords through the body's centre.
    most_reflections : int, optional
        By default 50 times the dimension.

    Raises
    ------
    ValueError
        If a number is not positive.
    """

    body: Body
    length: float | None = None
    most_reflections: int | None = None

    def __post_init__(self) -> None:
        if self.length is not None and not 0 < self.length < np.inf:
            raise ValueError(f"length is above 0 and finite, not {self.length}")
        if self.most_reflections is not None and self.most_reflections < 1:
            raise ValueError(f"most_reflections is 1 or more, not {self.most_reflections}")

    @cached_property
    def mean_length(self) -> float:
        """Of a trajectory."""
        if self.length is not None:
            return self.length
        directions = np.random.default_rng(0).standard_normal((self.body.dimension, _CHORDS))
        directions /= np.linalg.norm(directions, axis=0)
        rates = self.body.A @ directions / self.body.slack(self.body.centre)[:, None]
        chord = (1 / rates.max(axis=0) - 1 / rates.min(axis=0)).mean()
        return float(f"{_LENGTH * chord:.6g}")  # the same whatever the last bits of a product

    @property
    def identity(self) -> str:
        """What it is, and all that decides its draws."""
        return f"Billiard({self.body.fingerprint}, {self.mean_length!r}, {self._most})"

    @property
    def counters(self) -> tuple[str, ...]:
        """What is counted; ``accepted`` are trajectories that were not given up."""
        return ("steps", "accepted", "reflections")

    def init(self, position: Array) -> State:
        """State of chains at the start; see :class:`Kernel`."""
        return slack_state(self.body, position, self.counters)

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        """State one step later; see :class:`Kernel`."""
        return self.draw(state, generators, 1, 1)[0]

    def draw(
        self, state: State, generators: Sequence[np.random.Generator], n_draws: int, thin: int
    ) -> tuple[State, Array, None]:
        """Many steps; see :class:`BlockKernel`."""
        from equipoise.sampling.loops.billiard import billiard

        positions = np.empty((len(generators), n_draws, self.body.dimension))
        after = {name: values.copy() for name, values in state.items()}
        for chain, rng in enumerate(generators):
            counts = np.zeros(3, dtype=np.int64)
            billiard(
                self.body.A,
                self.body.b,
                self._products,
                after["position"][chain],
                after["slack"][chain],
                rng,
                self.mean_length,
                self._most,
                int(after["steps"][chain]),
                thin,
                positions[chain],
                counts,
            )
            for name, count in zip(self.counters, counts, strict=True):
                after[name][chain] += count
        return after, positions, None

    @property
    def _most(self) -> int:
        return self.most_reflections or 50 * self.body.dimension

    @cached_property
    def _products(self) -> Array:
        few = len(self.body.b) <= _PRODUCTS
        return self.body.A @ self.body.A.T if few else np.empty((0, 0))
