"""Training under promises about groups that are observed with errors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise import FairClassifier, Groups, NoisyGroups, gap
from equipoise.learn.network import StackedMLP
from equipoise.learn.problem import FairProblem, Rows
from equipoise.learn.strata import choose_shares, fewest_rows

H = np.array([[0.7, 0.3], [0.1, 0.9]])
PROMISES = [gap("selection") <= 0.05, gap("true_positive") <= 0.1]


def people(n, seed):
    random = np.random.default_rng(seed)
    true = random.integers(0, 2, n)
    x = random.normal(size=(n, 3))
    x[:, 0] += 0.8 * true
    label = (x[:, 0] + 0.5 * x[:, 1] + random.normal(size=n) > 0.4).astype(int)
    observed = (random.random(n) < H[true, 1]).astype(int)
    return x, label, true, observed


def problem(groups, n=500, promises=PROMISES):
    x, label, _, _ = people(n, 0)
    rows = Rows.of(x, label, groups, dtype=torch.float64)
    network = StackedMLP(3, (), 2, [0, 1], torch.float64)
    return FairProblem(network, rows, 2, promises)


def test_without_noise_a_batch_says_what_it_says_of_known_groups():
    observed = people(500, 0)[3]
    batch = torch.arange(200).expand(2, -1)
    one = problem(NoisyGroups.of(observed, p_flip={}))(batch)[1].values
    other = problem(Groups.of(observed))(batch)[1].values
    torch.testing.assert_close(one, other)


def test_rates_are_those_of_signed_memberships():
    x, label, _, observed = people(500, 0)
    groups = NoisyGroups.of(observed, p_flip=H)
    of = problem(groups, promises=[gap("selection") <= 0.05])
    top, bottom = of.everything()[1].statistic
    with torch.no_grad():
        decided = of.network(of.rows.features.expand(2, -1, -1)).argmax(-1).numpy()
    w = groups.matrix()
    for replicate in range(2):
        np.testing.assert_allclose(top[replicate, 0], decided[replicate] @ w / 500, rtol=1e-5)
        np.testing.assert_allclose(bottom[replicate, 0], w.mean(axis=0), rtol=1e-5)
    assert len(x) == len(label)


def test_rows_keep_what_is_observed_and_what_is_promised_about():
    x, label, _, observed = people(50, 0)
    groups = NoisyGroups.of(observed, p_flip=H)
    rows = Rows.of(x, label, groups).take(np.arange(20))
    assert rows.groups.codes.tolist() == observed[:20].tolist()
    np.testing.assert_allclose(rows.members.matrix(), groups.matrix()[:20])


def test_batches_have_the_same_observed_groups_each_time():
    _, label, _, observed = people(2000, 0)
    groups = Groups.of(observed)
    assert choose_shares(groups, label, 2, PROMISES, 512) is None
    strata, shares = choose_shares(groups, label, 2, PROMISES, 512, always=True)
    np.testing.assert_allclose(shares, np.bincount(strata) / 2000)


def test_rows_of_noisy_groups_tell_less():
    _, label, true, observed = people(20_000, 0)
    clean = fewest_rows(Groups.of(true), label, 2, PROMISES, 256, None)
    alike = fewest_rows(NoisyGroups.of(true, p_flip={}), label, 2, PROMISES, 256, None)
    noisy = fewest_rows(NoisyGroups.of(observed, p_flip=H), label, 2, PROMISES, 256, None)
    assert alike == pytest.approx(clean)
    assert 0.3 * clean < noisy < 0.8 * clean


def test_a_promise_is_kept_to_the_true_groups_and_not_to_the_observed():
    x, label, _, observed = people(40_000, 0)
    fresh, _, true, _ = people(40_000, 1)
    gaps = {}
    for name, groups in (("naive", observed), ("noisy", NoisyGroups.of(observed, p_flip=H))):
        model = FairClassifier(
            gap("selection") <= 0.05, method="alm", hidden=(32,), steps=600, random_state=0
        )
        decided = model.fit(x, label, sensitive_features=groups).predict(fresh)
        gaps[name] = abs(decided[true == 1].mean() - decided[true == 0].mean())
    assert gaps["noisy"] < 0.08
    assert gaps["naive"] > 0.15


def test_validation_rows_are_held_out_of_noisy_groups_too():
    x, label, _, observed = people(3000, 0)
    model = FairClassifier(
        gap("selection") <= 0.1, hidden=(), steps=20, validation_fraction=0.3, random_state=0
    )
    model.fit(x, label, sensitive_features=NoisyGroups.of(observed, p_flip=H))
    assert model.groups_ == ("0", "1")


@pytest.mark.parametrize("method", ["adversarial", "zero-one", "autobalance", "group-dro"])
def test_methods_that_look_at_groups_one_by_one_refuse(method):
    x, label, _, observed = people(300, 0)
    model = FairClassifier(gap("selection") <= 0.1, method=method, steps=5)
    with pytest.raises(ValueError, match="cannot correct for errors in the groups"):
        model.fit(x, label, sensitive_features=NoisyGroups.of(observed, p_flip=H))


def test_a_group_that_follows_to_have_no_rows_is_refused():
    x, label, _, _ = people(300, 0)
    few = np.where(np.arange(300) < 3, 0, 1)  # fewer than flips from 1 would make
    with pytest.raises(ValueError, match="group '0' is undefined"):
        FairClassifier(gap("selection") <= 0.1).fit(
            x, label, sensitive_features=NoisyGroups.of(few, p_flip=H)
        )
