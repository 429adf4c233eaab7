"""Hit-and-run: draw from the chord along a line through the point, again and again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.body import Body
from equipoise.sampling.columns import Columns
from equipoise.sampling.kernel import State
from equipoise.sampling.starts import slack_state

Array = NDArray[Any]


@dataclass(frozen=True)
class HitAndRun:
    """Draw uniformly from the chord along a uniform direction (Smith 1984; Lovasz 1999).

    Chords are exact: no bisection, and no step size. Every step looks at every row.

    Parameters
    ----------
    body : Body
    """

    body: Body

    @property
    def identity(self) -> str:
        """What it is, and all that decides its draws."""
        return f"HitAndRun({self.body.fingerprint})"

    @property
    def counters(self) -> tuple[str, ...]:
        """What is counted."""
        return ("steps", "accepted", "rows_checked")

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
        from equipoise.sampling.loops.lines import hit_and_run

        positions = np.empty((len(generators), n_draws, self.body.dimension))
        after = {name: values.copy() for name, values in state.items()}
        for chain, rng in enumerate(generators):
            hit_and_run(
                self.body.A,
                self.body.b,
                after["position"][chain],
                after["slack"][chain],
                rng,
                int(after["steps"][chain]),
                thin,
                positions[chain],
            )
        _count(after, n_draws * thin, n_draws * thin * len(self.body.b))
        return after, positions, None


@dataclass(frozen=True)
class CoordinateHitAndRun:
    """Draw one coordinate at a time uniformly from its chord (Gibbs sampling of a polytope).

    Steps cost a column of the body. One with few non-zeros costs little, so a body with sparse
    columns is best left unrounded, unless it is skew along other directions than its axes; any
    scaling of the axes is without effect.

    Parameters
    ----------
    body : Body
    order : {"cyclic", "random"}
        In turn needs about half as many steps for a draw's worth, and leaves the uniform
        distribution invariant as well, but is not reversible.
    columns : {"auto", "dense", "sparse"}
        ``auto`` is sparse where at most 40 % of the entries are non-zero. The kinds may differ in
        the last bit.

    Raises
    ------
    ValueError
        If order or columns are unknown.
    """

    body: Body
    order: Literal["cyclic", "random"] = "cyclic"
    columns: Literal["auto", "dense", "sparse"] = "auto"

    def __post_init__(self) -> None:
        if self.order not in ("cyclic", "random"):
            raise ValueError(f"order is 'cyclic' or 'random', not {self.order!r}")
        _ = self._columns  # of a known kind

    @property
    def sparse(self) -> bool:
        """Whether zeros are left out."""
        return self._columns.sparse

    @property
    def identity(self) -> str:
        """What it is, and all that decides its draws."""
        kind = "sparse" if self.sparse else "dense"
        return f"CoordinateHitAndRun({self.body.fingerprint}, {self.order}, {kind})"

    @property
    def counters(self) -> tuple[str, ...]:
        """What is counted."""
        return ("steps", "accepted", "rows_checked")

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
        from equipoise.sampling.loops.lines import coordinates_dense, coordinates_sparse

        positions = np.empty((len(generators), n_draws, self.body.dimension))
        after = {name: values.copy() for name, values in state.items()}
        for chain, rng in enumerate(generators):
            where = after["position"][chain], after["slack"][chain], rng, self.order == "cyclic"
            done = int(after["steps"][chain])
            body = self.body
            if self.sparse:
                csc = self._columns.csc
                parts = csc.indptr, csc.indices, csc.data
                coordinates_sparse(body.A, body.b, *parts, *where, done, thin, positions[chain])
            else:
                coordinates_dense(
                    body.A, body.b, self._columns.dense, *where, done, thin, positions[chain]
                )
        _count(after, n_draws * thin, n_draws * thin * self._columns.rows_a_step)
        return after, positions, None

    @cached_property
    def _columns(self) -> Columns:
        return Columns(self.body, self.columns)


def _count(state: State, steps: int, rows: int) -> None:
    state["steps"][:] += steps
    state["accepted"][:] += steps
    state["rows_checked"][:] += rows
