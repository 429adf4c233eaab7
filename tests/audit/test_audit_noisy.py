"""Audits of decisions about people whose groups are observed with errors."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from equipoise import NoisyGroups, audit, gap, ratio
from equipoise.audit import NoisyAudit, NoisyCounts, audit_posterior
from equipoise.audit.noisy_spread import covariance, score_interval
from equipoise.constraints import worst
from equipoise.noise import FlipMatrix, GoldFlips, groups_with_gold
from equipoise.rates import find_rate

H = np.array([[0.7, 0.3], [0.1, 0.9]])
RATES = ("selection", "true_positive", "predictive_value")


def law_of(shares, positive, selected):
    """P(group, label, decision) from shares (p,), P(label) (p,) and P(decision | label) (p, 2)."""
    of_label = shares[:, None] * np.stack([1 - positive, positive], axis=1)
    return of_label[..., None] * np.stack([1 - selected, selected], axis=-1)


TWO = law_of(np.array([0.4, 0.6]), np.array([0.4, 0.5]), np.array([[0.2, 0.6], [0.3, 0.8]]))
ALIKE = law_of(np.array([0.4, 0.6]), np.array([0.4, 0.4]), np.array([[0.2, 0.6], [0.2, 0.6]]))


def drawn(law, flips, n, random):
    seen = np.einsum("ij,iyd->jyd", flips, law)
    return random.multinomial(n, seen.ravel()).reshape(1, *law.shape)


def counts_of(table, *flips, strata=()):
    names = tuple("abcdef"[: table.shape[1]])
    known = [f if isinstance(f, FlipMatrix) else FlipMatrix(f, names) for f in flips]
    return NoisyCounts(names, (0, 1), tuple(known), table, None, strata)


def rows_of(table):
    cells = np.indices(table.shape)
    return [np.repeat(x.ravel(), table.ravel()) for x in cells]


def people(n=4000, seed=0):
    random = np.random.default_rng(seed)
    observed, label, decided = rows_of(drawn(TWO, H, n, random)[0])
    return label, decided, np.array(["a", "b"])[observed]


FLIPS = {("a", "b"): 0.3, ("b", "a"): 0.1}


def test_without_noise_counts_rates_and_intervals_are_those_of_known_groups():
    label, decided, group = people()
    plain = audit(label, decided, sensitive_features=group)
    found = audit(label, decided, sensitive_features=NoisyGroups.of(group, p_flip={}))
    assert (found.counts.by_group == plain.counts.by_group).all()
    for rate in RATES:
        ours, theirs = found.rates(rate), plain.rates(rate)
        assert (ours.values == theirs.values).all()
        np.testing.assert_allclose(ours.low, theirs.low, atol=1e-12)  # Wilson's
        np.testing.assert_allclose(ours.high, theirs.high, atol=1e-12)
        np.testing.assert_allclose(ours.support, theirs.support)
        np.testing.assert_allclose(found.price(rate), 1)
        near, far = found.disparity(gap(rate)), plain.disparity(gap(rate))
        assert near.value == far.value
        assert (near.low, near.high) == pytest.approx((far.low, far.high), abs=0.01)


@settings(max_examples=30, deadline=None)
@given(p=st.integers(2, 5), seed=st.integers(0, 10_000))
def test_of_a_whole_population_rates_are_those_of_the_true_groups(p, seed):
    random = np.random.default_rng(seed)
    flips = 0.6 * np.eye(p) + 0.4 * random.dirichlet(np.ones(p), p)
    law = random.dirichlet(np.full(4 * p, 5.0)).reshape(p, 2, 2)
    seen = np.einsum("ij,iyd->jyd", flips, law)
    names = tuple(map(str, range(p)))
    weight = np.stack([seen, seen**2])[:, None]
    counts = NoisyCounts(names, (0, 1), (FlipMatrix(flips, names),), np.ones_like(seen, int)[None],
                         weight)  # fmt: skip
    for name in RATES:
        np.testing.assert_allclose(counts.rates(find_rate(name)), find_rate(name).values(law))


def test_rows_are_corrected_as_their_signed_membership_says():
    label, decided, group = people()
    groups = NoisyGroups.of(group, p_flip=FLIPS)
    found = audit(label, decided, sensitive_features=groups)
    assert isinstance(found, NoisyAudit)
    w = groups.matrix()
    np.testing.assert_allclose(found.rates("selection").values[0], w.T @ decided / w.sum(axis=0))
    of_positive = w.T @ (label * decided) / (w.T @ label)
    np.testing.assert_allclose(found.rates("true_positive").values[0], of_positive)


@pytest.mark.parametrize("name", RATES)
def test_standard_errors_are_those_of_many_draws(name):
    random, rate = np.random.default_rng(0), find_rate(name)
    n, draws = 4000, 3000
    values = [counts_of(drawn(TWO, H, n, random), H).rates(rate).ravel() for _ in range(draws)]
    expected = np.rint(n * np.einsum("ij,iyd->jyd", H, TWO)).astype(int)[None]
    said = covariance(counts_of(expected, H), rate)
    np.testing.assert_allclose(said, np.cov(values, rowvar=False), rtol=0.1, atol=2e-5)


def test_the_variance_price_is_that_of_the_papers_formula():
    # E[W^2 (f - r)^2] / n / share^2 of a rate of everyone, for many rows.
    n = 1_000_000
    table = np.rint(n * np.einsum("ij,iyd->jyd", H, TWO)).astype(int)[None]
    counts, rate = counts_of(table, H), find_rate("selection")
    w = FlipMatrix(H, "ab").inverse
    selected = table[0].sum(axis=1)  # (observed, decision)
    for g, r in enumerate(counts.rates(rate)[0]):
        square = sum(
            w[j, g] ** 2 * selected[j, d] * (d - r) ** 2 for j in range(2) for d in range(2)
        )
        formula = square / counts.sizes[g] ** 2
        assert covariance(counts, rate)[g, g] == pytest.approx(formula, rel=1e-4)


@pytest.mark.parametrize("name", RATES)
def test_errors_of_estimated_flips_are_in_the_standard_errors(name):
    random, rate = np.random.default_rng(1), find_rate(name)
    rows, draws = np.array([150, 150]), 2000
    many = np.rint(1e7 * np.einsum("ij,iyd->jyd", H, TWO)).astype(int)[None]
    values = []
    for _ in range(draws):
        gold = np.stack([random.multinomial(n, h) for n, h in zip(rows, H, strict=True)])
        values.append(counts_of(many, GoldFlips.from_counts(gold, "ab").flips).rates(rate).ravel())
    gold = np.rint(rows[:, None] * H).astype(int)
    said = covariance(counts_of(many, GoldFlips.from_counts(gold, "ab").flips), rate)
    np.testing.assert_allclose(said, np.cov(values, rowvar=False), rtol=0.2, atol=2e-5)


def coverage(law, flips, n, repetitions, confidence=0.9, gold=0, seed=0):
    random = np.random.default_rng(seed)
    p, shares = len(law), law.sum(axis=(1, 2))
    held = {}
    for repetition in range(repetitions):
        table = drawn(law, flips, n, random)
        if gold:
            known = np.stack(
                [random.multinomial(gold, of.ravel() / s).reshape(2, 2) for of, s in
                 zip(law, shares, strict=True)]
            )  # fmt: skip
            seen = np.stack([random.multinomial(gold, h) for h in flips])
            names = tuple("abcdef"[:p])
            estimated = GoldFlips.from_counts(seen, names).flips
            table = np.concatenate([table, known[None]])
            counts = counts_of(table, estimated, np.eye(p), strata=("observed", "gold"))
        else:
            counts = counts_of(table, flips)
        found = NoisyAudit(counts, confidence, n_boot=200, random_state=repetition)
        for name in RATES:
            truth = find_rate(name).values(law)[0]
            told = found.rates(name)
            held.setdefault(name, []).extend(
                (told.low[0] <= truth + 1e-12) & (truth <= told.high[0] + 1e-12)
            )
            for kind in (gap, ratio):
                one = found.disparity(kind(name))
                value = kind(name).value(truth[None])
                held.setdefault(str(kind(name)), []).append(
                    one.low - 1e-12 <= value <= one.high + 1e-12
                )
    return held


@pytest.mark.parametrize("gold", [0, 100])
def test_intervals_hold_the_truth_as_often_as_they_say(gold):
    for name, of in coverage(TWO, H, 1000, 150, gold=gold).items():
        assert stats.binomtest(sum(of), len(of), 0.9, alternative="less").pvalue > 1e-3, name


@pytest.mark.slow
@pytest.mark.parametrize("gold", [0, 100])
@pytest.mark.parametrize("n", [300, 2000])
@pytest.mark.parametrize("law", [TWO, ALIKE], ids=["apart", "alike"])
def test_intervals_hold_the_truth_of_few_rows_and_of_many(law, n, gold):
    for name, of in coverage(law, H, n, 1000, gold=gold, seed=1).items():
        assert np.mean(of) > 0.87, name


def test_parity_is_rejected_no_oftener_than_it_says():
    random = np.random.default_rng(2)
    p_values = [
        NoisyAudit(counts_of(drawn(ALIKE, H, 800, random), H), 0.9, 200).parity(gap("selection"))
        for _ in range(300)
    ]
    rejected = sum(one.p_value <= 0.1 for one in p_values)
    assert stats.binomtest(rejected, 300, 0.1).pvalue > 1e-3


def test_permuting_groups_permutes_what_is_found():
    random = np.random.default_rng(3)
    flips = 0.6 * np.eye(3) + 0.4 * random.dirichlet(np.ones(3), 3)
    table = random.integers(100, 200, (1, 3, 2, 2))
    order = np.array([2, 0, 1])
    one = NoisyAudit(counts_of(table, flips))
    other = NoisyAudit(counts_of(table[:, order], flips[np.ix_(order, order)]))
    for name in RATES:
        for mine, theirs in zip(one.rates(name)[1:], other.rates(name)[1:], strict=True):
            np.testing.assert_allclose(mine[:, order], theirs, atol=1e-9)
        mine, theirs = one.disparity(gap(name)), other.disparity(gap(name))
        assert mine == pytest.approx(theirs, abs=0.01)  # the draws under parity are others
    assert one.disparity(worst("accuracy")) == pytest.approx(other.disparity(worst("accuracy")))


def test_swapped_flips_tell_another_story():
    # 0.3 and 0.1 the wrong way round: what is found is wrong and looks like any other figure.
    label, decided, group = people(200_000)
    swapped = {("a", "b"): 0.1, ("b", "a"): 0.3}
    truth = gap("selection").value(find_rate("selection").values(TWO))
    right, wrong = (
        audit(label, decided, sensitive_features=NoisyGroups.of(group, p_flip=flips), n_boot=200)
        for flips in (FLIPS, swapped)
    )
    told = right.disparity(gap("selection"))
    assert told.low <= truth <= told.high
    assert abs(wrong.disparity(gap("selection")).value - truth) > 0.05


def test_a_rate_outside_of_0_and_1_is_told_as_it_is_and_interval_is_cut():
    # Nobody who is observed as a is selected, and some of those are b's.
    table = np.array([[[[40, 0], [40, 0]], [[30, 10], [30, 10]]]])
    found = NoisyAudit(counts_of(table, np.array([[0.8, 0.2], [0.05, 0.95]])))
    told = found.rates("selection")
    assert told.values[0, 0] < 0
    assert told.low[0, 0] == told.values[0, 0]
    assert 0 < told.high[0, 0] < 0.2
    assert np.isnan(found.parity(ratio("selection")).value)
    one = found.disparity(ratio("selection"))
    assert one.value < 0
    assert one.low == one.value
    assert one.high > 0
    assert not any("cannot be right" in note for note in found.unsure)


def test_flips_that_the_rows_refute_are_said_to_be_wrong():
    table = np.array([[[[4000, 0], [4000, 0]], [[1000, 3000], [1000, 3000]]]])
    found = NoisyAudit(counts_of(table, np.array([[0.7, 0.3], [0.3, 0.7]])))
    assert any("the flips cannot be right" in note for note in found.unsure)


def test_groups_that_follow_to_have_no_rows_are_undefined():
    table = np.array([[[[1, 1], [1, 1]], [[500, 500], [500, 500]]]])
    found = NoisyAudit(counts_of(table, H))  # fewer a's than b's flips would make
    assert np.isnan(found.rates("selection").values[0, 0])
    assert any("'a' is undefined" in note for note in found.undefined)
    assert np.isnan(found.disparity(gap("selection")).value)
    assert np.isnan(found.parity(gap("selection")).value)
    json.dumps(found.to_dict(), allow_nan=False)
    assert "undefined" in str(found)


def test_the_fewer_rows_the_wider_up_to_all_there_is():
    table = np.array([[[[2, 1], [1, 2]], [[3, 2], [2, 3]]]])
    low, high = score_interval(counts_of(table, H), find_rate("selection"), 1.96)
    assert (high - low > 0.5).all()


def test_weights_that_are_alike_change_nothing_and_heavy_rows_tell_less():
    label, decided, group = people()
    asked = {"sensitive_features": NoisyGroups.of(group, p_flip=FLIPS), "n_boot": 200}
    plain = audit(label, decided, **asked).rates("selection")
    alike = audit(label, decided, sample_weight=np.full(len(label), 2.0), **asked)
    for one, other in zip(plain[1:], alike.rates("selection")[1:], strict=True):
        np.testing.assert_allclose(one, other)
    heavy = np.where(np.arange(len(label)) % 10, 1.0, 20.0)
    wide = audit(label, decided, sample_weight=heavy, **asked).rates("selection")
    assert (wide.high - wide.low > 1.5 * (plain.high - plain.low)).all()


def test_gold_rows_count_in_their_true_group():
    random = np.random.default_rng(4)
    true, label, decided = rows_of(random.multinomial(3000, TWO.ravel()).reshape(2, 2, 2))
    observed = (random.random(len(true)) < H[true, 1]).astype(int)
    gold = np.where(random.random(len(true)) < 0.2, true, np.nan)
    with_gold = groups_with_gold(observed, gold).groups
    found = audit(label, decided, sensitive_features=with_gold)
    known = audit(label, decided, sensitive_features=true)
    for name in RATES:
        told = found.rates(name)
        value = known.rates(name).values
        assert ((told.low < value) & (value < told.high)).all()
        assert (found.price(name) > 1).all()
    assert found.counts.strata == ("observed", "gold")


def test_what_was_corrected_and_at_what_price_is_told(tmp_path):
    label, decided, group = people()
    found = audit(label, decided, sensitive_features=NoisyGroups.of(group, p_flip=FLIPS))
    text = str(found)
    assert "The flips are given (true -> observed): a -> b 0.3, b -> a 0.1" in text
    assert "known rows that would do" in text
    told = found.to_dict()["noise"]
    assert told["flips"]["all rows"]["p_flip"] == [[0.7, pytest.approx(0.3)], [0.1, 0.9]]
    assert told["as_observed"]['gap("selection")'] < found.disparity(gap("selection")).value
    found.write(tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text()
    assert "What was corrected" in page
    assert "how many rows of known group would tell as much" in page
    plain = audit(label, decided, sensitive_features=group)
    assert found.uncorrected.to_dict() == plain.to_dict()
    assert "flips" not in str(plain)


def test_three_classes_have_a_figure_each():
    random = np.random.default_rng(5)
    label, decided = random.integers(0, 3, (2, 900))
    groups = NoisyGroups.of(random.integers(0, 2, 900), p_flip=H)
    found = audit(label, decided, sensitive_features=groups, n_boot=200)
    assert found.rates("true_positive").values.shape == (3, 2)
    assert found.disparity(gap("equalized_odds")).low >= 0


def test_what_cannot_be_corrected_is_refused():
    label, decided, group = people(200)
    groups = NoisyGroups.of(group, p_flip=FLIPS)
    with pytest.raises(ValueError, match="this cannot correct for noise"):
        audit_posterior(label, decided[None], sensitive_features=groups)
    with pytest.raises(ValueError, match="mean loss"):
        audit(label, decided, sensitive_features=groups).rates("loss")
    with pytest.raises(ValueError, match="one entry a row"):
        audit(label[1:], decided[1:], sensitive_features=groups)
    with pytest.raises(ValueError, match="no disparity between groups"):
        audit(label, decided, sensitive_features=groups).parity(worst("accuracy"))
