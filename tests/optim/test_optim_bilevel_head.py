"""A head solved with the factor of an earlier Hessian, against one solved with its own."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from equipoise.optim.bilevel import Bilevel, CurvatureError, LastLayer, Problem
from equipoise.optim.bilevel.head import Head


class Task:
    """A head on random features under a parametric cross-entropy, weighted by row."""

    def __init__(self, K=3, d=6, bias=True, weighted=False, parts=1, n=240):
        draw = torch.Generator().manual_seed(K + d)

        def normal(*shape):
            return torch.randn(*shape, generator=draw, dtype=torch.float64)

        self.X, self.XV = normal(n, d), normal(n, d)
        centres = normal(d, K)
        self.y, self.yV = ((x @ centres + 2 * normal(n, K)).argmax(1) for x in (self.X, self.XV))
        self.weights = torch.rand(n, generator=draw, dtype=torch.float64) + 0.5
        if not weighted:
            self.weights = torch.ones_like(self.weights)
        self.head = torch.nn.Linear(d, K, bias=bias, dtype=torch.float64)
        with torch.no_grad():
            for p in self.head.parameters():
                p.zero_()
        self.l = torch.nn.Parameter(torch.zeros(K, dtype=torch.float64))
        self.delta = torch.nn.Parameter(torch.ones(K, dtype=torch.float64))
        self.inner = torch.optim.SGD(self.head.parameters(), lr=1.0, weight_decay=1e-2)
        self.outer = torch.optim.Adam([self.l, self.delta], lr=0.05)
        self.closures = [self.part(rows) for rows in torch.arange(n).split(n // parts)]

    def part(self, rows):
        def loss(z):
            each = cross_entropy(self.delta * z + self.l, self.y[rows], reduction="none")
            return (each * self.weights[rows]).mean()

        return lambda: (self.head(self.X[rows]), loss)

    def judged(self):
        return cross_entropy(self.head(self.XV), self.yV)

    def problem(self):
        return Problem(self.inner, [self.l, self.delta], self.closures, [self.judged])

    def dense(self):
        """The solution and the hyper-gradient there, with every Hessian written out by autograd."""
        at = [p.detach().clone() for p in self.head.parameters()]

        def whole(*parts):
            z = self.X @ parts[0].T + (parts[1] if len(parts) > 1 else 0)
            each = cross_entropy(self.delta * z + self.l, self.y, reduction="none")
            decay = sum((p * p).sum() for p in parts)
            return (each * self.weights).mean() + 1e-2 / 2 * decay

        def hessian():
            rows = torch.autograd.functional.hessian(whole, tuple(at))
            return torch.cat(
                [
                    torch.cat([h.reshape(p.numel(), -1) for h in row], 1)
                    for row, p in zip(rows, at, strict=True)
                ]
            )

        for _ in range(25):
            leaves = [p.requires_grad_() for p in at]
            slope = torch.autograd.grad(whole(*leaves), leaves)
            move = torch.linalg.solve(hessian(), torch.cat([g.flatten() for g in slope]))
            parts = move.split([p.numel() for p in at])
            at = [(p - m.view_as(p)).detach() for p, m in zip(at, parts, strict=True)]
        assert max(g.abs().max() for g in slope) < 1e-12
        leaves = [p.requires_grad_() for p in at]
        z = self.XV @ at[0].T + (at[1] if len(at) > 1 else 0)
        v = torch.autograd.grad(cross_entropy(z, self.yV), leaves)
        p = torch.linalg.solve(hessian(), torch.cat([g.flatten() for g in v]))
        slope = torch.autograd.grad(whole(*leaves), leaves, create_graph=True)
        along = torch.cat([g.flatten() for g in slope]) @ p
        return at, [-g for g in torch.autograd.grad(along, [self.l, self.delta])]

    def require_dense(self, found):
        solution, gradient = self.dense()
        for ours, exact in zip(self.head.parameters(), solution, strict=True):
            torch.testing.assert_close(ours, exact, rtol=1e-8, atol=1e-9)
        for ours, exact in zip(found.gradient, gradient, strict=True):
            torch.testing.assert_close(ours, exact, rtol=1e-8, atol=1e-10)


PROBLEMS = {
    "two classes": {"K": 2, "d": 30},
    "five classes": {"K": 5},
    "no bias": {"bias": False},
    "weighted rows": {"weighted": True},
    "several closures": {"parts": 4, "weighted": True},
    "more features than rows": {"d": 60, "n": 40},
}


@pytest.fixture
def written(monkeypatch):
    """Counts the Hessians that are written out."""
    count = []
    original = Head.hessian
    monkeypatch.setattr(Head, "hessian", lambda *a: count.append(1) or original(*a))
    return count


# That with more features than rows takes half a minute.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow) if name == "more features than rows" else name
        for name in PROBLEMS
    ],
)
def test_an_earlier_factor_finds_what_the_hessian_at_hand_does(name, written):
    task = Task(**PROBLEMS[name])
    method = LastLayer(task.head)
    draw = torch.Generator().manual_seed(1)
    for _ in range(4):
        found = method(task.problem())
        task.require_dense(found)
        with torch.no_grad():
            for a in (task.l, task.delta):
                a += 0.05 * torch.randn(a.shape, generator=draw, dtype=a.dtype)
    # Of some twenty systems.
    assert len(written) <= 2


def test_a_jump_of_the_outer_variables_changes_nothing_but_the_work(written):
    task = Task(K=4, d=40, n=600)
    method = LastLayer(task.head)
    method(task.problem())
    with torch.no_grad():
        task.l += torch.tensor([3.0, -2.0, 1.0, 0.0])
        task.delta *= torch.tensor([9.0, 0.05, 2.0, 6.0])
    task.require_dense(method(task.problem()))
    assert len(written) > 1


def test_a_head_of_another_size_or_dtype_is_not_solved_with_the_factor_at_hand():
    method = LastLayer(Task().head)
    for task in (Task(), Task(d=9)):
        method.head = task.head
        task.require_dense(method(task.problem()))
    single = Task(d=9)
    single.head.float()
    single.X, single.XV, single.weights = (x.float() for x in (single.X, single.XV, single.weights))
    method.head = single.head
    found = method(single.problem())
    expected = LastLayer(task.head)(task.problem())
    for ours, exact in zip(found.gradient, expected.gradient, strict=True):
        torch.testing.assert_close(ours.double(), exact, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("by_rows", [False, True])
def test_a_run_goes_on_from_its_state_bit_for_bit(by_rows):
    task, again = Task(K=4, d=12), Task(K=4, d=12)
    runs = [
        Bilevel(one.inner, one.outer, hypergradient=LastLayer(one.head)) for one in (task, again)
    ]
    for _ in range(3):
        runs[0].outer_step(task.closures, task.judged)
    state = runs[0].state_dict()
    if by_rows:  # as a file would give it back
        kept = state["hypergradient"]["state"]
        kept["factor"] = torch.tensor(kept["factor"].tolist(), dtype=torch.float64)
    runs[1].load_state_dict(state)
    with torch.no_grad():
        for mine, theirs in (
            *zip(again.head.parameters(), task.head.parameters(), strict=True),
            (again.l, task.l),
            (again.delta, task.delta),
        ):
            mine.copy_(theirs)
    for _ in range(3):
        for run, one in zip(runs, (task, again), strict=True):
            run.outer_step(one.closures, one.judged)
    assert torch.equal(task.l, again.l)
    assert torch.equal(task.delta, again.delta)
    assert torch.equal(task.head.weight, again.head.weight)


def test_a_state_is_a_copy():
    task = Task()
    method = LastLayer(task.head)
    assert method.state_dict() == {"factor": None, "solution": None}
    method(task.problem())
    state = method.state_dict()
    before = {name: x.clone() for name, x in state.items()}
    with torch.no_grad():
        task.delta *= 30
    method(task.problem())
    assert all(torch.equal(x, before[name]) for name, x in state.items())
    assert not torch.equal(method.state_dict()["solution"], before["solution"])


def test_a_curvature_that_turns_negative_is_an_error_with_an_earlier_factor_too():
    task = Task(bias=False)
    sign = torch.nn.Parameter(torch.ones((), dtype=torch.float64))
    target = torch.randn(len(task.X), 3, dtype=torch.float64)

    def inner():
        return task.head(task.X), lambda z: sign * ((z - target) ** 2).mean()

    problem = Problem(task.inner, [sign], [inner], [task.judged])
    method = LastLayer(task.head)
    method(problem)
    with torch.no_grad():
        sign.neg_()
    with pytest.raises(CurvatureError, match="not positive definite: add weight decay"):
        method(problem)


def test_what_is_not_finite_is_an_error_and_leaves_nothing_behind():
    task = Task()
    method = LastLayer(task.head)
    method(task.problem())

    def steep():
        z = task.head(task.XV)
        return (z - z.detach()).abs().sqrt().sum()  # 0, of no slope

    with pytest.raises(FloatingPointError, match="solved for is not finite"):
        method(Problem(task.inner, [task.l, task.delta], task.closures, [steep]))
    task.require_dense(method(task.problem()))
    task.X[3, 1] = torch.nan
    with pytest.raises(FloatingPointError, match="missing values in the features"):
        method(task.problem())
