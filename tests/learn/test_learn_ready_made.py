"""Losses by name are what their papers print, each written out here row by row."""

from __future__ import annotations

import math

import pytest
import torch

from equipoise.learn.imbalance import (
    LDAM,
    DeferredReweighting,
    FocalLoss,
    NormedLinear,
    ParametricCrossEntropy,
    balanced_softmax,
    cdt,
    class_balanced,
    effective_number,
    group_logit_adjusted,
    group_vector_scaling,
    logit_adjusted,
    vector_scaling,
    weighted_cross_entropy,
)

COUNTS = [400, 120, 30, 7]
K, N = len(COUNTS), sum(COUNTS)
CELLS = [[300, 20], [40, 90], [11, 5]]


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batch(k=K, b=50, seed=0):
    random = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(b, k, generator=random)
    return (
        logits,
        torch.randint(k, (b,), generator=random),
        torch.randint(2, (b,), generator=random),
    )


def by_row(formula, *given):
    rows = zip(*(one.tolist() for one in given), strict=True)
    return torch.tensor([formula(*row) for row in rows])


def agree(a, b):
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)


def weighted(f, y):
    return -math.log(math.exp(f[y]) / sum(map(math.exp, f))) / (K * COUNTS[y] / N)


def adjusted(f, y):  # Menon et al., equation 10, with tau = 1.5
    prior = [count / N for count in COUNTS]
    others = sum((prior[k] / prior[y]) ** 1.5 * math.exp(f[k] - f[y]) for k in range(K) if k != y)
    return math.log1p(others)


def balanced(f, y):  # Ren et al.
    return -math.log(
        COUNTS[y] * math.exp(f[y]) / sum(n * math.exp(v) for n, v in zip(COUNTS, f, strict=True))
    )


def tempered(f, y):  # Ye et al., with temperatures a and gamma = 0.3
    a = [(max(COUNTS) / n) ** 0.3 for n in COUNTS]
    return -math.log(math.exp(f[y] / a[y]) / sum(math.exp(f[k] / a[k]) for k in range(K)))


def scaled(f, y):  # Kini et al., with gamma = 0.2, tau = 1.25 and weights
    delta = [(n / max(COUNTS)) ** 0.2 for n in COUNTS]
    iota = [1.25 * math.log(n / N) for n in COUNTS]
    total = sum(math.exp(iota[k] - iota[y] + delta[k] * f[k] - delta[y] * f[y]) for k in range(K))
    return math.log(total) * N / (K * COUNTS[y])


def effective(f, y):  # Cui et al., beta = 0.99: scaled to 1 over rows instead of K over classes
    raw = [(1 - 0.99) / (1 - 0.99**n) for n in COUNTS]
    mean = sum(w * n for w, n in zip(raw, COUNTS, strict=True)) / N
    return -raw[y] / mean * math.log(math.exp(f[y]) / sum(map(math.exp, f)))


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (weighted_cross_entropy, weighted),
        (lambda counts: logit_adjusted(counts, 1.5), adjusted),
        (balanced_softmax, balanced),
        (lambda counts: cdt(counts, 0.3), tempered),
        (lambda counts: vector_scaling(counts, 0.2, 1.25, weighted=True), scaled),
        (lambda counts: class_balanced(counts, 0.99), effective),
    ],
    ids=["weighted", "logit-adjusted", "balanced softmax", "CDT", "VS", "class-balanced"],
)
def test_a_loss_by_name_is_its_papers_formula(loss, formula):
    logits, label, _ = batch()
    agree(loss(COUNTS).per_row(logits, label), by_row(formula, logits, label))


PRIOR = torch.tensor(COUNTS, dtype=torch.float64) / N
SHARE = torch.tensor(COUNTS, dtype=torch.float64) / max(COUNTS)


@pytest.mark.parametrize(
    ("named", "terms"),
    [
        (weighted_cross_entropy, {"weight": 1 / (K * PRIOR)}),
        (logit_adjusted, {"additive": PRIOR.log()}),
        (balanced_softmax, {"additive": PRIOR.log() + 3}),
        (lambda counts: cdt(counts, 0.4), {"multiplicative": SHARE**0.4}),
        (
            lambda counts: vector_scaling(counts, 0.4),
            {"additive": PRIOR.log(), "multiplicative": SHARE**0.4},
        ),
    ],
)
def test_a_loss_by_name_is_the_parametric_one_with_its_terms(named, terms):
    logits, label, _ = batch()
    agree(named(COUNTS)(logits, label), ParametricCrossEntropy(K, **terms)(logits, label))


def test_losses_by_name_have_nothing_to_learn():
    assert not [*vector_scaling(COUNTS, 0.2, weighted=True).parameters()]


@pytest.mark.parametrize("counts", [COUNTS, CELLS])
@pytest.mark.parametrize("of", [weighted_cross_entropy, lambda c: class_balanced(c, 0.99)])
def test_weights_have_mean_1_over_rows(counts, of):
    rows = torch.tensor(counts, dtype=torch.float64)
    agree((of(counts).weight * rows).sum() / rows.sum(), torch.tensor(1.0))


def test_class_balance_goes_from_no_weights_to_full_weights():
    assert torch.equal(class_balanced(COUNTS, 0.0).weight, torch.ones(K))
    full = weighted_cross_entropy(COUNTS).weight
    agree(class_balanced(COUNTS, 1.0).weight, full)
    torch.testing.assert_close(class_balanced(COUNTS, 1 - 1e-9).weight, full, rtol=1e-5, atol=0)


def test_the_effective_number_of_one_row_is_one():
    assert effective_number([1, 1_000_000], 0.9999).tolist() == pytest.approx([1, 10_000], rel=1e-9)


def test_group_logit_adjustment_is_its_formula():
    logits, label, group = batch(3)
    size = [sum(row[g] for row in CELLS) for g in (0, 1)]
    total = sum(size)

    def formula(f, y, g):
        l = [math.log(row[g] / size[g]) for row in CELLS]  # noqa: E741
        weight = total / (2 * size[g])
        return weight * math.log(sum(math.exp(l[k] - l[y] + f[k] - f[y]) for k in range(3)))

    loss = group_logit_adjusted(CELLS)
    agree(loss.per_row(logits, label, group), by_row(formula, logits, label, group))


def test_group_vector_scaling_is_its_formula():
    logits, label, group = batch(3)

    def formula(f, y, g):
        size = sum(row[g] for row in CELLS)
        h = [(row[g] / 300) ** 0.3 * v + 0.8 * math.log(row[g] / size)
             for row, v in zip(CELLS, f, strict=True)]  # fmt: skip
        return math.log(sum(math.exp(v - h[y]) for v in h))

    loss = group_vector_scaling(CELLS, 0.3, 0.8)
    agree(loss.per_row(logits, label, group), by_row(formula, logits, label, group))


@pytest.mark.parametrize(
    ("grouped", "plain"),
    [
        (group_logit_adjusted, logit_adjusted),
        (lambda c: group_vector_scaling(c, 0.2), lambda c: vector_scaling(c, 0.2)),
        (weighted_cross_entropy, weighted_cross_entropy),
    ],
)
def test_of_one_group_a_group_loss_is_that_of_classes(grouped, plain):
    logits, label, _ = batch()
    one_group = grouped([[count] for count in COUNTS])
    agree(one_group(logits, label, torch.zeros_like(label)), plain(COUNTS)(logits, label))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_focal_loss_is_its_formula_with_the_models_own_probability(gamma):
    logits, label, _ = batch()
    weight = [0.5, 1.0, 2.0, 9.0]

    def formula(f, y):
        p = math.exp(f[y]) / sum(map(math.exp, f))
        return -weight[y] * (1 - p) ** gamma * math.log(p)

    loss = FocalLoss(K, gamma, weight)
    agree(loss.per_row(logits, label), by_row(formula, logits, label))


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_the_focal_loss_has_derivatives_where_a_row_is_surely_right(gamma):
    logits = torch.tensor([[200.0, 0.0, 0.0, 0.0]], requires_grad=True)
    value = FocalLoss(K, gamma)(logits, torch.tensor([0]))
    (first,) = torch.autograd.grad(value, logits, create_graph=True)
    (second,) = torch.autograd.grad(first[0, 0], logits)
    assert first.isfinite().all()
    assert second.isfinite().all()


def cosines(k=K, b=50):
    logits, label, _ = batch(k, b)
    return torch.tanh(logits), label


def test_ldam_is_its_formula():
    logits, label = cosines()
    c = 0.5 * min(COUNTS) ** 0.25  # the largest margin is a half

    def formula(f, y):
        right = math.exp(30 * (f[y] - c / COUNTS[y] ** 0.25))
        return -math.log(right / (right + sum(math.exp(30 * f[k]) for k in range(K) if k != y)))

    agree(LDAM(COUNTS).per_row(logits, label), by_row(formula, logits, label))


def test_of_equal_counts_ldam_takes_the_same_margin_from_every_right_logit():
    logits, label = cosines()
    margin = torch.nn.functional.one_hot(label, K) * 0.3
    expected = torch.nn.functional.cross_entropy(10 * (logits - margin), label)
    agree(LDAM([50] * K, max_margin=0.3, scale=10)(logits, label), expected)


def test_a_normed_layer_gives_cosines():
    torch.manual_seed(0)
    layer = NormedLinear(6, K)
    features = 100 * torch.randn(20, 6)
    expected = torch.nn.functional.cosine_similarity(features[:, None], layer.weight, dim=-1)
    agree(layer(features), expected)
    assert torch.equal(layer(torch.zeros(1, 6)), torch.zeros(1, K))


def test_ldam_refuses_ordinary_logits():
    with pytest.raises(ValueError, match="NormedLinear"):
        LDAM(COUNTS)(*batch()[:2])


def test_weights_are_deferred_until_their_epoch():
    logits, label = cosines()
    plain = LDAM(COUNTS)
    loss = DeferredReweighting(plain, COUNTS, start=160, beta=0.99)
    loss.epoch = 159
    assert torch.equal(loss.per_row(logits, label), plain.per_row(logits, label))
    loss.epoch = 160
    expected = plain.per_row(logits, label) * class_balanced(COUNTS, 0.99).weight[label]
    agree(loss.per_row(logits, label), expected)
    agree(loss(logits, label), expected.mean())


@pytest.mark.parametrize(
    ("build", "what"),
    [
        (lambda: logit_adjusted([5, 0, 3]), "class 1 has 0 rows"),
        (lambda: group_logit_adjusted([[5, 1], [3, 0]]), "class 1 of group 1 has 0 rows"),
        (lambda: group_logit_adjusted(COUNTS), "shape"),
        (lambda: logit_adjusted(CELLS), "shape"),
        (lambda: weighted_cross_entropy([5, float("nan")]), "counts must be numbers of rows"),
        (lambda: weighted_cross_entropy([5, 2.5]), "counts must be numbers of rows"),
        (lambda: weighted_cross_entropy([5]), "at least 2 classes"),
        (lambda: logit_adjusted(COUNTS, -1), "tau"),
        (lambda: cdt(COUNTS, float("inf")), "gamma"),
        (lambda: class_balanced(COUNTS, 1.5), "beta"),
        (lambda: FocalLoss(3, -1), "gamma"),
        (lambda: FocalLoss(3, weight=[1.0, 1.0]), "weight"),
        (lambda: LDAM(COUNTS, max_margin=0), "max_margin"),
        (lambda: LDAM(COUNTS, scale=-1), "scale"),
        (lambda: DeferredReweighting(LDAM(COUNTS), COUNTS, -1), "start"),
    ],
)
def test_what_makes_no_loss_is_refused(build, what):
    with pytest.raises(ValueError, match=what):
        build()
