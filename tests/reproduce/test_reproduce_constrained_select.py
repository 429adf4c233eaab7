from __future__ import annotations

import numpy as np
import pytest

from equipoise.reproduce.constrained.cell import Record
from equipoise.reproduce.constrained.select import select


def _record(violation: list[float], loss: list[float], failed: str = "") -> Record:
    parts = {"validation": {"violation": np.array(violation), "loss": np.array(loss)}}
    return Record({"seeds": [0] * len(violation)}, 1.0, failed, parts={} if failed else parts)


def test_a_feasible_setting_is_chosen_before_a_better_one_that_is_not():
    records = [_record([0.01], [0.1]), _record([-0.01], [0.5]), _record([-0.02], [0.4])]
    assert select(records, "loss") == 2


def test_among_settings_that_break_the_promise_the_nearest_is_chosen():
    assert select([_record([0.03], [0.1]), _record([0.01], [0.9])], "loss") == 1


def test_settings_are_feasible_in_the_mean_over_seeds():
    records = [_record([0.03, -0.01], [0.1, 0.1]), _record([0.01, -0.03], [0.2, 0.2])]
    assert select(records, "loss") == 1


def test_a_setting_that_diverged_is_the_last_choice():
    assert select([_record([0], [0], "diverged"), _record([9.0], [9.0])], "loss") == 1


def test_there_is_no_choice_among_none():
    with pytest.raises(ValueError, match="wanted one a setting"):
        select([], "loss")
