"""Networks under every optimizer, as parts of the re-run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from equipoise.compare.study.contestant import CONTESTANTS
from equipoise.compare.study.data import StudyData
from equipoise.constraints import Disparity
from equipoise.report import Facts, Section, Table
from equipoise.reproduce.claim import Claim, Tier
from equipoise.reproduce.optimizers.networks import openings
from equipoise.reproduce.optimizers.networks.against import Against
from equipoise.reproduce.optimizers.networks.claims import balanced_claim, fairer_claims
from equipoise.reproduce.optimizers.networks.figures import (
    epoch_figure,
    loss_figure,
    protocol_figure,
)
from equipoise.reproduce.optimizers.networks.setting import Results, Setting
from equipoise.reproduce.optimizers.networks.tables import against_table, tuned_table
from equipoise.reproduce.optimizers.published import NONE
from equipoise.reproduce.part import Part, Result, Shown

_ALL = tuple(CONTESTANTS)
_FEW = ("SGD", "Momentum", "RMSprop", "Adam", "SignSGD", "balanced SGD")
_MAIN = (
    "SGD",
    "Momentum",
    "RMSprop",
    "Adam",
    "Muon",
    "SOAP",
    "Lion",
    "balanced SGD",
    "group DRO",
)
_SEEDS = 20
_ODDS = 'gap("equalized_odds")'
_ACCURACY = 'gap("accuracy")'


def features_part(_: Tier, __: Path | None) -> Part:
    """Logistic regression where the rare group has features of its own; both tiers are the same.

    Returns
    -------
    Part
    """
    settings = [
        Setting(source, share, _SEEDS, 64, (2, 4), (1,), _FEW, _ACCURACY)
        for source, share in (
            ("own features", 0.02),
            ("own features, rotated", 0.02),
            ("own features", 0.1),
        )
    ]
    return part_of("features", settings, 0.02, None, openings.FEATURES)


def styles_part(tier: Tier, _: Path | None) -> Part:
    """Digits of which few are in a rare style.

    Parameters
    ----------
    tier : {"quick", "full"}

    Returns
    -------
    Part
    """
    looks, horizons = (3, 6, 15, 25, 40), (2, 4)
    if tier == "full":
        settings = [
            Setting("digits", share, _SEEDS, batch, looks, horizons, _ALL, _ODDS)
            for batch in (16, 64, 256)
            for share in (0.03, 0.1, 0.3)
        ]
        return part_of("styles", settings, 0.15, None, openings.STYLES)
    settings = [
        Setting("digits", share, _SEEDS, 64, looks, horizons, who, _ODDS)
        for share, who in ((0.03, _ALL), (0.1, _MAIN), (0.3, _MAIN))
    ]
    note = (
        "The quick tier has batches of 64 alone, all optimizers only where the rare style is 3% "
        "of the rows; the full tier has all of them with batches of 16, 64 and 256."
    )
    return part_of("styles", settings, 0.15, None, openings.STYLES, (note,))


def images_part(tier: Tier, data_dir: Path | None) -> Part:
    """Well-known images of which few are in a rare style, on demand.

    Parameters
    ----------
    tier : {"quick", "full"}
    data_dir : Path or None

    Returns
    -------
    Part
    """
    contestants = ("SGD", "Momentum", "RMSprop", "Adam", "Muon", "balanced SGD")
    settings = [
        Setting(name, 0.03, 8, 64, (1, 3, 8), (1, 2), contestants, _ACCURACY)
        for name in ("mnist", "fashion-mnist", "cifar10")
    ]
    return _with_data("images", settings, 4.0, tier, data_dir, openings.IMAGES)


def tables_part(tier: Tier, data_dir: Path | None) -> Part:
    """Known tables of which few rows are of one race and sex, on demand.

    Parameters
    ----------
    tier : {"quick", "full"}
    data_dir : Path or None

    Returns
    -------
    Part
    """
    settings = [
        Setting(name, 0.02, _SEEDS, 64, (1, 4, 12), (1, 2), _MAIN, _ODDS)
        for name in ("adult", "acs-income")
    ]
    return _with_data("tables", settings, 0.1, tier, data_dir, openings.TABLES)


def _with_data(
    name: str,
    settings: Sequence[Setting],
    seconds: float,
    tier: Tier,
    data_dir: Path | None,
    opening: Section,
) -> Part:
    if tier == "full" and data_dir is not None:
        return part_of(name, settings, seconds, data_dir, opening)
    what = "in the quick tier" if tier == "quick" else "without --data-dir"
    sources = ", ".join(setting.source for setting in settings)
    return part_of(name, [], seconds, None, opening, (f"Not re-run {what}: {sources}.",))


def part_of(
    name: str,
    settings: Sequence[Setting],
    seconds: float,
    data_dir: Path | None,
    opening: Section,
    notes: tuple[str, ...] = (),
) -> Part:
    """Settings as a part.

    Parameters
    ----------
    name : str
    settings : sequence of Setting
    seconds : float
        A guess for one training.
    data_dir : Path or None
    opening : Section
        What stands before the settings.
    notes : tuple of str

    Returns
    -------
    Part
    """
    cells = [setting.cells(data_dir, seconds) for setting in settings]
    flat = tuple(cell for each in cells for cell in each)
    return Part(name, flat, partial(_show, settings, data_dir, opening), notes)


def _show(
    settings: Sequence[Setting], data_dir: Path | None, opening: Section, found: Sequence[Result]
) -> Shown:
    claims: list[Claim] = []
    tables: list[Table] = []
    drawings: list[Callable[[], Section]] = []
    at = 0
    for setting in settings:
        results = Results.of(setting, found[at : at + len(setting.contestants)])
        at += len(setting.contestants)
        data, _ = setting.material(data_dir)
        one = _Shown(results, data)
        claims += one.claims
        tables += one.tables
        drawings.append(one.section)
    sections = [opening] if settings else []
    return Shown(tuple(claims), tuple(tables), lambda: [*sections, *(draw() for draw in drawings)])


class _Shown:
    """One setting's claims, tables and section."""

    def __init__(self, results: Results, data: StudyData) -> None:
        setting = results.setting
        disparity = Disparity.parse(setting.headline)
        self._results = results
        self._facts = data.describe()
        self._compared = [Against.of(results, look, disparity) for look in setting.horizons]
        own = setting.source.startswith("own features")
        paper = {"paper": NONE} if own else {}
        self.claims = fairer_claims(results, data, self._compared, **paper)
        self.claims.append(balanced_claim(results, setting.horizons[-1], self._compared[-1]))
        self.tables = []
        for one in self._compared:
            self.tables += [tuned_table(results, one.look), against_table(results, one)]

    def section(self) -> Section:
        results, last = self._results, self._compared[-1]
        pictures = [protocol_figure(results, one) for one in self._compared]
        return Section(
            results.setting.title,
            [
                Facts(self._facts),
                *pictures,
                loss_figure(results, last),
                epoch_figure(results, last),
                *self.tables,
            ],
        )
