"""The same counts, as other libraries sum them up.

From one table of counts seven libraries give different numbers by the same name: they differ in
sign, in whether groups are compared in pairs, with a reference or with everybody, and in what they
make of a rate that no row defines. Here is each one's number, fault for fault, for those who have
to compare with one that is published. Ours are :meth:`Audit.disparity`.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from equipoise.audit.counts import Counts
from equipoise.rates import divide

Array = NDArray[np.float64]


def figures_of(library: str, counts: Counts, reference: str | None = None) -> dict[str, float]:
    """What a library would say of these counts.

    Parameters
    ----------
    library : {"fairlearn", "aif360", "torchmetrics", "oxonfair", "aequitas"}
    counts : Counts
        Of two classes and groups that do not overlap.
    reference : str, optional
        AIF360's privileged group, the others being pooled, or Aequitas' reference; by default
        the largest group.

    Returns
    -------
    dict of float
        By the library's own names. Undefined rates are what it makes of them: 0 in Fairlearn,
        AIF360, torchmetrics and OxonFair, and a disparity of 10 over a rate of 0 in Aequitas.

    Raises
    ------
    ValueError
        If the library is none of these, there are more than two classes, groups overlap, or the
        reference is not among them.
    """
    if library not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, not {library!r}.")
    if len(counts.classes) != 2:
        raise ValueError(
            f"these libraries compare decisions of two classes, not {len(counts.classes)}."
        )
    if not counts.disjoint:
        raise ValueError("these libraries know no groups that overlap; audit each column alone.")
    names = counts.groups
    if reference is None:
        reference = names[int(counts.sizes.argmax())]
    if reference not in names:
        raise ValueError(f"there is no group {reference!r}; the groups are {', '.join(names)}.")
    cells = counts.by_group.astype(np.float64)
    return CONVENTIONS[library](cells, names, names.index(reference))


def _share(top: Array, bottom: Array, undefined: float = 0.0) -> Array:
    rates = divide(top, bottom)
    return np.where(np.isnan(rates), undefined, rates)


def _fairlearn(cells: Array, names: tuple[str, ...], reference: int) -> dict[str, float]:
    # fairlearn.metrics 0.15, method="between_groups", agg="worst_case".
    rates = {
        "demographic_parity": [_share(cells[:, :, 1].sum(1), cells.sum((1, 2)))],
        "equalized_odds": [
            _share(cells[:, 1, 1], cells[:, 1].sum(1)),
            _share(cells[:, 0, 1], cells[:, 0].sum(1)),
        ],
        "equal_opportunity": [_share(cells[:, 1, 1], cells[:, 1].sum(1))],
    }
    found = {}
    for name, parts in rates.items():
        found[f"{name}_difference"] = float(max(np.ptp(part) for part in parts))
        ratios = [divide(part.min(keepdims=True), part.max(keepdims=True))[0] for part in parts]
        found[f"{name}_ratio"] = float(min(ratios))
    return found


def _aif360(cells: Array, names: tuple[str, ...], reference: int) -> dict[str, float]:
    # aif360.sklearn.metrics 0.6, the unprivileged group less the privileged one.
    privileged = cells[reference]
    both = np.stack([cells.sum(0) - privileged, privileged])
    selected = _share(both[:, :, 1].sum(1), both.sum((1, 2)))
    recall = _share(both[:, 1, 1], both[:, 1].sum(1))
    specificity = _share(both[:, 0, 0], both[:, 0].sum(1))
    tpr, fpr = recall[0] - recall[1], specificity[1] - specificity[0]
    return {
        "statistical_parity_difference": float(selected[0] - selected[1]),
        "disparate_impact_ratio": float(_share(selected[:1], selected[1:])[0]),
        "equal_opportunity_difference": float(tpr),
        "average_odds_difference": float((tpr + fpr) / 2),
        "average_odds_error": float((abs(tpr) + abs(fpr)) / 2),
    }


def _torchmetrics(cells: Array, names: tuple[str, ...], reference: int) -> dict[str, float]:
    # torchmetrics 1.9: groups are numbered in their order, EO is equal opportunity.
    found = {}
    for name, rate in (
        ("DP", _share(cells[:, :, 1].sum(1), cells.sum((1, 2)))),
        ("EO", _share(cells[:, 1, 1], cells[:, 1].sum(1))),
    ):
        low, high = int(rate.argmin()), int(rate.argmax())
        found[f"{name}_{low}_{high}"] = float(_share(rate[low], rate[high]))
    return found


def _oxonfair(cells: Array, names: tuple[str, ...], reference: int) -> dict[str, float]:
    # oxonfair.utils.group_metrics: means over pairs of groups, denominators of at least 1.
    tn, fp, fn, tp = (cells[:, y, d] for y in (0, 1) for d in (0, 1))

    def some(x: Array) -> Array:
        return np.maximum(x, 1.0)

    recall, specificity = tp / some(tp + fn), tn / some(fp + tn)
    rows = cells.sum((1, 2))
    selected, right = divide(tp + fp, rows), divide(tp + tn, rows)
    tpr, tnr = _mean_difference(recall), _mean_difference(specificity)
    return {
        "demographic_parity": _mean_difference(selected),
        "disparate_impact": _mean_ratio(selected),
        "equal_opportunity": tpr,
        "predictive_parity": _mean_difference(tp / some(tp + fp)),
        "accuracy_parity": _mean_difference(right),
        "equalized_odds": (tpr + tnr) / 2,
        "equalized_odds_max": float(max(np.ptp(recall), np.ptp(specificity))),
        "treatment_equality": _mean_difference(fp / some(fn)),
    }


def _mean_difference(rates: Array) -> float:
    pairs = [abs(a - b) for a, b in combinations(rates, 2)]
    return float(np.sum(pairs) / max(1, len(pairs)))


def _mean_ratio(rates: Array) -> float:
    # A ratio that is no number is taken for parity.
    pairs = [
        min(a, b) / max(a, b) if min(a, b) > 0 else 1.0 if max(a, b) == 0 else 0.0
        for a, b in combinations(rates, 2)
    ]
    return float(np.mean(pairs)) if pairs else float("nan")


def _aequitas(cells: Array, names: tuple[str, ...], reference: int) -> dict[str, float]:
    # aequitas 1.1, Bias.get_disparity_predefined_groups.
    tn, fp, fn, tp = (cells[:, y, d] for y in (0, 1) for d in (0, 1))
    chosen = (tp + fp).sum()
    rates = {
        "ppr": divide(tp + fp, np.full_like(tp, chosen)),
        "pprev": divide(tp + fp, tp + fp + tn + fn),
        "precision": divide(tp, tp + fp),
        "fdr": divide(fp, tp + fp),
        "for": divide(fn, tn + fn),
        "fpr": divide(fp, fp + tn),
        "fnr": divide(fn, tp + fn),
        "tpr": divide(tp, tp + fn),
        "tnr": divide(tn, fp + tn),
        "npv": divide(tn, tn + fn),
    }
    found = {}
    for name, rate in rates.items():
        disparity = divide(rate, np.full_like(rate, rate[reference]))
        # A rate over 0 is set to 10, and 0 over 0 is not a number.
        disparity = np.where((rate > 0) & (rate[reference] == 0), 10.0, disparity)
        for group, value in zip(names, disparity, strict=True):
            found[f"{name}_disparity of {group}"] = float(value)
    return found


CONVENTIONS: dict[str, Callable[[Array, tuple[str, ...], int], dict[str, float]]] = {
    "fairlearn": _fairlearn,
    "aif360": _aif360,
    "torchmetrics": _torchmetrics,
    "oxonfair": _oxonfair,
    "aequitas": _aequitas,
}
"""Libraries whose figures can be asked for."""
