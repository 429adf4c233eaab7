"""The metric of training loops is the audit's figure, batch by batch and process by process."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise import audit, gap, ratio

pytest.importorskip("torchmetrics")
from equipoise.audit.torch_metric import DisparityMetric

NAMES = ["a", "b", "c"]


def batches(n=600, k=2, seed=0):
    random = np.random.default_rng(seed)
    label, decided = random.integers(0, k, (2, n))
    group = np.sort(random.integers(0, 3, n))  # so that most batches lack a group
    return label, decided, group


def fed(metric, rows, size=50):
    columns = [torch.from_numpy(x) for x in rows]
    for label, decided, group in zip(*(x.split(size) for x in columns), strict=True):
        metric.update(decided, label, group)
    return metric


@pytest.mark.parametrize("disparity", [gap("selection"), ratio("accuracy"), gap("equalized_odds")])
@pytest.mark.parametrize("k", [2, 3])
def test_batches_that_lack_a_group_add_up_to_the_audit_of_all_rows(disparity, k):
    rows = batches(k=k)
    metric = fed(DisparityMetric(disparity, NAMES, n_classes=k), rows)
    label, decided, group = rows
    whole = audit(label, decided, sensitive_features=np.array(NAMES)[group])
    assert float(metric.compute()) == whole.disparity(disparity).value
    assert metric.audit().counts.by_group.tolist() == whole.counts.by_group.tolist()


def test_a_step_has_the_figure_of_its_batch_and_keeps_the_sum():
    metric = DisparityMetric("demographic_parity_difference", 2)
    preds, target, groups = torch.tensor([[1, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1]])
    assert float(metric(preds, target, groups)) == 0.5
    metric(1 - preds, target, groups)
    assert float(metric.compute()) == 0.0
    metric.reset()
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert torch.isnan(metric.compute())


def test_probabilities_and_scores_of_classes_are_decided():
    target, groups = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 0, 1, 1])
    decided = torch.tensor([0, 1, 1, 1])
    figures = []
    for preds in (decided, decided * 0.4 + 0.3, torch.nn.functional.one_hot(decided) * 2.0):
        metric = DisparityMetric(gap("accuracy"), 2)
        figures.append(float(metric(preds, target, groups)))
    assert figures == [0.5, 0.5, 0.5]


def test_what_is_undefined_is_not_zero():
    metric = DisparityMetric(gap("true_positive"), 2)
    value = metric(torch.tensor([1, 0]), torch.tensor([1, 0]), torch.tensor([0, 1]))
    assert torch.isnan(value)


@pytest.mark.parametrize(
    ("preds", "groups", "message"),
    [
        (torch.tensor([0, 1]), torch.tensor([0, 2]), r"groups must lie in 0\.\.1"),
        (torch.tensor([0, 2]), torch.tensor([0, 1]), r"preds must lie in 0\.\.1"),
        (torch.tensor([-1.0, 3.0]), torch.tensor([0, 1]), "take torch.sigmoid"),
        (torch.tensor([0, 1]), torch.tensor([0]), "one entry a row"),
        (torch.tensor([0, 1]), torch.tensor([0.0, 1.0]), "whole numbers"),
        (torch.zeros(2, 3), torch.tensor([0, 1]), "scores of 3 classes"),
    ],
)
def test_what_cannot_be_counted_is_refused_by_name(preds, groups, message):
    with pytest.raises(ValueError, match=message):
        DisparityMetric(gap("selection"), 2).update(preds, torch.tensor([0, 1]), groups)


def test_losses_and_strange_groups_are_refused():
    with pytest.raises(ValueError, match="about losses"):
        DisparityMetric(gap("loss"), 2)
    with pytest.raises(ValueError, match="groups must be"):
        DisparityMetric(gap("selection"), ["a", "a"])


def _train(rank, folder):
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2
    )
    label, decided, group = batches()
    # The processes have different groups.
    mine = group < 1 if rank == 0 else group >= 1
    metric = fed(
        DisparityMetric(gap("selection"), NAMES), (label[mine], decided[mine], group[mine])
    )
    torch.save(metric.compute(), f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_processes_that_see_different_groups_agree_on_the_whole(tmp_path):
    torch.multiprocessing.spawn(_train, (str(tmp_path),), nprocs=2)
    label, decided, group = batches()
    whole = audit(label, decided, sensitive_features=np.array(NAMES)[group])
    for rank in range(2):
        found = float(torch.load(tmp_path / f"{rank}.pt"))
        assert found == whole.disparity(gap("selection")).value
