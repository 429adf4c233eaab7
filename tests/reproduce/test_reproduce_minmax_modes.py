"""Modes found, lost and kept, counted on samples made by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equipoise.reproduce.minmax.gaussians.mixture import (
    EVEN_RING,
    GRID_OF_25,
    RING_OF_8,
    WEIGHTED_RING,
)
from equipoise.reproduce.minmax.gaussians.modes import covered_modes, forgotten, mass_within
from equipoise.reproduce.minmax.gaussians.results import Run

MIXTURES = [WEIGHTED_RING, EVEN_RING, RING_OF_8, GRID_OF_25]


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda mixture: mixture.name)
def test_samples_of_the_mixture_itself_cover_all_of_it(mixture):
    points = mixture.draw(20_000, torch.Generator().manual_seed(0)).double().numpy()
    assert covered_modes(points, mixture).all()
    # Of a normal distribution in the plane, 1 - exp(-9 / 2) are within three deviations.
    assert mass_within(points, mixture) == pytest.approx(1 - np.exp(-4.5), abs=0.004)
    nearest = np.bincount(mixture.distances(points).argmin(1), minlength=len(mixture.centres))
    assert nearest / len(points) == pytest.approx(np.array(mixture.weights), abs=0.015)


def test_the_ring_of_the_authors_file_has_its_top_mode_twice():
    assert WEIGHTED_RING.centres[0] == (0.0, 1.0)
    assert WEIGHTED_RING.weights == (0.4, 0.2, 0.2, 0.2)


def test_a_blob_at_the_origin_covers_nothing():
    blob = 0.05 * np.random.default_rng(0).normal(size=(1000, 2))
    for mixture in (WEIGHTED_RING, RING_OF_8):
        assert not covered_modes(blob, mixture).any()
        assert mass_within(blob, mixture) == 0
    assert covered_modes(blob, GRID_OF_25).sum() == 1  # which has a centre there


def test_a_mode_needs_a_share_of_the_samples():
    centres = np.array(EVEN_RING.centres)
    least = EVEN_RING.least_share
    assert least == 1 / 16
    points = np.repeat(centres[:2], [1600 - 100, 100], axis=0)
    assert covered_modes(points, EVEN_RING).tolist() == [True, True, False, False]
    points = np.repeat(centres[:2], [1600 - 99, 99], axis=0)
    assert covered_modes(points, EVEN_RING).tolist() == [True, False, False, False]


def test_modes_are_counted_within_a_radius_and_mass_within_three_deviations():
    shifted = np.array(EVEN_RING.centres) + np.array([0.1, 0])
    assert covered_modes(shifted, EVEN_RING).all()
    assert mass_within(shifted, EVEN_RING) == 0
    assert mass_within(np.array(EVEN_RING.centres) + np.array([0.029, 0]), EVEN_RING) == 1


def test_stacked_samples_are_counted_seed_by_seed():
    centres = np.array(EVEN_RING.centres)
    points = np.stack([centres, np.repeat(centres[:1], 4, 0)])
    assert covered_modes(points, EVEN_RING).sum(-1).tolist() == [4, 1]
    assert mass_within(points, EVEN_RING).tolist() == [1, 1]


def test_a_mode_is_forgotten_when_it_was_there_and_is_not():
    seen = np.array([[[1, 0]], [[0, 1]], [[1, 1]], [[0, 0]], [[0, 0]]], bool)  # looks, seed, mode
    assert forgotten(seen).tolist() == [1 + 2]


def test_modes_at_a_budget_are_those_of_the_last_look_within_it():
    gradients = np.array([[10.0, 20.0], [20.0, 40.0], [30.0, 60.0]])
    modes = np.array([[1.0, 2.0], [3.0, 4.0], [2.0, 1.0]])
    none = np.zeros(2)
    run = Run(modes, modes, gradients, gradients, none, none, 0.0, np.empty((0, 0, 2)))
    assert run.modes_at(np.array([25.0, 25.0])).tolist() == [3, 2]
    assert run.modes_at(np.array([30.0, 19.0])).tolist() == [2, 0]


def test_what_is_lost_is_counted_against_what_there_was_to_lose():
    modes = np.array([[2.0, 0.0], [1.0, 0.0], [3.0, 1.0]])
    none = np.zeros(2)
    run = Run(modes, modes, modes, modes, np.array([1.0, 0.0]), none, 0.0, np.empty((0, 0, 2)))
    assert run.lost[0] == pytest.approx(1 / 3)
    assert np.isnan(run.lost[1])
