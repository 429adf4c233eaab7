"""What is trained: rows, imbalance, batches, and who takes part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from equipoise.compare.study.contestant import CONTESTANTS
from equipoise.compare.study.course import Schedule
from equipoise.compare.study.entry import Entry, run_entry
from equipoise.compare.study.people import table
from equipoise.compare.study.sources import Material, digits, images, own_features
from equipoise.data import load
from equipoise.reproduce.part import Cell, Result


@dataclass(frozen=True)
class _Table:
    """A known table, and the cell that is made rare."""

    name: str
    rare: dict[str, str]

    def __call__(self, data_dir: Path, share: float, n_seeds: int) -> Material:
        dataset = load(self.name, sensitive=list(self.rare), keep_sensitive=True, data_dir=data_dir)
        return table(dataset, self.rare, share, n_seeds)


_EMBEDDED: dict[str, Callable[[float, int], Material]] = {
    "digits": digits,
    "own features": own_features,
    "own features, rotated": partial(own_features, rotated=True),
}
_READ: dict[str, Callable[[Path, float, int], Material]] = {
    "mnist": partial(images, "mnist"),
    "fashion-mnist": partial(images, "fashion-mnist"),
    "cifar10": partial(images, "cifar10"),
    "adult": _Table("adult", {"race": "Black", "sex": "Female"}),
    "acs-income": _Table("acs-income", {"RAC1P": "Black", "SEX": "female"}),
}


@dataclass(frozen=True)
class Setting:
    """One task at one imbalance and one batch size.

    Attributes
    ----------
    source : str
        Whose rows: "digits", "own features", "own features, rotated", "mnist", ...
    share : float
        Of the rare group.
    n_seeds : int
    batch_size : int
    looks : tuple of int
        Epochs after which networks are looked at.
    horizons : tuple of int
        Which of the looks optimizers are compared at, from 0.
    contestants : tuple of str
    headline : str
        The disparity that claims are about.
    """

    source: str
    share: float
    n_seeds: int
    batch_size: int
    looks: tuple[int, ...]
    horizons: tuple[int, ...]
    contestants: tuple[str, ...]
    headline: str

    @property
    def title(self) -> str:
        """What it is called in tables and claims."""
        return f"{self.source}, {self.share:.0%} rare, batches of {self.batch_size}"

    @property
    def schedule(self) -> Schedule:
        """How long networks are trained."""
        return Schedule(self.batch_size, self.looks)

    def material(self, data_dir: Path | None = None) -> Material:
        """The rows and the network.

        Parameters
        ----------
        data_dir : Path, optional
            Of what is read from files.

        Returns
        -------
        StudyData
        callable
        """
        if self.source in _EMBEDDED:
            return _EMBEDDED[self.source](self.share, self.n_seeds)
        assert data_dir is not None
        return _READ[self.source](data_dir, self.share, self.n_seeds)

    def cells(self, data_dir: Path | None, seconds: float) -> list[Cell]:
        """One cell for each contestant.

        Parameters
        ----------
        data_dir : Path or None
        seconds : float
            A guess for one training.

        Returns
        -------
        list of Cell
        """
        return [
            Cell(
                f"{name}: {self.title}",
                self.decides(name),
                partial(_run, self, name, data_dir),
                seconds * self.n_seeds * 5.5,
            )
            for name in self.contestants
        ]

    def decides(self, contestant: str) -> dict[str, Any]:
        """All that decides what comes of a contestant."""
        state = asdict(self)
        del state["contestants"], state["headline"]
        return {**state, "contestant": contestant, "place": CONTESTANTS[contestant].place}


def _run(setting: Setting, contestant: str, data_dir: Path | None) -> Result:
    data, make_network = setting.material(data_dir)
    entry = run_entry(
        data,
        make_network,
        CONTESTANTS[contestant],
        setting.schedule,
        horizons=setting.horizons,
    )
    return entry.to_dict()


@dataclass(frozen=True, eq=False)
class Results:
    """What came of a setting.

    Attributes
    ----------
    setting : Setting
    entries : dict of Entry
        By name.
    """

    setting: Setting
    entries: dict[str, Entry]

    @classmethod
    def of(cls, setting: Setting, found: Sequence[Result]) -> Results:
        """Put the cells of a setting together.

        Parameters
        ----------
        setting : Setting
        found : sequence of dict

        Returns
        -------
        Results
        """
        entries = [Entry.from_dict(one) for one in found]
        return cls(setting, {one.name: one for one in entries})
