"""What it costs to search for a loss, beside plain training and beside the published recipe.

The published recipe is that of AutoBalance (Li et al. 2021, arXiv 2201.01212): every twenty steps,
after a warm-up of two fifths, a Neumann series of six terms over ten training and ten validation
batches. Ours is what :class:`equipoise.learn.autobalance.Search` does by default. Processor seconds
are medians over turns; operations are counted by torch, and are the same on every machine.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.autobalance_peers import peers
from benchmarks.autobalance_problem import BATCHES, EVERY, TASKS, WARMUP, Task, published
from benchmarks.figure import Figure
from benchmarks.live_memory import most_bytes
from benchmarks.rounds import Rounds
from equipoise.learn import TrainingSettings
from equipoise.learn.autobalance import AutoBalanceClassifier, Search, SearchSettings, fit
from equipoise.learn.imbalance import balanced_loss
from equipoise.optim.bilevel import Bilevel, Identity, Problem
from equipoise.optim.bilevel.curvature import curvature, largest_eigenvalue
from equipoise.optim.vectors import cosine
from equipoise.report import Column, Table

BATCH = TrainingSettings.batch_size
# A tenth of the steps are followed by a hyper-gradient, as by default, in shorter trainings.
STEPS = {"mlp": 1000, "conv": 200}
# Mean training loss, in nats, at which a network counts as one that interpolates.
ALMOST_NONE = 2e-5
# The largest eigenvalue at which such a network has been seen to end.
ALMOST_FLAT = 0.1
# Li et al., section 5.1: 300 epochs on CIFAR10-LT, a fifth of whose 12,406 rows is held out.
PUBLISHED_BATCH = 128
PUBLISHED_STEPS = 300 * -(-12_406 * 4 // 5 // PUBLISHED_BATCH)


def figures() -> list[Figure]:
    torch.set_num_threads(1)
    found = []
    for name, make in TASKS.items():
        task = make()
        found += _searches(name, task)
        found += _hypergradients(name, task)
        found.append(_memory(name, task))
        found += _directions(name, task)
    found.append(_last_layer())
    return found


def _searches(name: str, task: Task) -> list[Figure]:
    """Whole searches, over plain trainings of as many steps."""
    steps = STEPS[name]
    settings = TrainingSettings(steps=steps)
    how = SearchSettings(outer_steps=SearchSettings.outer_steps * steps // TrainingSettings.steps)
    training, validation = task.rows()

    def plain() -> None:
        fit(task.make(), task.loss(), training, settings, 0)

    def search() -> None:
        Search(
            task.make(), task.loss(), training, validation, balanced_loss, settings, how, 0
        ).run()

    def recipe() -> None:
        draw = np.random.default_rng(0)
        steps_of = _Steps(task)
        for step in range(1, steps + 1):
            steps_of.train(draw)
            if step > WARMUP * steps and step % EVERY == 0:
                steps_of.published(draw)

    seconds = _in_turns({"plain": plain, "search": search}, rounds=3)
    seconds |= _in_turns({"published": recipe}, rounds=1)
    ratio = {key: seconds[key] / seconds["plain"] for key in seconds}
    _print(
        f"a whole search, {name}, {steps} steps of {BATCH} rows",
        {key: (f"{seconds[key]:.2f} s", f"{ratio[key]:.2f}") for key in seconds},
    )
    return [
        Figure(
            f"autobalance.search_over_plain.{name}",
            ratio["search"],
            "<=",
            1.5,
            f"a search over plain training, {name} (published recipe: {ratio['published']:.1f})",
        )
    ]


def _hypergradients(name: str, task: Task) -> list[Figure]:
    """One hyper-gradient, over training steps on one of its batches, all on the same batches."""
    one = _Steps(task)
    rows, looked = one.batches(np.random.default_rng(1), 1)
    things: dict[str, Callable[[], Any]] = {
        "training step": lambda: one.slope(rows[0]),
        "identity": one.identity(rows, looked, None),
        "identity, forward mode": one.identity(rows, looked, False),
        "identity, differences": one.identity(rows, looked, True),
        "published": lambda: one.neumann(rows, looked),
        **peers(one.network, one.loss, one.data(rows[0], 0), one.data(looked[0], 1)),
    }
    measured = Rounds(things, steps=2, rounds=15, warm_up=2)
    flops = {key: _flops(thing, 50 if key == "identity" else 1) for key, thing in things.items()}
    unit = "training step"
    _print(
        f"a hyper-gradient, {name}, one batch of {BATCH} rows of either kind",
        {
            key: (f"{measured.milliseconds(key):.2f} ms", f"{measured.ratio(key, unit):.2f}")
            for key in things
        },
        {key: f"{flops[key] / flops[unit]:.2f}" for key in things},
    )
    ours = "identity"
    found = [
        Figure(
            f"autobalance.published_over_identity.{name}.operations",
            flops["published"] / flops[ours],
            ">=",
            8,
            f"operations of the published hyper-gradient over ours, same batches, {name}",
        ),
        Figure(
            f"autobalance.published_over_identity.{name}.seconds",
            measured.ratio("published", ours),
            ">=",
            8,
            f"seconds of the published hyper-gradient over ours, same batches, {name}",
        ),
        _schedule(name, task, flops["published"] / flops[unit]),
    ]
    # Its "darts" makes the same passes as we do: no more than as fast is to be had.
    return found + [
        Figure(
            f"autobalance.peer_over_ours.{name}.{key.replace(' ', '_')}",
            measured.ratio(key, ours),
            ">=",
            bar,
            f"seconds of {key}'s hyper-gradient over ours, same batches, {name}",
        )
        for key, bar in (("betty darts", 0.9), ("betty neumann", 1.0), ("torchopt neumann", 1.0))
        if key in things
    ]


def _schedule(name: str, task: Task, of_a_batch: float) -> Figure:
    """All hyper-gradients of a search that is as long as the published one, by operations."""
    one = _Steps(task)
    draw = np.random.default_rng(2)
    rows, _ = one.batches(draw, 1)
    judged = [one.rows_of(1, SearchSettings.batch_size, draw)]
    # In training steps of one row, since batches differ.
    ours = _flops(one.identity(rows, judged, None), 50) / _flops(lambda: one.slope(rows[0]))
    ours *= SearchSettings.outer_steps * BATCH

    def theirs(steps: int, batch: int) -> float:
        return (1 - WARMUP) * steps / EVERY * BATCHES * of_a_batch * batch

    short = theirs(TrainingSettings.steps, BATCH) / ours
    return Figure(
        f"autobalance.published_over_default_schedule.{name}",
        theirs(PUBLISHED_STEPS, PUBLISHED_BATCH) / ours,
        ">=",
        50,
        f"operations of all hyper-gradients of the published CIFAR10-LT search over ours, {name} "
        f"(of a search of {TrainingSettings.steps} steps of {BATCH} rows: {short:.1f})",
    )


def _memory(name: str, task: Task) -> Figure:
    one = _Steps(task)
    rows, looked = one.batches(np.random.default_rng(3), 1)
    alone, both = one.search_step(rows[0], looked[0], 10**9), one.search_step(rows[0], looked[0], 1)
    for step in (alone, both):  # the first makes the optimizers' moments
        step()
    most = {"alone": most_bytes(alone), "both": most_bytes(both)}
    ten = one.batches(np.random.default_rng(3), BATCHES)
    of_recipe = most_bytes(lambda: one.neumann(*ten)) / most["alone"]
    return Figure(
        f"autobalance.memory_over_step.{name}",
        most["both"] / most["alone"],
        "<=",
        1.2,
        f"most bytes of live tensors in a step of network and loss over those in one of the "
        f"network alone, {name} (published, ten batches: {of_recipe:.1f})",
    )


def _directions(name: str, task: Task) -> list[Figure]:
    """The cosine of ours to the published one, on a network that was trained to almost no loss.

    Before that the published series may diverge, as its step size of 1 is more than 2 over the
    largest eigenvalue, and there is nothing to agree with.
    """
    one = _Steps(task)
    draw = np.random.default_rng(4)
    some = np.arange(2000)
    optimizer = torch.optim.Adam(one.network.parameters(), lr=1e-3)
    rows = [torch.from_numpy(part) for part in np.array_split(draw.permutation(some), BATCHES)]
    looked = [one.rows_of(1, len(rows[0]), draw) for _ in rows]

    def left() -> float:
        with torch.no_grad():
            return statistics.fmean(one.inner(part).item() for part in rows)

    def largest() -> float:
        closures = [partial(one.inner, part) for part in rows]
        problem = Problem(optimizer, list(one.loss.parameters()), closures, [])
        return largest_eigenvalue(curvature(problem, "hessian"), problem.parameters)

    found = []
    for state, measure, enough in (
        ("little_loss", left, ALMOST_NONE),
        ("little_curvature", largest, ALMOST_FLAT),
    ):
        while measure() > enough:
            for _ in range(100):
                optimizer.zero_grad()
                one.slope(torch.from_numpy(draw.choice(some, 256, replace=False)))
                optimizer.step()
        angle = cosine(one.identity(rows, looked, None)().gradient, one.neumann(rows, looked))
        assert angle is not None
        found.append(
            Figure(
                f"autobalance.cosine_to_published.{name}.{state}",
                angle,
                ">=",
                0.99,
                f"cosine of ours to the published hyper-gradient, {name}, trained to a loss of "
                f"{left():.1e} (largest eigenvalue {largest():.2g})",
            )
        )
    return found


def _last_layer() -> Figure:
    """A whole fit of a linear model of 512 features, at the size of Waterbirds."""
    random = np.random.default_rng(0)
    cells = {(0, 0): 3498, (0, 1): 184, (1, 0): 56, (1, 1): 1057}
    label, group = (np.repeat([cell[i] for cell in cells], [*cells.values()]) for i in range(2))
    features = random.normal(size=(len(label), 512))
    features[:, :8] += 0.42 * (2 * label[:, None] - 1)
    features[:, 8:16] += 0.75 * (2 * group[:, None] - 1)
    model = AutoBalanceClassifier(
        "equalized_odds",
        hidden=(),
        hypergradient="exact",
        outer_steps=60,
        outer_learning_rate=0.1,
        validation_fraction=0.5,
        random_state=0,
    )
    began = time.process_time()
    model.fit(features, label, sensitive_features=group)
    return Figure(
        "autobalance.last_layer_seconds",
        time.process_time() - began,
        "<=",
        15,
        "processor seconds of an exact fit, 4,795 rows of 512 features, 60 outer steps",
    )


class _Steps:
    """Parts of a search, on batches that are given.

    Parameters
    ----------
    task : Task
    """

    def __init__(self, task: Task) -> None:
        self.network, self.loss = task.make(), task.loss()
        self._rows = task.rows()
        self._optimizer = torch.optim.Adam(
            self.network.parameters(), lr=TrainingSettings.learning_rate
        )

    def rows_of(self, part: int, n: int, draw: np.random.Generator) -> torch.Tensor:
        """Rows of the training (0) or validation (1) part."""
        return torch.from_numpy(draw.choice(len(self._rows[part]), n, replace=False))

    def batches(
        self, draw: np.random.Generator, n: int
    ) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """So many batches of either kind."""
        rows, looked = ([self.rows_of(part, BATCH, draw) for _ in range(n)] for part in range(2))
        return rows, looked

    def data(self, rows: torch.Tensor, part: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Features and labels."""
        return self._rows[part].features[rows], self._rows[part].label[rows]

    def inner(self, rows: torch.Tensor) -> torch.Tensor:
        """The training loss."""
        x, y = self.data(rows, 0)
        return self._value(self.network(x), y)

    def _value(self, outputs: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        # As a call of a Module, torch's counter of operations refuses leaves to it.
        return self.loss.per_row(outputs, label).mean()

    def outer(self, rows: torch.Tensor) -> torch.Tensor:
        """The validation loss."""
        x, y = self.data(rows, 1)
        return cross_entropy(self.network(x), y)

    def slope(self, rows: torch.Tensor) -> None:
        """What a training step is but for the optimizer's own arithmetic."""
        self.inner(rows).backward(inputs=list(self.network.parameters()))

    def train(self, draw: np.random.Generator) -> None:
        """A training step."""
        self._optimizer.zero_grad()
        self.slope(self.rows_of(0, BATCH, draw))
        self._optimizer.step()

    def published(self, draw: np.random.Generator) -> None:
        """The published hyper-gradient on new batches."""
        self.neumann(*self.batches(draw, BATCHES))

    def neumann(self, rows: list[torch.Tensor], looked: list[torch.Tensor]) -> list[torch.Tensor]:
        """The published hyper-gradient."""
        return published(
            [partial(self.inner, some) for some in rows],
            [partial(self.outer, some) for some in looked],
            list(self.network.parameters()),
            list(self.loss.parameters()),
        )

    def identity(
        self, rows: list[torch.Tensor], looked: list[torch.Tensor], differences: bool | None
    ) -> Callable[[], Any]:
        """Our default hyper-gradient, beside a training step on the same batches."""
        method = Identity()
        with torch.no_grad():  # the training step makes this pass in any case
            outputs = [self.network(self.data(some, 0)[0]) for some in rows]
        return lambda: method(
            Problem(
                self._optimizer,
                list(self.loss.parameters()),
                [partial(self._pair, some) for some in rows],
                [partial(self.outer, some) for some in looked],
                differences=differences,
                paired=True,
                known_outputs=outputs,
            )
        )

    def search_step(
        self, rows: torch.Tensor, looked: torch.Tensor, warmup: int
    ) -> Callable[[], Any]:
        """A step of the network and, after the warm-up, of the loss too."""
        bilevel = Bilevel(
            self._optimizer,
            torch.optim.Adam(self.loss.parameters()),
            hypergradient=Identity(),
            warmup=warmup,
        )
        return lambda: bilevel.step(partial(self._pair, rows), partial(self.outer, looked))

    def _pair(self, rows: torch.Tensor) -> Any:
        x, y = self.data(rows, 0)
        return self.network(x), lambda z: self._value(z, y)


def _flops(thing: Callable[[], Any], times: int = 1) -> float:
    with FlopCounterMode(display=False) as counter:
        for _ in range(times):
            thing()
    return counter.get_total_flops() / times


def _in_turns(things: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(rounds):
        for name, thing in things.items():
            began = time.thread_time()
            thing()
            seconds[name].append(time.thread_time() - began)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def _print(
    title: str, rows: Mapping[str, tuple[str, str]], operations: Mapping[str, str] | None = None
) -> None:
    columns = [Column(title), Column("time", "right"), Column("x plain", "right")]
    cells = [[key, *row] for key, row in rows.items()]
    if operations is not None:
        columns.append(Column("x plain, operations", "right"))
        cells = [[*row, operations[row[0]]] for row in cells]
    Console(width=110).print(Table(columns, cells).to_rich())
