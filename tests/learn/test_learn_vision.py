"""Backbones take a user's weights by other libraries' names, and see what they should."""

from __future__ import annotations

import math
import pickle
import warnings

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from equipoise.data import DataError, load_image_groups
from equipoise.learn.vision import (
    ConvNet,
    ResNet18,
    ViTTiny,
    as_inputs,
    frozen_features,
    read_weights,
)


def _randomised(module, seed=0):
    """Every weight and running statistic at random, so that none can go astray unseen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if tensor.is_floating_point():
                drawn = torch.randn(tensor.shape, generator=generator)
                tensor.copy_(drawn.abs() + 0.5 if "running_var" in name else 0.05 * drawn)
    return module.eval()


def test_the_number_of_weights_is_the_published_one():
    def count(module):
        return sum(tensor.numel() for tensor in module.parameters())

    # With classifiers of 1,000 classes: 11,689,512 (torchvision) and 5,717,416 (DeiT).
    assert count(ResNet18()) + 513 * 1000 == 11_689_512
    assert count(ViTTiny(224, 16)) + 193 * 1000 == 5_717_416


@pytest.mark.parametrize(
    ("backbone", "side"), [(ConvNet(), 28), (ConvNet(8), 8), (ResNet18(), 64), (ViTTiny(32, 8), 32)]
)
def test_features_are_of_the_size_that_is_said_and_learn(backbone, side):
    features = backbone(torch.randn(3, 3, side, side))
    assert features.shape == (3, backbone.n_features)
    features.square().mean().backward()
    lacking = [name for name, one in backbone.named_parameters() if one.grad is None]
    assert not lacking


def test_a_convolutional_net_does_not_mix_the_images_of_a_batch():
    net = ConvNet(8).train()
    images = torch.randn(4, 3, 16, 16)
    torch.testing.assert_close(net(images)[:1], net(images[:1]))


def test_a_transformer_is_attention_written_out():
    # One layer by hand, with the formulas of the paper (equations 2 and 3), in float64.
    net = _randomised(ViTTiny(16, 8)).double()
    image = torch.randn(1, 3, 16, 16, dtype=torch.float64)
    own = net.state_dict()
    patches = image.unfold(2, 8, 8).unfold(3, 8, 8).permute(0, 2, 3, 1, 4, 5).reshape(4, 192)
    tokens = patches @ own["patches.weight"].reshape(192, 192).T + own["patches.bias"]
    x = torch.cat([own["class_token"][0], tokens]) + own["positions"][0]

    def norm(x, name):
        centred = x - x.mean(-1, keepdim=True)
        scale = (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        return centred / scale * own[f"{name}.weight"] + own[f"{name}.bias"]

    for at in range(12):
        name = f"layers.{at}"
        inner = norm(x, f"{name}.norm1") @ own[f"{name}.self_attn.in_proj_weight"].T
        q, k, v = (inner + own[f"{name}.self_attn.in_proj_bias"]).split(192, dim=1)
        heads = []
        for head in range(3):
            part = slice(64 * head, 64 * head + 64)
            weights = torch.softmax(q[:, part] @ k[:, part].T / 8, dim=-1)
            heads.append(weights @ v[:, part])
        out = torch.cat(heads, 1) @ own[f"{name}.self_attn.out_proj.weight"].T
        x = x + out + own[f"{name}.self_attn.out_proj.bias"]
        hidden = norm(x, f"{name}.norm2") @ own[f"{name}.linear1.weight"].T
        hidden = torch.nn.functional.gelu(hidden + own[f"{name}.linear1.bias"])
        x = x + hidden @ own[f"{name}.linear2.weight"].T + own[f"{name}.linear2.bias"]
    torch.testing.assert_close(net(image), norm(x, "norm")[:1])


def _in_timm(state):
    names = {
        "class_token": "cls_token",
        "positions": "pos_embed",
        "patches.": "patch_embed.proj.",
        "layers.": "blocks.",
        "self_attn.in_proj_": "attn.qkv.",
        "self_attn.out_proj": "attn.proj",
        "linear1": "mlp.fc1",
        "linear2": "mlp.fc2",
    }
    return _renamed(state, names)


def _in_torchvision(state):
    names = {
        "positions": "encoder.pos_embedding",
        "patches.": "conv_proj.",
        "layers.": "encoder.layers.encoder_layer_",
        "self_attn.": "self_attention.",
        "norm1": "ln_1",
        "norm2": "ln_2",
        "linear1": "mlp.0",
        "linear2": "mlp.3",
    }
    renamed = _renamed(state, names)
    return {
        name.replace("norm.", "encoder.ln.") if name.startswith("norm.") else name: tensor
        for name, tensor in renamed.items()
    }


def _renamed(state, names):
    found = {}
    for name, tensor in state.items():
        for ours, theirs in names.items():
            name = name.replace(ours, theirs)
        found[name] = tensor.clone()
    return found


@pytest.mark.parametrize("renamed", [_in_timm, _in_torchvision, dict])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_weights_of_a_transformer_are_read_by_any_names(tmp_path, renamed, suffix):
    one, other = _randomised(ViTTiny(16, 8), 1), _randomised(ViTTiny(16, 8), 2)
    state = renamed(one.state_dict())
    state["head.weight"], state["head.bias"] = torch.zeros(9, 192), torch.zeros(9)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pt":
        torch.save({"model": state, "epoch": 3}, path)
    else:
        safetensors.torch.save_file(state, path)
    read_weights(other, path)
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(other(images), one(images), rtol=0, atol=0)


def test_weights_of_a_residual_network_lose_wrapper_and_classifier(tmp_path):
    one, other = _randomised(ResNet18(), 1), _randomised(ResNet18(), 2)
    state = {
        f"module.{name}": tensor
        for name, tensor in one.state_dict().items()
        if "num_batches_tracked" not in name  # as in files older than that count
    }
    state["module.fc.weight"] = torch.zeros(1000, 512)
    torch.save({"state_dict": state}, tmp_path / "weights.pth")
    read_weights(other, tmp_path / "weights.pth")
    images = torch.randn(2, 3, 40, 40)
    torch.testing.assert_close(other(images), one(images), rtol=0, atol=0)
    assert "layer2.0.downsample.0.weight" in other.state_dict()
    assert "layer1.0.downsample.0.weight" not in other.state_dict()


def test_a_classifier_that_the_module_has_itself_is_read(tmp_path):
    one, other = (torch.nn.ModuleDict({"head": torch.nn.Linear(2, 3)}) for _ in range(2))
    torch.save(one.state_dict(), tmp_path / "weights.pt")
    read_weights(other, tmp_path / "weights.pt")
    torch.testing.assert_close(other["head"].weight, one["head"].weight)


def test_positions_are_a_picture_that_is_made_larger_or_smaller(tmp_path):
    one = _randomised(ViTTiny(32, 8))
    grid = torch.linspace(-1, 1, 4)
    slope = (grid[:, None] + 2 * grid).reshape(1, 16, 1).expand(-1, -1, 192)
    with torch.no_grad():
        one.positions[:, 1:] = slope
    torch.save(one.state_dict(), tmp_path / "weights.pt")
    for side in (16, 64):
        other = ViTTiny(side, 8)
        read_weights(other, tmp_path / "weights.pt")
        torch.testing.assert_close(other.positions[:, 0], one.positions[:, 0])
        patches = side // 8
        picture = other.positions[0, 1:, 5].reshape(patches, patches)
        # Still antisymmetric, rising along both axes, twice as fast along the second.
        torch.testing.assert_close(picture, -picture.flip(0, 1))
        assert (picture.diff(dim=0) > 0).all()
        assert (picture.diff(dim=1) > picture.diff(dim=0).mean()).all()


@pytest.fixture(scope="module")
def models():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its parts that nobody asks for
        try:
            from torchvision import models
        except (ImportError, RuntimeError) as error:  # the latter if built for another torch
            pytest.skip(f"torchvision cannot be imported: {error}")
    return models


@pytest.mark.parametrize(("ours", "side"), [(ResNet18(), 48), (ViTTiny(32, 8), 32)])
def test_networks_and_names_are_those_of_torchvision(tmp_path, models, ours, side):
    if isinstance(ours, ResNet18):
        theirs = models.resnet18(num_classes=3)
    else:
        theirs = models.VisionTransformer(32, 8, 12, 3, 192, 768, num_classes=3)
    _randomised(theirs)
    torch.save(theirs.state_dict(), tmp_path / "weights.pt")
    read_weights(ours, tmp_path / "weights.pt")
    last = "fc" if isinstance(ours, ResNet18) else "heads"
    setattr(theirs, last, torch.nn.Identity())
    images = torch.randn(2, 3, side, side)
    torch.testing.assert_close(ours.eval()(images), theirs(images))


class _Trap:
    def __reduce__(self):
        return print, ("executed",)


def _state(**changed):
    return {**ResNet18().state_dict(), **changed}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (lambda: {"weight": _Trap()}, "no safetensors file, and no file of torch with tensors"),
        (lambda: {"a": 3}, "holds more than a state dict"),
        (lambda: {"a": torch.zeros(1)}, r"lacks conv1\.weight, .* more and has a besides"),
        (lambda: _state(extra=torch.zeros(1)), "lacks nothing and has extra besides"),
        (lambda: _state(**{"conv1.weight": torch.zeros(64, 3, 3, 3)}), "wants .64, 3, 7, 7."),
        (lambda: _state(**{"bn1.weight": torch.full((64,), math.nan)}), "has NaN or infinity"),
    ],
)
def test_weights_that_do_not_fit_change_nothing(tmp_path, capsys, content, said):
    torch.save(content(), tmp_path / "weights.pt")
    net = ResNet18()
    before = net.conv1.weight.clone()
    with pytest.raises(ValueError, match=said):
        read_weights(net, tmp_path / "weights.pt")
    torch.testing.assert_close(net.conv1.weight, before)
    assert not capsys.readouterr().out


def test_a_file_that_is_no_file_of_weights_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*Nothing is downloaded"):
        read_weights(ResNet18(), tmp_path / "none.pt")
    for name in ("a.safetensors", "a.pt"):
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(ValueError, match=f"{name} is no safetensors file"):
            read_weights(ResNet18(), tmp_path / name)
    (tmp_path / "old.pt").write_bytes(pickle.dumps({"a": 1}, protocol=2))
    with pytest.raises(ValueError, match=r"old\.pt"):
        read_weights(ResNet18(), tmp_path / "old.pt")


def test_positions_with_a_token_more_are_refused(tmp_path):
    state = ViTTiny(16, 8).state_dict()
    state["positions"] = torch.zeros(1, 6, 192)
    torch.save(state, tmp_path / "weights.pt")
    with pytest.raises(ValueError, match="distilled DeiT has a token more"):
        read_weights(ViTTiny(32, 8), tmp_path / "weights.pt")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ConvNet(12), "multiple of 8, not 12"),
        (lambda: ViTTiny(60, 16), "multiple of the patch, 16, not 60"),
        (lambda: ViTTiny(64)(torch.zeros(1, 3, 32, 32)), "must be 64 x 64 pixels.*not 32 x 32"),
    ],
)
def test_sizes_that_cannot_be_are_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_inputs_are_centred_and_scaled_as_those_of_imagenet():
    pixels = np.zeros((2, 4, 5, 3), np.uint8)
    pixels[1] = 255
    inputs = as_inputs(pixels)
    assert inputs.shape == (2, 3, 4, 5)
    assert inputs.dtype == torch.float32
    expected = [(value - 0.485) / 0.229 for value in (0, 1)]
    torch.testing.assert_close(inputs[:, 0, 0, 0], torch.tensor(expected))
    grey = np.arange(20, dtype=np.uint8).reshape(1, 4, 5)
    torch.testing.assert_close(as_inputs(grey), as_inputs(grey[..., None].repeat(3, axis=3)))
    with pytest.raises(ValueError, match=r"not float64 of shape \(1, 2, 2, 3\)"):
        as_inputs(np.zeros((1, 2, 2, 3)))


PIXELS = np.random.default_rng(0).integers(256, size=(11, 16, 16, 3)).astype(np.uint8)


def test_features_do_not_depend_on_blocks_and_leave_the_network_as_it_was():
    net = torch.nn.Sequential(ConvNet(8), torch.nn.BatchNorm1d(32), torch.nn.Dropout())
    net[1].eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    told = []
    found = frozen_features(net, PIXELS, block=4, progress=lambda *at: told.append(at))
    assert told == [(4, 11), (8, 11), (11, 11)]
    assert found.dtype == np.float32
    at_once = net.eval()(as_inputs(PIXELS)).detach().numpy()
    np.testing.assert_allclose(found, at_once, atol=1e-6)
    net.train()
    net[1].eval()
    frozen_features(net, PIXELS)
    assert [module.training for module in net] == [True, False, True]
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(tensor, before[name])
    some = frozen_features(net, PIXELS, rows=[7, 2])
    np.testing.assert_allclose(some, at_once[[7, 2]], atol=1e-6)


def test_features_are_kept_for_the_same_network_images_and_rows(tmp_path):
    net = ConvNet(8)
    torch.save(_randomised(ConvNet(8)).state_dict(), tmp_path / "weights.pt")
    cache = tmp_path / "cache"
    told = []

    def run(net=net, pixels=PIXELS, **asked):
        told.clear()
        return frozen_features(
            net, pixels, cache=cache, progress=lambda *at: told.append(at), **asked
        )

    first = run()
    assert told
    np.testing.assert_array_equal(run(), first)
    assert not told
    others = PIXELS.copy()
    others[3, 0, 0, 0] ^= 1
    for changed in (
        {"pixels": others},
        {"rows": [0, 1]},
        {"net": torch.nn.Sequential(net, torch.nn.ReLU())},
        {"weights": tmp_path / "weights.pt"},
    ):
        run(**changed)
        assert told
    assert len(list(cache.iterdir())) == 5
    for kept in cache.iterdir():
        np.save(kept, np.zeros(3))
    with pytest.raises(ValueError, match=r"float64 of shape \(3,\); delete it"):
        run(weights=tmp_path / "weights.pt")


def test_images_of_an_index_are_decoded_for_the_network(tmp_path):
    (tmp_path / "list_attr_celeba.csv").write_text(
        "image_id,Male,Smiling\n" + "".join(f"{row}.png,{row % 2},{row // 3}\n" for row in range(6))
    )
    (tmp_path / "list_eval_partition.csv").write_text(
        "image_id,partition\n" + "".join(f"{row}.png,{row // 2}\n" for row in range(6))
    )
    for row in range(6):
        Image.fromarray(PIXELS[row]).save(tmp_path / f"{row}.png")
    index = load_image_groups("celeba", tmp_path)
    net = ConvNet(8)
    found = frozen_features(net, index, side=16, block=4, cache=tmp_path / "cache")
    np.testing.assert_allclose(found, frozen_features(net, PIXELS[:6]), atol=1e-6)
    (tmp_path / "5.png").write_bytes(b"x")
    with pytest.raises(DataError, match=r"5\.png is damaged"):
        frozen_features(net, index, side=16, rows=index.parts["test"], cache=tmp_path / "cache")


@pytest.mark.parametrize(
    ("net", "asked", "said"),
    [
        (ConvNet(8), {"block": 0}, "block must be at least 1"),
        (ConvNet(8), {"rows": [11]}, "within 0 to 10, and run from 11 to 11"),
        (ConvNet(8), {"rows": []}, "one or more row numbers"),
        (torch.nn.Conv2d(3, 2, 1), {}, r"shape \(11, d\) for 11 images, and gives \(11, 2, 16, 16"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(net, asked, said):
    with pytest.raises(ValueError, match=said):
        frozen_features(net, PIXELS, **asked)


def test_features_that_are_no_numbers_name_their_row():
    class Breaks(torch.nn.Module):
        def forward(self, images):
            features = images.mean((2, 3))
            features[-1] = torch.nan
            return features

    with pytest.raises(ValueError, match="NaN or infinity for row 4"):
        frozen_features(Breaks(), PIXELS, rows=[9, 8, 4])
