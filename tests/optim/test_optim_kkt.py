"""The conditions of Karush, Kuhn and Tucker, where they are known and where they are not."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.optim.constrained import ALM, Layout, Ratios
from equipoise.optim.constrained.kkt import best_multipliers, kkt_residual


def tensor(*x):
    return torch.tensor(x, dtype=torch.float64)


def parameter(*at):
    return torch.nn.Parameter(tensor(*at))


def nearest(x):
    """The closest point to (2, 1, -1) with x_1 <= 1, x_1 + x_2 <= 1.5 and x_3 <= 4.

    It is (1, 0.5, -1), where x - a + y_1 e_1 + y_2 (e_1 + e_2) = 0 with y = (0.5, 0.5, 0).
    """
    c = torch.stack([x[..., 0] - 1, x[..., 0] + x[..., 1] - 1.5, x[..., 2] - 4], -1)
    return ((x - tensor(2.0, 1.0, -1.0)) ** 2).sum(-1) / 2, c


def test_at_a_solution_nothing_is_missing():
    x = parameter(1.0, 0.5, -1.0)
    residual = kkt_residual([x], *nearest(x), tensor(0.5, 0.5, 0.0))
    assert residual.stationarity.item() == pytest.approx(0, abs=1e-15)
    assert residual.infeasibility == 0
    assert residual.complementarity == 0
    assert residual.dual_infeasibility == 0


def test_each_condition_that_fails_is_measured_by_itself():
    x = parameter(1.25, 0.5, -1.0)
    residual = kkt_residual([x], *nearest(x), tensor(0.75, -0.25, 0.5))
    # grad f = (-0.75, -0.5, 0) and J^T y = (0.5, -0.25, 0.5); c = (0.25, 0.25, -5).
    assert residual.stationarity.item() == pytest.approx(np.linalg.norm([-0.25, -0.75, 0.5]))
    assert residual.infeasibility.item() == 0.25
    assert residual.complementarity.item() == 2.5
    assert residual.dual_infeasibility.item() == 0.25


def test_an_equation_may_pull_either_way_but_not_miss_on_either_side():
    # min |x|^2 / 2 with x_1 = 1 written as 1 - x_1 = 0 or x_1 - 1 = 0.
    layout = Layout(1, equalities=["constraints"])
    for sign in (1.0, -1.0):
        for at in (1.0, 1.5, 0.5):
            x = parameter(at, 0.0)
            residual = kkt_residual(
                [x], (x**2).sum() / 2, sign * (x[:1] - 1), tensor(-sign), layout
            )
            assert residual.stationarity.item() == pytest.approx(abs(at - 1))
            assert residual.infeasibility.item() == pytest.approx(abs(at - 1))
            assert residual.complementarity == 0
            assert residual.dual_infeasibility == 0


def curved(x, z):
    f = torch.sin(x).sum() * z.exp() + (x**4).sum()
    return f, torch.stack([x[0] * x[1] + z, x[0] / (1 + z**2), torch.tanh(x).sum()])


small = st.floats(-2, 2)


@settings(deadline=None, max_examples=50)
@given(st.lists(small, min_size=6, max_size=6))
def test_stationarity_agrees_with_finite_differences(numbers):
    at, y = np.array(numbers[:3]), np.array(numbers[3:])

    def lagrangian(point):
        f, c = curved(tensor(*point[:2]), tensor(point[2])[0])
        return f.item() + y @ c.numpy()

    steps = np.eye(3) * 1e-5
    slope = [(lagrangian(at + s) - lagrangian(at - s)) / 2e-5 for s in steps]
    x, z = parameter(*at[:2]), torch.nn.Parameter(tensor(at[2])[0])
    residual = kkt_residual([x, z], *curved(x, z), torch.from_numpy(y))
    assert residual.stationarity.item() == pytest.approx(np.linalg.norm(slope), rel=1e-6, abs=1e-6)


def test_it_shrinks_along_a_run_of_a_method():
    x = parameter(0.0, 0.0, 0.0)
    method = ALM(torch.optim.SGD([x], lr=0.05), 3, penalty=2.0, multiplier_rate=0.1)
    sizes = []
    for steps in (0, 100, 800):
        for _ in range(steps):
            method.step(lambda _: nearest(x))
        residual = kkt_residual([x], *nearest(x), method.multipliers, method.layout)
        sizes.append(max(v.item() for v in vars(residual).values()))
    assert sizes[0] > 1
    assert sizes[2] < 1e-6 < sizes[1] < sizes[0]


def test_a_parameter_that_nothing_depends_on_adds_nothing():
    x, idle = parameter(1.0, 0.5, -1.0), parameter(3.0)
    y = tensor(0.0, 0.0, 0.0)
    with_idle = kkt_residual([x, idle], *nearest(x), y).stationarity
    assert with_idle == kkt_residual([x], *nearest(x), y).stationarity
    assert best_multipliers([idle, x], *nearest(x)).tolist() == pytest.approx([0.5, 0.5, 0])


def test_named_constraints_and_ratios_are_taken_as_a_closure_returns_them():
    x = parameter(0.4, -0.3)
    layout = Layout({"a": 1, "b": 2}, equalities=["b"])
    named = {"b": x * 2, "a": x.sum()}
    flat = torch.cat([x.sum()[None], x * 2])
    y = tensor(0.5, -1.0, 2.0)
    by_name = kkt_residual([x], (x**2).sum(), named, y, layout)
    assert by_name == kkt_residual([x], (x**2).sum(), flat, y, layout)

    n, d = torch.sigmoid(x), tensor(0.5, 0.25)
    ratios = Ratios.of(n, d, n, d, lambda r: r - 1)
    rated = kkt_residual([x], (x**2).sum(), ratios, tensor(1.0, 2.0))
    plain = kkt_residual([x], (x**2).sum(), n / d - 1, tensor(1.0, 2.0))
    assert rated.stationarity.item() == pytest.approx(plain.stationarity.item())


def test_replicates_stacked_are_measured_as_each_is_alone():
    random = torch.Generator().manual_seed(0)
    x = torch.nn.Parameter(torch.randn(4, 3, generator=random, dtype=torch.float64) + 0.5)
    y = torch.rand(4, 3, generator=random, dtype=torch.float64) - 0.2
    together = kkt_residual([x], *nearest(x), y)
    best = best_multipliers([x], *nearest(x), tolerance=0.5)
    for r in range(4):
        own = torch.nn.Parameter(x[r].detach().clone())
        alone = kkt_residual([own], *nearest(own), y[r])
        for name, value in vars(together).items():
            assert value.shape == (4,)
            torch.testing.assert_close(value[r], getattr(alone, name))
        alone = best_multipliers([own], *nearest(own), tolerance=0.5)
        torch.testing.assert_close(best[r], alone)


def test_the_best_multipliers_of_a_solution_are_its_multipliers():
    x = parameter(1.0, 0.5, -1.0)
    y = best_multipliers([x], *nearest(x))
    assert y.tolist() == pytest.approx([0.5, 0.5, 0.0])
    assert kkt_residual([x], *nearest(x), y).stationarity.item() == pytest.approx(0, abs=1e-12)


def test_only_what_is_nearly_active_gets_a_multiplier():
    # At (0.9, 0.5, -1) the first constraint has 0.1 to spare, the second too.
    x = parameter(0.9, 0.5, -1.0)
    assert best_multipliers([x], *nearest(x), tolerance=0.05).tolist() == [0, 0, 0]
    assert best_multipliers([x], *nearest(x), tolerance=0.2).tolist() == pytest.approx(
        [0.6, 0.5, 0]
    )


def least_norm_by_trial(A, b, free):
    """min |A y + b| with y >= 0 but for the free: the best among all sets that are not 0."""
    m, best = A.shape[1], np.linalg.norm(b)
    for size in range(1, m + 1):
        for support in combinations(range(m), size):
            y = np.zeros(m)
            y[list(support)] = np.linalg.lstsq(A[:, support], -b, rcond=None)[0]
            if (y[~free] >= -1e-9).all():
                best = min(best, np.linalg.norm(A @ y + b))
    return best


@settings(deadline=None, max_examples=50)
@given(
    st.integers(1, 5),
    st.integers(1, 4),
    st.integers(0, 2),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_no_other_multipliers_are_better(n, m, equations, opposite, seed):
    random = np.random.default_rng(seed)
    J, g = random.normal(size=(m + equations, n)), random.normal(size=n)
    if opposite:  # as a gap that is bounded from both sides
        J[-1] = -J[0]
    free = np.arange(m + equations) >= m
    layout = Layout({"a": m, "b": equations}, equalities=["b"])
    parts = [parameter(*np.zeros(n // 2)), parameter(*np.zeros(n - n // 2))]
    x = torch.cat(parts)
    f, c = torch.from_numpy(g) @ x, torch.from_numpy(J) @ x
    y = best_multipliers(parts, f, c, layout).numpy()
    assert (y[~free] >= 0).all()
    achieved = kkt_residual(parts, f, c, torch.from_numpy(y), layout).stationarity.item()
    assert achieved == pytest.approx(np.linalg.norm(g + J.T @ y))
    assert achieved == pytest.approx(least_norm_by_trial(J.T, g, free), abs=1e-7)


def test_without_active_constraints_there_are_no_multipliers():
    x = parameter(0.0, 0.0, 0.0)
    assert best_multipliers([x], *nearest(x)).tolist() == [0, 0, 0]
    none = torch.zeros(0, dtype=torch.float64)
    assert best_multipliers([x], (x**2).sum(), none).shape == (0,)
    assert kkt_residual([x], ((x - 1) ** 2).sum(), none, none).infeasibility == 0


def test_a_constant_objective_asks_for_no_multipliers():
    x = parameter(1.0, 0.5, -1.0)
    y = best_multipliers([x], torch.zeros((), dtype=torch.float64), nearest(x)[1])
    assert y.tolist() == [0, 0, 0]


def test_a_gradient_that_is_not_finite_is_refused():
    x = parameter(0.0)
    with pytest.raises(FloatingPointError, match="gradients"):
        best_multipliers([x], x.sum().abs().sqrt(), x)


@pytest.mark.parametrize(
    ("objective", "constraints", "multipliers", "match"),
    [
        ((), (2,), (3,), "multipliers"),
        ((), (2,), (1,), "multipliers"),
        ((3,), (2,), (2,), "objective"),
        ((), (3, 2), (3, 2), "objective"),
        ((), (), (), "objective"),
        ((3,), (3, 2), (3, 2), "first axis"),
    ],
)
def test_shapes_that_do_not_go_together_are_refused(objective, constraints, multipliers, match):
    x = parameter(1.0, 2.0)
    with pytest.raises(ValueError, match=match):
        kkt_residual(
            [x],
            x.sum() + torch.zeros(objective),
            x.sum() + torch.zeros(constraints),
            torch.zeros(multipliers),
        )


def test_what_cannot_be_differentiated_is_refused():
    x = parameter(1.0)
    with pytest.raises(ValueError, match="graph"):
        kkt_residual([x], x.detach().sum(), x.detach(), tensor(0.0))


def test_named_constraints_need_a_layout_and_a_layout_its_number():
    x = parameter(1.0)
    with pytest.raises(ValueError, match="layout"):
        best_multipliers([x], x.sum(), {"a": x})
    with pytest.raises(ValueError, match="layout is of 2"):
        best_multipliers([x], x.sum(), x, Layout(2))


def test_a_used_up_iterator_of_parameters_is_refused():
    with pytest.raises(ValueError, match="parameters"):
        best_multipliers(iter([]), *nearest(parameter(0.0, 0.0, 0.0)))


@pytest.mark.parametrize("tolerance", [-1e-9, float("nan"), float("inf")])
def test_tolerance_must_be_a_number_and_not_negative(tolerance):
    x = parameter(1.0, 0.5, -1.0)
    with pytest.raises(ValueError, match="tolerance"):
        best_multipliers([x], *nearest(x), tolerance=tolerance)


def test_a_constraint_that_is_not_finite_is_refused_and_not_taken_for_inactive():
    x = parameter(1.0)
    with pytest.raises(FloatingPointError, match="constraints"):
        best_multipliers([x], x.sum(), x * torch.nan)
