"""Which iterate is kept, and what is asked of a run so that there is a good one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from equipoise import Constraint, Groups
from equipoise.learn import FairProblem, Rows, StackedMLP, TrainingSettings, train
from equipoise.learn.ending import Ending, affordable_looks
from equipoise.optim.constrained import MovingAverage, Ratios

SELECTION = 'gap("selection") <= 0.1'
PROMISES = (
    SELECTION,
    'gap("equalized_odds") <= 0.3',
    'ratio("selection") >= 0.8',
    'worst("predictive_value") >= 0.7',
    'worst("loss") <= 0.9',
    'worst("error") <= 0.3',
)


class Listener(MovingAverage):
    """An estimator that keeps what it is told."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def correct(self, exact):
        self.heard.append(exact.values)


class Run:
    """A run of r replicates whose every iterate is set by hand: thresholds on a feature."""

    def __init__(self, promises, r=1, steps=10, iterate="best"):
        random = np.random.default_rng(5)
        self.group = random.integers(0, 2, 120)
        self.x = random.normal(size=120) + 0.7 * self.group
        self.label = (self.x + random.normal(size=120) > 0.5).astype(np.int64)
        self.groups = Groups.from_codes(self.group, ["a", "b"])
        rows = Rows.of(self.x[:, None], self.label, self.groups, dtype=torch.float64)
        self.promises = [Constraint.parse(one) for one in promises]
        self.network = StackedMLP(1, (), 2, range(r), torch.float64)
        self.problem = FairProblem(self.network, rows, 2, self.promises)
        self.steps = steps
        self.ending = Ending(self.problem, steps, iterate)

    def through(self, thresholds, slopes=None):
        """Go through iterates (steps, r), and finish; returns where each replicate ends."""
        for step, at in enumerate(thresholds):
            self.put(at, 2.0 if slopes is None else slopes[step])
            self.ending.after_step(step)
        self.ending.finish()
        return self.at()

    def put(self, threshold, slope=2.0):
        slope = np.broadcast_to(slope, np.shape(threshold))
        with torch.no_grad():
            self.network.weights[0][:] = 0.0
            self.network.biases[0][:] = 0.0
            self.network.weights[0][:, 0, 1] = torch.as_tensor(slope.copy())
            self.network.biases[0][:, 0, 1] = torch.as_tensor(-slope * threshold)

    def at(self):
        weight, bias = self.network.weights[0][:, 0, 1], self.network.biases[0][:, 0, 1]
        return (-bias / weight).detach().numpy()

    def measured(self, threshold, slope=2.0):
        """Mean loss, whether all promises are kept, and by how much the worst is not."""
        z = slope * (self.x - threshold)
        loss = np.logaddexp(0, np.where(self.label == 1, -z, z))
        table = self.groups.tabulate(self.label * 2 + (z > 0), 4).reshape(2, 2, 2)
        kept, away = True, -1.0
        for one in self.promises:
            if one.disparity.rate.of_loss:
                values = np.array([[loss[self.group == g].mean() for g in (0, 1)]])
            else:
                values = one.disparity.rate.values(table)
            value = one.disparity.value(values)
            kept &= bool(one.kept_by(values))
            broken = value - one.bound if one.sense == "<=" else one.bound - value
            away = max(away, np.inf if np.isnan(broken) else broken)
        return loss.mean(), kept, away


@settings(deadline=None, max_examples=30)
@given(
    st.lists(st.sampled_from(PROMISES), min_size=1, max_size=2, unique=True),
    st.integers(0, 10**6),
    st.sampled_from([0.5, 2.0]),
)
def test_the_best_candidate_that_holds_is_kept_or_else_the_closest(promises, seed, spread):
    thresholds = np.random.default_rng(seed).normal(0, spread, (10, 3))
    run = Run(promises, r=3)
    ends = run.through(thresholds)
    for candidates, end in zip(thresholds[7:].T, ends, strict=True):  # the last 3 of 10
        seen = {at: run.measured(at) for at in candidates}
        # On the very bound the rounding of a mean decides.
        assume(all(abs(away) > 1e-9 for _, _, away in seen.values()))
        holding = {at: loss for at, (loss, kept, _) in seen.items() if kept}
        if holding:
            best = min(holding, key=holding.get)
            assert end == pytest.approx(best, rel=1e-12)
            continue
        closest = min(away for _, _, away in seen.values())
        end = min(seen, key=lambda at: abs(at - end))
        assert seen[end][2] == pytest.approx(closest, abs=1e-12)
        assert seen[end][2] <= seen[candidates[-1]][2] + 1e-12  # never worse than the last


@pytest.mark.parametrize(
    "promise", ['worst("predictive_value") >= 0.7', 'ratio("selection") >= 0.8']
)
def test_a_rate_that_is_undefined_holds_nothing(promise):
    run = Run([promise])
    nobody, somebody = 50.0, -1.5
    assert run.measured(nobody)[1] is False
    assert run.measured(somebody)[1] is (promise[0] == "r")
    # It is kept neither before nor after an iterate whose rates are known, good or bad.
    for order in ([nobody, nobody, somebody], [somebody, nobody, nobody]):
        assert Run([promise]).through([[0.0]] * 7 + [[at] for at in order]) == pytest.approx(
            somebody
        )
    assert Run([promise]).through([[nobody]] * 10) == pytest.approx(nobody)


@pytest.mark.parametrize("steps", [1, 2, 3, 7, 50, 71, 100, 333])
def test_the_last_iterate_is_always_among_the_candidates(steps):
    run = Run([SELECTION], steps=steps)
    thresholds = np.linspace(5, 20, steps)[::-1, None]  # nobody is selected, ever more narrowly
    assert run.through(thresholds) == pytest.approx(5.0)


def test_iterates_of_the_first_part_of_a_run_are_no_candidates():
    run = Run([SELECTION])
    assert run.measured(-2.0)[1]
    assert not run.measured(0.5)[1]
    assert run.through([[-2.0]] * 7 + [[0.5]] * 3) == pytest.approx(0.5)


def test_what_is_asked_is_an_integral_of_what_was_seen_and_bounded_by_half_the_room():
    run = Run([SELECTION])
    for step in range(3):
        run.put([0.5])
        run.ending.after_step(step)
    assert run.ending.asked.tolist() == [[0.0]]  # too early to look
    broken, asked = run.measured(0.5)[2] / 2, 0.0  # on either side of the middle
    assert broken > 0.01
    for step in range(3, 10):
        run.ending.after_step(step)
        asked = min(asked + 0.5 * broken, 0.025)
        assert run.ending.asked.item() == pytest.approx(asked, rel=1e-9)
    assert asked == 0.025


@pytest.mark.parametrize("threshold", [0.5, 2.0])
def test_what_is_asked_of_a_ratio_is_in_its_own_units(threshold):
    # Or at low rates, where its inequalities are tiny, nothing could meet what is asked.
    run = Run(['ratio("selection") >= 0.8'], steps=20)
    run.put([threshold])
    broken = run.measured(threshold)[2]
    assert broken > 0.1
    run.ending.after_step(6)
    assert run.ending.asked.item() == pytest.approx(min(0.5 * broken, 0.1), rel=1e-9)


def test_of_a_ratio_that_is_not_there_nothing_more_is_asked():
    run = Run(['ratio("selection") >= 0.8'], steps=20)
    run.put([50.0])
    run.ending.after_step(6)
    assert run.ending.asked.item() == 0.0


def test_what_is_asked_is_let_go_of_slowly_once_the_promise_is_kept():
    run = Run([SELECTION], steps=20)
    run.put([0.5])
    run.ending.after_step(6)
    before = run.ending.asked.item()
    run.put([-2.0])
    for step in range(7, 10):
        run.ending.after_step(step)
    assert before > 0
    assert run.ending.asked.item() == pytest.approx(before * 0.7**3)


# Tightened by t, the inequalities of a gap are those of a bound that is smaller by 2 t.
ROOMS = {
    'gap("selection") <= 0.1': 0.025,
    'gap("selection") <= 0': 0.0,
    'ratio("selection") >= 0.9': 0.05,
    'worst("accuracy") >= 0.95': 0.025,
    'worst("accuracy") >= 1': 0.0,
    'worst("error") <= 0.1': 0.05,
    'worst("loss") <= 0.2': 0.1,
    'gap("loss") <= 0.02': 0.005,
}


@pytest.mark.parametrize("promise", ROOMS)
def test_no_more_is_asked_than_half_of_what_the_bound_leaves(promise):
    run = Run([promise], steps=60)
    for step in range(60):
        run.put([1.5])
        run.ending.after_step(step)
    assert run.measured(1.5)[2] > 0
    assert run.ending.asked.item() == pytest.approx(ROOMS[promise], rel=1e-12, abs=0)


def test_each_promise_is_asked_for_its_own():
    # The first cannot be tightened, the second is kept, and only the third is broken.
    run = Run(['gap("selection") <= 0', 'worst("loss") <= 5', SELECTION], steps=60)
    for step in range(60):
        run.put([0.5])
        run.ending.after_step(step)
    assert run.ending.asked.tolist() == [[0.0, 0.0, 0.025]]


def test_no_replicate_is_asked_for_what_another_broke():
    at, steps = np.array([0.5, -2.0, 1.0]), 20
    stacked = Run([SELECTION, 'worst("error") <= 0.3'], r=3, steps=steps)
    stacked.through([at] * steps)
    for i, own in enumerate(at):
        alone = Run([SELECTION, 'worst("error") <= 0.3'], steps=steps)
        alone.through([[own]] * steps)
        torch.testing.assert_close(stacked.ending.asked[i : i + 1], alone.ending.asked)
    assert (stacked.ending.asked.amax(1) > 0).tolist() == [True, True, True]
    assert stacked.ending.asked[1, 0] == 0


@pytest.mark.parametrize("promise", PROMISES)
def test_a_batch_is_evaluated_with_the_margins_that_are_asked_for(promise):
    run = Run([promise, SELECTION], r=2)
    run.put([0.5, 1.2])
    batch = run.problem(torch.arange(120).expand(2, -1))
    assert run.ending.tightened(batch) is batch  # nothing is asked for yet
    for step in range(10):
        run.ending.after_step(step)
    objective, constraints = run.ending.tightened(batch)
    assert objective is batch[0]
    assert constraints.proxy is batch[1].proxy
    rates = batch[1].statistic[0] / batch[1].statistic[1]
    before, after = batch[1].function(rates), constraints.function(rates)
    sizes = [one.n_violations(2, 2) for one in run.promises]
    asked = run.ending.asked.repeat_interleave(torch.tensor(sizes), dim=1)
    assert asked[:, -1].min() > 0
    if promise[0] == "r":  # inequalities of a ratio are in units of the highest rate
        asked[:, : sizes[0]] *= rates[:, 0].amax(-1, keepdim=True)
    torch.testing.assert_close(after, before + asked)


@pytest.mark.parametrize(
    ("promise", "units"),
    [(SELECTION, 2), ('worst("error") <= 0.3', 1), ('ratio("selection") >= 0.8', 1)],
)
def test_a_margin_is_a_stricter_bound(promise, units):
    run = Run([promise])
    run.put([0.5])
    run.ending.after_step(9)
    _, constraints = run.ending.tightened(run.problem(torch.arange(120)[None]))
    rates = constraints.statistic[0, 0] / constraints.statistic[1, 0]
    stricter = run.promises[0].tightened(units * run.ending.asked.item())
    more = stricter.bound - run.promises[0].bound
    assert (more if run.promises[0].sense == ">=" else -more) > 0
    torch.testing.assert_close(constraints.function(rates[None])[0], stricter.violations(rates))


@pytest.mark.parametrize(("rows", "told"), [(np.inf, 3), (8.0, 3), (7.9, 7), (0.5, 7)])
def test_an_estimator_is_told_of_all_rows_late_or_always_where_a_batch_says_little(rows, told):
    run, listener = Run([SELECTION], r=2), Listener()
    run.ending = Ending(run.problem, 10, "best", 50, listener, rows)
    thresholds = np.random.default_rng(0).normal(size=(10, 2))
    run.through(thresholds)
    assert len(listener.heard) == told
    for at, heard in zip(thresholds[-told:], listener.heard, strict=True):
        run.put(at)
        torch.testing.assert_close(heard, run.problem.everything()[1].values)


@pytest.mark.parametrize("iterate", ["last", "average"])
def test_where_no_iterate_is_looked_at_an_estimator_is_told_nothing(iterate):
    run, listener = Run([SELECTION]), Listener()
    run.ending = Ending(run.problem, 10, iterate, 50, listener, 1.0)
    run.through(np.zeros((10, 1)))
    assert not listener.heard


def test_the_last_iterate_is_simply_the_last():
    run = Run([SELECTION], iterate="last")
    assert run.through(np.linspace(-2, 0.5, 10)[:, None]) == pytest.approx(0.5)
    assert run.ending.asked.max() == 0


def test_the_average_is_that_of_the_last_part_of_the_run():
    run = Run([SELECTION], r=2, iterate="average")
    iterates = np.random.default_rng(0).normal(size=(10, 2))
    ends = run.through(iterates)
    np.testing.assert_allclose(ends, iterates[7:].mean(0), rtol=1e-6)  # kept in single precision
    assert run.ending.asked.max() == 0


@pytest.mark.parametrize("iterate", ["best", "last"])
def test_without_a_promise_a_run_ends_with_its_last_iterate(iterate):
    run = Run([], iterate=iterate)
    batch = run.problem(torch.arange(120)[None])
    assert run.ending.tightened(batch) is batch
    assert run.through(np.linspace(-2, 0.5, 10)[:, None]) == pytest.approx(0.5)


def test_a_run_none_of_whose_candidates_is_finite_has_diverged():
    slopes = np.full((10, 2), 2.0)
    slopes[7:, 1] = 1e308
    with pytest.raises(FloatingPointError, match="diverged"):
        Run([SELECTION], r=2).through(np.full((10, 2), 0.5), slopes)


def test_a_candidate_that_is_not_finite_is_not_kept():
    slopes = np.full((10, 1), 2.0)
    slopes[8:] = 1e308
    assert Run([SELECTION]).through(np.linspace(0, 0.9, 10)[:, None], slopes) == pytest.approx(0.7)


def people(n=500):
    random = np.random.default_rng(7)
    group = random.integers(0, 2, n)
    x = random.normal(size=(n, 3))
    x[:, 0] += 1.2 * group
    y = (x[:, 0] + 0.5 * x[:, 1] + 0.3 * random.logistic(size=n) > 0.6).astype(np.int64)
    x[:, 2] = group - 0.5
    return Rows.of(x, y, Groups.from_codes(group, ["a", "b"]), dtype=torch.float64)


def trained(rows, seeds, promises, **changes):
    chosen = {"hidden": (4,), "steps": 150, "batch_size": 64, "learning_rate": 0.02, **changes}
    return train(rows, 2, seeds, TrainingSettings(**chosen), list(map(Constraint.parse, promises)))


def test_the_network_that_training_returns_keeps_the_promise_on_its_rows():
    rows, seeds = people(), [0, 1, 2, 3]
    gaps = {}
    for iterate in ("best", "last"):
        network = trained(rows, seeds, [SELECTION], iterate=iterate, steps=400).network
        decided = network(rows.features).argmax(-1).numpy()
        rates = [decided[:, rows.groups.codes == g].mean(1) for g in (0, 1)]
        gaps[iterate] = abs(rates[0] - rates[1])
    assert (gaps["best"] <= 0.1).all()
    assert not (gaps["last"] <= 0.1).all()  # which only chance would make true


@pytest.mark.parametrize("iterate", ["best", "average"])
def test_replicates_of_several_promises_end_where_each_ends_alone(iterate):
    rows, promises = people(), [SELECTION, 'worst("accuracy") >= 0.85', 'gap("loss") <= 0.02']
    together = trained(rows, [5, 6], promises, iterate=iterate).network.state_dict()
    for r, seed in enumerate([5, 6]):
        alone = trained(rows, [seed], promises, iterate=iterate).network.state_dict()
        for name, x in alone.items():
            torch.testing.assert_close(together[name][r : r + 1], x, rtol=0, atol=1e-9)


def test_a_method_that_does_not_heed_the_promise_is_not_touched():
    rows = people()
    ends = [
        trained(rows, [0], [SELECTION], method="erm", iterate=iterate, steps=40).network.weights[0]
        for iterate in ("best", "last", "average")
    ]
    assert torch.equal(ends[0], ends[1])
    assert torch.equal(ends[0], ends[2])


def test_a_look_leaves_no_gradient_and_no_trace_in_the_network():
    run = Run([SELECTION])
    run.put([0.5])
    before = [p.detach().clone() for p in run.network.parameters()]
    run.ending.after_step(9)
    for p, was in zip(run.network.parameters(), before, strict=True):
        assert p.grad is None
        assert torch.equal(p, was)
    assert isinstance(run.problem(torch.arange(5)[None])[1], Ratios)


def test_looks_see_about_as_many_rows_as_steps_do_within_limits():
    assert affordable_looks(10_000, 250_000) == 25
    assert affordable_looks(10_000, 1) == 12
    assert affordable_looks(1, 10_000) == 50
