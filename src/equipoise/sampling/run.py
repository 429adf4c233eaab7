"""Running chains: the loop around every kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.chains import Chains
from equipoise.sampling.draws import Draws, join
from equipoise.sampling.kernel import BlockKernel, Kernel, State

Array = NDArray[Any]

_NUMBERS = 4_000_000  # of a block: some 32 MB
_FEWEST_BLOCKS = 20  # so that whoever watches a run sees it move


class Progress(NamedTuple):
    """How far a run has come.

    Attributes
    ----------
    done, total : int
        Draws of each chain, of this run.
    chains : Chains
        Where they are now; saving them is a checkpoint.
    """

    done: int
    total: int
    chains: Chains


def stream(
    kernel: Kernel,
    chains: Chains,
    n_draws: int,
    *,
    thin: int = 1,
    workers: int = 1,
    block: int | None = None,
) -> Iterator[tuple[Chains, Draws]]:
    """Draws in blocks, so that nothing need be kept but what the caller keeps.

    Parameters
    ----------
    kernel : Kernel
    chains : Chains
        From :func:`start`, from an earlier run or from a file.
    n_draws : int
        Of each chain.
    thin : int
        Steps a draw.
    workers : int
        Threads, at most one a chain. The draws do not depend on how many.
    block : int, optional
        Draws a block; by default some 32 MB, and a twentieth of the run at most. The draws do not
        depend on it.

    Yields
    ------
    chains : Chains
        Where they are after the block.
    draws : Draws
        Of the block.

    Raises
    ------
    ValueError
        If a number is not positive, or the chains are another kernel's.
    """
    for name, value in (("n_draws", n_draws), ("thin", thin), ("workers", workers)):
        if value < 1:
            raise ValueError(f"{name} is 1 or more, not {value}")
    if block is not None and block < 1:
        raise ValueError(f"block is 1 or more, not {block}")
    if chains.identity != kernel.identity:
        raise ValueError(
            f"these chains are of {chains.identity}, and cannot be continued by {kernel.identity}"
        )
    n = chains.state["position"].shape[1]
    size = block or max(1, min(_NUMBERS // (n * chains.n_chains), -(-n_draws // _FEWEST_BLOCKS)))
    generators = chains.generators()
    # A product of fewer rows may round otherwise: what is computed together stays together.
    most = 1 if getattr(kernel, "together", False) else workers
    edges = np.linspace(0, chains.n_chains, min(most, chains.n_chains) + 1).astype(int)
    shares = [slice(int(low), int(high)) for low, high in pairwise(edges)]
    with ThreadPoolExecutor(len(shares)) as pool:
        done = 0
        while done < n_draws:
            count = min(size, n_draws - done)
            before = chains.state
            jobs = [
                pool.submit(_draw, kernel, before, generators, of, count, thin) for of in shares
            ]
            parts = [job.result() for job in jobs]
            state = {name: np.concatenate([part[0][name] for part in parts]) for name in before}
            done += count
            chains = Chains(
                state,
                tuple(dict(generator.bit_generator.state) for generator in generators),
                chains.n_draws + count,
                kernel.identity,
            )
            densities = [part[2] for part in parts if part[2] is not None]
            yield (
                chains,
                Draws(
                    np.concatenate([part[1] for part in parts]),
                    np.concatenate(densities) if densities else None,
                    {name: state[name] - before[name] for name in kernel.counters},
                ),
            )


def run(
    kernel: Kernel,
    chains: Chains,
    n_draws: int,
    *,
    thin: int = 1,
    workers: int = 1,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[Chains, Draws]:
    """Draw from every chain, and keep the draws.

    Parameters
    ----------
    kernel : Kernel
    chains : Chains
        From :func:`start`, from an earlier run or from a file.
    n_draws : int
        Of each chain.
    thin : int
        Steps a draw.
    workers : int
        Threads, at most one a chain. The draws do not depend on how many.
    progress : callable, optional
        Called after each block with a :class:`Progress`: show it, or save a checkpoint. An
        exception that it raises ends the run.

    Returns
    -------
    chains : Chains
        Where they are at the end.
    draws : Draws

    Raises
    ------
    ValueError
        If a number is not positive, or the chains are another kernel's.
    """
    kept = []
    done = 0
    for now, draws in stream(kernel, chains, n_draws, thin=thin, workers=workers):
        kept.append(draws)
        done += draws.array.shape[1]
        chains = now
        if progress is not None:
            progress(Progress(done, n_draws, chains))
    return chains, join(kept)


def _draw(
    kernel: Kernel,
    whole: State,
    every: Sequence[np.random.Generator],
    share: slice,
    n_draws: int,
    thin: int,
) -> tuple[State, Array, Array | None]:
    state: State = {name: values[share] for name, values in whole.items()}
    generators = every[share]
    if isinstance(kernel, BlockKernel):
        return kernel.draw(state, generators, n_draws, thin)
    positions = np.empty((len(generators), n_draws, state["position"].shape[1]))
    densities = np.empty((len(generators), n_draws)) if "log_density" in state else None
    for k in range(n_draws):
        for _ in range(thin):
            state = kernel.step(state, generators)
        positions[:, k] = state["position"]
        if densities is not None:
            densities[:, k] = state["log_density"]
    return state, positions, densities
