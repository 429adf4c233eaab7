"""Why a share's interval is not Wald's: the coverage of the textbook interval, re-computed.

Brown, Cai and DasGupta show that share +- 1.96 standard errors covers erratically, less often with
40 trials than with 17. Coverage is a finite sum, so nothing is simulated and both tiers are the
same.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from equipoise.reproduce.claim import Claim, Reproduction, Tier

# (n, p, coverage as published) for Wald's nominal 95 % interval.
_PUBLISHED = ((17, 0.5, 0.951), (40, 0.5, 0.919), (30, 0.2, 0.946), (98, 0.2, 0.928))


def _coverage(low: NDArray[np.float64], high: NDArray[np.float64], n: int, p: float) -> float:
    covered = (low <= p) & (p <= high)
    return float(stats.binom.pmf(np.arange(n + 1), n, p)[covered].sum())


def _wald(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    share = np.arange(n + 1) / n
    half = stats.norm.isf(0.025) * np.sqrt(share * (1 - share) / n)
    return share - half, share + half


def _measure(_: Tier) -> list[Claim]:
    claims = []
    for n, p, published in _PUBLISHED:
        ours = _coverage(*_wald(n), n, p)
        holds = abs(ours - published) <= 0.0005 + 1e-9
        claims.append(
            Claim(
                f"Wald's 95 % interval covers a share of {p} in {n} trials so often",
                f"{published}",
                ours,
                ours,
                ours,
                "holds" if holds else "does not hold",
            )
        )
    return claims


INTERVALS = Reproduction(
    "intervals",
    "the textbook interval of a share covers erratically and too seldom",
    "Brown, Cai, DasGupta 2001, Statistical Science 16, 101-133",
    _measure,
)
