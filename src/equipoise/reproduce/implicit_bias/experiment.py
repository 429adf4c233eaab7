"""The authors' experiment: men and women, bias against women, bounds of growing strength."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.groups import Groups
from equipoise.rank import Bound, discounts, rank_items
from equipoise.reproduce.implicit_bias.laws import Draw
from equipoise.reproduce.implicit_bias.published import ALPHAS, POSITIONS
from equipoise.reproduce.part import Result

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Experiment:
    """Draws, each ranked under all bounds.

    Attributes
    ----------
    draw : callable
    men, women : int
    more : sequence of Bound
        A bound besides those of the shares alpha.
    """

    draw: Draw
    men: int
    women: int
    more: Sequence[Bound] = ()

    def run(self, seed: int, trials: int) -> Result:
        """Rank what is observed, and judge by what is latent.

        Parameters
        ----------
        seed : int
        trials : int

        Returns
        -------
        dict
            Mean latent utilities, per position, by discount (none, then 1 / log2(k + 1)):
            ``"constrained"`` for each bound, ``"unconstrained"`` and ``"best"``; and how many of
            those ranked have no utility.
        """
        random = np.random.default_rng(seed)
        bounds = [Bound.of_share("women", ">=", alpha) for alpha in ALPHAS]
        asked = [[bound] for bound in (*bounds, *self.more)]
        worth = np.stack([discounts("none", POSITIONS), discounts("dcg", POSITIONS)])
        worth /= worth.sum(axis=1, keepdims=True)
        constrained = np.zeros((len(asked), 2))
        unconstrained, best, useless = np.zeros(2), np.zeros(2), 0
        for _ in range(trials):
            men, women, observed = self.draw(random, self.men, self.women)
            # Whoever is behind a hundred of the same group is not ranked.
            latent = np.concatenate([men[:POSITIONS], women[:POSITIONS]])
            seen = np.concatenate([men[:POSITIONS], observed[:POSITIONS]])
            codes = np.repeat([0, 1], [len(men[:POSITIONS]), len(women[:POSITIONS])])
            groups = Groups.from_codes(codes, ["men", "women"])
            for b, bound in enumerate(asked):
                found = rank_items(seen, groups, bound, n=POSITIONS)
                constrained[b] += worth @ latent[found.order]
                useless += int((latent[found.order] <= 0).sum())
            unconstrained += worth @ latent[found.by_score]
            best += worth @ np.sort(latent)[::-1][:POSITIONS]
        return {
            "constrained": (constrained / trials).tolist(),
            "unconstrained": (unconstrained / trials).tolist(),
            "best": (best / trials).tolist(),
            "useless": useless,
        }


@dataclass(frozen=True)
class Ratios:
    """Figures of one setting, over chunks of trials.

    Attributes
    ----------
    constrained : ndarray, shape (chunks, bounds, 2)
        Cons / Opt, by discount: none, then 1 / log2(k + 1).
    unconstrained : ndarray, shape (chunks, 2)
        Uncons / Opt.
    best : ndarray, shape (chunks,)
        Opt, per position.
    useless : int
    """

    constrained: Array
    unconstrained: Array
    best: Array
    useless: int

    @classmethod
    def of(cls, results: Sequence[Result]) -> Ratios:
        """Figures of chunks.

        Parameters
        ----------
        results : sequence of dict

        Returns
        -------
        Ratios
        """
        best = np.array([one["best"] for one in results])
        return cls(
            np.array([one["constrained"] for one in results]) / best[:, None],
            np.array([one["unconstrained"] for one in results]) / best,
            best[:, 0],
            sum(one["useless"] for one in results),
        )

    def mean(self, bound: int, discount: int = 0) -> float:
        """Cons / Opt of a bound."""
        return float(self.constrained[:, bound, discount].mean())

    @property
    def strongest(self) -> int:
        """The alpha, as a number of the grid, with the largest Cons."""
        return int(self.constrained[:, : len(ALPHAS), 0].mean(axis=0).argmax())

    def recovered(self, bound: int, discount: int = 0) -> Array:
        """The share of what bias loses that a bound brings back, of each chunk."""
        without = self.unconstrained[:, discount]
        gained = self.constrained[:, bound, discount] - without
        return np.asarray(gained / (1 - without))
