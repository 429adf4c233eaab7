"""The mixed derivative by three routes, and what passes over a network must leave alone."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention

from equipoise.optim.bilevel import (
    F2SA,
    Bilevel,
    ConjugateGradient,
    Dense,
    Identity,
    LastLayer,
    Neumann,
    Problem,
    Unrolled,
)
from equipoise.optim.bilevel.curvature import curvature
from equipoise.optim.bilevel.mixed import linearised, mixed_product

METHODS = {
    "identity": lambda: Identity(),
    "Neumann": lambda: Neumann(4),
    "conjugate gradients": lambda: ConjugateGradient(3),
    "Neumann of the Hessian": lambda: Neumann(4, damping=3.0, curvature="hessian"),
    "conjugate gradients of the Hessian": lambda: ConjugateGradient(
        3, damping=3.0, curvature="hessian"
    ),
    "unrolled": lambda: Unrolled(2),
    "F2SA": lambda: F2SA(2),
}


class Task:
    """A small network under a parametric cross-entropy."""

    def __init__(self, model, dtype=torch.float64, shape=(12, 3, 6, 6)):
        draw = torch.Generator().manual_seed(5)
        self.x, self.xv = (torch.randn(*shape, generator=draw, dtype=dtype) for _ in range(2))
        self.y, self.yv = (torch.randint(4, shape[:1], generator=draw) for _ in range(2))
        self.model = model.to(dtype)
        self.l = nn.Parameter(0.3 * torch.randn(4, generator=draw, dtype=dtype))
        self.delta = nn.Parameter(1 + 0.3 * torch.randn(4, generator=draw, dtype=dtype))
        self.inner_optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, weight_decay=0.1)
        self.outer_optimizer = torch.optim.Adam([self.l, self.delta], lr=0.05)

    def loss(self, z):
        return cross_entropy(self.delta * z + self.l, self.y)

    def pair(self):
        return self.model(self.x), self.loss

    def scalar(self):
        return self.loss(self.model(self.x))

    def outer(self):
        return cross_entropy(self.model(self.xv), self.yv)

    def problem(self, paired=True, **settings):
        inner = self.pair if paired else self.scalar
        variables = [self.l, self.delta]
        return Problem(self.inner_optimizer, variables, [inner], [self.outer], **settings)

    def direction(self):
        draw = torch.Generator().manual_seed(6)
        return [
            torch.randn(p.shape, generator=draw, dtype=p.dtype) for p in self.model.parameters()
        ]


def convolutional():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 5, 3),
        nn.BatchNorm2d(5),
        nn.Tanh(),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(80, 4),
    )


def flat(vector):
    return torch.cat([x.detach().flatten() for x in vector])


def relative(a, b):
    return ((flat(a) - flat(b)).norm() / flat(b).norm()).item()


@pytest.mark.parametrize(("dtype", "gate"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_forward_mode_is_the_double_backward_pass(dtype, gate):
    task = Task(convolutional().eval(), dtype)
    p = task.direction()
    found, expected = (mixed_product(task.problem(paired), p) for paired in (True, False))
    assert relative(found, expected) < gate


@pytest.mark.parametrize(("dtype", "gate"), [(torch.float32, 1e-2), (torch.float64, 1e-6)])
@pytest.mark.parametrize("paired", [True, False])
def test_differences_are_as_good_as_their_precision(dtype, gate, paired):
    task = Task(convolutional().eval(), dtype)
    before = flat(task.model.parameters()).clone()
    p = task.direction()
    found = mixed_product(task.problem(paired, differences=True), p)
    assert relative(found, mixed_product(task.problem(False), p)) < gate
    assert torch.equal(flat(task.model.parameters()), before)


@pytest.mark.parametrize("paired", [True, False])
def test_difference_along_nothing_is_nothing(paired):
    task = Task(convolutional().eval())
    zero = [torch.zeros_like(p) for p in task.model.parameters()]
    assert not flat(mixed_product(task.problem(paired, differences=True), zero)).any()


def test_gauss_newton_is_the_jacobian_around_the_loss():
    task = Task(convolutional().eval())
    parameters = list(task.model.parameters())
    outputs = task.model(task.x)
    rows = [flat(torch.autograd.grad(z, parameters, retain_graph=True)) for z in outputs.flatten()]
    J = torch.stack(rows)
    Hz = torch.autograd.functional.hessian(task.loss, outputs.detach()).reshape(len(J), -1)
    p = task.direction()
    found = flat(curvature(task.problem(), "gauss-newton")(p))
    expected = J.T @ (Hz @ (J @ flat(p))) + 0.1 * flat(p)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


def test_hessian_may_be_used_again_after_a_forward_mode_pass():
    task = Task(convolutional())
    problem, p = task.problem(), task.direction()
    product = curvature(problem, "hessian")
    first = product(p)
    mixed_product(problem, p)
    torch.testing.assert_close(product(p), first, rtol=0, atol=0)


def test_hessian_has_the_decay_of_the_optimizer():
    task = Task(convolutional().eval())
    p = task.direction()
    step = 1e-5
    slopes = []
    for side in (1, -1):
        with torch.no_grad():
            for q, d in zip(task.model.parameters(), p, strict=True):
                q.add_(side * step * d)
        squares = sum((q**2).sum() for q in task.model.parameters())
        whole = task.scalar() + 0.05 * squares
        slopes.append(flat(torch.autograd.grad(whole, list(task.model.parameters()))))
        with torch.no_grad():
            for q, d in zip(task.model.parameters(), p, strict=True):
                q.sub_(side * step * d)
    found = flat(curvature(task.problem(False), "hessian")(p))
    torch.testing.assert_close(found, (slopes[0] - slopes[1]) / (2 * step), rtol=1e-6, atol=1e-7)


def test_no_graph_through_the_network_is_built_for_the_mixed_derivative():
    task = Task(convolutional())
    graphs = []
    task.model.register_forward_hook(lambda *given: graphs.append(given[2].requires_grad))
    mixed_product(task.problem(), task.direction())
    assert graphs
    assert not any(graphs)


def test_identity_takes_one_pass_over_validation_rows_and_one_over_training_rows():
    task = Task(convolutional())
    seen = []
    task.model.register_forward_hook(
        lambda _, given, out: seen.append((given[0] is task.x, out.requires_grad))
    )
    optimizer = Bilevel(task.inner_optimizer, task.outer_optimizer, hypergradient=Identity())
    optimizer.inner_step(task.pair)
    seen.clear()
    optimizer.outer_step(task.pair, task.outer)
    assert seen == [(False, True), (True, False)]


def written_out(q, k, v):
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1) @ v


class Attention(nn.Module):
    """Has an operation for which torch has no forward-mode rule."""

    def __init__(self):
        super().__init__()
        self.mix, self.head = nn.Linear(6, 6), nn.Linear(6, 4)
        self.attention = scaled_dot_product_attention

    def forward(self, x):
        q = self.mix(x)
        return self.head(self.attention(q, q, q).mean((1, 2)))


def test_operation_without_a_forward_rule_is_met_with_differences():
    torch.manual_seed(0)
    task = Task(Attention())
    problem = task.problem()
    parts = task.direction()
    found = mixed_product(problem, parts)
    assert problem.differences
    before = flat(task.model.parameters()).clone()
    task.model.attention = written_out
    expected = mixed_product(task.problem(False), parts)
    assert relative(found, expected) < 1e-7
    assert torch.equal(flat(task.model.parameters()), before)


def test_first_order_methods_need_no_second_derivative_of_any_operation():
    torch.manual_seed(0)
    task = Task(Attention())
    with pytest.raises(RuntimeError, match=r"derivative for .* is not implemented"):
        Dense()(task.problem(False))
    found = F2SA(5)(task.problem(False))
    task.model.attention = written_out
    expected = F2SA(5)(task.problem(False))
    torch.testing.assert_close(found.gradient, expected.gradient, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("differences", [False, True])
def test_running_means_and_parameters_are_left_bit_for_bit(name, differences):
    task = Task(convolutional())
    optimizer = Bilevel(
        task.inner_optimizer,
        task.outer_optimizer,
        hypergradient=METHODS[name](),
        diagnose=1,
        differences=differences,
    )
    optimizer.inner_step(task.pair)
    before = {key: value.clone() for key, value in task.model.state_dict().items()}
    optimizer.outer_step(task.pair, task.outer)
    for key, value in task.model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert before["1.num_batches_tracked"] == 1


def test_buffers_that_a_module_replaces_are_given_back():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls = self.calls + 1
            return x

    task = Task(nn.Sequential(Counting(), convolutional()))
    counting = task.model[0]
    calls = counting.calls
    optimizer = Bilevel(task.inner_optimizer, task.outer_optimizer, hypergradient=Identity())
    optimizer.outer_step(task.pair, task.outer)
    assert counting.calls is calls


def test_dropout_is_the_same_in_all_passes_of_a_hyper_gradient():
    task = Task(convolutional())
    outputs = []
    problem = task.problem()
    p = task.direction()
    torch.manual_seed(1)
    for _ in range(2):
        z, tangent, _ = linearised(problem, 0, p)
        outputs += [z, problem.outputs(0)[0].detach()]
    for z in outputs[1:]:
        torch.testing.assert_close(z, outputs[0], rtol=1e-12, atol=1e-12)
    problem.differences = True
    torch.testing.assert_close(linearised(problem, 0, p)[1], tangent, rtol=1e-6, atol=1e-7)
    # The stream has moved on by one pass, as it would have without any replay.
    after = torch.rand(3)
    torch.manual_seed(1)
    task.model(task.x)
    assert torch.equal(after, torch.rand(3))


def test_dropout_differs_from_one_hyper_gradient_to_the_next():
    task = Task(convolutional())
    first, again = (Identity()(task.problem()).gradient[0] for _ in range(2))
    assert not torch.allclose(first, again)


@pytest.mark.parametrize("make", [Identity, Dense, lambda: ConjugateGradient(20)])
def test_frozen_layers_take_no_part(make):
    task = Task(convolutional().eval())
    task.model[0].requires_grad_(False)
    found = make()(task.problem()).gradient
    # As if the rest were all there is, on what the frozen layer gives it.
    rest = Task(task.model[1:])
    rest.x, rest.xv = (task.model[0](x).detach() for x in (task.x, task.xv))
    expected = make()(rest.problem()).gradient
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


def test_frozen_layers_have_no_tangent_in_forward_mode():
    task = Task(convolutional().eval())
    task.model[0].requires_grad_(False)
    p = task.direction()[2:]
    found, expected = (mixed_product(task.problem(paired), p) for paired in (True, False))
    assert relative(found, expected) < 1e-12


def test_conjugate_gradients_solve_the_gauss_newton_system_of_a_network():
    task = Task(convolutional().eval())
    method = ConjugateGradient(200)
    found = method(task.problem(), diagnose=True).diagnostics
    assert found.residual < 1e-8
    assert found.largest_eigenvalue > 0.1


def test_last_layer_leaves_the_network_below_alone():
    task = Task(convolutional())
    head = task.model[-1]
    inner = torch.optim.SGD(head.parameters(), lr=0.1, weight_decay=0.1)
    optimizer = Bilevel(inner, task.outer_optimizer, hypergradient=LastLayer(head), diagnose=1)
    before = {k: v.clone() for k, v in task.model[:-1].state_dict().items()}
    optimizer.outer_step(task.pair, task.outer)
    for key, value in task.model[:-1].state_dict().items():
        assert torch.equal(value, before[key]), key
    assert optimizer.diagnostics.inner_gradient_norm < 1e-8
    assert optimizer.diagnostics.residual < 1e-10


def test_outer_variables_that_enter_nothing_are_an_error():
    task = Task(convolutional())
    stranger = nn.Parameter(torch.zeros(2, dtype=torch.float64))
    for inner in (task.pair, task.scalar):
        problem = Problem(task.inner_optimizer, [stranger], [inner], [task.outer])
        with pytest.raises(ValueError, match="none of the outer variables enters"):
            Identity()(problem)


def test_gauss_newton_matrix_of_a_scalar_is_an_error_that_names_the_cure():
    with pytest.raises(ValueError, match=r'return that pair, or ask for curvature="hessian"'):
        ConjugateGradient()(Task(convolutional()).problem(paired=False))
