"""What cannot be ranked is refused, by name and with a cure."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise.rank import discounts, rank_items


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([1.0, np.nan, 2.0], "first in row 1"),
        ([1.0, np.inf, 2.0], "not finite"),
        (["a", "b", "c"], "must be numbers"),
        ([[1, 2], [3, 4]], "one column"),
        ([], "one column"),
        ([1e308, 1e308, 1e308], "sum is not finite"),
    ],
)
def test_scores_have_to_be_finite_numbers(scores, said):
    with pytest.raises(ValueError, match=said):
        rank_items(scores, list("xyx")[: len(scores)])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"bounds": "men >= 0.5"}, "no group there is: known are 'x', 'y'"),
        ({"n": 0}, "from 1 to 3"),
        ({"n": 4}, "from 1 to 3"),
        ({"n": 1.5}, "from 1 to 3"),
        ({"discount": "log"}, "must be one of dcg"),
        ({"discount": [1.0, 2.0, 1.0]}, "rises from 1 at position 1"),
        ({"discount": [1.0]}, "one value for each"),
        ({"discount": [1.0, 0.0, -1.0]}, "not negative"),
        ({"n": np.nan}, "from 1 to 3"),
        ({"n": "2"}, "from 1 to 3"),
        ({"bounds": "x >= 1 in 4"}, "first 4 positions, but 3 are filled"),
        ({"bounds": "x <= 1 in 3", "n": 2}, "first 3 positions, but 2 are filled"),
        ({"sensitive_features": ["x", "y"]}, "2 rows and scores 3"),
        ({"sensitive_features": None, "bounds": "x >= 0.5"}, "say who is in which group"),
    ],
)
def test_other_arguments_are_checked(given, said):
    with pytest.raises(ValueError, match=said):
        rank_items([3.0, 1.0, 2.0], **{"sensitive_features": ["x", "y", "x"], **given})


def test_positions_count_from_one_and_who_is_not_ranked_has_none():
    found = rank_items([3.0, 1.0, 2.0], n=2)
    assert list(found.positions(3)) == [1, 0, 2]


def test_the_first_position_is_worth_one():
    for kind in ("dcg", "reciprocal", "geometric", "none"):
        assert discounts(kind, 3)[0] == 1
    assert discounts("dcg", 3)[1] == pytest.approx(1 / np.log2(3))
