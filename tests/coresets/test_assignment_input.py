"""What cannot be assigned, and what is said then."""

from __future__ import annotations

import numpy as np
import pytest
from tests.coresets.slow_assignment import partitions

from equipoise.coresets.assignment import (
    InfeasibleError,
    assign_masses,
    assign_within,
)

COSTS = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [2.0, 3.0]])
GOOD = {
    "costs": COSTS,
    "weights": [1, 1, 1, 1],
    "collections": [0, 1, 0, 1],
    "members": [[1, 0], [0, 1]],
    "masses": [[1, 1], [1, 1]],
}
BAD = [
    ({"costs": [[0.0, np.nan]] * 4}, "costs has 4 values that are missing or not finite"),
    ({"costs": [[0.0, np.inf]] * 4}, "costs has 4 values that are missing"),
    ({"costs": [[0.0, -1.0]] * 4}, "costs must not be negative"),
    ({"costs": [["a", "b"]] * 4}, "costs must be numbers"),
    ({"costs": [1.0, 2.0]}, "costs must be a table"),
    ({"costs": np.zeros((0, 2))}, "costs must have points and centres"),
    ({"costs": np.zeros((4, 0))}, "costs must have points and centres"),
    ({"costs": np.full((4, 2), 1e308)}, "too large"),
    ({"weights": [1, 1, 1]}, "weights must have one number for each of 4 points"),
    ({"weights": [1, 1, 1, -1]}, "weights must not be negative"),
    ({"weights": [0, 0, 0, 0]}, "weights must not all be zero"),
    ({"weights": [1, 1, 1, np.nan]}, "weights has 1 values"),
    ({"weights": ["1", "1", "1", "1"]}, "weights must be numbers"),
    ({"collections": [0, 1, 0]}, "collections must have one code for each of 4"),
    ({"collections": [0, 1, 0, 2]}, "rows of members, 0 to 1"),
    ({"collections": [0, 1, 0, -1]}, "rows of members, 0 to 1"),
    ({"collections": [0.0, 1.0, 0.0, 1.0]}, "collections must be integers"),
    ({"members": [1, 0]}, "members must have a row for each collection"),
    ({"members": [[0.5, 0], [0, 1]]}, "members must be True or False"),
    ({"members": [["a", "b"], ["b", "a"]]}, "members must be True or False"),
    ({"masses": [[1, 1]]}, "masses must have one row for each of 2 groups"),
    ({"masses": [[1, 1], [1, np.nan]]}, "masses has 1 values"),
    ({"masses": [[3, -1], [1, 1]]}, r"masses\[0, 1\] is -1"),
    ({"tolerance": 0.0}, "tolerance must lie between 0 and 1"),
    ({"tolerance": "small"}, "tolerance must be numbers"),
    ({"method": "magic"}, "method must be one of auto, flow, dual, program, not 'magic'"),
]


@pytest.mark.parametrize(("change", "said"), BAD)
def test_bad_input_is_refused_by_name(change, said):
    with pytest.raises(ValueError, match=said):
        assign_masses(**(GOOD | change))


def test_masses_must_be_those_of_groups():
    with pytest.raises(InfeasibleError, match="3 of group 1 in all, but its points have 2"):
        assign_masses(**(GOOD | {"masses": [[1, 1], [2, 1]]}))


def test_masses_that_overlapping_groups_cannot_have_are_refused():
    # Each group may have them, and together they cannot.
    members = [[1, 1], [1, 0], [0, 1]]
    with pytest.raises(InfeasibleError, match="groups overlap"):
        assign_masses(np.ones((2, 2)), None, [0, 0], members, [[2, 0], [0, 2]])


def test_a_flow_needs_masses_of_collections():
    with pytest.raises(ValueError, match="leave no choice"):
        assign_masses(
            np.ones((4, 2)), None, [0, 1, 2, 3], partitions(2, 2), [[1, 1]] * 4, method="flow"
        )


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [
        ([0.6, 0.0], [1.0, 1.0], r"at_least\[0\] is 0.6, but group 0 has 0.5 .* lower it"),
        ([0.0, 0.0], [1.0, 0.4], r"at_most\[1\] is 0.4, but group 1 has 0.5 .* raise it"),
        ([0.6, 0.0], [0.4, 1.0], "no share is both"),
    ],
)
def test_bounds_that_the_share_of_all_breaks_are_refused(least, most, said):
    with pytest.raises(InfeasibleError, match=said):
        assign_within(COSTS, None, [0, 1, 0, 1], [[1, 0], [0, 1]], least, most)


@pytest.mark.parametrize("seed", range(30))
def test_bounds_can_be_kept_just_if_the_share_of_all_keeps_them(seed):
    from scipy.optimize import linprog

    random = np.random.default_rng(seed)
    members, k = partitions(2, 2), int(random.integers(1, 4))
    mass = random.integers(1, 5, 4).astype(float)
    least = random.random(4) * 0.6
    most = least + random.random(4) * 0.6
    kept = [
        sign * (members[:, i] - bound).repeat(k) * np.tile(np.eye(k)[j], 4)
        for i in range(4)
        for j in range(k)
        for sign, bound in ((-1, least[i]), (1, most[i]))
    ]
    solved = linprog(
        np.zeros(4 * k), A_ub=kept, b_ub=np.zeros(len(kept)),
        A_eq=np.kron(np.eye(4), np.ones(k)), b_eq=mass,
    )  # fmt: skip
    try:
        assign_within(np.ones((4, k)), mass, np.arange(4), members, least, most)
    except InfeasibleError:
        assert solved.status == 2
    else:
        assert solved.status == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"at_least": [0.1]}, "at_least must have one share for each of 2 groups"),
        ({"at_most": [0.9, np.nan]}, "at_most has 1 values"),
        ({"at_most": ["a", "b"]}, "at_most must be numbers"),
        ({"start": np.zeros((3, 2))}, "start must have prices of 2 collections at 2 centres"),
        ({"start": np.full((2, 2), np.nan)}, "start has 4 values"),
        ({"method": "flow"}, "method must be one of auto, dual, program, not 'flow'"),
    ],
)
def test_bad_bounds_are_refused_by_name(change, said):
    given = {"at_least": [0.1, 0.1], "at_most": [0.9, 0.9]} | change
    with pytest.raises(ValueError, match=said):
        assign_within(COSTS, None, [0, 1, 0, 1], [[1, 0], [0, 1]], **given)


def test_labels_are_of_all_points():
    found = assign_masses(**GOOD)
    with pytest.raises(ValueError, match="n must be 4"):
        found.labels(5)
