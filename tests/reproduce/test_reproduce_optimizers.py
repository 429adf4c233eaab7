import dataclasses
from pathlib import Path

import numpy as np
import pytest

from equipoise.audit import Estimate
from equipoise.compare.paired import compare_seeds
from equipoise.compare.study.entry import Entry
from equipoise.constraints import Disparity
from equipoise.report import Section
from equipoise.reproduce import find_reproduction
from equipoise.reproduce.claim import Workplace
from equipoise.reproduce.optimizers import steps, wells
from equipoise.reproduce.optimizers.conditional import only_so
from equipoise.reproduce.optimizers.networks.against import Against, Difference
from equipoise.reproduce.optimizers.networks.claims import balanced_claim, fairer_claims
from equipoise.reproduce.optimizers.networks.part import images_part, part_of
from equipoise.reproduce.optimizers.networks.setting import Results, Setting
from equipoise.reproduce.optimizers.networks.tables import against_table
from equipoise.reproduce.optimizers.rerun import PARTS, rerun
from equipoise.reproduce.optimizers.theory.rest import Rest, figure, ratio
from equipoise.reproduce.part import Part, find_results

ODDS = 'gap("equalized_odds")'
SMALL = Setting(
    "digits", 0.1, 6, 250, (1, 2), (1,), ("SGD", "RMSprop", "Adam", "balanced SGD"), ODDS
)


# ------------------------------------------------------------------------ theory


def test_chains_at_rest_have_the_figures_of_their_law():
    found = Rest(0.7, "SGD", 0.1, chains=2000).run()
    assert figure(found, "mean").value == pytest.approx(0.4, abs=0.02)
    assert figure(found, "variance").value == pytest.approx(4 * 0.1 * 0.21 / 1.9, rel=0.05)
    assert figure(found, "gap").value > 2 * 0.4 - 0.02
    assert np.sum(np.array(found["histogram"])) * 0.025 == pytest.approx(1, abs=0.01)


def test_a_smaller_loss_makes_sgd_stiller_and_leaves_rmsprop_as_it_is():
    of = {
        (rule, scale): figure(Rest(0.8, rule, 0.1, scale=scale, chains=2000).run(), "variance")
        for rule in ("SGD", "RMSProp")
        for scale in (1.0, 0.1)
    }
    assert of["SGD", 0.1].value < 0.2 * of["SGD", 1.0].value
    assert of["RMSProp", 0.1].value == pytest.approx(of["RMSProp", 1.0].value, rel=0.05)


def test_a_ratio_of_shares_has_the_interval_of_its_logarithm():
    ours, theirs = {"near": [0.2, 0.01]}, {"near": [0.1, 0.01]}
    found = ratio(ours, theirs, "near")
    half = 1.96 * np.hypot(0.05, 0.1)
    assert found == pytest.approx((2, 2 * np.exp(-half), 2 * np.exp(half)))
    assert np.isnan(ratio(ours, {"near": [0.0, 0.0]}, "near").value)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 0.3, "holds with a condition"),
        (-0.1, 0.3, "cannot be told"),
        (-3, -1, "does not hold"),
    ],
)
def test_what_is_so_at_one_learning_rate_holds_with_that_condition(low, high, verdict):
    claim = only_so("at one rate", "> 0", Estimate((low + high) / 2, low, high), 0)
    assert claim.verdict == verdict
    assert claim.claim == "at one rate"


def test_the_fair_basin_is_reached_by_the_larger_step_and_not_by_the_optimizer():
    part = wells.wells_part("quick", None)
    some = [cell for cell in part.cells if cell.decides["p1"] == 0.05]
    found = {(c.decides["start"], c.decides["variant"]): c.run()["fair"] / 4000 for c in some}
    assert found["unfair basin", "SGD"] == 0
    assert found["unfair basin", "RMSProp"] == 1
    assert found["unfair basin", "SGD, step of RMSProp"] > 0.99
    assert found["unfair basin", "RMSProp, step of SGD"] == 0


def test_readings_of_a_training_do_not_change_it(monkeypatch):
    monkeypatch.setattr(steps, "_STEPS", 20)
    often = steps._follow("Adam", 1.0, 0)
    monkeypatch.setattr(steps, "_EVERY", 10)
    seldom = steps._follow("Adam", 1.0, 0)
    assert len(often["bound"]) > len(seldom["bound"]) == 2
    assert often["bound"][2] == pytest.approx(seldom["bound"][1], rel=1e-5)


# ------------------------------------------------------------------------ networks


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    part = part_of("small", [SMALL], 0.01, None, Section("A rare style", []))
    return part, find_results(part, folder), folder


def test_a_part_shows_claims_tables_and_figures(small):
    part, found, _ = small
    shown = part.show(found)
    adaptive, balanced = shown.claims[:2], shown.claims[-1]
    assert [claim.claim.split(": ")[1].split(" ")[0] for claim in adaptive] == ["RMSprop", "Adam"]
    assert all("at one rate" in claim.claim for claim in adaptive)
    assert all(claim.low <= claim.ours <= claim.high for claim in shown.claims)
    assert "balanced SGD" in balanced.claim
    assert [len(table.rows) for table in shown.tables] == [4, 3]
    text, section = shown.draw()
    assert text.heading == "A rare style"
    assert section.heading == "digits, 10% rare, batches of 250"


def test_differences_are_of_figures_at_the_rates_that_protocols_choose(small):
    _, found, _ = small
    results = Results.of(SMALL, found)
    disparity = Disparity.parse(ODDS)
    against = Against.of(results, 1, disparity)
    gaps = {}
    for name in ("SGD", "Adam"):
        entry = results.entries[name]
        of_rate = entry.table[entry.tuned(1), 1]
        gaps[name] = disparity.value(disparity.rate.values(of_rate))
    mean = float((gaps["Adam"] - gaps["SGD"]).mean())
    assert against.found["Adam", "tuned"].seeds.mean.value == pytest.approx(mean)
    assert 0 <= against.r_squared <= 1
    assert all(one.p >= one.seeds.p for one in against.found.values())


def test_what_is_finished_is_not_run_again(small):
    part, found, folder = small
    again = Part(
        part.name,
        tuple(dataclasses.replace(cell, run=_never) for cell in part.cells),
        part.show,
    )
    assert find_results(again, folder) == found


def _never():
    raise AssertionError("it has been run before")


@pytest.mark.parametrize(
    ("fixed", "tuned", "matched", "verdict", "words"),
    [
        (-0.1, -0.1, -0.1, "holds", ""),
        (-0.1, 0.0, 0.0, "holds with a condition", "only at one rate for all"),
        (-0.1, -0.1, 0.0, "holds with a condition", "at one rate for all and each at its best"),
        (0.1, 0.1, 0.1, "does not hold", ""),
        (0.0, -0.001, 0.0, "cannot be told", ""),
        (0.0, 0.001, 0.0, "cannot be told", ""),
        (None, 0.1, None, "does not hold", "at one rate undefined"),
    ],
)
def test_a_verdict_says_under_which_protocols_the_claim_is_so(
    small, fixed, tuned, matched, verdict, words
):
    _, found, _ = small
    results = Results.of(SMALL, found)
    data, _ = SMALL.material()
    shifts = {"fixed rate": fixed, "tuned": tuned, "matched loss": matched}
    shifts["tuned for the worst group"] = 0.0
    made = {
        (name, protocol): _difference(shift)
        for name in ("RMSprop", "Adam")
        for protocol, shift in shifts.items()
    }
    against = Against(1, Disparity.parse(ODDS), 0.9, made)
    claim = fairer_claims(results, data, [against])[0]
    assert claim.verdict == verdict
    assert words in claim.claim


@pytest.mark.parametrize(
    ("lower", "verdict"),
    [(0.2, "holds"), (0.0, "cannot be told"), (-0.2, "cannot be told")],
)
def test_the_best_optimizer_of_several_is_not_said_to_win_for_having_been_chosen(
    small, lower, verdict
):
    # Of six seeds p is at least 1/32, and three times that is more than 5%.
    _, found, _ = small
    entries = Results.of(SMALL, found).entries
    tables = {name: _with_gap(entry, 0.5) for name, entry in entries.items()}
    tables["balanced SGD"] = _with_gap(entries["balanced SGD"], 0.5 - lower)
    against = Against(1, Disparity.parse(ODDS), 0.9, {})
    claim = balanced_claim(Results(SMALL, tables), 1, against)
    assert claim.verdict == verdict
    assert claim.ours == pytest.approx(-lower)
    assert "best of 3" in claim.claim


def _with_gap(entry, gap):
    table = np.zeros_like(entry.table)
    table[..., 0, [0, 1], [0, 1]] = 100
    table[..., 1, 0, :] = [100 - round(100 * gap), round(100 * gap)]
    table[..., 1, 1, 1] = 100
    return dataclasses.replace(entry, table=table)


def _difference(shift):
    if shift is None:
        return Difference(None, np.nan)
    noise = np.linspace(-0.01, 0.01, 20)
    seeds = compare_seeds(noise * 0, noise + shift)
    return Difference(seeds, seeds.p)


def test_a_contestant_that_diverged_is_said_to_have(small):
    _, found, _ = small
    results = Results.of(SMALL, found)
    entry = results.entries["Adam"]
    lost = Entry.from_dict(entry.to_dict())
    lost.train_loss[[lost.fixed, lost.tuned(1)]] = np.nan
    broken = Results(SMALL, results.entries | {"Adam": lost})
    against = Against.of(broken, 1, Disparity.parse(ODDS))
    assert against.found["Adam", "fixed rate"].seeds is None
    assert not against.found["Adam", "fixed rate"].less
    claims = fairer_claims(broken, SMALL.material()[0], [against])
    assert "undefined" in claims[1].claim


@pytest.mark.parametrize("name", ["SGD", "Adam", "balanced SGD"])
def test_what_diverged_at_every_rate_is_undefined_and_stops_nothing(small, name):
    part, found, _ = small
    broken = [dict(one) for one in found]
    at = SMALL.contestants.index(name)
    for loss in ("train_loss", "validation_loss", "worst_validation_loss"):
        broken[at][loss] = np.full(np.shape(found[at][loss]), None).tolist()
    shown = part.show(broken)
    lost = [claim for claim in shown.claims if "(undefined)" in claim.claim]
    wanted = {"SGD": ["RMSprop", "Adam"], "Adam": ["Adam"], "balanced SGD": ["heeding"]}[name]
    assert [claim.claim.split(": ")[1].split(" ")[0] for claim in lost] == wanted
    assert {claim.verdict for claim in lost} == {"does not hold"}
    cells = [str(cell) for row in shown.tables[1].rows for cell in row]
    assert any("undefined" in cell for cell in cells)


def test_a_rate_at_the_edge_of_the_search_is_said_where_it_is_the_best_for_the_worst_group(small):
    _, found, _ = small
    entries = Results.of(SMALL, found).entries
    disparity = Disparity.parse(ODDS)
    for at, name in ((0, "SGD"), (1, "SGD"), (0, "Adam"), (1, "Adam")):
        entry = Entry.from_dict(entries[name].to_dict())
        searched = np.flatnonzero(entry.searched)
        entry.worst_validation_loss[:, 1] = 2.0
        entry.worst_validation_loss[searched[at], 1] = 1.0
        others = {
            one: _with_best_inside(entries[one])
            for one in ("SGD", "RMSprop", "Adam")
            if one != name
        }
        changed = Results(SMALL, entries | others | {name: entry})
        against = Against.of(changed, 1, disparity)
        assert against.worst_at_edge(changed, "Adam") is (at == 0)
        assert against.worst_at_edge(changed, "RMSprop") is (at == 0 and name == "SGD")
        claim = fairer_claims(changed, SMALL.material()[0], [against])[1].claim
        assert ("at an edge" in claim) is (at == 0)
        cells = {row[0]: str(row[3]) for row in against_table(changed, against).rows}
        assert ("(edge)" in cells["Adam"]) is (at == 0)


def _with_best_inside(entry):
    made = Entry.from_dict(entry.to_dict())
    made.worst_validation_loss[:, 1] = 2.0
    made.worst_validation_loss[np.flatnonzero(made.searched)[1], 1] = 1.0
    return made


# ------------------------------------------------------------------------ the whole


def test_the_page_has_a_section_for_each_part(small):
    part, _, folder = small
    outcome = rerun("quick", Workplace(out=folder), [part])
    headings = [section.heading for section in outcome.page.sections]
    assert headings[1:] == ["A rare style", "digits, 10% rare, batches of 250"]
    assert outcome.to_dict()["claims"]


def test_images_are_re_run_in_the_full_tier_and_with_data_alone():
    assert not images_part("quick", Path("x")).cells
    assert "--data-dir" in images_part("full", None).notes[0]
    assert images_part("full", Path("x")).cells


def test_every_cell_of_both_tiers_is_decided_by_something_of_its_own():
    for tier in ("quick", "full"):
        parts = [make(tier, Path("x")) for make in PARTS]
        names = [(p.name, repr(sorted(c.decides.items()))) for p in parts for c in p.cells]
        assert len(set(names)) == len(names)
    assert find_reproduction("optimizers").name == "optimizers"
