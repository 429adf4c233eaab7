"""Whether adaptive optimizers are fairer, and under which protocol."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.audit import Estimate
from equipoise.compare.nested import nested_difference
from equipoise.compare.paired import compare_seeds
from equipoise.compare.study.data import StudyData
from equipoise.compare.study.protocols import figures
from equipoise.groups import Groups
from equipoise.reproduce.claim import Claim, Verdict
from equipoise.reproduce.judge import judged
from equipoise.reproduce.optimizers.networks.against import BASE, Against
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
    if tuned.seeds is None or fixed.seeds is None or matched.seeds is None:
        nothing = Estimate(np.nan, np.nan, np.nan)
        return judged(_text(results, against, name), paper, nothing, "does not hold")
    if tuned.less and matched.less:
        verdict: Verdict = "holds"
    elif fixed.less or tuned.less:
        verdict = "holds with a condition"
    else:
        verdict = "cannot be told" if tuned.seeds.mean.value < 0 else "does not hold"
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
    others = (
        ("at one rate", fixed),
        ("at rates best for the worst group", against.found[name, "tuned for the worst group"]),
        ("at equal training loss", matched),
    )
    rest = "; ".join(
        f"{words} {one.seeds.mean.value:+.3f}, p {p_text(one.p)}"
        for words, one in others
        if one.seeds is not None
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
    """The difference of tuned optimizers, with an interval for new seeds and new test rows."""
    if not data.same_test_rows or data.multilabel:
        return None
    base, own = (
        entry.decisions[entry.places[entry.tuned(against.look)], against.look].astype(np.int64)
        for entry in (results.entries[BASE], results.entries[name])
    )
    rows = data.test[0]
    groups = Groups.from_codes(data.group[rows], data.groups)
    return nested_difference(
        against.disparity, data.label[rows], groups, base, own, data.n_outputs
    ).difference


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
    plain = {n: gap for n, gap in gaps.items() if not results.entries[n].heeds_groups}
    best = min(plain, key=lambda name: float(np.nan_to_num(plain[name].mean(), nan=np.inf)))
    balanced = min(
        (n for n in gaps if results.entries[n].heeds_groups), key=lambda n: float(gaps[n].mean())
    )
    seeds = compare_seeds(plain[best], gaps[balanced])
    if seeds.p < 0.05:
        verdict: Verdict = "holds" if seeds.mean.value < 0 else "does not hold"
    else:
        verdict = "cannot be told"
    epoch = results.setting.looks[look]
    return judged(
        f"{results.setting.title}, epoch {epoch}: heeding groups ({balanced}) leaves a smaller "
        f"{against.disparity} than the best optimizer does ({best}): difference",
        NONE,
        seeds.mean,
        verdict,
    )
