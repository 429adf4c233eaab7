"""Many trainings of a small convolutional network: what they cost beside bare matrix products."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.figure import Figure
from benchmarks.rounds import Rounds
from equipoise.compare.study.contestant import CONTESTANTS
from equipoise.compare.study.course import MakeNetwork, Schedule, follow
from equipoise.compare.study.data import StudyData
from equipoise.compare.study.sources import digits
from equipoise.learn.conv_network import StackedConvNet
from equipoise.learn.order import Order

_SEEDS, _TIMES = 12, 5
_RATES = {"SGD": 0.1, "Adam": 0.003}
_BATCH, _EPOCHS = 64, 8
_ROUNDS = 5
_TRAININGS = 1764
_EPOCHS_OF_A_TRAINING = 40
_ALONE = 3

Step = Callable[[list[Tensor], list[Tensor], int, float], None]


def figures() -> list[Figure]:
    """Processor time of trainings by the study, by bare products and one after another.

    Returns
    -------
    list of Figure
    """
    torch.set_num_threads(1)
    data, make_network = digits(0.1, _SEEDS)
    found = []
    for name, step in (("SGD", _sgd), ("Adam", _Adam())):
        found += _of_optimizer(data, make_network, name, step)
    return found


def _of_optimizer(
    data: StudyData, make_network: MakeNetwork, name: str, step: Step
) -> list[Figure]:
    rate = _RATES[name]
    runs = [(rate, seat) for _ in range(_TIMES) for seat in range(_SEEDS)]
    schedule = Schedule(_BATCH, (_EPOCHS,))
    loops: dict[str, Callable[[], object]] = {
        "ours": lambda: follow(data, make_network, CONTESTANTS[name], runs, schedule),
        "bare": lambda: _bare(data, runs, step),
        "alone": lambda: _alone(data, name, rate),
    }
    trainings = {"ours": len(runs), "bare": len(runs), "alone": _ALONE}
    rounds = Rounds(loops, steps=1, rounds=_ROUNDS, warm_up=1)
    each = {loop: [seconds / trainings[loop] for seconds in rounds.seconds[loop]] for loop in loops}
    ratio = statistics.median(a / b for a, b in zip(each["ours"], each["bare"], strict=True))
    slower = statistics.median(a / b for a, b in zip(each["alone"], each["ours"], strict=True))
    whole = statistics.median(each["ours"]) * _TRAININGS * _EPOCHS_OF_A_TRAINING / _EPOCHS
    return [
        Figure(
            f"study.{name}.products",
            ratio,
            "<=",
            1.2,
            f"{name}: trainings of a study over the same as bare batched products "
            f"({_TRAININGS:,} trainings: {whole:.0f} s)",
        ),
        Figure(
            f"study.{name}.loop",
            slower,
            ">=",
            10.0,
            f"{name}: one network after another with torch's layers and optimizer, over ours",
        ),
    ]


def _bare(data: StudyData, runs: list[tuple[float, int]], step: Step) -> None:
    """Forward and backward written out, in stacks of the same size."""
    at_once = 2**18 // (_BATCH * data.features[0].numel())
    for at in range(0, len(runs), at_once):
        some = runs[at : at + at_once]
        seats = [seat for _, seat in some]
        shape = (data.features.shape[1], data.features.shape[2])
        network = StackedConvNet(shape, 2, [data.seeds[seat] for seat in seats])
        weights = [p.detach() for p in network.parameters()]
        w1, w2, w3 = weights[:3]
        train = torch.from_numpy(data.train[seats])
        order = Order(train.shape[1], _BATCH, seats)
        r = len(some)
        for number in range(_EPOCHS * (train.shape[1] // _BATCH)):
            rows = train.gather(1, order.next_batch())
            x = data.features[rows]
            h1, h2, logits = _forward(weights, x)
            out = torch.softmax(logits, -1)
            d3 = (out - functional.one_hot(data.targets[rows], 2)) / _BATCH
            d2 = torch.bmm(d3, w3.mT) * (h2 > 0)
            d1 = (torch.bmm(d2, w2.mT) * (h1 > 0)).view(r, -1, w1.shape[2])
            slopes = [
                torch.bmm(x.view(r, -1, shape[1]).mT, d1),
                torch.bmm(h1.mT, d2),
                torch.bmm(h2.mT, d3),
            ]
            slopes += [d.sum(1, keepdim=True) for d in (d1, d2, d3)]
            step(weights, slopes, number, some[0][0])
        for part in (data.train[seats], data.validation[seats], data.test[seats]):
            _forward(weights, data.features[torch.from_numpy(part)])


def _forward(weights: list[Tensor], features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    w1, w2, w3, b1, b2, b3 = weights
    r, b = features.shape[:2]
    h1 = torch.baddbmm(b1, features.view(r, -1, features.shape[-1]), w1).relu_().view(r, b, -1)
    h2 = torch.baddbmm(b2, h1, w2).relu_()
    return h1, h2, torch.baddbmm(b3, h2, w3)


def _sgd(weights: list[Tensor], slopes: list[Tensor], number: int, rate: float) -> None:
    for w, g in zip(weights, slopes, strict=True):
        w.add_(g, alpha=-rate)


class _Adam:
    def __init__(self) -> None:
        self._moments: list[tuple[Tensor, Tensor]] = []

    def __call__(
        self, weights: list[Tensor], slopes: list[Tensor], number: int, rate: float
    ) -> None:
        if number == 0:
            self._moments = [(torch.zeros_like(w), torch.zeros_like(w)) for w in weights]
        t = number + 1
        scale = (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
        for w, g, (mean, square) in zip(weights, slopes, self._moments, strict=True):
            mean.lerp_(g, 0.1)
            square.mul_(0.999).addcmul_(g, g, value=0.001)
            w.addcdiv_(mean, square.sqrt().add_(1e-8), value=-rate * scale)


def _alone(data: StudyData, name: str, rate: float) -> None:
    """A few networks as everybody writes them."""
    images = functional.fold(
        data.features[:, :, 4:5].mT.contiguous(), (8, 8), 1, stride=2
    )  # of each patch its middle: an image of the same shape
    for seed in range(_ALONE):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(192, 48),
            nn.ReLU(),
            nn.Linear(48, 2),
        )
        optimizer = getattr(torch.optim, name)(network.parameters(), lr=rate)
        train = torch.from_numpy(data.train[seed])
        for _ in range(_EPOCHS):
            for rows in train[torch.randperm(len(train))].split(_BATCH)[: len(train) // _BATCH]:
                optimizer.zero_grad()
                loss = functional.cross_entropy(network(images[rows]), data.targets[rows])
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            for part in (data.train, data.validation, data.test):
                network(images[torch.from_numpy(part[seed])])
