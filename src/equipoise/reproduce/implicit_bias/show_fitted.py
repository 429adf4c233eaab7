"""The experiments on fitted laws, as a table and as curves."""

from __future__ import annotations

from collections.abc import Mapping

from equipoise.report import Cell, Column, Figure, Line, Table, lines
from equipoise.reproduce.implicit_bias.experiment import Ratios
from equipoise.reproduce.implicit_bias.published import ALPHAS, EARLIER

_BOUNDS = len(ALPHAS)


def tables(
    found: Mapping[tuple[str, str, float], Ratios], names: Mapping[str, str]
) -> tuple[Table, Table]:
    """What each setting shows, beside what was measured before; and with calibrated bounds.

    Parameters
    ----------
    found : mapping from (data, ratio, beta) to Ratios
        With the calibrated bound after those of the grid.
    names : mapping of str
        What the data are called.

    Returns
    -------
    tuple of Table
    """
    rows: list[list[str | Cell]] = []
    calibrated: list[list[str | Cell]] = []
    for (data, ratio, beta), one in found.items():
        before = EARLIER.get((data, ratio, beta))
        best = one.strongest
        figures = (
            (f"{one.unconstrained[:, 0].mean():.3f}", before and f"{before[0]:.3f}"),
            (f"{ALPHAS[best]:.2f}", before and f"{before[1]:.2f}"),
            (f"{one.mean(best):.4f}", before and f"{before[2]:.4f}"),
            (f"{one.mean(_BOUNDS - 1):.3f}", before and f"{before[3]:.3f}"),
        )
        where = names[data], ratio, f"{beta:g}"
        rows.append(
            [*where, *(f"{ours} ({theirs})" if theirs else ours for ours, theirs in figures)]
        )
        calibrated.append(
            [
                *where,
                f"{one.mean(_BOUNDS):.4f}",
                f"{one.unconstrained[:, 1].mean():.3f}",
                f"{one.mean(_BOUNDS, 1):.4f}",
            ]
        )
    settings = [Column("data"), Column("r"), Column("beta", "right")]
    return (
        Table(
            [
                *settings,
                Column("Uncons / Opt", "right"),
                Column("best alpha", "right"),
                Column("Cons / Opt", "right", note="at best alpha"),
                Column("Cons / Opt", "right", note="at alpha = 0.5"),
            ],
            rows,
            "Fitted laws; in brackets what was measured before with other code",
        ),
        Table(
            [
                *settings,
                Column("Cons / Opt", "right"),
                Column("Uncons / Opt", "right", note="discounted"),
                Column("Cons / Opt", "right", note="discounted"),
            ],
            calibrated,
            "The same with calibrated bounds",
        ),
    )


def curves(
    found: Mapping[tuple[str, str, float], Ratios], names: Mapping[str, str]
) -> list[Figure]:
    """Latent utility over alpha, as the paper's figures have it.

    Parameters
    ----------
    found : mapping from (data, ratio, beta) to Ratios
    names : mapping of str

    Returns
    -------
    list of Figure
        One for each data and strength of bias, with a panel a ratio.
    """
    drawn = []
    for data, beta in dict.fromkeys((data, beta) for data, _, beta in found):
        panels = {}
        for (d, ratio, b), one in found.items():
            if (d, b) != (data, beta):
                continue
            best = float(one.best.mean())
            level = [best] * _BOUNDS
            panels[f"mean latent utility, r = {ratio}"] = [
                Line(ALPHAS, [best * one.mean(i) for i in range(_BOUNDS)], "Cons"),
                Line(ALPHAS, [v * float(one.unconstrained[:, 0].mean()) for v in level], "Uncons"),
                Line(ALPHAS, level, "Opt"),
            ]
        drawn.append(lines(panels, x_label="alpha", caption=f"{names[data]}, beta = {beta:g}"))
    return drawn
