"""A table of what draws say: one row a coordinate or functional."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from equipoise.sampling import diagnostics

Array = NDArray[Any]

_QUANTILES = (0.05, 0.5, 0.95)
_MOST_ROWS = 20  # of a printed table: those with the fewest effective draws


@dataclass(frozen=True, eq=False)
class Summary:
    """Means and quantiles with their Monte Carlo errors, and diagnostics; a row a functional.

    Attributes
    ----------
    names : tuple of str, length k
    mean, sd, mcse_mean, mcse_sd : ndarray, shape (k,)
    quantiles, mcse_quantiles : ndarray, shape (3, k)
        At 5 %, 50 % and 95 %.
    ess_bulk, ess_tail, rhat : ndarray, shape (k,)
    """

    names: tuple[str, ...]
    mean: Array
    sd: Array
    mcse_mean: Array
    mcse_sd: Array
    quantiles: Array
    mcse_quantiles: Array
    ess_bulk: Array
    ess_tail: Array
    rhat: Array

    @property
    def min_ess(self) -> float:
        """Fewest effective draws of any row, bulk or tail; NaN where one is not known."""
        return float(np.minimum(self.ess_bulk, self.ess_tail).min())

    @property
    def max_rhat(self) -> float:
        """Largest R-hat of the rows that have one; NaN where none has."""
        known = self.rhat[np.isfinite(self.rhat)]
        return float(known.max()) if known.size else float("nan")

    def to_dict(self) -> dict[str, list[Any]]:
        """The table by columns, of plain Python numbers.

        Returns
        -------
        dict of str to list
        """
        columns: dict[str, list[Any]] = {
            "name": list(self.names),
            "mean": self.mean.tolist(),
            "sd": self.sd.tolist(),
            "mcse_mean": self.mcse_mean.tolist(),
            "mcse_sd": self.mcse_sd.tolist(),
        }
        for level, values, errors in zip(
            _QUANTILES, self.quantiles, self.mcse_quantiles, strict=True
        ):
            columns[f"q{level:.0%}"] = values.tolist()
            columns[f"mcse_q{level:.0%}"] = errors.tolist()
        return columns | {
            "ess_bulk": self.ess_bulk.tolist(),
            "ess_tail": self.ess_tail.tolist(),
            "rhat": self.rhat.tolist(),
        }

    def __str__(self) -> str:
        worst = np.argsort(np.minimum(self.ess_bulk, self.ess_tail), kind="stable")[:_MOST_ROWS]
        shown = ("mean", "mcse_mean", "sd", "q5%", "q50%", "q95%", "ess_bulk", "ess_tail", "rhat")
        table = self.to_dict()
        rows = [["", *shown]]
        rows += [
            [self.names[i], *(_written(name, table[name][i]) for name in shown)]
            for i in sorted(worst)
        ]
        widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
        lines = [
            "  ".join(word.rjust(w) for word, w in zip(row, widths, strict=True)) for row in rows
        ]
        left_out = len(self.names) - len(worst)
        if left_out:
            lines.append(f"and {left_out} rows with more effective draws than these")
        return "\n".join(lines)


def summarise(values: Array, names: tuple[str, ...]) -> Summary:
    """Summarise functionals of draws.

    Parameters
    ----------
    values : ndarray, shape (chains, draws, k)
    names : tuple of str, length k

    Returns
    -------
    Summary

    Raises
    ------
    ValueError
        If there are no draws, or a value is not finite.
    """
    several = values.shape[0] * values.shape[1] > 1
    return Summary(
        names=names,
        mean=values.mean(axis=(0, 1)),
        sd=values.std(axis=(0, 1), ddof=1) if several else np.full(len(names), np.nan),
        mcse_mean=diagnostics.mcse_mean(values),
        mcse_sd=diagnostics.mcse_sd(values),
        quantiles=np.quantile(values, _QUANTILES, axis=(0, 1)),
        mcse_quantiles=np.stack([diagnostics.mcse_quantile(values, q) for q in _QUANTILES]),
        ess_bulk=diagnostics.ess_bulk(values),
        ess_tail=diagnostics.ess_tail(values),
        rhat=diagnostics.rhat(values),
    )


def _written(name: str, value: float) -> str:
    if name.startswith("ess") and np.isfinite(value):
        return f"{value:.0f}"
    return f"{value:.3f}" if name == "rhat" else f"{value:.4g}"
