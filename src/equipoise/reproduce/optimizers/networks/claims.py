"""Whether adaptive optimizers are fairer, and under which protocol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.audit import Estimate
from equipoise.compare.nested import nested_difference
from equipoise.compare.study.data import StudyData
from equipoise.compare.study.protocols import figures
from equipoise.groups import Groups
from equipoise.reproduce.claim import Claim, Verdict
from equipoise.reproduce.judge import judged
from equipoise.reproduce.optimizers.networks.against import BASE, Against, paired
from equipoise.reproduce.optimizers.networks.setting import Results
from equipoise.reproduce.optimizers.networks.tables import p_text
from equipoise.reproduce.optimizers.published import NONE, RARE_STYLE

ADAPTIVE = ("RMSprop", "Adam")
OTHERS = ("Muon", "SOAP")
"""Optimizers of matrices, of which the paper says nothing."""


def fairer_claims(
    results: Results, data: StudyData, compared: Sequence[Against], paper: str = RARE_STYLE
) -> list[Claim]:
    """One claim for each of the paper's optimizers and each horizon, and for others at the last.

    Parameters
    ----------
    results : Results
    data : StudyData
        What the results are of.
    compared : sequence of Against
    paper : str

    Returns
    -------
    list of Claim
    """
    claims = [
        _fairer(results, data, against, name, paper) for name in ADAPTIVE for against in compared
    ]
    there = [name for name in OTHERS if name in results.entries]
    return claims + [_fairer(results, data, compared[-1], name, NONE) for name in there]


def _fairer(results: Results, data: StudyData, against: Against, name: str, paper: str) -> Claim:
    fixed, tuned, matched = (
        against.found[name, protocol] for protocol in ("fixed rate", "tuned", "matched loss")
    )
    if tuned.seeds is None:
        nothing = Estimate(np.nan, np.nan, np.nan)
        return judged(_text(results, against, name), paper, nothing, "does not hold")
    if tuned.less and matched.less:
        verdict: Verdict = "holds"
    elif fixed.less or tuned.less:
        verdict = "holds with a condition"
    else:
        verdict = "does not hold" if tuned.more else "cannot be told"
    condition = ""
    if verdict == "holds with a condition":
        where = [
            words
            for words, one in (
                ("at one rate for all", fixed),
                ("each at its best rate", tuned),
                ("at equal training loss", matched),
            )
            if one.less
        ]
        condition = f", only {' and '.join(where)}"
    ours = _with_rows(results, data, against, name) or tuned.seeds.mean
    worst = "at rates best for the worst group"
    if against.worst_at_edge(results, name):
        worst += ", of which one is at an edge"
    others = (
        ("at one rate", fixed),
        (worst, against.found[name, "tuned for the worst group"]),
        ("at equal training loss of all epochs", matched),
    )
    rest = "; ".join(
        f"{words} {one.seeds.mean.value:+.3f}, p {p_text(one.p)}"
        if one.seeds is not None
        else f"{words} undefined"
        for words, one in others
    )
    rest = f" (shown: each at its best rate, p {p_text(tuned.p)}; {rest})"
    text = _text(results, against, name) + condition + rest
    return Claim(text, paper, ours.value, ours.low, ours.high, verdict)


def _text(results: Results, against: Against, name: str) -> str:
    epoch = results.setting.looks[against.look]
    return (
        f"{results.setting.title}, epoch {epoch}: {name} has a smaller {against.disparity} than "
        f"{BASE}"
    )


def _with_rows(results: Results, data: StudyData, against: Against, name: str) -> Estimate | None:
    """The difference of tuned optimizers, with an interval for new seeds and new test rows.

    None where there is no such interval: rows are not the same, or so few that resamples of them
    leave the figure undefined.
    """
    if not data.same_test_rows or data.multilabel:
        return None
    base, own = (
        entry.decisions[entry.places[entry.tuned(against.look)], against.look].astype(np.int64)
        for entry in (results.entries[BASE], results.entries[name])
    )
    rows = data.test[0]
    groups = Groups.from_codes(data.group[rows], data.groups)
    found = nested_difference(
        against.disparity, data.label[rows], groups, base, own, data.n_outputs
    ).difference
    return None if np.isnan(found.low) else found


def balanced_claim(results: Results, look: int, against: Against) -> Claim:
    """Whether showing as many rows of each group does more than the best optimizer does.

    Parameters
    ----------
    results : Results
    look : int
    against : Against
        For the figure.

    Returns
    -------
    Claim
    """
    gaps = {
        name: figures(entry, against.disparity)[entry.tuned(look), look]
        for name, entry in results.entries.items()
    }

    def best_of(*, heeding: bool) -> str:
        names = [n for n in gaps if results.entries[n].heeds_groups is heeding]
        return min(names, key=lambda name: float(np.nan_to_num(gaps[name].mean(), nan=np.inf)))

    plain, balanced = best_of(heeding=False), best_of(heeding=True)
    n_plain = sum(not entry.heeds_groups for entry in results.entries.values())
    epoch = results.setting.looks[look]
    text = (
        f"{results.setting.title}, epoch {epoch}: heeding groups ({balanced}) leaves a smaller "
        f"{against.disparity} than the best optimizer does ({plain}, best of {n_plain} in this "
        "very figure): difference"
    )
    seeds = paired(gaps[plain], gaps[balanced])
    if seeds is None:
        return judged(text, NONE, Estimate(np.nan, np.nan, np.nan), "does not hold")
    verdict: Verdict = "cannot be told"
    if seeds.p < 0.05 and seeds.mean.value < 0:
        verdict = "holds"
    # Whoever is the best of many owes some of it to having been chosen, as the other one does not.
    elif seeds.p * n_plain < 0.05 and seeds.mean.value > 0:
        verdict = "does not hold"
    return judged(text, NONE, seeds.mean, verdict)
