"""What is kept of a run: the average of its points, and the best that keeps the constraints."""

from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import ALM
from equipoise.optim.constrained.iterates import AverageIterate, BestFeasible


def parameter(*at, dtype=torch.float64):
    return torch.nn.Parameter(torch.tensor(at, dtype=dtype))


def move(p, *to):
    with torch.no_grad():
        p.copy_(torch.tensor(to if p.dim() else to[0], dtype=p.dtype))


def through_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


points = st.lists(st.floats(-10, 10), min_size=1, max_size=12)


@settings(deadline=None, max_examples=50)
@given(points, st.one_of(st.none(), st.floats(0, 0.99)), st.integers(0, 5))
def test_the_average_is_weighted_as_promised(path, decay, start):
    x = parameter(0.0)
    average = AverageIterate([x], decay, start)
    for k, at in enumerate(path):
        move(x, at)
        average.update()
        tail = np.array(path[: k + 1][start:] or path[k : k + 1])
        weights = np.ones(len(tail)) if decay is None else decay ** np.arange(len(tail))[::-1]
        assert average.tensors[0].item() == pytest.approx(
            np.average(tail, weights=weights), abs=1e-9
        )
    assert average.n_updates == len(path)


def test_until_it_starts_the_average_is_the_last_iterate():
    x = parameter(1.0)
    average = AverageIterate([x], start=3)
    assert average.tensors[0].item() == 1.0
    for at in (torch.nan, 5.0, 7.0):
        move(x, at)
        average.update()
        torch.testing.assert_close(average.tensors[0], x.detach(), equal_nan=True)


def test_it_settles_where_the_last_iterate_of_a_saddle_point_problem_circles():
    # min x with x = 0 as an equation, without a penalty's pull: gradient descent and ascent on
    # x (1 + y) circles around (0, -1), and the mean of a whole number of turns is its centre.
    x, y = parameter(1.0), parameter(-1.0)
    optimizer = torch.optim.SGD([x, y], lr=4e-3)
    average = AverageIterate([x, y])
    for _ in range(round(2 * np.pi / 4e-3)):
        x.grad, y.grad = (1 + y).detach(), -x.detach().clone()
        optimizer.step()
        average.update()
    assert (x.detach() ** 2 + (1 + y.detach()) ** 2).item() > 0.99
    assert average.tensors[0].item() == pytest.approx(0, abs=2e-2)
    assert average.tensors[1].item() == pytest.approx(-1, abs=2e-2)


def test_it_is_kept_in_single_precision_where_half_would_round_late_iterates_away():
    x = parameter(1.0, dtype=torch.bfloat16)
    average = AverageIterate([x])
    for at in [1.0] * 500 + [2.0] * 500:
        move(x, at)
        average.update()
    assert average.tensors[0].item() == pytest.approx(1.5, rel=1e-4)
    with average.applied():
        assert x.dtype == torch.bfloat16
        assert x.item() == 1.5


@pytest.mark.parametrize("fails", [False, True])
def test_parameters_are_at_the_average_within_a_block_and_come_back_bit_for_bit(fails):
    x, z = parameter(0.1, 0.2), parameter(0.3, dtype=torch.float32)
    average = AverageIterate([x, z])
    for at in (1.0, 2.0, 6.0):
        move(x, at, -at)
        average.update()
    now = [x.detach().clone(), z.detach().clone()]

    def look():
        with average.applied():
            assert x.tolist() == pytest.approx([3.0, -3.0])
            assert x.requires_grad
            if fails:
                raise KeyError

    if fails:
        with pytest.raises(KeyError):
            look()
    else:
        look()
    assert torch.equal(x, now[0])
    assert torch.equal(z, now[1])


def test_an_average_put_back_goes_on_as_if_never_stopped():
    x, path = parameter(0.0, 0.0), np.random.default_rng(0).normal(size=(8, 2))
    straight, stopped = (AverageIterate([x], 0.8, start=2) for _ in range(2))
    for k, at in enumerate(path):
        move(x, *at)
        straight.update()
        if k == 4:
            resumed = AverageIterate([x], 0.8, start=2)
            resumed.load_state_dict(through_file(stopped.state_dict()))
            stopped = resumed
        stopped.update()
    # The snapshot was taken before the update that both then made.
    assert torch.equal(straight.tensors[0], stopped.tensors[0])


def test_the_state_of_an_average_is_a_snapshot():
    x = parameter(1.0)
    average = AverageIterate([x])
    state = average.state_dict()
    move(x, 9.0)
    average.update()
    assert state["tensors"][0].item() == 1.0
    assert state["n_updates"] == 0


@pytest.mark.parametrize("make", [AverageIterate, BestFeasible])
def test_a_state_of_other_shapes_is_refused(make):
    with pytest.raises(ValueError, match="needed"):
        make([parameter(0.0)]).load_state_dict(make([parameter(0.0, 1.0)]).state_dict())


@pytest.mark.parametrize("make", [AverageIterate, BestFeasible])
def test_a_used_up_iterator_of_parameters_is_refused(make):
    parameters = torch.nn.Linear(2, 1).parameters()
    list(parameters)
    with pytest.raises(ValueError, match="parameters"):
        make(parameters)


@pytest.mark.parametrize(
    "wrong",
    [{"decay": 1.0}, {"decay": -0.1}, {"decay": float("nan")}, {"start": -1}, {"start": 1.5}],
)
def test_an_average_says_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AverageIterate([parameter(0.0)], **wrong)


# Objectives and violations with many ties, and values that are not finite among them.
measured = st.one_of(st.integers(-2, 2).map(float), st.sampled_from([np.nan, np.inf, -np.inf]))
offers = st.lists(st.tuples(measured, measured), min_size=1, max_size=10)


def best_of(offered, margin=0.0):
    """Which offer is the best, by the definition; None if none is finite."""
    finite = [(k, f, v) for k, (f, v) in enumerate(offered) if np.isfinite(f) and np.isfinite(v)]
    feasible = [(f, k) for k, f, v in finite if v <= -margin]
    closest = [(v, k) for k, f, v in finite]
    return min(feasible or closest, default=(None, None))[1]


@settings(deadline=None, max_examples=50)
@given(offers, st.sampled_from([-1.0, 0.0, 1.0]))
def test_what_is_kept_is_the_best_of_what_was_offered(offered, margin):
    x = parameter(-1.0)
    best = BestFeasible([x], margin=margin)
    for k, (objective, violation) in enumerate(offered):
        move(x, float(k))
        kept = best.offer(objective, violation)
        assert bool(kept) == (best_of(offered[: k + 1], margin) == k)
    which = best_of(offered, margin)
    move(x, 100.0)
    best.restore()
    assert best.n_offers == len(offered)
    if which is None:
        assert (best.step.item(), x.item()) == (-1, -1.0)
        assert not best.feasible
    else:
        assert (best.step.item(), x.item()) == (which, float(which))
        assert (best.objective.item(), best.violation.item()) == offered[which]
        assert best.feasible.item() == (offered[which][1] <= -margin)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.tuples(measured, measured), min_size=3, max_size=3), max_size=8))
def test_each_replicate_keeps_what_it_would_keep_alone(offered):
    x, z = parameter(*[[-1.0, -1.0]] * 3), parameter(*[-1.0] * 3)
    together = BestFeasible([x, z], 3)
    alone = [BestFeasible([parameter(-1.0, -1.0), parameter(-1.0)]) for _ in range(3)]
    for k, row in enumerate(offered):
        x.data.copy_(torch.arange(6).reshape(3, 2) + 10 * k)
        z.data.copy_(torch.arange(3) + 10 * k)
        f, v = torch.tensor(row, dtype=torch.float64).unbind(1)
        together.offer(f, v)
        for r, own in enumerate(alone):
            own._parameters[0].data.copy_(x[r].data)
            own._parameters[1].data.copy_(z[r : r + 1].data)
            own.offer(*row[r])
    for r, own in enumerate(alone):
        assert torch.equal(together.tensors[0][r], own.tensors[0])
        assert torch.equal(together.tensors[1][r], own.tensors[1][0])
        for name in ("objective", "violation", "feasible", "step"):
            assert torch.equal(getattr(together, name)[r], getattr(own, name))


def test_doubt_counts_against_an_offer():
    x = parameter(0.0)
    best = BestFeasible([x], caution=2.0)
    best.offer(1.0, -0.1, error=0.04)  # -0.02: feasible also in doubt
    best.offer(0.5, -0.1, error=0.06)  # 0.02: not surely
    assert best.step == 0
    best.offer(0.5, -0.1)  # measured on all there is
    assert best.step == 2


def test_before_any_is_feasible_the_closest_is_the_one_with_the_least_doubt():
    best = BestFeasible([parameter(0.0)], caution=1.0)
    best.offer(1.0, 0.10, error=0.30)
    best.offer(1.0, 0.20, error=0.05)
    best.offer(1.0, 0.15, error=float("inf"))  # nothing is known of it
    assert best.step == 1
    assert best.violation.item() == 0.20


def test_without_caution_an_unknown_error_does_not_matter():
    best = BestFeasible([parameter(0.0)], caution=0.0)
    best.offer(1.0, -0.1, error=float("inf"))
    assert best.feasible


def test_it_keeps_the_better_points_of_a_noisy_run():
    # Where the last iterate jumps across x >= 1, the point kept is on the right side of it.
    random = torch.Generator().manual_seed(0)
    x = parameter(2.0)
    optimizer, best = ALM(torch.optim.SGD([x], lr=0.2), 1, multiplier_rate=0.5), BestFeasible([x])
    for _ in range(200):
        noise = torch.randn(1, generator=random, dtype=torch.float64)
        optimizer.step(lambda _, e=noise: ((x**2).sum(), 1 - x + e))
        best.offer((x**2).sum(), (1 - x).max())
    assert best.feasible
    best.restore()
    assert 1 <= x.item() < 1.1
    assert best.objective.item() == (x**2).item()


def test_a_keeper_put_back_goes_on_as_if_never_stopped():
    random = np.random.default_rng(0)
    offered = random.normal(size=(12, 2, 2))
    x = parameter(0.0, 0.0)
    straight, stopped = (BestFeasible([x], 2, margin=0.1, caution=2.0) for _ in range(2))
    for k, (objective, violation) in enumerate(torch.from_numpy(offered)):
        move(x, k, -k)
        straight.offer(objective, violation, error=torch.full((2,), 0.1))
        if k == 6:
            snapshot = through_file(stopped.state_dict())
            stopped.offer(torch.zeros(2), torch.full((2,), -9.0))
            stopped = BestFeasible([x], 2, margin=0.1, caution=2.0)
            stopped.load_state_dict(snapshot)
        stopped.offer(objective, violation, error=torch.full((2,), 0.1))
    assert torch.equal(straight.tensors[0], stopped.tensors[0])
    for name in ("objective", "violation", "feasible", "step", "n_offers"):
        assert str(getattr(straight, name)) == str(getattr(stopped, name))


def test_a_copy_keeps_points_of_its_own():
    x = parameter(0.0)
    best = BestFeasible([x])
    best.offer(1.0, -1.0)
    y, other = copy.deepcopy((x, best))
    move(y, 5.0)
    other.offer(0.0, -1.0)
    assert best.tensors[0].item() == 0.0
    other.restore()
    assert (x.item(), y.item()) == (0.0, 5.0)


@pytest.mark.parametrize("r", [None, 2])
@pytest.mark.parametrize("given", [torch.zeros(3), torch.zeros(2, 1)])
@pytest.mark.parametrize("name", ["objective", "violation", "error"])
def test_a_measurement_of_another_shape_is_refused(r, given, name):
    good = 0.0 if r is None else torch.zeros(2)
    best = BestFeasible([parameter(0.0, 0.0)], r)
    with pytest.raises(ValueError, match=f"{name} must have shape"):
        best.offer(**{"objective": good, "violation": good, "error": good, name: given})
    assert best.n_offers == 0


@pytest.mark.parametrize("shape", [(), (3,), (1, 2)])
def test_the_first_axis_of_every_parameter_is_that_of_the_replicates(shape):
    with pytest.raises(ValueError, match="n_replicates"):
        BestFeasible([parameter(0.0, 0.0), torch.zeros(shape)], 2)


@pytest.mark.parametrize(
    "wrong", [{"margin": float("nan")}, {"margin": float("inf")}, {"caution": -1.0}]
)
def test_a_keeper_says_what_is_wrong(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        BestFeasible([parameter(0.0)], **wrong)
