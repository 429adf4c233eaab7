"""Adversarial debiasing of a table: descent-ascent, accept/reject, and a coin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from equipoise.data import DataError
from equipoise.data.tables.known_table import locate
from equipoise.learn.order import Order
from equipoise.learn.problem import Rows
from equipoise.optim.minmax import Counterfactual, KeepResponse
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.constrained.tasks import Ready, Task, prepare
from equipoise.reproduce.minmax.debiasing.game import DebiasingGame
from equipoise.reproduce.minmax.debiasing.shown import show_debiasing
from equipoise.reproduce.minmax.debiasing.ways import CONTROLS, COUNTERFACTUAL, GDA, KEPT
from equipoise.reproduce.minmax.stack.accept_reject import StackedAcceptReject
from equipoise.reproduce.minmax.stack.coin import CoinMoves
from equipoise.reproduce.minmax.stack.players import Players
from equipoise.reproduce.part import Cell, Part, Result

_FORMAT = 1
_SECONDS = {GDA: 0.0012, COUNTERFACTUAL: 0.0025, KEPT: 0.0022}  # a step of one seed, measured
_PARTS = (("train", 0.7), ("test", 0.3))
_PROMISE = 'gap("selection") <= 0.05'
ADULT = Task("Adult, sex", "adult", ("sex",), _PROMISE, parts=_PARTS)
SIMULATED = Task(
    "simulated census, sex", "census-sim", ("sex",), _PROMISE, rows=15_000, parts=_PARTS
)


@dataclass(frozen=True)
class Plan:
    """How everybody is trained.

    Attributes
    ----------
    iterations : int
    hidden : tuple of int
        Units of the predictors' hidden layers.
    batch_size : int
    k : int
        Steps of the adversary that answer one of the predictor.
    min_rate, max_rate : float
        Of Adam; the second is that of the library's method.
    strength : float
        Of the adversary.
    free_pass : float
    """

    iterations: int
    hidden: tuple[int, ...] = (32,)
    batch_size: int = 256
    k: int = 1
    min_rate: float = 0.01
    max_rate: float = 0.1
    strength: float = 1.0
    free_pass: float = 0.25


def debiasing_part(tier: Tier, data_dir: Path | None) -> Part:
    """Adult where it is at hand, or else a simulated census.

    Parameters
    ----------
    tier : {"quick", "full"}
    data_dir : Path or None

    Returns
    -------
    Part
    """
    plan, n_seeds = (Plan(300), 12) if tier == "quick" else (Plan(1500), 40)
    return make_debiasing(ADULT if _at_hand(data_dir) else SIMULATED, data_dir, plan, n_seeds)


def _at_hand(data_dir: Path | None) -> bool:
    try:
        return data_dir is not None and locate(data_dir, ("adult/adult.data",), "").is_file()
    except DataError:
        return False


def make_debiasing(task: Task, data_dir: Path | None, plan: Plan, n_seeds: int) -> Part:
    """Debiasing of one table.

    Parameters
    ----------
    task : Task
        Of two classes.
    data_dir : Path or None
    plan : Plan
    n_seeds : int

    Returns
    -------
    Part
    """
    cells = tuple(
        Cell(
            f"{task.name}: {way}",
            {
                "format": _FORMAT,
                "task": task.to_dict(),
                "plan": asdict(plan),
                "way": way,
                "n_seeds": n_seeds,
            },
            partial(train_and_count, task, data_dir, plan, way, n_seeds),
            seconds=plan.iterations * n_seeds * _SECONDS[way],
        )
        for way in (GDA, COUNTERFACTUAL, KEPT)
    )
    notes = [
        f"Debiasing: {n_seeds} seeds, {plan.iterations} steps of the predictor on batches of "
        f"{plan.batch_size} rows; the paper has no such experiment."
    ]
    if task.source != "adult":
        notes.append(
            "Adult is not at hand (adult/adult.data in the folder of --data-dir): debiasing is of "
            "a simulated census."
        )
    return Part("debiasing", cells, partial(show_debiasing, task.name, n_seeds), tuple(notes))


def train_and_count(
    task: Task, data_dir: Path | None, plan: Plan, way: str, n_seeds: int
) -> Result:
    """Train one way on all seeds, and then its control if it has one.

    Parameters
    ----------
    task : Task
    data_dir : Path or None
    plan : Plan
    way : str
    n_seeds : int

    Returns
    -------
    dict
        By way: ``accuracy``, ``selection`` and ``odds`` gaps on test rows, ``positive`` (the share
        of rows of which class 1 is said) and ``moves`` (the share of the predictor's moves that
        stayed), of each seed.
    """
    ready = prepare(task, data_dir)
    first, moves = _train(ready, plan, way, n_seeds, None)
    found = {way: {**first, "moves": moves.tolist()}}
    if way in CONTROLS:
        second, made = _train(ready, plan, CONTROLS[way], n_seeds, moves)
        found[CONTROLS[way]] = {**second, "moves": made.tolist()}
    return found


def _train(
    ready: Ready, plan: Plan, way: str, n_seeds: int, rates: Tensor | None
) -> tuple[Result, Tensor]:
    seeds = range(n_seeds)
    rows = ready.parts["train"]
    game = DebiasingGame(rows, ready.task.promise, plan.hidden, plan.strength, seeds)
    players = Players(game, plan.min_rate, plan.max_rate)
    draws = Order(len(rows), plan.batch_size, seeds).next_batch
    step = _step_of(way, players, draws, plan, seeds, rates)
    for _ in range(plan.iterations):
        step()
    share = players.moves / plan.iterations
    return count_decisions(game.decide(ready.parts["test"]), ready.parts["test"]), share


def _step_of(
    way: str,
    players: Players,
    draws: Callable[[], Tensor],
    plan: Plan,
    seeds: Sequence[int],
    rates: Tensor | None,
) -> Callable[[], Tensor]:
    if way in (COUNTERFACTUAL, KEPT):
        response = Counterfactual(plan.k) if way == COUNTERFACTUAL else KeepResponse(plan.k)
        return StackedAcceptReject(players, draws, response, plan.free_pass, seeds).step
    share = [1.0] * len(seeds) if rates is None else rates.tolist()
    skips = way != CONTROLS[COUNTERFACTUAL]
    return CoinMoves(players, draws, plan.k, share, skips, seeds).step


def count_decisions(decision: Tensor, rows: Rows) -> Result:
    """Accuracy and parity gaps of every replicate.

    Parameters
    ----------
    decision : Tensor of bool, shape (r, n)
    rows : Rows
        Of two disjoint groups.

    Returns
    -------
    dict of list of float, length r
        ``accuracy``; ``selection``, how far selection rates of groups are apart; ``odds``, the
        larger of that of true and of false positives; ``positive``.

    Raises
    ------
    ValueError
        If groups overlap.
    """
    if rows.groups is None or rows.groups.codes is None:
        raise ValueError("groups overlap: gaps are of disjoint groups.")
    said = decision.cpu().numpy()
    label = rows.label.cpu().numpy()
    group = rows.groups.codes

    def apart(among: NDArray[np.bool_]) -> NDArray[np.float64]:
        each = [said[:, among & (group == g)].mean(1) for g in np.unique(group)]
        return np.asarray(np.ptp(np.stack(each), axis=0))

    return {
        "accuracy": (said == label).mean(1).tolist(),
        "selection": apart(np.ones_like(label, dtype=bool)).tolist(),
        "odds": np.maximum(apart(label == 1), apart(label == 0)).tolist(),
        "positive": said.mean(1).tolist(),
    }
