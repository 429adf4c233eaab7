"""Stacked perceptrons compute what separate ones would, and start where their seeds say."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from equipoise.learn import StackedMLP

LAYERS = [(), (5,), (7, 4, 3)]


def separate(network: StackedMLP, number: int) -> torch.nn.Sequential:
    """One replicate built of torch's own layers."""
    layers: list[torch.nn.Module] = []
    for weight, bias in zip(network.weights, network.biases, strict=True):
        linear = torch.nn.Linear(*weight.shape[1:], dtype=weight.dtype)
        linear.weight.data = weight.data[number].T.clone()
        linear.bias.data = bias.data[number, 0].clone()
        layers += [linear, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("hidden", LAYERS)
def test_forward_is_a_loop_over_separate_networks(hidden):
    network = StackedMLP(3, hidden, 4, [0, 1, 2], torch.float64)
    x = torch.randn(3, 10, 3, dtype=torch.float64)
    expected = torch.stack([separate(network, r)(x[r]) for r in range(3)])
    torch.testing.assert_close(network(x), expected, rtol=1e-12, atol=1e-12)


def test_one_batch_for_all_is_the_same_batch_for_each():
    network = StackedMLP(3, (5,), 2, [0, 1])
    x = torch.randn(10, 3)
    assert torch.equal(network(x), network(torch.stack([x, x])))


def test_features_may_be_a_view():
    network = StackedMLP(3, (5,), 2, [0, 1], torch.float64)
    x = torch.randn(3, 20, 2, dtype=torch.float64).permute(2, 1, 0)[:, ::2]
    torch.testing.assert_close(network(x), network(x.contiguous()))


@pytest.mark.parametrize("hidden", LAYERS)
def test_a_replicates_first_weights_depend_on_its_own_seed_alone(hidden):
    stack, alone = (StackedMLP(3, hidden, 2, seeds) for seeds in ([5, 8, 2**40], [8]))
    for name, x in alone.state_dict().items():
        assert torch.equal(stack.state_dict()[name][1:2], x)


def test_different_seeds_start_differently():
    network = StackedMLP(3, (5,), 2, [0, 1])
    assert not torch.equal(network.weights[0][0], network.weights[0][1])


def test_first_weights_fill_the_interval_of_torchs_linear_layer():
    network = StackedMLP(25, (400,), 2, [0], torch.float64)
    for weight, bias in zip(network.weights, network.biases, strict=True):
        bound = 1 / math.sqrt(weight.shape[1])
        drawn = torch.cat([weight.flatten(), bias.flatten()])
        assert drawn.abs().max() <= bound
        assert drawn.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.05)


def test_making_a_network_draws_nothing_from_the_global_generators():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    StackedMLP(3, (5,), 2, [0, 1])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002


def test_a_replicates_loss_moves_no_other_replicate():
    network = StackedMLP(3, (5,), 2, [0, 1, 2])
    network(torch.randn(4, 3))[1].sum().backward()
    for parameter in network.parameters():
        assert parameter.grad[[0, 2]].abs().max() == 0
        assert parameter.grad[1].abs().max() > 0


def test_a_replicate_taken_out_computes_the_same_and_shares_nothing():
    network = StackedMLP(3, (5,), 2, [0, 1], torch.float64)
    alone, x = network.replicate(1), torch.randn(4, 3, dtype=torch.float64)
    torch.testing.assert_close(alone(x)[0], network(x)[1])
    with torch.no_grad():
        alone.weights[0].zero_()
    assert network.weights[0][1].abs().max() > 0


def test_double_precision_keeps_the_weights_exactly():
    network = StackedMLP(3, (5,), 2, [0, 1])
    double = network.double_precision()
    for name, x in network.state_dict().items():
        assert double.state_dict()[name].dtype == torch.float64
        assert torch.equal(double.state_dict()[name].float(), x)


@pytest.mark.parametrize(("features", "seeds"), [(0, [0]), (3, [])])
def test_a_network_of_nothing_is_refused(features, seeds):
    with pytest.raises(ValueError, match="a seed and a feature"):
        StackedMLP(features, (5,), 2, seeds)
