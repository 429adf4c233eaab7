"""At the same promise and the same budget: whose models keep it, and at what loss.

Every method trains the same network with Adam on batches of the same size for the same number of
steps. Each has three settings, the promise or a stricter one, of which the one is taken that
validation rows prefer (feasible first, then the lowest loss). Peers see batches drawn as ours are,
stratified and weighed, which their own samplers would not give them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from scipy import stats

from benchmarks.figure import Figure
from benchmarks.frontier_peers import PEERS, RATE, WEIGHT_DECAY, Make
from equipoise.constraints import Constraint
from equipoise.data import Dataset, load, split
from equipoise.groups import Groups
from equipoise.learn import Network, Rows, StackedMLP, TableEncoder, TrainingSettings, train
from equipoise.learn.order import Order
from equipoise.learn.strata import StratifiedOrder, choose_shares
from equipoise.report import Cell, Column, Table

SEEDS, STEPS, BATCH, MOST_ROWS = 6, 1000, 256, 20_000
LEVELS = (1.0, 0.85, 0.6)
PARTS = {"train": 0.6, "validation": 0.2, "test": 0.2}

# (table, sensitive columns, promise); levels are above what the test rows can resolve.
TASKS = (
    ("census-sim", ["sex", "race"], 'gap("selection") <= 0.1'),
    ("adult", ["sex"], 'gap("selection") <= 0.05'),
    ("adult", ["sex"], 'gap("loss") <= 0.1'),
    ("adult", ["sex"], 'gap("equalized_odds") <= 0.04'),
    ("bank", ["age:30,60"], 'gap("selection") <= 0.1'),
    ("compas", ["sex"], 'gap("true_positive") <= 0.1'),
    ("acs-income", ["SEX"], 'gap("selection") <= 0.05'),
    ("acs-public-coverage", ["SEX"], 'gap("selection") <= 0.03'),
)


@dataclass(frozen=True)
class Task:
    name: str
    promise: Constraint
    parts: dict[str, Rows]
    n_classes: int


@dataclass(frozen=True)
class Result:
    """What one model does on one part."""

    loss: float
    violation: float


def figures() -> list[Figure]:
    torch.set_num_threads(1)
    tasks = [task for task in map(_load, *zip(*TASKS, strict=True)) if task is not None]
    found = {task.name: _all_methods(task) for task in tasks}
    Console(width=120).print(_table(found).to_rich())
    return [_wins(peer, found) for peer in PEERS]


def _load(table: str, sensitive: list[str], promise: str) -> Task | None:
    folder = os.environ.get("EQUIPOISE_DATA")
    if table != "census-sim" and (folder is None or not Path(folder).is_dir()):
        print(f"skipped {table}: EQUIPOISE_DATA names no folder")
        return None
    data: Dataset = load(table, sensitive=sensitive, data_dir=folder)
    some = np.random.default_rng(0).permutation(len(data))[:MOST_ROWS]
    columns = {name: data.sensitive[name].to_numpy()[some] for name in data.sensitive.columns}
    groups, label = Groups.of(columns).join_rare(200), data.target[some]
    encoder = TableEncoder.fit(data.features[some])
    features = encoder.transform(data.features[some])
    assert groups.codes is not None
    k = len(data.classes)
    rows = split(groups.codes * k + label, PARTS, 0)
    parts = {
        name: Rows.of(features[chosen], label[chosen], groups.take(chosen))
        for name, chosen in rows.items()
    }
    return Task(f"{table} {'+'.join(sensitive)} {promise}", Constraint.parse(promise), parts, k)


def _all_methods(task: Task) -> dict[str, list[Result]]:
    results = {"equipoise alm": _ours(task)}
    for peer, makes in PEERS.items():
        settings = [(make, 1.0) for make in makes]
        if len(makes) == 1:
            settings = [(makes[0], level) for level in LEVELS]
        results[peer] = [_tuned(task, settings, seed) for seed in range(SEEDS)]
    return results


def _ours(task: Task) -> list[Result]:
    settings = TrainingSettings(
        learning_rate=RATE, weight_decay=WEIGHT_DECAY, steps=STEPS, batch_size=BATCH
    )
    tried = []
    for level in LEVELS:
        promise = replace(task.promise, bound=task.promise.bound * level)
        trained = train(task.parts["train"], task.n_classes, range(SEEDS), settings, promise)
        tried.append([_measure(trained.network, task, part) for part in ("validation", "test")])
    return [
        _preferred([(validation[seed], test[seed]) for validation, test in tried])
        for seed in range(SEEDS)
    ]


def _tuned(task: Task, settings: list[tuple[Make, float]], seed: int) -> Result:
    tried = []
    for make, level in settings:
        network = _peer(task, make, level, seed)
        tried.append(tuple(_measure(network, task, part)[0] for part in ("validation", "test")))
    return _preferred(tried)


def _preferred(tried: Sequence[tuple[Result, ...]]) -> Result:
    # What is measured on test rows, of the setting that validation rows prefer.
    def rank(one: tuple[Result, ...]) -> tuple[bool, float]:
        broken = one[0].violation > 0
        return broken, one[0].violation if broken else one[0].loss

    return min(tried, key=rank)[1]


def _peer(task: Task, make: Make, level: float, seed: int) -> StackedMLP:
    rows, k = task.parts["train"], task.n_classes
    assert rows.groups is not None
    assert rows.groups.codes is not None
    network = StackedMLP(rows.features.shape[1], (64, 32), k, [seed])
    promise = replace(task.promise, bound=task.promise.bound * level)
    label = rows.label.numpy()
    chosen = choose_shares(rows.groups, label, k, [promise], BATCH)
    order = (
        Order(len(rows), BATCH, [seed])
        if chosen is None
        else StratifiedOrder(*chosen, BATCH, [seed])
    )
    importance = torch.ones(len(rows))
    if order.importance is not None:
        importance = torch.from_numpy(order.importance).float()
    member = torch.nn.functional.one_hot(torch.from_numpy(rows.groups.codes)).float()

    def evaluate() -> tuple[torch.Tensor, torch.Tensor]:
        batch = order.next_batch()[0]
        logits, weight = network(rows.features[batch][None])[0], importance[batch]
        loss = torch.nn.functional.cross_entropy(logits, rows.label[batch], reduction="none")
        rates = _soft_rates(
            promise, logits, loss, rows.label[batch], member[batch] * weight[:, None]
        )
        return (loss * weight).mean(), promise.violations(rates)

    m = promise.n_violations(k, len(rows.groups))
    step, primal = make(network, m, STEPS)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(primal, STEPS)
    for _ in range(STEPS):
        step(evaluate)
        schedule.step()
    return network


def _soft_rates(
    promise: Constraint,
    logits: torch.Tensor,
    loss: torch.Tensor,
    label: torch.Tensor,
    member: torch.Tensor,
) -> torch.Tensor:
    # The rates of a batch by probabilities, (c, g), as a user of a peer writes them.
    rate = promise.disparity.rate
    if rate.of_loss:
        return (member.T @ loss / member.sum(0).clamp(min=1e-6))[None]
    soft = torch.softmax(logits, -1)
    cells = rate.cells(logits.shape[-1])
    parts = []
    for top, bottom in zip(cells.numerator, cells.denominator, strict=True):
        n = (torch.tensor(top).float()[label] * soft).sum(-1)
        d = (torch.tensor(bottom).float()[label] * soft).sum(-1)
        parts.append(member.T @ n / (member.T @ d).clamp(min=1e-6))
    return torch.stack(parts)


@torch.no_grad()
def _measure(network: Network, task: Task, part: str) -> list[Result]:
    rows, k = task.parts[part], task.n_classes
    assert rows.groups is not None
    label = rows.label.numpy()
    results = []
    for logits in network(rows.features):
        log_probability = torch.log_softmax(logits.double(), -1).numpy()
        loss = -log_probability[np.arange(len(label)), label]
        rates = _rates(task.promise, rows.groups, label, log_probability.argmax(1), loss, k)
        value = float(task.promise.disparity.value(rates))
        results.append(Result(float(loss.mean()), value - task.promise.bound))
    return results


def _rates(
    promise: Constraint,
    groups: Groups,
    label: NDArray[np.int64],
    decided: NDArray[np.int64],
    loss: NDArray[np.float64],
    k: int,
) -> NDArray[np.float64]:
    if promise.disparity.rate.of_loss:
        sums = groups.tabulate(np.zeros(len(label), np.int64), 1, loss)[:, 0]
        return np.asarray(sums / groups.sizes)[None]
    table = groups.tabulate(label * k + decided, k * k).reshape(-1, k, k)
    return promise.disparity.rate.values(table)


def _wins(peer: str, found: dict[str, dict[str, list[Result]]]) -> Figure:
    outcomes = [_outcome(results["equipoise alm"], results[peer]) for results in found.values()]
    won, lost = outcomes.count("won"), outcomes.count("lost")
    return Figure(
        f"frontier.wins_over.{peer.replace(' ', '_')}",
        won / max(1, won + lost) if won + lost else math.nan,
        ">=",
        0.5,
        f"tasks won of those won or lost against {peer} ({won} won, {lost} lost, "
        f"{len(outcomes) - won - lost} even)",
    )


def _outcome(ours: list[Result], theirs: list[Result]) -> str:
    """Who keeps the promise nearer, or else has the lower loss, beyond chance (paired by seed)."""
    excess = [np.array([max(r.violation, 0.0) for r in results]) for results in (ours, theirs)]
    for a, b in (excess, [np.array([r.loss for r in results]) for results in (ours, theirs)]):
        difference = a - b
        if np.ptp(difference) == 0 and difference[0] == 0:
            continue
        if stats.ttest_rel(a, b).pvalue < 0.05:
            return "won" if difference.mean() < 0 else "lost"
    return "even"


def _table(found: dict[str, dict[str, list[Result]]]) -> Table:
    columns = [
        Column("task"),
        Column("method"),
        Column("test loss", "right"),
        Column("violation", "right"),
        Column("kept", "right"),
        Column("ours against it"),
    ]
    kinds: dict[str, Any] = {"won": "good", "lost": "bad"}
    body: list[list[str | Cell]] = []
    for task, methods in found.items():
        for method, results in methods.items():
            loss, violation = (
                np.array([getattr(r, name) for r in results]) for name in ("loss", "violation")
            )
            outcome = ""
            if method != "equipoise alm":
                outcome = _outcome(methods["equipoise alm"], results)
            body.append(
                [
                    task if method == "equipoise alm" else "",
                    method,
                    f"{loss.mean():.4f} ± {loss.std(ddof=1):.4f}",
                    f"{violation.mean():+.3f} ± {violation.std(ddof=1):.3f}",
                    f"{(violation <= 0).sum()}/{len(results)}",
                    Cell(outcome, kind=kinds.get(outcome, "none")),
                ]
            )
    return Table(columns, body)
