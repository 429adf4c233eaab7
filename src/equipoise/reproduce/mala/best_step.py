"""Where effective draws a step are most, as the step size varies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from equipoise.report import Column, Figure, Line, Section, Table, Text, lines
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_at_least
from equipoise.reproduce.mala.data import posterior
from equipoise.reproduce.mala.published import NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.sampling import run, start
from equipoise.sampling.densities import MALA, Metric
from equipoise.sampling.diagnostics import ess_mean

_FACTORS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
_CHOSEN = _FACTORS.index(2.0)
_CHAINS, _BURN, _DRAWS = 8, 300, 2000
_D = 32
_ENOUGH = 0.9


@dataclass(frozen=True)
class _Setting:
    seed: int

    def cell(self) -> Cell:
        decides = {
            "factors": _FACTORS,
            "draws": [_CHAINS, _BURN, _DRAWS],
            "d": _D,
            **vars(self),
        }
        return Cell(f"step sizes, seed {self.seed}", decides, self.run, 6.0)

    def run(self) -> Result:
        target = posterior("incoherent", _D, self.seed)
        mode = target.mode()
        most = float(np.linalg.eigvalsh(mode.hessian)[-1])
        noise = np.random.default_rng([self.seed, _D, 1]).standard_normal((_CHAINS, _D))
        begin = mode.position + Metric.of_precision(mode.hessian).spread(noise)
        accepted, sizes = [], []
        for factor in _FACTORS:
            kernel = MALA(target, factor * _D ** (-1 / 3) / most)
            chains, _ = run(kernel, start(kernel, begin, seed=self.seed), _BURN)
            _, draws = run(kernel, chains, _DRAWS)
            accepted.append(float(draws.acceptance.mean()))
            sizes.append(float(np.median(ess_mean(draws.array))) / (_CHAINS * _DRAWS))
        return {"accepted": accepted, "sizes": sizes}


def best_step_part(tier: Tier, _: Path | None) -> Part:
    """A sweep over step sizes.

    Returns
    -------
    Part
    """
    settings = [_Setting(seed) for seed in range(4 if tier == "quick" else 12)]
    return Part("best step", tuple(one.cell() for one in settings), _show)


def _show(results: Sequence[Result]) -> Shown:
    sizes = np.array([one["sizes"] for one in results])
    accepted = np.array([one["accepted"] for one in results])
    relative = sizes[:, _CHOSEN] / sizes.mean(axis=0).max()
    figure = over_seeds(relative)
    claim: Claim = judged(
        f"h = 2 d^(-1/3) / L has {_ENOUGH:.0%} of the effective draws of the best step size "
        f"tried, d = {_D}",
        NONE,
        figure,
        shown_at_least(figure, _ENOUGH),
    )
    rows = [
        [f"{factor:g}", f"{a:.3f}", f"{s:.3f}"]
        for factor, a, s in zip(_FACTORS, accepted.mean(0), sizes.mean(0), strict=True)
    ]
    names = ("h L d^(1/3)", "accepted", "effective draws a step")
    table = Table([Column(name, "right") for name in names], rows, f"Incoherent data, d = {_D}")
    return Shown((claim,), (table,), partial(_draw, sizes.mean(0), table))


def _draw(sizes: np.ndarray, table: Table) -> Sequence[Section]:
    drawn: Figure = lines(
        {"effective draws a step": [Line(_FACTORS, sizes, "MALA")]}, x_label="h L d^(1/3)"
    )
    text = "Median over coordinates, logistic regression with 20 rows a coefficient."
    return [Section("The best step size", [Text(text), drawn, table])]
