"""Rows drawn from the paper's laws, and classifiers trained on them, over five folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from equipoise.report import Cell as Entry
from equipoise.report import Column, Section, Table, Text
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.judge import judged, over_seeds, shown_above, shown_at_most
from equipoise.reproduce.part import Cell, Part, Result, Shown
from equipoise.reproduce.repair.coded import READERS, Coded, available
from equipoise.reproduce.repair.fitted import (
    Choice,
    cells,
    divergence,
    joint_of,
    representation_rate,
    statistical_rate,
)
from equipoise.reproduce.repair.published import COMPAS_FOLDS, NONE
from equipoise.reproduce.within import within

Array = NDArray[np.float64]

_FOLDS = 5
_DRAWN = 10_000
_PROTECTED = {"COMPAS": "race", "Adult": "sex"}
_RAW = "rows as they are"
_CHOICES: dict[str, Choice | None] = {
    _RAW: None,
    **{
        choice.name: choice
        for choice in (
            Choice(0.5),
            Choice(0.5, "balanced"),
            Choice(0.5, "data"),
            Choice(0.5, "data", "data"),
            Choice(0.1),
        )
    },
}
_LEARNERS = {"decision tree": "tree", "naive Bayes": "bayes"}
_KL_NEAR, _DECIDED_NEAR, _ACCURACY_NEAR, _LOST = 0.014, 0.02, 0.01, 0.03


@dataclass(frozen=True)
class Setting:
    """Five folds of a table, divided at random.

    Attributes
    ----------
    table : {"COMPAS", "Adult"}
    rows : str
        What classifiers are trained on.
    seed : int
        Of the division, of draws and of trees.
    folder : Path
    """

    table: str
    rows: str
    seed: int
    folder: Path

    def cell(self) -> Cell:
        """The folds."""
        choice = _CHOICES[self.rows]
        decides = {
            "table": self.table,
            "seed": self.seed,
            "run": [_FOLDS, _DRAWN],
            "law": None if choice is None else choice.decides,
        }
        title = f"folds of {self.table}, {self.rows}, seed {self.seed}"
        return Cell(title, decides, self.run, 1.0 if self.table == "COMPAS" else 5.0)

    def run(self) -> Result:
        """Fit, draw and train in each fold."""
        coded = READERS[self.table](self.folder, _PROTECTED[self.table])
        order = np.random.default_rng([self.seed, 1]).permutation(len(coded))
        each = [self._fold(coded, fold, order) for fold in range(_FOLDS)]
        return {name: [one[name] for one in each] for name in each[0]}

    def _fold(self, coded: Coded, fold: int, order: NDArray[np.int64]) -> dict[str, float]:
        held = coded.take(order[fold::_FOLDS])
        learnt = coded.take(np.delete(order, np.s_[fold::_FOLDS]))
        choice, of_law = _CHOICES[self.rows], 0.0
        drawn = learnt
        if choice is not None:
            law = choice.fit(learnt)
            of_law = divergence(cells(law, learnt), learnt.shares)
            rows = law.draw_rows(_DRAWN, np.random.default_rng([self.seed, fold]))
            columns = [law.model.of_column[f"x{j}"] for j in range(len(coded.sizes))]
            features = [learnt.features[rows[:, of], j] for j, of in enumerate(columns)]
            drawn = Coded(
                learnt.group[rows[:, law.model.of_group]],
                learnt.label[rows[:, law.model.of_label]],
                np.stack(features, axis=1),
                coded.sizes,
            )
        joint = joint_of(drawn.group, drawn.label)
        found = {
            "rate": statistical_rate(joint),
            "representation": representation_rate(joint),
            "law": of_law,
            "divergence": divergence(drawn.shares, learnt.shares),
        }
        for learner in _LEARNERS.values():
            model = DecisionTreeClassifier(random_state=self.seed)
            judged_by = model if learner == "tree" else GaussianNB()
            found |= {f"{learner} {k}": v for k, v in _judge(judged_by, drawn, held).items()}
        return found


def _judge(model: Any, drawn: Coded, held: Coded) -> dict[str, float]:
    learnt, asked = (np.column_stack([one.group, one.features]) for one in (drawn, held))
    probability = model.fit(learnt, drawn.label).predict_proba(asked)[:, 1]
    decided = (probability > 0.5).astype(np.int64)
    means = [probability[held.group == group].mean() for group in (0, 1)]
    return {
        "rate": float(min(means) / max(means)),
        "decided": statistical_rate(joint_of(held.group, decided)),
        "accuracy": float((decided == held.label).mean()),
    }


def folds_part(tier: Tier, data_dir: Path | None) -> Part:
    """COMPAS, and in the full tier Adult.

    Returns
    -------
    Part
    """
    seeds = {"COMPAS": 8} if tier == "quick" else {"COMPAS": 40, "Adult": 10}
    has = {name: available(data_dir, name) for name in seeds}
    notes = tuple(
        f"{name} is not in the folder of data (--data-dir): no classifiers are trained on it."
        for name, there in has.items()
        if not there
    )
    if tier == "quick":
        notes = (*notes, "Classifiers on Adult are trained in the full tier.")
    notes = (
        *notes,
        "Of COMPAS of 19 columns only the size is simulated.",
    )
    return part_of(
        [
            Setting(name, rows, seed, data_dir)
            for name, number in seeds.items()
            for rows in _CHOICES
            for seed in range(number)
            if data_dir is not None and has[name]
        ],
        notes,
    )


def part_of(settings: Sequence[Setting], notes: tuple[str, ...] = ()) -> Part:
    """A part of some settings.

    Parameters
    ----------
    settings : sequence of Setting
    notes : tuple of str

    Returns
    -------
    Part
    """
    return Part("folds", tuple(one.cell() for one in settings), partial(_show, settings), notes)


def _show(settings: Sequence[Setting], results: Sequence[Result]) -> Shown:
    found: dict[str, dict[str, list[Result]]] = {}
    for one, result in zip(settings, results, strict=True):
        found.setdefault(one.table, {}).setdefault(one.rows, []).append(result)
    if not found:
        return Shown((), (), list)
    tables = tuple(one for name, by_rows in found.items() for one in _tables(name, by_rows))
    return Shown(
        tuple(claim for name, by_rows in found.items() for claim in _claims(name, by_rows)),
        tables,
        lambda: [Section("Five folds", [Text(_TEXT), *tables])],
    )


_TEXT = (
    f"In each fold the law is found on four fifths of the rows, {_DRAWN:,} rows are drawn, and "
    "classifiers trained on them decide about the last fifth as it is, from all columns but the "
    "label. SR, RR and KL are of the rows drawn, KL of the law of the law itself, both from the "
    "rows it was found on. A classifier's SR is of its mean probabilities in the two groups, as "
    "in the published programs; that of what it decides, at one half, is beside it. Folds are "
    "divided at random, anew for each seed (in the published programs they are not shuffled); "
    "intervals are over seeds, and so over divisions and draws and not over other tables. After "
    "± is the standard deviation over folds and seeds. Which classifier the published figures are "
    "of is not known; they are put beside the tree's, which they are near to."
)


def _over(of: Sequence[Result], name: str) -> Array:
    return np.array([np.mean(one[name]) for one in of])


def _claims(table: str, by_rows: Mapping[str, Sequence[Result]]) -> list[Claim]:
    claims = []
    if table == "COMPAS":
        for expectation, paper in COMPAS_FOLDS.items():
            [name] = [
                name
                for name, one in _CHOICES.items()
                if one is not None
                and (one.share, one.prior, one.expectation) == (0.5, "weighted", expectation)
            ]
            of = by_rows[name]
            for said, what, theirs, near in (
                ("SR of the rows drawn", "rate", paper.rate, paper.rate_deviation),
                (
                    "RR of the rows drawn",
                    "representation",
                    paper.representation,
                    paper.representation_deviation,
                ),
                ("KL of the rows drawn", "divergence", paper.divergence, _KL_NEAR),
                ("SR of a tree's probabilities", "tree rate", paper.decided, _DECIDED_NEAR),
                ("accuracy of a tree", "tree accuracy", paper.accuracy, _ACCURACY_NEAR),
            ):
                claims.append(
                    within(
                        f"{table}, {name}: {said}, within {near:g} of the paper's",
                        f"{theirs:g}",
                        over_seeds(_over(of, what)),
                        theirs - near,
                        theirs + near,
                    )
                )
    repaired = by_rows[Choice(0.5).name]
    for learner, short in _LEARNERS.items():
        gain = over_seeds(_over(repaired, f"{short} rate") - _over(by_rows[_RAW], f"{short} rate"))
        lost = over_seeds(
            _over(by_rows[_RAW], f"{short} accuracy") - _over(repaired, f"{short} accuracy")
        )
        name = f"{table}, {Choice(0.5).name}, {learner}"
        claims += [
            judged(
                f"{name}: SR of probabilities is above that with the rows as they are",
                NONE,
                gain,
                shown_above(gain, 0.0),
            ),
            judged(
                f"{name}: at most {_LOST:g} of accuracy is lost",
                NONE,
                lost,
                shown_at_most(lost, _LOST),
            ),
        ]
    return claims


_OF_ROWS = {"SR": "rate", "RR": "representation", "KL": "divergence", "KL of the law": "law"}
_OF_CLASSIFIERS = {
    f"{said}, {learner}": f"{short} {what}"
    for learner, short in _LEARNERS.items()
    for said, what in (("SR", "rate"), ("SR decided", "decided"), ("accuracy", "accuracy"))
}


def _tables(table: str, by_rows: Mapping[str, Sequence[Result]]) -> tuple[Table, Table]:
    of_rows, of_classifiers = _measured(_OF_ROWS, by_rows), _measured(_OF_CLASSIFIERS, by_rows)
    if table == "COMPAS":
        for expectation, paper in COMPAS_FOLDS.items():
            name = f"published, q^w, θ^{'w' if expectation == 'weighted' else 'b'}"
            of_rows.append(
                [
                    name,
                    f"{paper.rate:.3f} ± {paper.rate_deviation:.3f}",
                    f"{paper.representation:.3f} ± {paper.representation_deviation:.3f}",
                    f"{paper.divergence:.3f}",
                    "",
                ]
            )
            of_classifiers.append(
                [name, f"{paper.decided:.3f}", "", f"{paper.accuracy:.3f}", *([""] * 3)]
            )
    told = f"{table}, {_PROTECTED[table]}, {_FOLDS} folds"
    return (
        Table(_columns(_OF_ROWS), of_rows, f"{told}: the rows"),
        Table(_columns(_OF_CLASSIFIERS), of_classifiers, f"{told}: classifiers trained on them"),
    )


def _columns(named: Mapping[str, str]) -> list[Column]:
    return [Column("trained on"), *(Column(name, "right") for name in named)]


def _measured(
    named: Mapping[str, str], by_rows: Mapping[str, Sequence[Result]]
) -> list[list[str | Entry]]:
    rows: list[list[str | Entry]] = []
    for name, of in by_rows.items():
        figures = [np.concatenate([one[what] for one in of]) for what in named.values()]
        rows.append([name, *(f"{one.mean():.3f} ± {one.std(ddof=1):.3f}" for one in figures)])
    return rows
