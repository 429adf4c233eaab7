"""Exposure of groups and the divergence of prefixes."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import Groups
from equipoise.rank import exposure, ndkl


def test_exposure_is_the_mean_worth_of_a_groups_positions():
    found = exposure([2, 0, 1], ["a", "b", "a", "b"])
    third = 1 / 2
    assert found.names == ("a", "b")
    assert found.exposure == pytest.approx([(1 + 1 / np.log2(3)) / 2, third / 2])
    assert found.share.sum() == pytest.approx(1)
    assert list(found.candidates) == [0.5, 0.5]
    assert list(found.ranked) == pytest.approx([2 / 3, 1 / 3])
    assert found.gap == pytest.approx(found.exposure[0] - found.exposure[1])
    assert found.ratio == pytest.approx(found.exposure[1] / found.exposure[0])


def test_the_worth_of_positions_can_be_chosen():
    assert exposure([1, 0], ["a", "b"], discount="none").gap == 0
    assert exposure([1, 0], ["a", "b"], discount=[1, 0]).ratio == 0


def test_a_group_without_members_has_no_exposure():
    groups = Groups.from_codes([0, 0], ["a", "b"])
    found = exposure([0, 1], groups)
    assert np.isnan(found.exposure[1])
    assert found.to_dict()["exposure"][1] is None
    assert (found.gap, found.ratio) == (0.0, 1.0)


class _Signed:
    """Membership corrected for noise: what is expected of what is written down."""

    def __init__(self, observed, flips):
        self.names = ("a", "b")
        self._matrix = np.linalg.inv(flips)[observed]

    def matrix(self):
        return self._matrix


def test_a_signed_matrix_corrects_exposure_of_a_ranking_that_is_blind_to_groups():
    random = np.random.default_rng(0)
    flips = np.array([[0.7, 0.3], [0.1, 0.9]])
    true = random.integers(0, 2, 200_000)
    order = np.argsort(-(random.normal(size=true.size) - 0.7 * true))[:20_000]
    observed = np.where(random.random(true.size) < flips[true, true], true, 1 - true)
    truth, corrected, naive = (
        exposure(order, groups) for groups in (true, _Signed(observed, flips), observed)
    )
    assert corrected.exposure == pytest.approx(truth.exposure, rel=0.05)
    assert abs(naive.gap - truth.gap) > 5 * abs(corrected.gap - truth.gap)


def test_prefixes_as_wanted_do_not_diverge():
    assert ndkl([0, 1], ["a", "a"]) == 0
    alternating = ndkl([0, 2, 1, 3], ["a", "a", "b", "b"])
    assert 0 < alternating < ndkl([0, 1, 2, 3], ["a", "a", "b", "b"])


def test_divergence_is_that_of_its_definition():
    weights = 1 / np.log2([2, 3])
    assert ndkl([0, 1], ["a", "b"]) == pytest.approx(weights[0] * np.log(2) / weights.sum())
    assert ndkl([0, 1], ["a", "b"], {"a": 1.0, "b": 0.0}) == np.inf


@pytest.mark.parametrize(
    ("order", "said"),
    [([0, 0], "more than once"), ([2], "2 rows"), ([], "row numbers"), ([0.5], "row numbers")],
)
def test_what_is_no_ranking_is_refused(order, said):
    with pytest.raises(ValueError, match=said):
        exposure(order, ["a", "b"])


def test_divergence_needs_disjoint_groups_and_shares_of_them():
    with pytest.raises(ValueError, match="disjoint"):
        ndkl([0], Groups.from_membership([[1, 1]], ["a", "b"]))
    with pytest.raises(ValueError, match="a share for each"):
        ndkl([0, 1], ["a", "b"], {"a": 1.0})
    with pytest.raises(ValueError, match="sum to 1"):
        ndkl([0, 1], ["a", "b"], {"a": 1.0, "b": 1.0})
    with pytest.raises(ValueError, match="sum to 1"):
        ndkl([0, 1], ["a", "b"], {"a": 1.0, "b": np.nan})
