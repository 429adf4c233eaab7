"""What a kernel is: how a chain starts and how it takes one step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

State = Mapping[str, Array]
"""Of some chains: arrays whose first axis is the chain.

``position``, shape (chains, n), is always there; ``log_density``, shape (chains,), where the
target has one; the kernel's counters, int64 of shape (chains,); and whatever else the kernel
must know to go on. It is all of a chain but its random numbers, so it is what is saved.
"""


class Kernel(Protocol):
    """A Markov kernel for some chains at once.

    A kernel is a value: it holds the target and its settings, and no state. Chains are
    independent, and each has its own generator, so what becomes of one depends neither on the
    others nor on who runs them. One that computes all chains at once, as one product, says so with
    a true attribute ``together``: its chains are then not shared out among workers, and how many
    there are may change the last bits.
    """

    @property
    def identity(self) -> str:
        """What it is, and all that decides its draws.

        A saved state is continued only by a kernel of the same identity.
        """

    @property
    def counters(self) -> tuple[str, ...]:
        """Entries of the state that count from the start: ``steps``, ``accepted``, and others."""

    def init(self, position: Array) -> State:
        """State of chains at the start.

        Parameters
        ----------
        position : ndarray, shape (chains, n)

        Returns
        -------
        State

        Raises
        ------
        ValueError
            If a chain cannot start there.
        """

    def step(self, state: State, generators: Sequence[np.random.Generator]) -> State:
        """State one step later; that given is not written to.

        Parameters
        ----------
        state : State
        generators : sequence of numpy.random.Generator
            One a chain, and the only source of chance.

        Returns
        -------
        State
        """


@runtime_checkable
class BlockKernel(Kernel, Protocol):
    """A kernel that can take many steps at once, for instance in compiled code."""

    def draw(
        self, state: State, generators: Sequence[np.random.Generator], n_draws: int, thin: int
    ) -> tuple[State, Array, Array | None]:
        """Take n_draws * thin steps and keep every thin-th position.

        It gives the same bits however the draws are cut into calls.

        Parameters
        ----------
        state : State
        generators : sequence of numpy.random.Generator
        n_draws, thin : int

        Returns
        -------
        state : State
        positions : ndarray, shape (chains, n_draws, n)
        log_density : ndarray, shape (chains, n_draws), or None
        """
