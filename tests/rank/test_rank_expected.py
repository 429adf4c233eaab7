"""Groups that are known up to noise: bounds of expected counts."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Groups
from equipoise.rank import ExpectedGroups, InfeasibleError, exposure, rank_items

FLIPS = np.array([[0.8, 0.2], [0.1, 0.9]])


class _Noisy:
    """What is written down, with a flip matrix for each stratum."""

    names = ("men", "women")

    def __init__(self, observed, stratum=0, flips=(FLIPS,)):
        self._codes = np.asarray(observed) + 2 * np.asarray(stratum)
        self._patterns = np.concatenate([np.linalg.inv(one) for one in flips])

    def patterns(self):
        return self._codes, self._patterns

    def matrix(self):
        return self._patterns[self._codes]


def _people(random, m, women=0.4):
    true = (random.random(m) < women).astype(int)
    observed = np.where(random.random(m) < FLIPS[true, true], true, 1 - true)
    return true, observed


def test_what_to_expect_is_bayes_rule():
    true, observed = _people(np.random.default_rng(0), 400_000)
    expected = ExpectedGroups.of_noisy(_Noisy(observed))
    for seen in (0, 1):
        assert expected.probability[seen, 1] == pytest.approx(
            true[observed == seen].mean(), abs=0.01
        )


def test_strata_have_shares_of_their_own():
    random = np.random.default_rng(0)
    parts = [_people(random, 200_000, women) for women in (0.2, 0.6)]
    true, observed = (np.concatenate(of) for of in zip(*parts, strict=True))
    stratum = np.repeat([0, 1], 200_000)
    expected = ExpectedGroups.of_noisy(_Noisy(observed, stratum, (FLIPS, FLIPS)))
    for cell in range(4):
        assert expected.probability[cell, 1] == pytest.approx(
            true[(observed == cell % 2) & (stratum == cell // 2)].mean(), abs=0.01
        )


def test_bounds_are_kept_on_average_and_a_signed_matrix_would_say_more_than_is_so():
    counts, signed = [], []
    for seed in range(60):
        random = np.random.default_rng(seed)
        true, observed = _people(random, 400)
        noisy = _Noisy(observed)
        # What is written down lowers the score, which then tells no more of the truth.
        scores = random.normal(size=400) - 1.0 * observed
        found = rank_items(scores, ExpectedGroups.of_noisy(noisy), "women >= 0.5", n=40)
        assert found.exact
        counts.append(true[found.order].sum())
        signed.append(noisy.matrix()[found.order, 1].sum())
    error = np.std(counts) / np.sqrt(60)
    assert np.mean(counts) == pytest.approx(20, abs=4 * error + 0.5)
    assert np.mean(signed) > np.mean(counts) + 10 * error


def test_without_noise_it_is_the_ranking_of_disjoint_groups():
    random = np.random.default_rng(1)
    codes, scores = random.integers(0, 3, 60), random.normal(size=60)
    groups = Groups.from_codes(codes, ["a", "b", "c"])
    certain = ExpectedGroups.of_probabilities(groups.matrix(), groups.names)
    bounds = ["a >= 0.3", "b >= 0.3", "c <= 0.5"]
    assert list(rank_items(scores, certain, bounds, n=20).order) == list(
        rank_items(scores, groups, bounds, n=20).order
    )


def test_what_noise_makes_impossible_is_refused():
    with pytest.raises(InfeasibleError) as refused:
        rank_items(
            np.arange(10.0),
            ExpectedGroups.of_probabilities([[0.6, 0.4]] * 5 + [[0.3, 0.7]] * 5, ["a", "b"]),
            "b >= 4 in 5",
        )
    assert (refused.value.prefix, refused.value.groups) == (5, ("b",))


def test_expected_exposure_is_linear_in_what_is_expected():
    groups = ExpectedGroups.of_probabilities([[1, 0], [0.5, 0.5]], ["a", "b"])
    found = exposure([1, 0], groups, discount=[1, 0.5])
    assert found.exposure == pytest.approx([(0.5 * 1 + 0.5) / 1.5, 1.0])


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        ([[1.5, -0.5]], r"row 0 is.*of_noisy"),
        ([[0.5, 0.4]], "sum to 1"),
        ([[np.nan, 1.0]], "0 or more"),
        ([[1.0]], r"shape \(m, 2\)"),
    ],
)
def test_what_are_no_probabilities_is_refused(probability, said):
    with pytest.raises(ValueError, match=rf"(?s){said}"):
        ExpectedGroups.of_probabilities(probability, ["a", "b"])


def test_expected_groups_have_rows_and_distinct_names():
    with pytest.raises(ValueError, match="no rows"):
        ExpectedGroups.of_probabilities(np.empty((0, 2)), ["a", "b"])
    with pytest.raises(ValueError, match="distinct"):
        ExpectedGroups.of_probabilities([[0.5, 0.5]], ["a", "a"])
