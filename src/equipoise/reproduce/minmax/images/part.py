"""Digits, MNIST and CIFAR-10, as a part of the re-run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from equipoise.report import Section
from equipoise.reproduce.claim import Tier
from equipoise.reproduce.minmax.images.cell import image_cell, real_cell
from equipoise.reproduce.minmax.images.claims import image_claims
from equipoise.reproduce.minmax.images.results import Results, collect
from equipoise.reproduce.minmax.images.show import even_figure, image_table
from equipoise.reproduce.minmax.images.task import ImageTask, at_hand, fingerprint
from equipoise.reproduce.minmax.stack.variants import (
    COUNTERFACTUAL,
    GDA,
    KEPT,
    OPTIMISTIC,
    Plan,
)
from equipoise.reproduce.part import Cell, Part, Result, Shown

_ALL = (GDA, OPTIMISTIC, COUNTERFACTUAL, KEPT)
# As published for MNIST: one step of each, and every fifth move stays whatever comes of it.
_FREE_PASS = 0.2
# The published layers are twice as wide, and their batches of digits twice as large.
_GENERATOR, _DISCRIMINATOR, _BATCH = (128, 256, 512), (512, 256, 128), 64

Sized = tuple[ImageTask, tuple[int, int], float]
"""A task, how many seeds and how many of them are stacked, and a guess of the seconds that one
variant takes for one seed."""


def images_part(tier: Tier, data_dir: Path | None) -> Part:
    """All images that there are.

    Parameters
    ----------
    tier : {"quick", "full"}
    data_dir : Path or None

    Returns
    -------
    Part
    """
    if tier == "quick":
        return part_of(
            [
                (_digits("digits 0 and 1", (0, 1), 64, 1000, (GDA, KEPT)), (12, 12), 1.0),
                (_digits("all ten digits", (), 64, 1000, (GDA, KEPT)), (12, 12), 1.0),
            ],
            (
                "Digits are scikit-learn's, of 8 by 8 pixels; MNIST and CIFAR-10 are in the full "
                "tier.",
            ),
        )
    whole = torch.cuda.is_available()
    few = (GDA, OPTIMISTIC, KEPT)
    found: list[Sized] = [
        (_digits("digits 0 and 1", (0, 1), 128, 1000, _ALL), (40, 40 if whole else 20), 1.6),
        (_digits("all ten digits", (), 128, 1500, few), (40, 40 if whole else 20), 2.4),
    ]
    notes = [
        "Digits are scikit-learn's, of 8 by 8 pixels. Against the counterfactual, one step of each "
        "player refuses next to nothing: digits 0 and 1 show it, and elsewhere it is not run."
    ]
    named = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
    there = [source for source in named if at_hand(source, data_dir)]
    if "mnist" in there:
        # With fewer than 26 seeds, not even all of them would show a share of 0.86.
        found.append((_mnist(str(data_dir)), (26, 26 if whole else 13), 11.0))
        notes.append(
            "MNIST is learnt at half its sides, by perceptrons with half the published units, "
            "without dropout, whose ReLUs do not leak, on batches of 64, where the paper has 128; "
            "rates and iterations are the published ones."
        )
    if "cifar10" in there:
        found.append((_cifar(str(data_dir)), (5, 5), 40.0))
        notes.append(
            "CIFAR-10 is learnt at half its sides by perceptrons for 1,500 iterations, where the "
            "paper has convolutional networks and 50,000: it says nothing of the published figures."
        )
    absent = [name for source, name in named.items() if source not in there]
    if absent:
        notes.append(f"Not re-run, as there are no files: {', '.join(absent)}.")
    return part_of(found, tuple(notes))


def _digits(
    name: str, classes: tuple[int, ...], units: int, iterations: int, variants: tuple[str, ...]
) -> ImageTask:
    plan = Plan(1, 1e-3, 1e-3, _FREE_PASS, iterations, 30)
    hidden = (units, units)
    return ImageTask(name, "digits", classes, plan, 32, hidden, hidden, 64, variants)


def _mnist(data_dir: str) -> ImageTask:
    return ImageTask(
        "MNIST at half its sides, 0 and 1",
        "mnist",
        (0, 1),
        Plan(1, 2e-4, 2e-4, _FREE_PASS, 1000, 40),
        100,
        _GENERATOR,
        _DISCRIMINATOR,
        _BATCH,
        (GDA, KEPT),
        data_dir=data_dir,
    )


def _cifar(data_dir: str) -> ImageTask:
    return ImageTask(
        "CIFAR-10 at half its sides",
        "cifar10",
        (),
        Plan(1, 2e-4, 2e-4, 0.5, 1500, 30),
        100,
        _GENERATOR,
        _DISCRIMINATOR,
        _BATCH,
        (GDA, OPTIMISTIC, KEPT),
        judge=(512, 128),
        judge_steps=2000,
        data_dir=data_dir,
    )


def part_of(tasks: Sequence[Sized], notes: tuple[str, ...] = ()) -> Part:
    """Tasks as a part.

    Parameters
    ----------
    tasks : sequence of (ImageTask, (int, int), float)
        With how many seeds, how many of them are stacked, and a guess of the seconds that one
        variant takes for one seed.
    notes : tuple of str

    Returns
    -------
    Part
    """
    cells: list[Cell] = []
    lengths = []
    for task, (n_seeds, together), seconds in tasks:
        rows = fingerprint(*task.load())
        own = [real_cell(task, rows)]
        for variant in task.variants:
            for first in range(0, n_seeds, together):
                seeds = range(first, min(first + together, n_seeds))
                own.append(image_cell(task, variant, seeds, rows, seconds * len(seeds)))
        cells += own
        lengths.append(len(own))
    shown = partial(_show, [task for task, *_ in tasks], lengths)
    return Part("images", tuple(cells), shown, notes)


def _show(tasks: Sequence[ImageTask], lengths: Sequence[int], found: Sequence[Result]) -> Shown:
    results, taken = [], 0
    for task, length in zip(tasks, lengths, strict=True):
        real, *rest = found[taken : taken + length]
        results.append(collect(task, rest, real))
        taken += length
    return Shown(
        tuple(claim for one in results for claim in image_claims(one)),
        tuple(image_table(one) for one in results),
        lambda: [_section(one) for one in results],
    )


def _section(results: Results) -> Section:
    name = results.task.name
    return Section(f"{name[0].upper()}{name[1:]}", [image_table(results), even_figure(results)])
