"""Methods crossed with optimizers: each gets its learning rate, on rows it has not learnt from."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
import torch

from equipoise.audit import Counts
from equipoise.compare import Comparison, Settings
from equipoise.compare.contender import Contender, crossed
from equipoise.compare.rates import Tried, choose_rate
from equipoise.compare.run import compare
from equipoise.compare.table import rates_table
from equipoise.compare.trial import Trial
from equipoise.constraints import Constraint, gap
from equipoise.groups import Groups
from equipoise.learn.optimizers import make_optimizer

PROMISE = gap("selection") <= 0.1


@pytest.fixture(scope="module")
def optimizers(small: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    asked = small | {"methods": ["erm+sgd", "erm+muon", "alm"]}
    return compare("census-sim", out=tmp_path_factory.mktemp("run") / "optimizers", **asked)


def test_each_method_is_crossed_with_each_optimizer():
    assert crossed(["erm", "alm"], ["sgd", "muon"]) == [
        "erm+sgd",
        "erm+muon",
        "alm+sgd",
        "alm+muon",
    ]
    assert crossed(["erm", "alm+muon"], []) == ["erm", "alm+muon"]
    with pytest.raises(ValueError, match=r"alm\+muon, which has an optimizer already"):
        crossed(["erm", "alm+muon"], ["sgd"])


def test_names_are_read_in_any_letters_and_written_in_one_way():
    assert str(Contender.parse("alm + RMSPROP")) == "alm+RMSprop"
    assert Settings((PROMISE,), ("erm+sgd", "erm")).methods == ("erm+SGD", "erm")
    with pytest.raises(ValueError, match="optimizer must be one of"):
        Contender.parse("alm+adamant")
    with pytest.raises(ValueError, match="unknown method"):
        Contender.parse("magic+adam")
    assert str(Contender.parse("alm+samadam")) == "alm+SAMAdam"
    with pytest.raises(ValueError, match=r"'SAM' asks for more .* or one of the methods erm, "):
        Settings((PROMISE,), ("erm", "ghost+sam"))
    with pytest.raises(ValueError, match="names one twice"):
        Settings((PROMISE,), ("erm+sgd", "erm+SGD"))


def test_a_contender_has_models_of_its_own_with_the_rate_that_was_best(optimizers: Comparison):
    sgd, muon, alm = optimizers.trials
    assert [t.method for t in optimizers.trials] == ["erm+SGD", "erm+Muon", "alm"]
    for trial, name in ((sgd, "SGD"), (muon, "Muon")):
        best = max(trial.rates, key=lambda tried: tried.order)
        training = optimizers.model(trial.method).about["training"]
        assert (training["optimizer"], training["learning_rate"]) == (name, best.rate)
        losses = [c.loss[:, 0].sum() / c.n_rows for c in trial.counts["validation"]]
        assert best.loss == pytest.approx(np.mean(losses))
    assert alm.rates == []
    assert optimizers.model("alm").about["training"]["optimizer"] == "Adam"


def test_rates_are_in_the_table_and_on_the_page(optimizers: Comparison):
    (answer,) = optimizers.tables()
    rate = [str(row[-1].text) for row in answer.cells]
    best = [max(t.rates, key=lambda one: one.order) for t in optimizers.trials[:2]]
    assert rate == [*(f"{one.rate:g}" for one in best), ""]
    table = rates_table(optimizers)
    assert len(table.cells) == sum(len(t.rates) for t in optimizers.trials)
    assert "Learning rates, judged on the validation rows" in optimizers.report.read_text()


def test_no_rates_are_spoken_of_where_none_was_chosen(finished: Comparison):
    assert rates_table(finished) is None
    assert "Learning rates" not in finished.report.read_text()
    assert all(trial.rates == [] for trial in finished.trials)


def test_a_run_of_optimizers_is_read_again(optimizers: Comparison):
    again = Comparison.load(optimizers.folder.path)
    assert [t.rates for t in again.trials] == [t.rates for t in optimizers.trials]
    state = json.loads(json.dumps(again.trials[0].to_dict()))
    assert Trial.from_dict(state).rates == again.trials[0].rates


def test_the_command_of_a_run_repeats_its_contenders(optimizers: Comparison):
    assert "--methods erm+SGD,erm+Muon,alm" in optimizers.description["request"]


# ------------------------------------------------------------------------ the rate


def trying(loss_at):
    tried = []

    def attempt(rate):
        tried.append(rate)
        return Tried(rate, 3, 3, loss_at(rate))

    return tried, attempt


def test_five_rates_are_tried_where_the_best_lies_within():
    tried, attempt = trying(lambda rate: abs(math.log(rate / 0.0032)))
    found = choose_rate("Adam", attempt)
    assert len(tried) == 5
    assert [one.rate for one in found] == [0.00032, 0.001, 0.0032, 0.01, 0.032]
    assert max(found, key=lambda one: one.order).rate == 0.0032


@pytest.mark.parametrize(("best", "edge"), [(1e-9, min), (1e3, max)])
def test_more_are_tried_where_the_best_lies_at_an_edge_but_not_for_ever(best, edge):
    tried, attempt = trying(lambda rate: abs(math.log(rate / best)))
    found = choose_rate("Adam", attempt)
    assert len(tried) == 9
    rates = [one.rate for one in found]
    assert rates == sorted(rates)
    assert max(found, key=lambda one: one.order).rate == edge(rates)


def test_a_rate_at_which_all_diverge_is_never_the_best():
    found = choose_rate(
        "SGD", lambda rate: Tried(rate, 0, 0, None) if rate > 0.2 else Tried(rate, 3, 3, 1 / rate)
    )
    assert max(found, key=lambda one: one.order).rate == pytest.approx(0.1)


def counted(gap_of, loss, n=100):
    """Of two groups, the first of which is selected by so much more."""
    groups = Groups.from_codes(np.repeat([0, 1], n), ["a", "b"])
    label = np.zeros(2 * n, int)
    prediction = np.concatenate([np.arange(n) < gap_of * n, np.zeros(n, bool)]).astype(int)
    return Counts.from_block(label, prediction, groups, (0, 1), loss=np.full(2 * n, loss))


def test_once_half_of_the_models_keep_the_promise_the_loss_decides():
    def tried(gaps, loss):
        targets: list[Constraint] = [PROMISE]
        return Tried.of(0.1, [counted(g, loss) for g in gaps], targets)

    most, half, few = tried([0, 0, 0], 0.5), tried([0, 0, 0.3], 0.4), tried([0, 0.3, 0.3], 0.3)
    assert [most.kept, half.kept, few.kept] == [3, 2, 1]
    assert few.order < most.order < half.order
    assert Tried.of(0.1, [counted(0.3, 0.2)], []).kept == 1
    assert Tried.of(0.1, [], [PROMISE]).order < few.order


def test_an_optimizer_with_one_rate_for_all_is_given_no_more():
    parameters = [torch.zeros(3, 2)]
    rates = torch.tensor([0.1, 0.2, 0.3])
    made = make_optimizer("NAdam", parameters, rates, 0.0)
    assert torch.equal(made.rates, rates)
    with pytest.raises(ValueError, match="'Adadelta' has one rate for all replicates"):
        make_optimizer("Adadelta", parameters, rates, 0.0)
