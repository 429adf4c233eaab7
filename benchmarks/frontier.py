"""At the same promise and the same budget: whose models keep it, and at what loss.

Every method trains the same network with Adam on batches of the same size for the same number of
steps. Each has three settings, the promise or a stricter one, of which the one is taken that
validation rows prefer (feasible first, then the lowest loss). Peers see batches drawn as ours are,
stratified and weighed, which their own samplers would not give them.

Some peers decide and give no probabilities to speak of. Against them the loss is the 0-1 loss, of
which our own model, too, is then chosen.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import frontier_store as store
from benchmarks.figure import Figure
from benchmarks.frontier_batches import stricter
from benchmarks.frontier_deciders import deciders
from benchmarks.frontier_method import Method
from benchmarks.frontier_peers import trainers
from benchmarks.frontier_table import Found, table, wins
from benchmarks.frontier_task import (
    Budget,
    Task,
    Tried,
    load_task,
    measure_networks,
    our_settings,
)
from equipoise.learn import train

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


def figures() -> list[Figure]:
    torch.set_num_threads(1)
    budget = Budget()
    tasks = [task for one in TASKS if (task := load_task(*one, budget)) is not None]
    us, peers = _ours(), [*trainers(), *deciders()]
    found = measure_all(tasks, [us, *peers])
    Console(width=150).print(table(us, peers, tasks, found).to_rich())
    return [wins(us, peer, found) for peer in peers]


def measure_all(tasks: list[Task], methods: list[Method]) -> Found:
    """Run each method on each task that it enters, unless the folder holds what it did."""
    entered = {
        task.name: [method for method in methods if not method.refuses(task)] for task in tasks
    }
    found: Found = {task.name: {} for task in tasks}
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as progress:
        total = sum(len(entered[task.name]) * task.budget.seeds for task in tasks)
        bar = progress.add_task("", total=total)
        for task in tasks:
            for method in entered[task.name]:
                progress.update(bar, description=f"{task.name}: {method.name}")
                file = store.path(task, method)
                by_seed = store.read(file)
                if by_seed is None:
                    by_seed = []
                    for tried in method.run(task):
                        by_seed.append(tried)
                        progress.advance(bar)
                    store.write(file, task, method, by_seed)
                else:
                    progress.advance(bar, len(by_seed))
                found[task.name][method.name] = by_seed
    return found


def _ours() -> Method:
    def run(task: Task) -> Iterator[list[Tried]]:
        settings = our_settings(task.budget, "alm")
        by_level = []
        for level in task.budget.levels:
            promise = stricter(task, level)
            rows, seeds = task.parts["train"], range(task.budget.seeds)
            trained = train(rows, task.n_classes, seeds, settings, promise)
            by_level.append(measure_networks(trained.network, task))
        yield from map(list, zip(*by_level, strict=True))

    return Method("equipoise alm", "equipoise", run)
