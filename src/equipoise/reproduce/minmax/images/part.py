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

Seeds = tuple[int, int]
"""How many, and how many of them are stacked."""


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
                (
                    _digits("digits 0 and 1", (0, 1), 64, 1000, (GDA, KEPT)),
                    (12, 12),
                ),
                (_digits("all ten digits", (), 64, 1000, (GDA, KEPT)), (12, 12)),
            ],
            1.0,
            (
                "Digits are scikit-learn's, of 8 by 8 pixels; MNIST and CIFAR-10 are in the full "
                "tier.",
            ),
        )
    whole = torch.cuda.is_available()
    found = [
        (_digits("digits 0 and 1", (0, 1), 128, 1500, _ALL), (40, 40 if whole else 10)),
        (_digits("all ten digits", (), 128, 3000, _ALL), (40, 40 if whole else 10)),
    ]
    notes = ["Digits are scikit-learn's, of 8 by 8 pixels."]
    named = {"mnist": "MNIST", "cifar10": "CIFAR-10"}
    there = [source for source in named if at_hand(source, data_dir)]
    if "mnist" in there:
        found.append((_mnist(str(data_dir)), (20, 20 if whole else 2)))
        notes.append(
            "MNIST's networks are the published perceptrons without dropout, whose ReLUs do not "
            "leak."
        )
    if "cifar10" in there:
        found.append((_cifar(str(data_dir)), (5, 5 if whole else 1)))
        notes.append(
            "CIFAR-10 is learnt at half its sides by perceptrons for 3,000 iterations, where the "
            "paper has convolutional networks and 50,000."
        )
    absent = [name for source, name in named.items() if source not in there]
    if absent:
        notes.append(f"Not re-run, as there are no files: {', '.join(absent)}.")
    return part_of(found, 5.0, tuple(notes))


def _digits(
    name: str, classes: tuple[int, ...], units: int, iterations: int, variants: tuple[str, ...]
) -> ImageTask:
    plan = Plan(1, 1e-3, 1e-3, _FREE_PASS, iterations, 30)
    hidden = (units, units)
    return ImageTask(name, "digits", classes, plan, 32, hidden, hidden, 64, variants)


def _mnist(data_dir: str) -> ImageTask:
    return ImageTask(
        "MNIST, 0 and 1",
        "mnist",
        (0, 1),
        Plan(1, 2e-4, 2e-4, _FREE_PASS, 1000, 40),
        100,
        (256, 512, 1024),
        (1024, 512, 256),
        128,
        _ALL,
        data_dir=data_dir,
    )


def _cifar(data_dir: str) -> ImageTask:
    return ImageTask(
        "CIFAR-10 at half its sides",
        "cifar10",
        (),
        Plan(1, 2e-4, 2e-4, 0.5, 3000, 30),
        100,
        (256, 512, 1024),
        (1024, 512, 256),
        64,
        _ALL,
        judge=(512, 128),
        judge_steps=4000,
        data_dir=data_dir,
    )


def part_of(
    tasks: Sequence[tuple[ImageTask, Seeds]], seconds: float, notes: tuple[str, ...] = ()
) -> Part:
    """Tasks as a part.

    Parameters
    ----------
    tasks : sequence of (ImageTask, (int, int))
        With how many seeds, and how many of them are stacked.
    seconds : float
        A guess for one variant on one seed of digits.
    notes : tuple of str

    Returns
    -------
    Part
    """
    cells: list[Cell] = []
    lengths = []
    for task, (n_seeds, together) in tasks:
        rows = fingerprint(*task.load())
        own = [real_cell(task, rows)]
        each = seconds if task.source == "digits" else 30 * seconds
        for variant in task.variants:
            for first in range(0, n_seeds, together):
                seeds = range(first, min(first + together, n_seeds))
                own.append(image_cell(task, variant, seeds, rows, each * len(seeds)))
        cells += own
        lengths.append(len(own))
    return Part("images", tuple(cells), partial(_show, [t for t, _ in tasks], lengths), notes)


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
