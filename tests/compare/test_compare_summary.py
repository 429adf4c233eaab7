from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equipoise.audit import Counts, certify
from equipoise.audit.words import bound
from equipoise.compare import Settings
from equipoise.compare.margin import choose_margin
from equipoise.compare.prepare import prepare
from equipoise.compare.summary import best, pareto, summarise
from equipoise.compare.trial import Trial, choose
from equipoise.constraints import gap, ratio, worst
from equipoise.data import Dataset, simulate_census
from equipoise.learn import History


def _counts(selected: tuple[int, int], right: float, n: int = 1000) -> Counts:
    """Two groups of n rows with so many selected, and so much accuracy."""
    table = np.zeros((2, 2, 2), np.int64)
    for g, positive in enumerate(selected):
        true_positive = round(positive * right)
        true_negative = round((n - positive) * right)
        table[g] = [
            [true_negative, positive - true_positive],
            [n - positive - true_negative, true_positive],
        ]
    return Counts(("a", "b"), (0, 1), np.eye(2, dtype=bool), table)


def _trial(method: str, counts: Counts) -> Trial:
    nothing = np.zeros((1, 1))
    history = History(np.array([1]), nothing, nothing, nothing[..., None], nothing)
    parts = {part: [counts] for part in ("train", "validation", "test", "certificate")}
    return Trial(method, [0], 0, parts, history)


def test_of_the_models_that_keep_the_target_the_most_accurate_is_chosen():
    models = [_counts((300, 300), 0.7), _counts((300, 310), 0.8), _counts((300, 500), 0.9)]
    assert choose(models, [gap("selection") <= 0.05]) == 1


def test_where_no_model_keeps_the_target_the_nearest_is_chosen():
    models = [_counts((300, 500), 0.9), _counts((300, 400), 0.7), _counts((300, 600), 0.9)]
    assert choose(models, [gap("selection") <= 0.05]) == 1
    assert choose(models, [ratio("selection") >= 0.9]) == 1


def test_a_model_whose_disparity_is_undefined_is_not_chosen():
    undefined = _counts((0, 0), 1.0)
    assert choose([undefined, _counts((300, 900), 0.6)], [gap("predictive_value") <= 0.01]) == 1


def test_the_best_method_is_the_most_accurate_of_those_certified():
    settings = Settings(gap("selection") <= 0.1, methods=("erm", "penalty", "alm"))
    trials = [
        _trial("erm", _counts((3000, 5000), 0.9, 10_000)),
        _trial("penalty", _counts((3000, 3050), 0.7, 10_000)),
        _trial("alm", _counts((3000, 3200), 0.8, 10_000)),
    ]
    found = summarise(trials, settings)
    assert [s.verdict for s in found] == ["broken", "kept", "kept"]
    chosen = best(found)
    assert chosen is not None
    assert chosen.method == "alm"


def test_where_nothing_is_certified_there_is_no_best_method():
    settings = Settings(gap("selection") <= 0.01, methods=("erm",))
    assert best(summarise([_trial("erm", _counts((300, 300), 0.9))], settings)) is None


def test_certificates_issued_together_are_each_held_to_more():
    trial = _trial("erm", _counts((3000, 3000), 0.9, 10_000))
    alone = summarise([trial], Settings(gap("selection") <= 0.1, methods=("erm",)))
    among = summarise([trial], Settings(gap("selection") <= 0.1))
    (shared,), (own,) = among[0].promises, alone[0].promises
    assert shared.certificate.cautious > own.certificate.cautious


def test_intervals_hold_the_seeds_share_too():
    close = [_counts((3000, 3500), 0.8, 10_000)] * 2
    apart = [_counts((3000, 3500), 0.75, 10_000), _counts((3000, 3500), 0.85, 10_000)]
    settings = Settings(gap("selection") <= 0.1, methods=("erm",))
    history = _trial("erm", close[0]).history
    widths = []
    for counts in (close, apart):
        trial = Trial(
            "erm", [0, 1], 0, dict.fromkeys(["validation", "test", "certificate"], counts), history
        )
        (found,) = summarise([trial], settings)
        widths.append(found.accuracy.high - found.accuracy.low)
    assert widths[1] > 3 * widths[0]


places = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.tuples(st.integers(0, 5).map(float), st.integers(0, 5).map(float)),
    min_size=1,
)


@given(places, st.booleans())
def test_the_frontier_is_what_no_other_point_beats(points, smaller):
    sign = 1 if smaller else -1

    def beats(a, b):
        not_worse = sign * a[0] <= sign * b[0] and a[1] >= b[1]
        return not_worse and a != b

    front = pareto(points, smaller)
    unbeaten = {p for p in points.values() if not any(beats(q, p) for q in points.values())}
    assert {points[name] for name in front} == unbeaten
    assert [sign * points[n][0] for n in front] == sorted(sign * points[n][0] for n in front)


def _margin(n: int, constraint, margin: float | None = None):
    dataset = Dataset.from_table(simulate_census(n).table, target="income", sensitive=["sex"])
    settings = Settings(constraint, margin=margin)
    return choose_margin(prepare(dataset, settings), settings, constraint)


def test_more_rows_resolve_finer_and_need_a_smaller_margin():
    few, many = (_margin(n, gap("selection") <= 0.2) for n in (4_000, 40_000))
    # A standard error falls with the root of the number of rows.
    assert many.resolution == pytest.approx(few.resolution / np.sqrt(10), rel=0.1)
    assert many.margin < few.margin


def test_a_margin_of_ones_own_is_taken():
    found = _margin(4_000, gap("selection") <= 0.2, 0.03)
    assert str(found.target) == 'gap("selection") <= 0.17'


def test_training_is_never_asked_for_the_impossible():
    tight = _margin(2_000, gap("selection") <= 0.01)
    assert tight.target.bound == pytest.approx(0.002)
    floor = _margin(2_000, worst("accuracy") >= 0.99)
    assert 0.99 < floor.target.bound < 1


def test_the_interval_covers_the_next_run_about_as_often_as_it_says():
    # Runs whose true gaps scatter around 0.2, each judged on a sample of its own.
    random = np.random.default_rng(0)
    settings = Settings(gap("selection") <= 0.5, methods=("erm",))
    history = _trial("erm", _counts((300, 300), 0.9)).history

    def run() -> tuple[float, Counts]:
        high = 0.5 + random.normal(0, 0.03)
        selected = random.binomial(1500, [0.3, high])
        return high - 0.3, _counts(tuple(selected), 0.9, 1500)

    covered, trials = 0, 300
    for _ in range(trials):
        runs = [run() for _ in range(6)]
        counts = [one for _, one in runs[:5]]
        parts = dict.fromkeys(["validation", "test", "certificate"], counts)
        (found,) = summarise([Trial("erm", list(range(5)), 0, parts, history)], settings)
        interval = found.promises[0].disparity
        covered += interval.low <= runs[5][0] <= interval.high
    assert covered / trials > 0.93


def test_a_tiny_group_makes_the_resolution_coarse_and_not_fine():
    census = simulate_census(4_000).table.to_pandas()
    census["sex"] = census["sex"].astype(str)
    rare = census.index[census["income"] == ">50K"][:10].union(
        census.index[census["income"] == "<=50K"][:10]
    )
    census.loc[rare, "sex"] = "rare"
    dataset = Dataset.from_table(census, target="income", sensitive=["sex"])
    for constraint in (ratio("selection") >= 0.8, gap("predictive_value") <= 0.1):
        settings = Settings(constraint)
        found = choose_margin(prepare(dataset, settings), settings, constraint)
        assert found.resolution > 0.2
        assert found.margin > 0


@pytest.mark.parametrize(
    ("selected", "bound_of", "words"),
    [((300, 300), gap("selection") <= 0.05, "≤"), ((100, 900), gap("selection") <= 0.05, "≥")],
)
def test_a_bound_is_printed_no_stronger_than_it_is(selected, bound_of, words):
    certificate = certify(_counts(selected, 0.9), bound_of)
    side, number = bound(certificate).split(" ")
    assert side == words
    shown = certificate.cautious if side == "≤" else certificate.optimistic
    assert float(number) >= shown if side == "≤" else float(number) <= shown
    assert abs(float(number) - shown) <= 0.001
