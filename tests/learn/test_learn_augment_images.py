"""Operations on images: what they do, and the gradients of their amounts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from equipoise.learn.augment import image_operations

ALL = {operation.name: operation for operation in image_operations()}
# Their values have jumps, or none but 256 tones, and their gradients are straight-through.
STEPS = {"posterize", "solarize"}
SMOOTH = [name for name, of in ALL.items() if of.largest is not None and name not in STEPS]


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def images(generator, *shape):
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def applied(name, x, amount, generator):
    operation = ALL[name]
    drawn = operation.draw(x, generator)
    return operation.apply(x, torch.as_tensor(amount, dtype=x.dtype).expand(len(x)), *drawn)


@pytest.mark.parametrize("size", [(6, 6), (5, 9), (2, 3), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ALL)
def test_an_image_of_any_size_stays_an_image(name, channels, size, generator):
    x = images(generator, 4, channels, *size)
    for share in (0.3, 1.0):
        changed = applied(name, x, share * (ALL[name].largest or 0), generator)
        assert changed.shape == x.shape
        assert changed.dtype == x.dtype
        assert changed.min() >= 0
        assert changed.max() <= 1 + 1e-12


@pytest.mark.parametrize("name", [name for name, of in ALL.items() if of.largest is not None])
def test_an_amount_of_0_changes_nothing(name, generator):
    x = images(generator, 3, 3, 5, 8)
    x[0, 0, 0, :2] = torch.tensor([0.0, 1.0])
    changed = applied(name, x, 0.0, generator)
    moved = name in ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
    torch.testing.assert_close(changed, x, rtol=0, atol=1e-12 if moved else 0)


@pytest.mark.parametrize("name", SMOOTH)
def test_the_gradient_of_an_amount_is_that_of_finite_differences(name, generator):
    operation = ALL[name]
    # Away from the kinks of clamping and of interpolation.
    x = 0.3 + 0.4 * images(generator, 2, 3, 5, 7)
    drawn = operation.draw(x, generator)
    weight = images(generator, *x.shape)
    sign = torch.tensor([1.0, -1.0 if operation.signed else 1.0], dtype=torch.float64)

    def value(share):
        changed = operation.apply(x, share * sign * operation.largest, *drawn)
        return (weight * changed).sum((1, 2, 3))

    share = torch.tensor([0.137, 0.241], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(value(share).sum(), share)
    step = 1e-6
    with torch.no_grad():
        expected = (value(share + step) - value(share - step)) / (2 * step)
    assert expected.abs().min() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "shares"), [("posterize", (0.2, 1.0)), ("solarize", (0.2, 0.8))])
def test_a_straight_through_gradient_follows_the_mean_of_what_has_none(name, shares, generator):
    operation = ALL[name]
    x = images(generator, 1, 1, 300, 300)
    share = torch.tensor(shares, dtype=torch.float64, requires_grad=True)

    def mean(share):
        changed = operation.apply(x.expand(2, -1, -1, -1), share * operation.largest)
        return (changed * x).mean((1, 2, 3))

    (found,) = torch.autograd.grad(mean(share).sum(), share)
    step = 0.05
    with torch.no_grad():
        expected = (mean(share + step) - mean(share - step)) / (2 * step)
    torch.testing.assert_close(found, expected, rtol=0.15, atol=0.0)


def test_posterize_keeps_four_bits_at_most_strength():
    x = torch.arange(256, dtype=torch.float64).div(256).view(1, 1, 16, 16)
    changed = ALL["posterize"].apply(x, torch.tensor([1 / 16], dtype=torch.float64))
    assert torch.equal(changed, (x * 16).floor() / 16)


def test_solarize_inverts_what_is_brighter():
    x = torch.tensor([0.1, 0.6, 0.9, 1.0]).view(1, 1, 1, 4)
    changed = ALL["solarize"].apply(x, torch.tensor([0.3]))
    torch.testing.assert_close(changed.flatten(), torch.tensor([0.1, 0.6, 0.1, 0.0]))


def test_equalize_makes_tones_equally_frequent(generator):
    x = (images(generator, 1, 1, 64, 64) ** 3 * 255).round() / 255
    tones = ALL["equalize"].apply(x, torch.zeros(1)).flatten().sort().values
    uniform = torch.linspace(0, 1, len(tones), dtype=torch.float64)
    # A tone's rows move together, so that the largest distance is the share of the commonest.
    assert (tones - uniform).abs().max() < 1.05 * x.flatten().unique(return_counts=True)[
        1
    ].max() / len(tones)
    assert (tones.min(), tones.max()) == (0, 1)


@pytest.mark.parametrize("name", ["equalize", "auto_contrast"])
def test_a_channel_of_one_tone_is_left_alone(name):
    x = torch.full((2, 3, 4, 4), 0.4)
    assert torch.equal(ALL[name].apply(x, torch.zeros(2)), x)


def test_auto_contrast_reaches_from_black_to_white(generator):
    x = 0.2 + 0.3 * images(generator, 2, 3, 4, 4)
    changed = ALL["auto_contrast"].apply(x, torch.zeros(2))
    assert torch.equal(changed.amin((2, 3)), torch.zeros(2, 3, dtype=torch.float64))
    torch.testing.assert_close(changed.amax((2, 3)), torch.ones(2, 3, dtype=torch.float64))


IN_PILLOW = {
    "brightness": (0.4, lambda image: ImageEnhance.Brightness(image).enhance(1.4)),
    "contrast": (-0.6, lambda image: ImageEnhance.Contrast(image).enhance(0.4)),
    "saturation": (0.7, lambda image: ImageEnhance.Color(image).enhance(1.7)),
    "sharpness": (-0.8, lambda image: ImageEnhance.Sharpness(image).enhance(0.2)),
    "invert": (0.0, ImageOps.invert),
    "auto_contrast": (0.0, ImageOps.autocontrast),
    "solarize": (0.4, lambda image: ImageOps.solarize(image, threshold=154)),
    "flip": (0.0, ImageOps.mirror),
    "rotate": (25.0, lambda image: image.rotate(25.0, Image.Resampling.BILINEAR)),
}


@pytest.mark.parametrize("name", IN_PILLOW)
def test_images_are_changed_as_pillow_does(name, generator):
    amount, change = IN_PILLOW[name]
    pixels = torch.randint(30, 220, (12, 17, 3), generator=generator).to(torch.uint8)
    expected = torch.from_numpy(np.array(change(Image.fromarray(pixels.numpy())))).double()
    x = (pixels.double() / 255).permute(2, 0, 1)[None]
    found = applied(name, x, amount, generator)[0].permute(1, 2, 0) * 255
    off = (found - expected).abs()
    if name == "rotate":  # Pillow does not blend pixels with the black around the image
        off = off[4:-4, 6:-6]
    assert off.max() <= 1.5  # Pillow rounds, and contrast its mean too


def test_translation_moves_by_whole_pixels_and_brings_in_black(generator):
    x = images(generator, 1, 3, 4, 8)
    right = ALL["translate_x"].apply(x, torch.tensor([0.25], dtype=torch.float64))
    torch.testing.assert_close(right[..., 2:], x[..., :-2])
    assert right[..., :2].abs().max() == 0
    down = ALL["translate_y"].apply(x, torch.tensor([0.25], dtype=torch.float64))
    torch.testing.assert_close(down[:, :, 1:], x[:, :, :-1])
    assert down[:, :, :1].abs().max() == 0


def test_a_right_angle_is_a_turn_against_the_clock(generator):
    x = images(generator, 1, 3, 6, 6)
    turned = ALL["rotate"].apply(x, torch.tensor([90.0], dtype=torch.float64))
    torch.testing.assert_close(turned, x.rot90(dims=(2, 3)))


def test_what_is_not_square_is_turned_and_not_sheared(generator):
    square = torch.zeros(1, 1, 7, 7, dtype=torch.float64)
    square[..., 2:5, 2:5] = images(generator, 3, 3)
    wide = torch.nn.functional.pad(square, (4, 4))
    amount = torch.tensor([20.0], dtype=torch.float64)
    for name in ("rotate", "shear_x", "shear_y"):
        scale = amount if name == "rotate" else amount / 100
        inside = ALL[name].apply(wide, scale)[..., 4:-4]
        torch.testing.assert_close(inside, ALL[name].apply(square, scale))


def test_saturation_does_nothing_to_what_is_grey(generator):
    grey = images(generator, 2, 1, 4, 4)
    for x in (grey, grey.expand(-1, 3, -1, -1)):
        changed = ALL["saturation"].apply(x, torch.tensor([0.9, -0.9], dtype=torch.float64))
        torch.testing.assert_close(changed, x)


def test_a_cut_square_has_the_area_that_was_asked_for():
    x = torch.ones(1, 1, 20, 30, dtype=torch.float64)
    amount = torch.tensor([0.33], dtype=torch.float64)
    centre = torch.tensor([[0.5, 0.42]], dtype=torch.float64)
    changed = ALL["cutout"].apply(x, amount, centre)
    assert (x - changed).sum().item() == pytest.approx((0.33 * 20) ** 2)


def test_an_unknown_operation_is_named():
    with pytest.raises(ValueError, match="'turn' is no operation; there are shear_x"):
        image_operations("turn")
