"""Draws of many chains, with what they cost and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling.summary import Summary, summarise

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Draws:
    """What every kernel of this room gives: draws of some chains, in the order of drawing.

    Attributes
    ----------
    array : ndarray, shape (chains, draws, n)
    log_density : ndarray, shape (chains, draws), or None
        Up to one constant; None where it is constant (uniform draws).
    counts : mapping of str to ndarray of int64, shape (chains,)
        What the draws cost: ``steps``, ``accepted``, and what else the kernel counts
        (``gradients``, ``rows_checked``, ``violations``, ...).
    names : tuple of str
        Of the n coordinates.

    Raises
    ------
    ValueError
        If shapes do not fit, or a draw is not finite.
    """

    array: Array
    log_density: Array | None = None
    counts: Mapping[str, Array] = field(default_factory=dict)
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.array.ndim != 3:
            raise ValueError(f"array has shape (chains, draws, n), not {self.array.shape}")
        chains, draws, n = self.array.shape
        if not np.isfinite(self.array).all():
            raise ValueError("array has NaN or infinite draws: the chain that made them is broken")
        if self.log_density is not None and self.log_density.shape != (chains, draws):
            raise ValueError(
                f"log_density has shape {(chains, draws)}, not {self.log_density.shape}"
            )
        for name, counted in self.counts.items():
            if counted.shape != (chains,):
                raise ValueError(f"counts[{name!r}] has shape {(chains,)}, not {counted.shape}")
        if not self.names:
            object.__setattr__(self, "names", tuple(f"x[{i}]" for i in range(n)))
        if len(self.names) != n:
            raise ValueError(f"names are {n}, one a coordinate, not {len(self.names)}")

    @property
    def acceptance(self) -> Array:
        """Share of steps of each chain that were accepted, shape (chains,); NaN if not counted."""
        if not {"steps", "accepted"} <= set(self.counts):
            return np.full(self.array.shape[0], np.nan)
        return self.counts["accepted"] / np.maximum(self.counts["steps"], 1)

    @property
    def last(self) -> Array:
        """Where each chain ended, shape (chains, n): a warm start for another run."""
        if not self.array.shape[1]:
            raise ValueError("there are no draws, so no last one")
        return self.array[:, -1]

    def flat(self) -> Array:
        """All draws as rows, chain after chain.

        Returns
        -------
        ndarray, shape (chains * draws, n)
        """
        return self.array.reshape(-1, self.array.shape[2])

    def summary(self, functionals: Mapping[str, Array] | None = None) -> Summary:
        """Means, deviations, quantiles and diagnostics, a row each.

        Rows are the coordinates, ``|x|^2`` (coordinates alone can look well mixed while the body
        is not), the log-density where there is one, and whatever else is asked for.

        Parameters
        ----------
        functionals : mapping of str to ndarray, shape (chains, draws), optional

        Returns
        -------
        Summary

        Raises
        ------
        ValueError
            If a functional has another shape, or there are no draws.
        """
        more = {"|x|^2": (self.array**2).sum(axis=2)}
        if self.log_density is not None:
            more["log_density"] = self.log_density
        more |= functionals or {}
        for name, values in more.items():
            if values.shape != self.array.shape[:2]:
                raise ValueError(
                    f"functionals[{name!r}] has shape {self.array.shape[:2]}, not {values.shape}"
                )
        columns = np.concatenate([self.array, np.stack(list(more.values()), axis=2)], axis=2)
        return summarise(columns, (*self.names, *more))

    def to_arviz(self) -> Any:
        """The draws as ArviZ's ``InferenceData``, variable ``x``, log-density as ``lp``.

        Returns
        -------
        arviz.InferenceData

        Raises
        ------
        ImportError
            If arviz is not installed.
        """
        try:
            import arviz
        except ImportError as error:
            raise ImportError("to_arviz needs arviz: pip install 'equipoise[sampling]'") from error
        known = {} if self.log_density is None else {"sample_stats": {"lp": self.log_density}}
        return arviz.from_dict(
            posterior={"x": self.array},
            coords={"coordinate": list(self.names)},
            dims={"x": ["coordinate"]},
            **known,
        )


def join(parts: Sequence[Draws]) -> Draws:
    """Draws of the same chains, one after another; what they cost is added up.

    Parameters
    ----------
    parts : sequence of Draws

    Returns
    -------
    Draws

    Raises
    ------
    ValueError
        If there are none, or they are not of the same chains, coordinates and counts.
    """
    if not parts:
        raise ValueError("parts are empty: nothing to join")
    first = parts[0]
    alike = all(
        part.array.shape[::2] == first.array.shape[::2]
        and part.names == first.names
        and set(part.counts) == set(first.counts)
        and (part.log_density is None) == (first.log_density is None)
        for part in parts
    )
    if not alike:
        raise ValueError("parts differ in chains, coordinates, counts or log-density")
    densities = [part.log_density for part in parts if part.log_density is not None]
    return Draws(
        np.concatenate([part.array for part in parts], axis=1),
        np.concatenate(densities, axis=1) if densities else None,
        {name: sum(part.counts[name] for part in parts) for name in first.counts},  # type: ignore[misc]
        first.names,
    )
