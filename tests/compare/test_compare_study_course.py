import numpy as np
import pytest
import torch
from study_material import small_data, small_network
from torch.nn import functional

from equipoise.compare.study.batches import BalancedBatches, OrderedBatches
from equipoise.compare.study.contestant import CONTESTANTS
from equipoise.compare.study.course import Schedule, follow
from equipoise.learn.network import StackedMLP
from equipoise.learn.order import Order

RATE = {"SGD": 0.3, "Momentum": 0.05, "Adam": 0.01, "RMSprop": 0.01, "Muon": 0.02}


def by_hand(data, optimizer, rate, seat, epochs, batch=16):
    """One network, one of torch's optimizers, a plain loop."""
    network = StackedMLP(4, (5,), 2, [data.seeds[seat]])
    made = optimizer(network.parameters(), lr=rate)
    order = Order(data.train.shape[1], batch, [data.seeds[seat]])
    train = torch.from_numpy(data.train[seat])
    for _ in range(epochs * (len(train) // batch)):
        rows = train[order.next_batch()[0]]
        made.zero_grad()
        loss = functional.cross_entropy(network(data.features[rows])[0], data.targets[rows])
        loss.backward()
        made.step()
    return network


@pytest.mark.parametrize(
    ("name", "optimizer"),
    [
        ("SGD", torch.optim.SGD),
        ("Adam", torch.optim.Adam),
        ("RMSprop", torch.optim.RMSprop),
        ("Momentum", lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)),
    ],
)
def test_a_run_is_that_of_a_plain_loop(name, optimizer):
    data = small_data()
    rates = (RATE[name], RATE[name] / 3)
    runs = [(rate, seat) for rate in rates for seat in (0, 1)]
    found = follow(data, small_network(), CONTESTANTS[name], runs, Schedule(16, (2, 3)))
    for number, (rate, seat) in enumerate(runs):
        network = by_hand(data, optimizer, rate, seat, 3)
        with torch.no_grad():
            logits = network(data.features)[0]
        losses = functional.cross_entropy(logits, data.targets, reduction="none").numpy()
        train, validation = data.train[seat], data.validation[seat]
        assert found.train_loss[1, number] == pytest.approx(losses[train].mean(), rel=1e-4)
        for code in (0, 1):
            own = validation[data.group[validation] == code]
            assert found.validation_loss[1, number, code] == pytest.approx(
                losses[own].mean(), rel=1e-4
            )
            assert found.validation_count[number, code] == len(own)
        assert found.overall[1, number] == pytest.approx(losses[validation].mean(), rel=1e-4)
        decided = logits.argmax(1).numpy()[data.test[seat]]
        assert (found.decisions[1, number] == decided).mean() > 0.99


@pytest.mark.parametrize("name", list(CONTESTANTS))
def test_a_run_alone_is_the_run_in_a_stack(name):
    data, contestant = small_data(3), CONTESTANTS[name]
    rate = 10 ** (contestant.place / 2)
    schedule = Schedule(16, (2,))
    stack = follow(data, small_network(), contestant, [(rate, 0), (rate / 3, 2)], schedule)
    alone = follow(data, small_network(), contestant, [(rate / 3, 2)], schedule)
    assert alone.train_loss[0, 0] == pytest.approx(stack.train_loss[0, 1], rel=1e-3)
    start = follow(data, small_network(), contestant, [(1e-8, 2)], Schedule(16, (1,)))
    assert alone.train_loss[0, 0] < start.train_loss[0, 0]


def test_stacks_of_any_size_see_the_same(monkeypatch):
    data = small_data(3)
    runs = [(0.1, seat) for seat in (0, 1, 2)] * 2
    whole = follow(data, small_network(), CONTESTANTS["Adam"], runs, Schedule(16, (1,)))
    monkeypatch.setattr("equipoise.compare.study.course._NUMBERS_AT_ONCE", 16 * 4 * 2)
    parts = follow(data, small_network(), CONTESTANTS["Adam"], runs, Schedule(16, (1,)))
    assert np.allclose(whole.train_loss, parts.train_loss, rtol=1e-4)
    assert np.array_equal(whole.validation_count, parts.validation_count)


@pytest.mark.parametrize("name", ["SGD", "group DRO"])
def test_a_run_that_diverges_has_no_loss_and_leaves_others_alone(name):
    data = small_data()
    runs = [(0.1, 0), (1e30, 0), (0.1, 1)]
    found = follow(data, small_network(), CONTESTANTS[name], runs, Schedule(16, (2,)))
    assert np.isnan(found.train_loss[0]).tolist() == [False, True, False]
    alone = follow(data, small_network(), CONTESTANTS[name], [(0.1, 1)], Schedule(16, (2,)))
    assert alone.train_loss[0, 0] == pytest.approx(found.train_loss[0, 2], rel=1e-5)


def test_rows_of_several_labels_are_learnt():
    data = small_data(multilabel=True)
    runs = [(0.03, 0), (0.03, 1)]
    found = follow(data, small_network(()), CONTESTANTS["Adam"], runs, Schedule(16, (1, 30)))
    assert found.decisions.shape == (2, 2, data.test.shape[1], 2)
    assert (found.train_loss[1] < found.train_loss[0]).all()
    right = found.decisions[1, 0] == data.label[data.test[0]]
    assert right[:, 1].mean() > 0.9


def test_sophia_says_that_it_draws_one_label_a_row():
    data = small_data(multilabel=True)
    with pytest.raises(ValueError, match="another optimizer"):
        follow(data, small_network(), CONTESTANTS["Sophia"], [(0.01, 0)], Schedule(16, (1,)))


def test_group_dro_lowers_the_loss_of_the_group_that_loses_most():
    data = small_data(4, share=0.1)
    runs = [(0.03, seat) for seat in range(4)]
    plain, robust = (
        follow(data, small_network(()), CONTESTANTS[name], runs, Schedule(16, (20,)))
        for name in ("Momentum", "group DRO")
    )
    assert robust.worst.mean() < plain.worst.mean()


def test_each_row_comes_once_an_epoch():
    rows = np.array([[3, 5, 7, 9], [2, 4, 6, 8]])
    batches = OrderedBatches(rows, 2, [0, 1])
    seen = torch.cat([batches.next(), batches.next()], 1).sort(1).values
    assert seen.tolist() == rows.tolist()


def test_balanced_batches_have_as_many_rows_of_each_group():
    group = np.array([0] * 18 + [1] * 2)
    rows = np.tile(np.arange(20), (2, 1))
    batches = BalancedBatches(rows, group, 2, 8, [0, 5])
    seen = torch.stack([batches.next() for _ in range(50)])
    assert (torch.from_numpy(group)[seen].sum(-1) == 4).all()
    assert sorted(set(seen[:, 0].flatten().tolist())) == list(range(20))
    alone = BalancedBatches(rows[:1], group, 2, 8, [5])
    assert torch.equal(torch.stack([alone.next() for _ in range(50)])[:, 0], seen[:, 1])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Schedule(0, (1,)), "batch_size"),
        (lambda: Schedule(8, ()), "looks"),
        (lambda: Schedule(8, (3, 2)), "looks"),
        (
            lambda: BalancedBatches(np.zeros((1, 4), int), np.zeros(4, int), 5, 4, [0]),
            "one row of each group",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_a_batch_of_more_rows_than_there_are_is_one_of_all_rows_however_it_is_drawn():
    data = small_data()
    for name in ("SGD", "balanced SGD"):
        all_rows, more = (
            follow(data, small_network(), CONTESTANTS[name], [(0.1, 0)], Schedule(size, (3,)))
            for size in (80, 500)
        )
        assert np.array_equal(all_rows.train_loss, more.train_loss)
