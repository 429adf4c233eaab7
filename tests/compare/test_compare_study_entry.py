import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_material import small_data, small_network

from equipoise.audit import Counts
from equipoise.compare.rate_search import best_place, rate_at, search_places
from equipoise.compare.study.contestant import CONTESTANTS
from equipoise.compare.study.course import Schedule
from equipoise.compare.study.data import StudyData, exact_count, parted_rows
from equipoise.compare.study.entry import Entry, count_decisions, run_entry
from equipoise.compare.study.protocols import MatchedLoss, accuracy, chosen, figures
from equipoise.constraints import Disparity
from equipoise.groups import Groups

# ------------------------------------------------------------------------ the search for a rate


@given(st.integers(-9, 9), st.integers(-9, 9))
def test_the_search_ends_beside_the_best_rate_or_with_all_that_are_granted(best, middle):
    tried = search_places(
        middle, lambda places: [abs(p - best) for p in places], lambda so_far: [best_place(so_far)]
    )
    inside = min(tried) < best < max(tried)
    assert inside or len(tried) == 9
    assert list(tried) == list(range(min(tried), max(tried) + 1))
    assert 5 <= len(tried) <= 9


def test_each_of_several_losses_is_to_have_its_best_within():
    bests = {"low": -3, "high": 4}
    tried = search_places(
        0,
        lambda places: [{name: abs(p - best) for name, best in bests.items()} for p in places],
        lambda so_far: [
            best_place({at: one[name] for at, one in so_far.items()}) for name in ("low", "high")
        ],
    )
    assert min(tried) <= -4
    assert max(tried) >= 4
    assert len(tried) == 9


def test_what_diverged_is_worse_than_anything():
    assert best_place({-1: 3.0, 0: 2.0, 1: math.nan}) == 0
    assert best_place({-1: math.nan, 0: math.nan}) == -1


def test_rates_are_half_decades():
    assert [rate_at(place) for place in (-4, -3, -1, 0, 1)] == [0.01, 0.032, 0.32, 1.0, 3.2]


# ------------------------------------------------------------------------ entries


@pytest.fixture(scope="module")
def entry():
    data = small_data(3)
    made = run_entry(
        data, small_network(()), CONTESTANTS["SGD"], Schedule(16, (1, 4)), horizons=(0, 1)
    )
    return data, made


def test_every_contestant_is_tried_at_the_rate_that_is_the_same_for_all(entry):
    _, made = entry
    assert made.rate(made.fixed) == 0.01
    assert list(made.places) == sorted(made.places)


def test_the_fixed_rate_takes_no_part_in_the_search_where_that_did_not_go_there():
    found = run_entry(small_data(), small_network(()), CONTESTANTS["Muon"], Schedule(16, (1,)))
    kept = Entry.from_dict(
        {**found.to_dict(), "searched": [False] * (len(found.places) - 1) + [True]}
    )
    assert kept.tuned(0) == len(kept.places) - 1


def test_the_tuned_rate_is_that_of_the_least_mean_validation_loss(entry):
    _, made = entry
    means = made.validation_loss[:, 1].mean(-1)
    assert means[made.tuned(1)] == means.min()
    worst = made.worst_validation_loss[:, 1].mean(-1)
    assert worst[made.tuned(1, for_worst=True)] == worst.min()
    assert chosen(made, "tuned", 1) == made.tuned(1)
    assert chosen(made, "tuned for the worst group", 1) == made.tuned(1, for_worst=True)
    assert chosen(made, "fixed rate", 1) == made.fixed
    with pytest.raises(ValueError, match="protocol must be one of"):
        chosen(made, "by eye", 1)


def test_decisions_are_kept_where_a_rate_was_chosen_and_are_those_that_were_counted(entry):
    data, made = entry
    for (place, look), decided in made.decisions.items():
        at = made.places.index(place)
        assert np.array_equal(count_decisions(data, decided), made.table[at, look])
    assert (made.places[made.tuned(1)], 1) in made.decisions
    assert (made.places[made.fixed], 0) in made.decisions


def test_an_entry_survives_json(entry):
    _, made = entry
    made.train_loss[0, 0, 0] = np.nan
    read = Entry.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False)))
    made.train_loss[0, 0, 0] = np.nan
    for name in ("train_loss", "validation_loss", "worst_validation_loss", "table"):
        assert np.array_equal(getattr(read, name), getattr(made, name), equal_nan=name != "table")
    assert read.places == made.places
    assert read.searched == made.searched
    assert all(np.array_equal(read.decisions[key], made.decisions[key]) for key in made.decisions)


# ------------------------------------------------------------------------ figures


def test_figures_are_those_of_an_audit():
    data = small_data(2)
    draw = np.random.default_rng(3)
    decided = draw.integers(0, 2, (2, data.test.shape[1])).astype(np.uint8)
    made = _entry(count_decisions(data, decided)[None, None])
    for text in ('gap("equalized_odds")', 'ratio("selection")', 'worst("accuracy")'):
        disparity = Disparity.parse(text)
        for seat in (0, 1):
            rows = data.test[seat]
            groups = Groups.from_codes(data.group[rows], data.groups)
            label = data.label[rows]
            counts = Counts.from_block(label, decided[seat].astype(int), groups, data.classes)
            wanted = disparity.value(counts.rates(disparity.rate))
            assert figures(made, disparity)[0, 0, seat] == pytest.approx(float(wanted))
            assert accuracy(made)[0, 0, seat] == pytest.approx(counts.accuracy)


def test_of_several_labels_the_mean_or_the_worst_is_taken_over_those_that_are_defined():
    data = small_data(2, multilabel=True)
    decided = np.random.default_rng(4).integers(0, 2, (2, data.test.shape[1], 2)).astype(np.uint8)
    table = count_decisions(data, decided)
    assert table.shape == (2, 2, 2, 2, 2)
    single = [_entry(table[:, one][None, None]) for one in (0, 1)]
    both = _entry(table[None, None])
    gap = Disparity.parse('gap("true_positive")')
    each = np.stack([figures(one, gap) for one in single])
    assert np.allclose(figures(both, gap), each.mean(0))
    assert np.allclose(figures(both, gap, over="worst"), each.max(0))
    table[:, 0, 1, 1] = 0  # nobody of the second group has the first label
    assert np.allclose(figures(_entry(table[None, None]), gap), each[1])


def test_what_diverged_has_no_figure():
    table = np.ones((1, 1, 3, 2, 2, 2), np.int64)
    made = _entry(table, loss=[[[0.1, np.nan, np.inf]]])
    for found in (accuracy(made), figures(made, Disparity.parse('gap("selection")'))):
        assert np.isnan(found[0, 0]).tolist() == [False, True, True]


def test_at_equal_training_loss_only_what_is_more_than_it_is_left():
    draw = np.random.default_rng(0)
    losses = {name: np.exp(draw.uniform(-6, 0, (5, 4, 30))) for name in ("one", "two", "heeding")}
    values = {name: 0.3 + 0.05 * np.log(loss) for name, loss in losses.items()}
    values["two"] = values["two"] + 0.1
    entries = [_entry(None, name, losses[name], heeds_groups=name == "heeding") for name in losses]
    found = MatchedLoss(entries, values)
    assert found.residuals["two"] - found.residuals["one"] == pytest.approx(
        np.full(30, 0.1), abs=0.01
    )
    assert 0.6 < found.r_squared < 1
    # It is fitted to mere optimizers alone, in whose middle it runs.
    assert found.residuals["heeding"] == pytest.approx(found.residuals["one"], abs=0.01)
    assert found.expected(np.array([1e-2])) == pytest.approx(0.35 + 0.05 * np.log(1e-2), abs=0.01)


def test_training_loss_explains_all_of_what_is_a_function_of_it():
    losses = np.exp(np.random.default_rng(1).uniform(-4, 0, (5, 4, 10)))
    entries = [_entry(None, name, losses) for name in ("one", "two")]
    values = {name: np.log(losses) ** 2 for name in ("one", "two")}
    found = MatchedLoss(entries, values)
    assert found.r_squared == pytest.approx(1)
    assert np.abs(found.residuals["one"]).max() < 1e-10


def test_a_rate_that_only_one_optimizer_has_besides_its_own_sets_it_apart_from_no_other():
    # What is learnt too slowly is unfair at a loss at which what is unstable is fair.
    losses = np.exp(np.random.default_rng(2).uniform(-2, 0, (5, 4, 10)))
    slow = np.full((1, 4, 10), np.exp(-0.5))
    fair = {"one": np.concatenate([slow * 0 + 1, 0.1 - np.log(losses)]), "two": -np.log(losses)}
    fair["two"] = fair["two"] + 0.1
    besides = (False, True, True, True, True, True)
    entries = [
        replace(_entry(None, "one", np.concatenate([slow, losses])), searched=besides),
        _entry(None, "two", losses),
    ]
    found = MatchedLoss(entries, fair)
    assert found.residuals["one"] == pytest.approx(found.residuals["two"], abs=1e-9)
    assert found.r_squared == pytest.approx(1)


def test_what_diverged_at_every_rate_leaves_others_comparable_at_equal_loss():
    losses = np.exp(np.random.default_rng(1).uniform(-4, 0, (5, 4, 10)))
    lost = np.full((5, 4, 10), np.nan)
    entries = [_entry(None, n, x) for n, x in (("one", losses), ("two", losses), ("lost", lost))]
    values = {"one": np.log(losses), "two": np.log(losses), "lost": lost}
    found = MatchedLoss(entries, values)
    assert np.isnan(found.residuals["lost"]).all()
    assert found.residuals["one"] == pytest.approx(np.zeros(10), abs=1e-9)


@pytest.mark.parametrize("losses", [(0.9, 0.1), (np.nan, np.nan)])
def test_without_a_loss_in_common_nothing_is_left_at_equal_loss(losses):
    entries = [_entry(None, str(n), np.full((5, 4, 10), x)) for n, x in enumerate(losses)]
    found = MatchedLoss(entries, {one.name: one.train_loss for one in entries})
    assert np.isnan(found.r_squared)
    assert all(np.isnan(left).all() for left in found.residuals.values())


def test_the_edge_is_that_of_the_search():
    made = replace(_entry(None, loss=np.ones((4, 1, 2))), searched=(False, True, True, True))
    assert [made.at_edge(at) for at in range(4)] == [False, True, False, True]


def _entry(table, name="one", loss=None, *, heeds_groups=False):
    p, e, s = (1, 1, len(table[0, 0])) if loss is None else np.shape(loss)
    loss = np.full((p, e, s), 0.5) if loss is None else np.array(loss)
    places = tuple(range(-4, p - 4))
    return Entry(name, heeds_groups, places, (True,) * p, (1,) * e, loss, loss, loss, table, {})


# ------------------------------------------------------------------------ rows


@given(st.integers(2, 60), st.floats(0.05, 0.6), st.integers(0, 100))
def test_parts_have_an_exact_number_of_rare_rows_and_none_in_common(size, share, seed):
    rare = np.random.default_rng(seed).random(400) < 0.5
    if not 0 < round(share * size) < size:
        with pytest.raises(ValueError, match="at least one"):
            exact_count(share, size)
        return
    parts = parted_rows(rare, share, (size, size), np.random.default_rng(seed))
    assert [rare[part].sum() for part in parts[:2]] == [round(share * size)] * 2
    assert sorted(np.concatenate(parts)) == list(range(400))


def test_too_few_rows_of_a_kind_are_said():
    with pytest.raises(ValueError, match=r"need 30 rare rows, and there are 5"):
        parted_rows(np.arange(100) < 5, 0.3, (100,), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"train": np.zeros((2, 3), int)}, "seed 0 has no row of group 'many'"),
        ({"test": np.zeros((1, 3), int)}, "test must hold rows for each of 2 seeds"),
        ({"test": np.full((2, 3), 10**6)}, "test holds row numbers outside"),
        ({"label": np.zeros(3, int)}, "as many rows"),
        ({"label": np.full(240, 2)}, "label must be integer codes from 0 to 1"),
        ({"label": np.zeros(240)}, "label must be integer codes"),
        ({"label": np.zeros((240, 3), int)}, "label has 3 columns, and classes names 2"),
        ({"group": np.full(240, -1)}, "group must be integer codes from 0 to 1"),
        ({"test": np.tile(np.arange(130), (2, 1))}, "test: seed 0 has rows there"),
        ({"validation": np.tile(np.arange(100), (2, 1))}, "validation: seed 0 has rows there"),
    ],
)
def test_rows_that_do_not_go_together_are_refused(change, said):
    data = small_data()
    fields = {name: getattr(data, name) for name in StudyData.__dataclass_fields__}
    with pytest.raises(ValueError, match=said):
        StudyData(**fields | change)


@pytest.mark.parametrize("share", [0, 1, -1, math.nan])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match=r"share, of the rare group, must lie between 0 and 1"):
        exact_count(share, 100)


def test_horizons_that_are_no_looks_are_refused():
    with pytest.raises(ValueError, match=r"horizons must be numbers of the 2 looks"):
        run_entry(
            small_data(),
            small_network(),
            CONTESTANTS["SGD"],
            Schedule(20, (1, 2)),
            horizons=(2,),
        )


def test_features_that_are_no_numbers_are_refused():
    data = small_data()
    fields = {name: getattr(data, name) for name in StudyData.__dataclass_fields__}
    fields["features"] = data.features * float("nan")
    with pytest.raises(ValueError, match="finite"):
        StudyData(**fields)


def test_seeds_are_judged_on_the_same_rows_or_not():
    assert small_data().same_test_rows
    assert not small_data(same_test=False).same_test_rows
    said = small_data().describe()["Training rows"]
    assert said == "80 (many 60 to 61, few 19 to 20)"
