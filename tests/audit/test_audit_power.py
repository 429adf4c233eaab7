"""Groups too small to say anything of are named, with what they could show."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import audit
from equipoise.audit.power import detectable


def test_a_difference_that_is_detectable_is_detected_four_times_in_five():
    random = np.random.default_rng(0)
    trials = np.array([[300, 3000]])
    ((least, _),) = detectable(np.array([[120, 1200]]), trials, 0.95)
    shares = np.array([0.4 + least, 0.4])
    x = random.binomial(trials, shares, (20_000, 2))
    pooled = x.sum(-1) / 3300
    error = np.sqrt(pooled * (1 - pooled) * (1 / 300 + 1 / 3000))
    z = (x[:, 0] / 300 - x[:, 1] / 3000) / error
    # Two groups, each of which is tested: half of the error each.
    assert (z > 2.2414).mean() == pytest.approx(0.8, abs=0.02)


def test_more_rows_detect_less():
    few, many = (
        detectable(np.array([[2, 2]]) * n, np.array([[5, 5]]) * n, 0.95)[0, 0] for n in (100, 400)
    )
    assert many == pytest.approx(few / 2, rel=0.02)


def test_a_group_that_is_alone_or_empty_has_nothing_to_differ_from():
    assert np.isnan(detectable(np.array([[3]]), np.array([[9]]), 0.95)).all()
    assert np.isnan(detectable(np.array([[3, 0]]), np.array([[9, 0]]), 0.95)).all()


def test_nothing_is_detectable_beyond_certainty():
    assert detectable(np.array([[1, 1]]), np.array([[1, 2]]), 0.95).max() == 1


def test_the_text_names_small_groups_and_not_large_ones():
    random = np.random.default_rng(0)
    group = np.repeat(["large", "also large", "small"], [6000, 6000, 40])
    label, decided = random.integers(0, 2, (2, len(group)))
    found = audit(label, decided, sensitive_features=group)
    (line,) = found.unsure
    assert line.startswith("'small' has 40 rows: its ")
    assert line in str(found)
    assert found.to_dict()["unsure"] == [line]
