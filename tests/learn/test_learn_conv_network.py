import pytest
import torch
from torch import nn

from equipoise.learn.conv_network import StackedConvNet, image_patches


@pytest.mark.parametrize("colours", [0, 3])
def test_patches_times_a_matrix_are_a_convolution(colours):
    draw = torch.Generator().manual_seed(0)
    shape = (5, colours, 9, 9) if colours else (5, 9, 9)
    images = torch.rand(shape, generator=draw)
    layer = nn.Conv2d(colours or 1, 4, 3, stride=2, padding=1, bias=False)
    patches = image_patches(images)
    ours = patches @ layer.weight.flatten(1).T
    theirs = layer(images if colours else images[:, None]).flatten(2).mT
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_each_replicate_is_the_network_that_torchs_layers_make():
    draw = torch.Generator().manual_seed(1)
    images = torch.rand((6, 8, 8), generator=draw)
    patches = image_patches(images)
    stack = StackedConvNet(tuple(patches.shape[1:]), 3, [4, 9], channels=5, hidden=7)
    found = stack(patches)
    for replicate in range(2):
        conv = nn.Conv2d(1, 5, 3, stride=2, padding=1)
        inner, outer = nn.Linear(5 * 16, 7), nn.Linear(7, 3)
        layers = (conv, inner, outer)
        with torch.no_grad():
            for layer, w, b in zip(layers, stack.weights, stack.biases, strict=True):
                layer.weight.copy_(w[replicate].T.reshape(layer.weight.shape))
                layer.bias.copy_(b[replicate, 0])
        seen = torch.relu(conv(images[:, None])).flatten(2).mT.flatten(1)
        wanted = outer(torch.relu(inner(seen)))
        assert torch.allclose(found[replicate], wanted, atol=1e-5)


def test_a_batch_of_each_replicates_own_goes_through_its_own_network():
    patches = image_patches(torch.rand((2, 6, 8, 8)).flatten(0, 1)).view(2, 6, 16, 9)
    stack = StackedConvNet((16, 9), 2, [0, 1])
    both = stack(patches)
    for replicate in range(2):
        assert torch.allclose(both[replicate], stack(patches[replicate])[replicate], atol=1e-6)


def test_a_seed_alone_decides_initial_weights():
    alone, second = StackedConvNet((4, 9), 2, [7]), StackedConvNet((4, 9), 2, [3, 7])
    for a, b in zip(alone.parameters(), second.parameters(), strict=True):
        assert torch.equal(a[0], b[1])


def test_what_is_no_image_is_refused():
    with pytest.raises(ValueError, match="images must be of shape"):
        image_patches(torch.rand(4, 8))
    with pytest.raises(ValueError, match="needs a seed"):
        StackedConvNet((4, 9), 2, [])
