import numpy as np
import pytest

from equipoise.data import DataError
from equipoise.data.own_features import simulate_own_features
from equipoise.data.rare_style import in_rare_style


def test_features_of_one_group_are_zero_for_the_other():
    found = simulate_own_features((300, 40), 0)
    assert np.bincount(found.group).tolist() == [300, 40]
    assert not found.features[found.group == 1, 15:30].any()
    assert not found.features[found.group == 0, 30:].any()
    assert (found.features[found.group == 1, 30:] != 0).all()


def test_labels_follow_the_truth_as_often_as_its_probability_says():
    found = simulate_own_features((20_000, 20_000), 1)
    for group in (0, 1):
        of_group = found.group == group
        # A fit with the group's own columns alone sees what the truth sees.
        agreement = (found.label == found.truth)[of_group].mean()
        assert 0.8 < agreement < 0.95


def test_a_rotation_changes_coordinates_and_nothing_else():
    plain = simulate_own_features((200, 20), 3)
    turned = simulate_own_features((200, 20), 3, rotated=True)
    for name in ("label", "truth", "group"):
        assert np.array_equal(getattr(plain, name), getattr(turned, name))
    inner = plain.features @ plain.features.T
    assert np.allclose(inner, turned.features @ turned.features.T, atol=1e-3)
    assert (np.abs(turned.features[turned.group == 1, 15:30]).mean(0) > 0.1).all()


def test_a_group_without_rows_is_refused():
    with pytest.raises(DataError, match="at least one row of each group"):
        simulate_own_features((10, 0), 0)


def test_the_rare_style_twice_is_the_image_itself():
    images = np.random.default_rng(0).random((4, 8, 8))
    assert np.allclose(in_rare_style(in_rare_style(images)), images)
    colours = np.random.default_rng(0).random((4, 8, 8, 3))
    assert np.allclose(in_rare_style(colours), 1 - colours.transpose(0, 2, 1, 3))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((2, 8, 6)), "square"),
        (np.zeros((8, 8)), "square"),
        (np.full((2, 8, 8), 16.0), "from 0 to 1"),
    ],
)
def test_images_that_have_no_rare_style_are_refused(images, said):
    with pytest.raises(DataError, match=said):
        in_rare_style(images)
