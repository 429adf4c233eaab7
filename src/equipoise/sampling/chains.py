"""Chains between two draws: all that must be known to go on bit for bit."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.sampling.kernel import Kernel, State

Array = NDArray[Any]

_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Chains:
    """Where some chains are, and where their random numbers are.

    Attributes
    ----------
    state : State
        The kernel's own.
    randomness : tuple of dict
        State of each chain's bit generator (PCG64), as NumPy gives it.
    n_draws : int
        How many draws each chain has given so far.
    identity : str
        Of the kernel that made them.
    """

    state: State
    randomness: tuple[dict[str, Any], ...]
    n_draws: int
    identity: str

    @property
    def n_chains(self) -> int:
        """How many chains there are."""
        return len(self.randomness)

    def generators(self) -> list[np.random.Generator]:
        """Each chain's generator, new and standing where the chain stopped.

        Returns
        -------
        list of numpy.random.Generator
        """
        made = []
        for state in self.randomness:
            bits = np.random.PCG64()
            bits.state = state  # type: ignore[assignment]
            made.append(np.random.Generator(bits))
        return made

    def save(self, path: str | Path) -> None:
        """Write them to one ``.npz`` file, without pickle.

        Parameters
        ----------
        path : str or Path
        """
        head = {
            "format": _FORMAT,
            "identity": self.identity,
            "n_draws": self.n_draws,
            "randomness": self.randomness,
        }
        arrays = {f"state.{name}": values for name, values in self.state.items()}
        with Path(path).open("wb") as file:
            np.savez(file, head=np.array(json.dumps(head)), **arrays)  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: str | Path) -> Chains:
        """Read them from a file that :meth:`save` wrote.

        Parameters
        ----------
        path : str or Path

        Returns
        -------
        Chains

        Raises
        ------
        ValueError
            If the file is not of chains, or of another format.
        """
        with np.load(path, allow_pickle=False) as file:
            if "head" not in file:
                raise ValueError(f"{path} was not written by Chains.save")
            head = json.loads(str(file["head"]))
            state = {
                name.removeprefix("state."): file[name]
                for name in file.files
                if name.startswith("state.")
            }
        if head["format"] != _FORMAT:
            raise ValueError(f"{path} has format {head['format']}, not {_FORMAT}")
        return cls(state, tuple(head["randomness"]), head["n_draws"], head["identity"])


def start(kernel: Kernel, position: ArrayLike, *, seed: int, n_chains: int = 4) -> Chains:
    """Chains at their start.

    Parameters
    ----------
    kernel : Kernel
    position : array_like, shape (n,) or (chains, n)
        One start for all chains, or one for each, such as :attr:`Draws.last` of a run before.
    seed : int
        Chain i draws from the i-th stream spawned from it, however many chains there are.
    n_chains : int
        How many, where there is one position.

    Returns
    -------
    Chains

    Raises
    ------
    ValueError
        If a position is not finite, or of another shape, or not one where the kernel can start.
    """
    given = np.array(position, dtype=float)
    if given.ndim == 1:
        if n_chains < 1:
            raise ValueError(f"n_chains is 1 or more, not {n_chains}")
        given = np.tile(given, (n_chains, 1))
    if given.ndim != 2 or not given.size:
        raise ValueError(f"position has shape (n,) or (chains, n), not {np.shape(position)}")
    if not np.isfinite(given).all():
        raise ValueError("position has NaN or infinite coordinates")
    streams = np.random.SeedSequence(seed).spawn(len(given))
    randomness = tuple(dict(np.random.PCG64(stream).state) for stream in streams)
    return Chains(kernel.init(given), randomness, 0, kernel.identity)
