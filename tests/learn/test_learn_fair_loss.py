"""Loss and promises on a batch: two implementations, a loop over rows, and autograd agree."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.overrides import TorchFunctionMode

from equipoise import Constraint
from equipoise.learn import FairLoss
from equipoise.learn import fair_loss as implementation
from equipoise.optim.constrained import ALM, Batch, MovingAverage, Ratios

F64 = torch.float64

# Each rate as (event, condition) in label, prediction and positive class.
DEFINED = {
    "selection": (lambda y, p, c: p == c, lambda y, p, c: True),
    "true_positive": (lambda y, p, c: p == c, lambda y, p, c: y == c),
    "false_positive": (lambda y, p, c: p == c, lambda y, p, c: y != c),
    "predictive_value": (lambda y, p, c: y == c, lambda y, p, c: p == c),
    "accuracy": (lambda y, p, c: p == y, lambda y, p, c: True),
}
PARTS = {"equalized_odds": ("true_positive", "false_positive")}

PROMISES = {
    "one rate": ['gap("selection") <= 0.1'],
    "a rate of two parts": ['gap("equalized_odds") <= 0.1'],
    "the loss alone": ['worst("loss") <= 0.4'],
    "rates and losses mixed": [
        'gap("loss") <= 0.1',
        'worst("predictive_value") >= 0.5',
        'worst("loss") <= 0.4',
        'ratio("true_positive") >= 0.8',
        'worst("accuracy") >= 0.9',
    ],
}
# How the sums of groups are formed. The last two are torch's, the first is compiled.
WAYS = ("compiled", "product", "index_add")


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    take(request.param, monkeypatch)
    return request.param


def take(way, monkeypatch):
    if way != "compiled":
        monkeypatch.setattr(implementation, "_SMALL_BATCH", 0)
    if way == "index_add":
        monkeypatch.setattr(implementation, "_DENSE_CELLS", 0)


class Case:
    """A random batch of r replicates."""

    def __init__(self, k=2, g=3, r=2, b=12, overlapping=False, weights=0, seed=0):
        random = torch.Generator().manual_seed(seed)
        self.k, self.g = k, g
        self.logits = torch.randn(r, b, k, generator=random, dtype=F64).mul(2).requires_grad_()
        self.label = torch.randint(k, (r, b), generator=random)
        codes = torch.randint(g, (r, b), generator=random)
        self.member = torch.nn.functional.one_hot(codes, g).double()
        self.groups = codes
        if overlapping:
            self.groups = torch.rand(r, b, g, generator=random) < 0.5
            self.member = self.groups.double()
        draws = [torch.rand(r, b, generator=random, dtype=F64) + 0.2 for _ in range(2)]
        self.weights = [*draws[:weights], *[None] * (2 - weights)]

    @property
    def given(self):
        return self.logits, self.label, self.groups, *self.weights

    def by_a_loop(self, promises):
        """Objective, and counted and expected (numerator, denominator) x r x c x g."""
        rates = [Constraint.parse(one).disparity.rate.name for one in promises]
        counted = [part for rate in rates if rate != "loss" for part in PARTS.get(rate, (rate,))]
        soft = torch.softmax(self.logits, -1)
        r, b, _ = soft.shape
        loss = [[-soft[j, i, y].log() for i, y in enumerate(self.label[j])] for j in range(r)]
        one = torch.ones(r, b, dtype=F64)
        weights, rate_weights = (one if w is None else w for w in self.weights)
        objective = [sum(weights[j, i] * loss[j][i] for i in range(b)) / b for j in range(r)]
        hard = torch.nn.functional.one_hot(self.logits.argmax(-1), self.k).double()

        def table(share):
            components = []
            for rate in counted:
                event, condition = DEFINED[rate]
                for c in range(self.k) if self.k > 2 and rate != "accuracy" else [1]:
                    top, bottom = torch.zeros(2, r, self.g, dtype=F64)
                    for j in range(r):
                        for i, y in enumerate(self.label[j].tolist()):
                            of_row = rate_weights[j, i] * self.member[j, i] / b
                            for p in range(self.k):
                                if condition(y, p, c):
                                    mass = of_row * share[j, i, p]
                                    bottom = bottom.index_add(0, torch.tensor([j]), mass[None])
                                    if event(y, p, c):
                                        top = top.index_add(0, torch.tensor([j]), mass[None])
                    components.append(torch.stack([top, bottom]))
            if "loss" in rates:
                of_rows = rate_weights[..., None] * self.member / b
                losses = torch.stack([torch.stack(row) for row in loss])[..., None]
                components.append(torch.stack([(of_rows * losses).sum(1), of_rows.sum(1)]))
            return torch.stack(components, dim=2)

        return torch.stack(objective), table(hard), table(soft)


def agree(a, b):
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("promises", PROMISES)
@pytest.mark.parametrize(
    ("k", "overlapping", "weights"),
    [(2, False, 0), (2, False, 1), (2, True, 2), (3, False, 2), (3, True, 0), (4, False, 1)],
)
def test_values_and_gradients_are_those_of_a_loop_over_rows(
    k, overlapping, weights, promises, monkeypatch
):
    case, promises = Case(k, overlapping=overlapping, weights=weights), PROMISES[promises]
    objective, counted, expected = case.by_a_loop(promises)
    random = torch.Generator().manual_seed(1)
    pull = torch.randn(objective.shape, generator=random, dtype=F64)
    pulls = torch.randn(expected.shape, generator=random, dtype=F64)
    (wanted,) = torch.autograd.grad([objective, expected], case.logits, [pull, pulls])
    for way in WAYS:
        with monkeypatch.context() as patched:
            take(way, patched)
            got, ratios = FairLoss(promises, case.g, k)(*case.given)
            agree(got, objective)
            if "loss" in str(promises):  # a loss is its own expectation
                agree(ratios.statistic[:, :, :-1], counted.detach()[:, :, :-1])
                agree(ratios.statistic[:, :, -1], expected.detach()[:, :, -1])
            else:
                agree(ratios.statistic, counted.detach())
            agree(ratios.proxy, expected)
            agree(ratios.values, torch.cat([ratios.statistic, expected.detach()]))
            (gradient,) = torch.autograd.grad([got, ratios.proxy], case.logits, [pull, pulls])
            agree(gradient, wanted)


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("k", [2, 3])
def test_gradients_agree_with_finite_differences(k, overlapping, way):
    case = Case(k, b=6, overlapping=overlapping, weights=2)
    fair_loss = FairLoss(PROMISES["rates and losses mixed"], case.g, k)

    def differentiable(logits):
        objective, ratios = fair_loss(logits, *case.given[1:])
        return objective, ratios.proxy

    assert torch.autograd.gradcheck(differentiable, case.logits)


@pytest.mark.parametrize("promises", PROMISES.values(), ids=PROMISES)
@pytest.mark.parametrize("overlapping", [False, True])
def test_many_gradients_can_be_asked_for_at_once(overlapping, promises, way):
    case = Case(k=3, overlapping=overlapping, weights=2)
    objective, ratios = FairLoss(promises, case.g, 3)(*case.given)
    random = torch.Generator().manual_seed(0)
    pulls = [
        torch.randn(5, *x.shape, generator=random, dtype=F64) for x in (objective, ratios.proxy)
    ]
    given = {"outputs": [objective, ratios.proxy], "inputs": case.logits, "retain_graph": True}
    one_by_one = [torch.autograd.grad(grad_outputs=pull, **given)[0] for pull in zip(*pulls)]  # noqa: B905
    (at_once,) = torch.autograd.grad(grad_outputs=pulls, is_grads_batched=True, **given)
    agree(at_once, torch.stack(one_by_one))

    # And the violations' own, through the estimate that a method differentiates.
    estimate = Batch().estimate(ratios)
    rows = torch.eye(estimate.shape[-1], dtype=F64)[:, None].expand(-1, 2, -1)
    given = {"outputs": estimate, "inputs": case.logits, "retain_graph": True}
    one_by_one = [torch.autograd.grad(grad_outputs=row, **given)[0] for row in rows]
    (at_once,) = torch.autograd.grad(grad_outputs=rows, is_grads_batched=True, **given)
    agree(at_once, torch.stack(one_by_one))


def test_hundreds_of_groups_are_summed_alike_in_every_way(monkeypatch):
    case = Case(k=3, g=400, r=3, b=1500, weights=2)
    seen = []
    for way in WAYS:
        with monkeypatch.context() as patched:
            take(way, patched)
            objective, ratios = FairLoss(PROMISES["rates and losses mixed"], 400, 3)(*case.given)
            total = objective.sum() + (ratios.proxy * torch.arange(400)).sum()
            seen.append((ratios.values, torch.autograd.grad(total, case.logits)[0]))
    for values, gradient in seen[1:]:
        agree(values, seen[0][0])
        agree(gradient, seen[0][1])
    sizes = torch.zeros(3, 400, dtype=F64)
    sizes.scatter_add_(1, case.groups, case.weights[1] / 1500)
    agree(seen[0][0][1, :, -1], sizes)


def test_one_batch_is_a_stack_of_one(way):
    case = Case(k=3, r=1, weights=2)
    fair_loss = FairLoss(PROMISES["rates and losses mixed"], case.g, 3)
    stacked, alone = fair_loss(*case.given), fair_loss(*(x[0] for x in case.given))
    assert alone[0].shape == ()
    assert torch.equal(alone[0], stacked[0][0])
    assert torch.equal(alone[1].values, stacked[1].values[:, 0])
    assert torch.equal(alone[1].proxy, stacked[1].proxy[:, 0])


def test_replicates_in_a_stack_see_only_themselves(way):
    case = Case(k=2, r=3, weights=1)
    fair_loss = FairLoss('gap("equalized_odds") <= 0.1', case.g, 2)
    objective, ratios = fair_loss(*case.given)
    own = torch.arange(1.0, 4.0, dtype=F64)
    (stacked,) = torch.autograd.grad(
        [objective, ratios.proxy.sum((0, 2, 3))], case.logits, [own] * 2
    )
    for r in range(3):
        one = [None if x is None else x[r : r + 1].detach() for x in case.given]
        one[0].requires_grad_()
        objective, ratios = fair_loss(*one)
        (alone,) = torch.autograd.grad((objective + ratios.proxy.sum((0, 2, 3))) * own[r], one[0])
        agree(stacked[r : r + 1], alone)


def test_a_single_logit_is_that_of_the_positive_of_two_classes(way):
    case = Case(k=2, r=1, weights=2)
    label, groups, weights, rate_weights = (x[0] for x in case.given[1:])
    fair_loss = FairLoss(PROMISES["rates and losses mixed"], case.g, 2)
    single = torch.randn(12, dtype=F64, requires_grad=True)
    two = torch.stack([torch.zeros(12, dtype=F64), single.detach()], -1).requires_grad_()
    of_single = fair_loss(single, label, groups, weights, rate_weights)
    of_two = fair_loss(two, label, groups, weights, rate_weights)
    assert torch.equal(of_single[1].values, of_two[1].values)
    for objective, ratios in (of_single, of_two):
        (objective + ratios.proxy.square().sum()).backward()
    agree(single.grad, two.grad[:, 1])


@pytest.mark.parametrize("promises", [[], ['gap("selection") <= 0.1', 'gap("loss") <= 0.1']])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_logits_in_half_precision_are_computed_in_single(dtype, promises, way):
    case = Case(k=3, weights=1)
    half = case.logits.detach().to(dtype).requires_grad_()
    single = half.detach().float().requires_grad_()
    fair_loss = FairLoss(promises, case.g, 3)
    for logits in (half, single):
        objective, ratios = fair_loss(logits, *case.given[1:])
        assert objective.dtype == torch.float32
        assert isinstance(ratios, Ratios) == bool(promises)
        objective.sum().backward()
    assert half.grad.dtype == dtype
    assert torch.equal(half.grad, single.grad.to(dtype))


@pytest.mark.parametrize("overlapping", [False, True])
def test_counts_are_exact_under_autocast(overlapping, way):
    case = Case(k=2, b=999, overlapping=overlapping)
    single = [case.logits.detach().float().requires_grad_(), *case.given[1:]]
    fair_loss = FairLoss('gap("equalized_odds") <= 0.1', case.g, 2)
    plain = fair_loss(*single)[1]
    with torch.autocast("cpu", torch.bfloat16):
        cast = fair_loss(*single)[1]
        (gradient,) = torch.autograd.grad(cast.proxy.sum(), single[0])
    assert torch.equal(cast.values, plain.values)
    assert torch.equal(gradient, torch.autograd.grad(plain.proxy.sum(), single[0])[0])


def test_a_decision_is_that_of_the_logits_where_probabilities_are_equal(way):
    logits = torch.tensor([[0.0, 1e-9], [1e-9, 0.0], [0.0, 0.0]])
    assert torch.softmax(logits, -1).unique().tolist() == [0.5]
    label, groups = torch.tensor([0, 0, 0]), torch.tensor([0, 1, 1])
    ratios = FairLoss('gap("selection") <= 0.1', 2, 2)(logits, label, groups)[1]
    assert (ratios.statistic[0] * 3).flatten().tolist() == [1.0, 0.0]


def test_the_memory_layout_of_what_is_given_does_not_matter(way):
    case = Case(k=3, r=2, weights=2)
    fair_loss = FairLoss('gap("equalized_odds") <= 0.1', case.g, 3)
    turned = [x.detach().transpose(0, 1).contiguous().transpose(0, 1) for x in case.given]
    turned[0].requires_grad_()
    for a, b in zip(fair_loss(*turned)[1].parts.values(), fair_loss(*case.given)[1].parts.values()):  # noqa: B905
        assert torch.equal(a, b)
    (fair_loss(*turned)[1].proxy.sum()).backward()  # by a gradient that is one number, expanded
    fair_loss(*case.given)[1].proxy.sum().backward()
    assert torch.equal(turned[0].grad, case.logits.grad)


def test_weights_of_another_type_are_those_of_the_logits(way):
    case = Case(k=2)
    fair_loss = FairLoss('gap("selection") <= 0.1', case.g, 2)
    whole = torch.arange(24).reshape(2, 12)
    seen = [fair_loss(*case.given[:3], w, w) for w in (whole, whole.float(), whole.double())]
    for objective, ratios in seen:
        assert objective.dtype == ratios.values.dtype == F64
        assert torch.equal(objective, seen[0][0])
        assert torch.equal(ratios.values, seen[0][1].values)


class OneDevice(TorchFunctionMode):
    """Refuses operations on tensors of several devices, as a GPU would."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        flat = [x for arg in args for x in (arg if isinstance(arg, (list, tuple)) else [arg])]
        devices = {x.device.type for x in flat if isinstance(x, torch.Tensor) and x.dim()}
        assert len(devices) < 2, f"{func} was given tensors of {devices}"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("cells", [0, 512])
def test_nothing_is_taken_from_the_cpu_where_the_batch_is_elsewhere(
    overlapping, cells, monkeypatch
):
    monkeypatch.setattr(implementation, "_DENSE_CELLS", cells)
    # A device whose tensors have no values, and which autocast does not know.
    monkeypatch.setattr(implementation, "_outside", lambda codes, most: codes.device.type != "meta")
    monkeypatch.setattr(implementation, "_uncast", nullcontext)
    fair_loss = FairLoss(PROMISES["rates and losses mixed"], 3, 3)
    logits = torch.zeros(2, 8, 3, device="meta", requires_grad=True)
    label = torch.zeros(2, 8, dtype=torch.int64, device="meta")
    groups = torch.zeros(2, 8, 3, device="meta") if overlapping else label
    weights, margins = torch.ones(2, 8, device="meta"), torch.ones(2, 5, device="meta")
    with OneDevice():
        objective, ratios = fair_loss(logits, label, groups, weights, weights)
        for violations in (fair_loss.violations, fair_loss.violations.tightened(margins)):
            at = violations(ratios.statistic[0])
            assert violations.pull_back(ratios.statistic[0], at).device.type == "meta"
        (objective.sum() + ratios.proxy.sum()).backward()
        assert logits.grad.device.type == "meta"
        assert FairLoss([], 0, 3)(logits, label, groups, weights)[0].device.type == "meta"


def test_without_a_promise_it_is_torchs_cross_entropy():
    case = Case(k=3, weights=1)
    fair_loss = FairLoss([], 0, 3)
    objective, nothing = fair_loss(*case.given)
    plain = torch.nn.functional.cross_entropy(
        case.logits.flatten(0, 1), case.label.flatten(), reduction="none"
    ).view(2, 12)
    expected = (plain * case.weights[0]).mean(-1)
    agree(objective, expected)
    agree(*(torch.autograd.grad(x.sum(), case.logits)[0] for x in (objective, expected)))
    assert nothing.shape == (2, 0)
    assert fair_loss.n_constraints == 0


@pytest.mark.parametrize("promises", PROMISES.values(), ids=PROMISES)
@pytest.mark.parametrize("k", [2, 4])
def test_there_are_as_many_inequalities_as_it_says(k, promises):
    case = Case(k)
    fair_loss = FairLoss(promises, case.g, k)
    ratios = fair_loss(*case.given)[1]
    assert ratios.function(ratios.statistic[0]).shape == (2, fair_loss.n_constraints)


BOUNDS = ("gap <= 0.1", "ratio >= 0.8", "worst >= 0.6", "worst <= 0.2")


def constraint_of(kind_and_bound, rate):
    kind, sense, bound = kind_and_bound.split()
    if kind == "worst":
        rate = {"<=": {"equalized_odds": "error"}, ">=": {"equalized_odds": "accuracy"}}[sense].get(
            rate, "false_positive" if sense == "<=" else "true_positive"
        )
    return Constraint.parse(f'{kind}("{rate}") {sense} {bound}')


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.sampled_from(BOUNDS), min_size=1, max_size=3),
    st.sampled_from(["selection", "equalized_odds"]),
    st.sampled_from([(), (3,)]),
    st.booleans(),
    st.integers(0, 10**6),
)
def test_the_closed_form_of_the_gradient_is_that_of_autograd(
    kinds, rate, leading, with_margins, seed
):
    constraints = [constraint_of(one, rate) for one in kinds]
    fair_loss = FairLoss(constraints, 5, 3)
    random = np.random.default_rng(seed)
    c = sum(one.disparity.rate.n_components(3) for one in constraints)
    # Distinct, since of equal rates any may be the largest.
    spaced = np.broadcast_to(np.linspace(0.1, 0.9, 5 * c), (*leading, 5 * c))
    values = random.permuted(spaced, axis=-1)
    rates = torch.from_numpy(values.reshape(*leading, c, 5)).requires_grad_()
    margins = torch.from_numpy(random.uniform(0, 0.1, (*leading, len(constraints))))
    violations = fair_loss.violations.tightened(margins) if with_margins else fair_loss.violations

    def one_by_one(where):
        start, parts = 0, []
        for i, one in enumerate(constraints):
            stop = start + one.disparity.rate.n_components(3)
            of = rates[(*where, slice(start, stop))]
            if one.disparity.kind == "ratio":  # a margin is one of the ratio itself
                bound = one.bound + (margins[(*where, i)] if with_margins else 0.0)
                parts.append((bound * of.amax(-1, keepdim=True) - of).flatten())
            else:
                more = margins[(*where, i)] if with_margins else 0.0
                parts.append(one.violations(of) + more)
            start = stop
        return torch.cat(parts)

    rows = [one_by_one((j,)) for j in range(3)] if leading else one_by_one(())
    expected = torch.stack(rows) if leading else rows
    agree(violations(rates), expected)
    pull = torch.from_numpy(random.normal(size=expected.shape))
    (gradient,) = torch.autograd.grad(expected, rates, pull)
    agree(violations.pull_back(rates.detach(), pull), gradient)


@pytest.mark.parametrize("kind", BOUNDS)
def test_a_shortfall_is_what_a_margin_would_have_to_make_good(kind):
    # Tightened by how much it is kept, or loosened by how much it is not, it is just met.
    constraint = constraint_of(kind, "selection")
    random = np.random.default_rng(0)
    rates = torch.from_numpy(random.random((40, 1, 3)) ** 3)  # low ones too
    violations = FairLoss([constraint], 3, 2).violations
    shortfall = violations.shortfalls(rates)
    assert shortfall.shape == (40, 1)
    assert (shortfall > 0).any()
    broken = violations(rates).amax(-1) > 0
    assert torch.equal(shortfall[:, 0] > 0, broken)
    just = violations.tightened(-shortfall)(rates).amax(-1)
    agree(just, torch.zeros(40, dtype=F64))


def test_rates_that_are_all_zero_ask_for_nothing_of_a_ratio():
    violations = FairLoss('ratio("selection") >= 0.8', 3, 2).violations
    rates = torch.zeros(2, 1, 3, dtype=F64)
    assert violations.shortfalls(rates).tolist() == [[0.0], [0.0]]
    assert violations(rates).tolist() == [[0.0] * 3] * 2
    pull = torch.ones(2, 3, dtype=F64)
    assert torch.isfinite(violations.tightened(rates[..., 0] + 0.1).pull_back(rates, pull)).all()


def people(n=1500):
    """Rows of two groups that differ in the very feature the label follows."""
    random = torch.Generator().manual_seed(3)
    group = torch.randint(2, (n,), generator=random)
    x = torch.randn(n, 3, generator=random)
    x[:, 0] += 1.5 * group
    x[:, 2] = group - 0.5
    y = (x[:, 0] + 0.5 * x[:, 1] + 0.4 * torch.randn(n, generator=random) > 0.7).long()
    return x, y, group


@pytest.mark.parametrize("form", ["closure", "surrogate"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_a_loop_of_ones_own_around_a_plain_network_closes_the_gap(outputs, form):
    x, y, group = people()
    layers = [torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, outputs)]
    start = torch.nn.Sequential(*layers)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in start.parameters():
            p.copy_(torch.randn(p.shape, generator=random) * 0.3)
    gaps = {}
    for promises in ([], ['gap("selection") <= 0.05']):
        network = copy.deepcopy(start)
        fair_loss = FairLoss(promises, n_groups=2, n_classes=2)
        base = torch.optim.Adam(network.parameters(), lr=0.02)
        optimizer = ALM(base, fair_loss.n_constraints, estimator=MovingAverage(0.9))
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)
        for _ in range(200):
            batch = torch.randint(len(x), (128,), generator=random)

            def closure(_=0, network=network, batch=batch, fair_loss=fair_loss):
                logits = network(x[batch])
                logits = logits[:, 0] if outputs == 1 else logits
                return fair_loss(logits, y[batch], group[batch])

            if form == "closure":
                optimizer.step(closure)
            else:
                optimizer.zero_grad()
                optimizer.surrogate(*closure()).backward()
                optimizer.step()
            schedule.step()
        logits = network(x)
        selected = logits[:, 0] > 0 if outputs == 1 else logits.argmax(-1) == 1
        rates = [selected[group == g].double().mean().item() for g in (0, 1)]
        gaps[bool(promises)] = abs(rates[0] - rates[1])
    assert gaps[False] > 0.35
    assert gaps[True] < 0.1


@pytest.mark.parametrize("far", [1, 10**12, -(10**12)])
@pytest.mark.parametrize("what", ["label", "groups"])
def test_a_code_out_of_range_is_refused_before_it_is_a_place_in_memory(what, far, way):
    case = Case(k=3, g=2)
    bad = (case.label if what == "label" else case.groups).clone()
    most = 3 if what == "label" else 2
    bad[1, 7] = most - 1 + far if far > 0 else far
    given = {"logits": case.logits, "label": case.label, "groups": case.groups, what: bad}
    with pytest.raises(ValueError, match=rf"{what} must lie in 0\.\.{most - 1}, but ranges from"):
        FairLoss('gap("selection") <= 0.1', 2, 3)(**given)


@pytest.mark.parametrize("bad", [-100, -1, 2, 10**12])
def test_a_label_out_of_range_is_refused_without_a_promise_too(bad):
    # torch's own cross-entropy leaves rows labelled -100 out, and says nothing.
    with pytest.raises(ValueError, match=r"label must lie in 0\.\.1"):
        FairLoss([], 0, 2)(torch.zeros(3, 2), torch.tensor([0, bad, 1]), torch.zeros(0))


@pytest.mark.parametrize("overlapping", [False, True])
def test_a_label_out_of_range_is_refused_for_overlapping_groups_too(overlapping, way):
    case = Case(k=2, overlapping=overlapping)
    with pytest.raises(ValueError, match="label must lie in"):
        FairLoss('gap("loss") <= 0.1', 3, 2)(case.logits, case.label - 1, case.groups)


def test_what_changes_after_the_batch_was_seen_is_no_place_in_memory():
    case = Case(k=2)
    fair_loss = FairLoss('gap("equalized_odds") <= 0.1', case.g, 2)
    (wanted,) = torch.autograd.grad(fair_loss(*case.given)[1].proxy.sum(), case.logits)
    seen = fair_loss(*case.given)[1]
    case.label.fill_(10**12)
    case.groups.fill_(-(10**12))
    assert torch.equal(torch.autograd.grad(seen.proxy.sum(), case.logits)[0], wanted)


def test_a_second_derivative_is_refused_and_not_silently_wrong(way):
    case = Case(k=2)
    objective = FairLoss('gap("selection") <= 0.1', case.g, 2)(*case.given)[0]
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad(objective.sum(), case.logits, create_graph=True)


WRONG = {
    "too many classes": ({"logits": torch.zeros(2, 6, 3)}, r"logits must be .*\(b, 2\)"),
    "one output in a column": ({"logits": torch.zeros(6, 1)}, r"logits .*not float32 of shape"),
    "whole numbers for logits": ({"logits": torch.zeros(2, 6, 2, dtype=torch.int64)}, "logits"),
    "axes too many": ({"logits": torch.zeros(1, 2, 6, 2)}, "logits must be"),
    "no rows": ({"logits": torch.zeros(2, 0, 2)}, "a batch needs a row"),
    "labels too few": ({"label": torch.zeros(2, 5, dtype=torch.int64)}, "label must be int64 of"),
    "one batch of labels for all": ({"label": torch.zeros(6, dtype=torch.int64)}, "label must be"),
    "labels in floating point": ({"label": torch.zeros(2, 6)}, "label .*not float32 of shape"),
    "labels of 32 bits": ({"label": torch.zeros(2, 6, dtype=torch.int32)}, "label must be int64"),
    "codes too few": ({"groups": torch.zeros(2, 5, dtype=torch.int64)}, "groups must be int64"),
    "codes in floating point": ({"groups": torch.zeros(2, 6)}, "groups must be int64 codes"),
    "codes of 32 bits": ({"groups": torch.zeros(2, 6, dtype=torch.int32)}, "groups must be int64"),
    "groups too many": (
        {"groups": torch.zeros(2, 6, 4)},
        r"membership matrix of shape \(2, 6, 3\)",
    ),
    "weights too few": ({"weights": torch.ones(2, 5)}, r"weights must have shape \(2, 6\)"),
    "one weight a replicate": ({"rate_weights": torch.ones(2, 1)}, "rate_weights must have shape"),
}


@pytest.mark.parametrize("name", WRONG)
def test_shapes_and_types_that_do_not_go_together_are_refused(name, way):
    wrong, message = WRONG[name]
    given = {
        "logits": torch.zeros(2, 6, 2),
        "label": torch.zeros(2, 6, dtype=torch.int64),
        "groups": torch.zeros(2, 6, dtype=torch.int64),
    }
    with pytest.raises(ValueError, match=message):
        FairLoss('gap("selection") <= 0.1', 3, 2)(**{**given, **wrong})


@pytest.mark.parametrize(
    ("promises", "n_groups", "n_classes", "message"),
    [
        ("gap(selection) below 0.1", 2, 2, "cannot read the constraint"),
        ('gap("selektion") <= 0.1', 2, 2, "Did you mean 'selection'"),
        ('gap("selection") <= 2', 2, 2, "between 0 and 1"),
        (['gap("selection") <= 0.1', 3], 2, 2, "must be text or a Constraint"),
        ('gap("selection") <= 0.1', 1, 2, "n_groups must be a whole number of at least 2"),
        ('ratio("selection") >= 0.8', 1, 2, "n_groups must be a whole number of at least 2"),
        ('worst("accuracy") >= 0.8', 0, 2, "n_groups must be a whole number of at least 1"),
        ('gap("selection") <= 0.1', 2.0, 2, "n_groups must be a whole number"),
        ('gap("selection") <= 0.1', 2, 1, "n_classes must be a whole number of at least 2"),
        ([], 0, 1, "n_classes must be a whole number of at least 2"),
    ],
)
def test_promises_that_cannot_be_are_refused_at_once(promises, n_groups, n_classes, message):
    with pytest.raises(ValueError, match=message):
        FairLoss(promises, n_groups, n_classes)


def test_the_worst_group_may_be_the_only_one():
    assert FairLoss('worst("accuracy") >= 0.8', 1, 2).n_constraints == 1
