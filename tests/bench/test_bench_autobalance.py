"""What the benchmark of searches measures against, and with."""

from __future__ import annotations

import pytest
import torch
from benchmarks.autobalance_problem import TASKS, TERMS, published
from benchmarks.live_memory import most_bytes
from torch.nn.functional import cross_entropy

from equipoise.optim.bilevel import Neumann, Problem


@pytest.mark.parametrize("name", TASKS)
def test_the_published_hyper_gradient_is_the_neumann_series_of_the_hessian(name):
    task = TASKS[name]()
    network, loss = task.make().double(), task.loss().double()
    training, validation = task.rows()
    batches = torch.arange(60).split(20)

    def inner(rows):
        return loss(network(training.features[rows].double()), training.label[rows])

    def outer(rows):
        x, y = validation.features[rows].double(), validation.label[rows]
        return cross_entropy(network(x), y)

    inners, outers = (
        [lambda rows=rows, of=of: of(rows) for rows in batches] for of in (inner, outer)
    )
    variables = list(loss.parameters())
    found = published(inners, outers, list(network.parameters()), variables, step=0.1)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    problem = Problem(optimizer, variables, inners, outers)
    expected = Neumann(TERMS, 0.1, curvature="hessian")(problem).gradient
    assert max(g.abs().max() for g in expected) > 1e-4
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_bytes_are_those_that_are_held_at_once():
    x = torch.ones(1000)

    def one_after_the_other():
        for _ in range(3):
            x * 2

    def side_by_side():
        return [x * 2 for _ in range(3)]

    assert most_bytes(one_after_the_other) == 4000
    assert most_bytes(side_by_side) == 12_000


def test_bytes_of_a_graph_are_counted_and_those_that_are_written_in_place_are_not():
    x = torch.ones(1000, requires_grad=True)

    def graph():
        return x.sin().sin().sin()  # each keeps what it was given

    def in_place():
        with torch.no_grad():
            x.mul_(1.0).add_(0.0)

    assert most_bytes(graph) == 12_000
    assert most_bytes(in_place) == 0
