"""The report says in words what the figures are, and says it alike each time."""

from __future__ import annotations

import numpy as np
import pytest

from equipoise import audit
from equipoise.audit import audit_scores
from equipoise.audit.page import page
from equipoise.audit.summary import summarise


def decided(shares, n=2000, seed=0):
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(len(shares)), n)
    prediction = (random.random(len(group)) < np.repeat(shares, n)).astype(int)
    label = random.integers(0, 2, len(group))
    return label, prediction, np.array(list("abcdef"))[group]


def audited(shares, n=2000):
    label, prediction, group = decided(shares, n)
    return audit(label, prediction, sensitive_features=group)


def test_a_difference_is_told_with_the_groups_it_is_between():
    found = summarise(audited([0.3, 0.4, 0.5]))
    assert found.differs
    assert "selection ranges from 0.2" in found.paragraphs[0] or "0.3" in found.paragraphs[0]
    assert "for 'a' to" in found.paragraphs[0]
    assert "for 'c'" in found.paragraphs[0]


def test_no_difference_is_told_without_a_claim_of_equality():
    found = summarise(audited([0.4, 0.4]))
    assert not found.differs
    assert "That does not show that there are none" in found.paragraphs[0]


@pytest.mark.parametrize(
    ("shares", "n", "words"),
    [
        ([0.2, 0.5], 2000, "below four fifths, and more than chance"),
        ([0.3, 0.42], 40, "below four fifths, but these rows do not show"),
        ([0.5, 0.5], 2000, "above four fifths, as these rows show"),
        ([0.48, 0.5], 100, "above four fifths, but these rows do not show"),
    ],
)
def test_the_four_fifths_rule_is_explained_where_it_applies(shares, n, words):
    assert words in summarise(audited(shares, n)).paragraphs[-1]


def test_rates_that_are_not_known_are_said_not_to_be():
    found = summarise(audit([0, 0, 0, 1], [0, 1, 1, 0], sensitive_features=list("aabb")))
    assert any(paragraph.startswith("Not known") for paragraph in found.paragraphs)


def test_the_same_audit_gives_the_same_page():
    assert page(audited([0.3, 0.5])).render() == page(audited([0.3, 0.5])).render()


def test_groups_too_small_for_curves_are_named_and_not_drawn():
    random = np.random.default_rng(0)
    group = np.repeat(["many", "few"], [2000, 12])
    score = random.random(2012)
    label = (random.random(2012) < score).astype(int)
    scores = audit_scores(label, score, sensitive_features=group)
    text = page(scores.at(0.5), scores).render()
    assert "Not drawn, for want of rows of either label: few." in text


def test_scores_of_one_label_a_group_have_a_page_all_the_same():
    scores = audit_scores([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], sensitive_features=list("aabb"))
    assert "nothing to rank" in page(scores.at(0.5), scores).render()


def test_of_many_classes_each_is_shown(tmp_path):
    random = np.random.default_rng(0)
    label, prediction = random.integers(0, 3, (2, 900))
    found = audit(label, prediction, sensitive_features=random.choice(["a", "b"], 900))
    found.write(tmp_path / "audit.html")
    assert "selection of 2" in (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_where_all_is_alike_a_difference_is_seldom_told():
    told = 0
    for seed in range(150):
        label, prediction, group = decided([0.4, 0.4], 400, seed)
        found = audit(label, prediction, sensitive_features=group, n_boot=500, random_state=seed)
        told += summarise(found).differs
    # Of five questions at once.
    assert told <= 150 * 0.05 + 2 * np.sqrt(150 * 0.05 * 0.95)


def test_a_group_that_is_alone_is_said_to_be():
    found = summarise(audit([0, 1, 1], [0, 1, 0], sensitive_features=["a"] * 3))
    assert found.heading == "There is one group, and nothing to compare it with"
    assert not found.differs


def test_the_surest_may_still_find_what_is_plain():
    label, prediction, group = decided([0.1, 0.9])
    found = audit(label, prediction, sensitive_features=group, confidence=0.9999)
    assert found.parity('gap("selection")').low > 0.5
    assert summarise(found).differs
