"""Barycentric quantum entropy beside von Neumann's, over random density matrices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from equipoise.maxent.continuous import RankOneProjections, barycentric_entropy, fit
from equipoise.report import Column, Figure, Section, Table, Text, scatter
from equipoise.report import Point as Spot
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, share, shown_above
from equipoise.reproduce.maxent.exactly import exactly
from equipoise.reproduce.maxent.families import haar
from equipoise.reproduce.maxent.long_arithmetic import log_scrooge
from equipoise.reproduce.maxent.published import BARYCENTRIC, NONE
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.standardised import CALIBRATED, spread
from equipoise.reproduce.within import within

Array = NDArray[Any]

_SIZES = (2, 3, 4, 8)
_STATES = 25  # a cell
_ROUNDING = 1e-10
_DRAWN = 100  # points of the figure, a size
_MIXED, _PURE = 6, 4_000


@dataclass(frozen=True)
class _Setting:
    n: int
    seed: int

    def cell(self) -> Cell:
        title = f"entropies, {self.n} levels, seed {self.seed}"
        return Cell(title, {"states": [_STATES, _MIXED, _PURE], **vars(self)}, self.run, 0.5)

    def run(self) -> Result:
        rng = np.random.default_rng([self.seed, self.n])
        states = [_state(self.n, rng) for _ in range(_STATES)]
        spectra = [np.linalg.eigvalsh(rho) for rho in states]
        entropy = np.array([barycentric_entropy(rho) for rho in states])
        other = states[1:] + states[:1]
        middle = np.array(
            [barycentric_entropy((a + b) / 2) for a, b in zip(states, other, strict=True)]
        )
        turned = np.array([barycentric_entropy(_turned(rho, rng)) for rho in states])
        return {
            "barycentric": entropy.tolist(),
            "neumann": [float(special.entr(a).sum()) - float(np.log(self.n)) for a in spectra],
            "scrooge": [log_scrooge(a) for a in spectra],
            "concave": float((middle - (entropy + np.roll(entropy, -1)) / 2).min()),
            "turned": float(np.abs(turned - entropy).max()),
            "distance": [_distance(rho, self.seed) for rho in states[:_MIXED]],
        }


def _state(n: int, rng: np.random.Generator) -> Array:
    """A density matrix from the Hilbert-Schmidt measure."""
    g = rng.standard_normal((n, n)) + 1j * rng.standard_normal((n, n))
    rho = g @ g.conj().T
    rho = (rho + rho.conj().T) / 2
    return np.asarray(rho / np.trace(rho).real)


def _turned(rho: Array, rng: np.random.Generator) -> Array:
    u = haar(len(rho), 1, rng)[0]
    turned = u @ rho @ u.conj().T
    return np.asarray((turned + turned.conj().T) / 2)


def _distance(rho: Array, seed: int) -> float:
    """How far an average of drawn pure states is from rho, in units of what it should be.

    The expected square of the Frobenius distance is (1 - tr rho^2) over the number drawn.
    """
    columns = fit(RankOneProjections(len(rho)), rho).sample_columns(_PURE, seed)[:, :, 0]
    average = columns.T @ columns.conj() / _PURE
    wanted = (1 - float(np.linalg.norm(rho)) ** 2) / _PURE
    return float(np.linalg.norm(average - rho) / np.sqrt(wanted))


def entropies_part(tier: Tier, _: Path | None) -> Part:
    """Random states of a few levels.

    Returns
    -------
    Part
    """
    seeds = 8 if tier == "quick" else 40
    return part_of([_Setting(n, seed) for n in _SIZES for seed in range(seeds)])


def part_of(settings: Sequence[_Setting]) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of settings

    Returns
    -------
    Part
    """
    return Part("entropies", tuple(one.cell() for one in settings), partial(_show, settings))


def _show(settings: Sequence[_Setting], results: Sequence[Result]) -> Shown:
    found: dict[int, list[Result]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.n, []).append(result)
    table = _table(found)
    return Shown(
        _claims(found),
        (table,),
        lambda: [Section("Two quantum entropies", [Text(_TEXT), _figure(found), table])],
    )


_TEXT = (
    "Von Neumann's entropy S less log n is relative to the maximally mixed state, as the "
    "barycentric one is to Haar measure of pure states. Proved: averaging turns laws of pure "
    "states into density matrices and Haar's into the maximally mixed, and no such map makes "
    "divergences larger, so that the barycentric entropy is at most S - log n; and it is at least "
    "that of any "
    "law with the average rho, here the Scrooge ensemble's, which is known in closed form. It is "
    "concave, a supremum of concave functions; invariant under rotations, as Haar measure is; and "
    "zero at the maximally mixed state only. Observed only: that the two entropies put some states "
    "in different orders. Towards singular states one goes to minus infinity; the other does not."
)


def _all(of: Sequence[Result], name: str) -> Array:
    return np.concatenate([np.atleast_1d(one[name]) for one in of])


def _claims(found: Mapping[int, Sequence[Result]]) -> tuple[Claim, ...]:
    every = [one for of in found.values() for one in of]
    barycentric, neumann = _all(every, "barycentric"), _all(every, "neumann")
    scrooge = _all(every, "scrooge")
    number = len(barycentric)
    orders = [_reordered(of) for n, of in found.items() if n > 2]
    swapped = share(np.concatenate(orders)) if orders else None
    claims = [
        exactly(
            f"Barycentric entropy less (S - log n), largest of {number} states: below 0 but for "
            "rounding (proved)",
            NONE,
            float((barycentric - neumann).max()),
            _ROUNDING,
        ),
        exactly(
            "Barycentric entropy less the Scrooge ensemble's, least: above 0 but for rounding "
            "(proved)",
            NONE,
            float((barycentric - scrooge).min()),
            low=-_ROUNDING,
        ),
        exactly(
            "Entropy halfway between two states less the mean of theirs, least: above 0 but for "
            "rounding (proved)",
            NONE,
            min(one["concave"] for one in every),
            low=-_ROUNDING,
        ),
        exactly(
            f"Change by a random rotation, largest: at most {_ROUNDING:g} (proved)",
            NONE,
            max(one["turned"] for one in every),
            _ROUNDING,
        ),
        within(
            f"Frobenius distance of {_PURE} drawn pure states' average from rho over the expected "
            "one: root mean square (1)",
            BARYCENTRIC,
            spread([one["distance"] for one in every]),
            *CALIBRATED,
        ),
    ]
    if swapped is not None:
        claims.append(
            judged(
                "Share of pairs of states of three levels or more which the two entropies order "
                "differently: above 0 (observed)",
                NONE,
                swapped,
                shown_above(swapped, 0.0),
            )
        )
    return tuple(claims)


def _reordered(of: Sequence[Result]) -> NDArray[np.bool_]:
    """Of pairs without a state in common, whether the orders differ."""
    a, b = _all(of, "barycentric"), _all(of, "neumann")
    even = len(a) // 2 * 2
    return np.asarray((a[:even:2] - a[1:even:2]) * (b[:even:2] - b[1:even:2]) < 0)


def _table(found: Mapping[int, Sequence[Result]]) -> Table:
    rows = []
    for n, of in found.items():
        barycentric, neumann = _all(of, "barycentric"), _all(of, "neumann")
        scrooge = _all(of, "scrooge")
        ratio = barycentric / neumann
        rows.append(
            [
                str(n),
                str(len(barycentric)),
                *(f"{each.mean():.3f}" for each in (scrooge, barycentric, neumann)),
                f"{ratio.min():.2f} to {ratio.max():.2f}",
                f"{np.mean(_reordered(of)):.2f}",
            ]
        )
    names = (
        "levels", "states", "Scrooge", "barycentric", "S - log n", "barycentric over S - log n",
        "pairs in another order",
    )  # fmt: skip
    return Table(
        [Column(name, "right") for name in names], rows, "Entropies of random states, means"
    )


def _figure(found: Mapping[int, Sequence[Result]]) -> Figure:
    shown, faint = [], []
    for n, of in found.items():
        x, y = _all(of, "neumann"), _all(of, "barycentric")
        name = f"{n} levels"
        shown.append(_spot(float(np.median(x)), float(np.median(y)), name))
        faint += [_spot(float(a), float(b), name) for a, b in zip(x[:_DRAWN], y, strict=False)]
    return scatter(
        shown,
        x_label="S - log n, nats",
        y_label="barycentric entropy, nats",
        title="Two entropies of random states",
        faint=faint,
        caption="Small: states. Large: their medians.",
    )


def _spot(x: float, y: float, name: str) -> Spot:
    return Spot(x, y, x, x, y, y, name, name)
