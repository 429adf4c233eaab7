"""What is claimed of small games."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from equipoise.audit import Estimate
from equipoise.reproduce.claim import Claim
from equipoise.reproduce.judge import judged, share, shown_at_least, shown_at_most
from equipoise.reproduce.minmax.toys.games import ACCEPT_REJECT, FIRST_ORDER, TOYS
from equipoise.reproduce.minmax.toys.table import solved
from equipoise.reproduce.part import Result

_LIMIT = 0.9
_AMPLITUDE = 4.0


def toys_claims(found: Mapping[tuple[str, str], Result], plain: str) -> tuple[Claim, ...]:
    """The claims of the toy table.

    Parameters
    ----------
    found : mapping from (game, method) to result
    plain : str
        The name of the trap of truncated answers.

    Returns
    -------
    tuple of Claim
    """
    claims = [_solves(found, key) for key in ("F1", "F3", "F3 near", "box", "wave", "Dirac")]
    claims += [
        _fails(found, "F1", "diverge", lambda one: one["outcome"] == "diverges"),
        _fails(
            found,
            "F3",
            f"cycle, with an amplitude above {_AMPLITUDE:g}",
            lambda one: one["outcome"] == "cycles" and one["amplitude"] > _AMPLITUDE,
        ),
        _fails(
            found,
            "F2",
            "end at (0, 0), which is no answer",
            lambda one: bool(np.abs(one["end"]).max() < 0.01),
        ),
    ]
    away = np.array([x**2 + y**2 > 1 for x, y in found["F2", ACCEPT_REJECT]["ends"]])
    claims.append(
        judged(
            "F2, box 10: accept/reject does not end at (0, 0): share of seeds (at least "
            f"{_LIMIT:g} asked for)",
            "1",
            share(away),
            shown_at_least(share(away), _LIMIT),
        )
    )
    of_all = share(solved(TOYS["F2"], found["F2", ACCEPT_REJECT]))
    claims.append(
        judged(
            "F2, box 10: nor does it end at the global min-max, for a greedy maximizer stays at "
            "its end of the box: share of seeds at the global one (at most "
            f"{1 - _LIMIT:g})",
            "0",
            of_all,
            shown_at_most(of_all, 1 - _LIMIT),
        )
    )
    trapped = share(solved(TOYS["Dirac"], found["Dirac", plain]))
    claims.append(
        judged(
            "Dirac GAN: with answers of 5 steps, compared with the value before them, it freezes: "
            f"share of seeds that reach |x| <= 0.05 (at most {1 - _LIMIT:g})",
            "0",
            trapped,
            shown_at_most(trapped, 1 - _LIMIT),
        )
    )
    return tuple(claims)


def _solves(found: Mapping[tuple[str, str], Result], key: str) -> Claim:
    toy = TOYS[key]
    ours = share(solved(toy, found[key, ACCEPT_REJECT]))
    of = "distance" if key == "wave" else "|x|"
    return judged(
        f"{toy.name}: accept/reject ends with {of} <= {toy.within:g}: share of seeds (at least "
        f"{_LIMIT:g} asked for)",
        "1",
        ours,
        shown_at_least(ours, _LIMIT),
    )


def _fails(
    found: Mapping[tuple[str, str], Result], key: str, what: str, which: Callable[[Result], bool]
) -> Claim:
    ours = sum(bool(which(found[key, method])) for method in FIRST_ORDER) / len(FIRST_ORDER)
    return judged(
        f"{TOYS[key].name}: descent-ascent, simultaneous or alternating, optimistic and "
        f"extragradient all {what}: share of the four",
        "1",
        Estimate(ours, ours, ours),
        "holds" if ours == 1 else "does not hold",
    )
