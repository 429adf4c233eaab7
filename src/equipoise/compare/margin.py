"""By how much to keep more than the promise, so that fresh rows can show that it is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from equipoise.audit import Counts
from equipoise.audit.words import number_or_none
from equipoise.compare.corrected import certificate_of, corrected, observed
from equipoise.compare.prepare import Prepared
from equipoise.compare.settings import Settings
from equipoise.constraints import Constraint

# The certificate's rows differ from the rest by chance about as much again as its bound is wide:
# half a width more makes a model at the tightened bound pass about four times in five.
_ALLOWANCE = 1.5
# What is asked of training never falls below this share of the room that the promise leaves.
_LEAST_ROOM = 0.2


@dataclass(frozen=True)
class Margin:
    """What training is asked for, and what the certificate can show.

    Attributes
    ----------
    constraint : Constraint
        The promise.
    resolution : float
        How far the certificate's bound lies from the figure for decisions that depend on neither
        label nor group, made as often as labels are: about how strict a promise these rows can
        show. NaN for promises about losses, and where rows by groups that have errors are too few
        to show any.
    margin : float
    target : Constraint
        The promise, tightened by the margin.
    """

    constraint: Constraint
    resolution: float
    margin: float
    target: Constraint

    def to_dict(self) -> dict[str, Any]:
        """The margin as JSON can hold it; None for what is undefined."""
        return {
            "constraint": str(self.constraint),
            "resolution": number_or_none(self.resolution),
            "margin": self.margin,
            "asked_of_training": str(self.target),
        }


def choose_margin(prepared: Prepared, settings: Settings, constraint: Constraint) -> Margin:
    """Choose the margin of one promise, unless the settings do.

    Parameters
    ----------
    prepared : Prepared
    settings : Settings
    constraint : Constraint
        One of theirs.

    Returns
    -------
    Margin
    """
    resolution = _resolution(prepared, settings, constraint)
    room = constraint.bound if constraint.sense == "<=" else 1 - constraint.bound
    margin = settings.margin
    if margin is None:
        wanted = 0.0 if np.isnan(resolution) else _ALLOWANCE * resolution
        margin = min(wanted, (1 - _LEAST_ROOM) * room)
    # Rounded, so that what is printed is what is used.
    margin = round(margin, 4)
    return Margin(constraint, resolution, margin, constraint.tightened(margin))


def _resolution(prepared: Prepared, settings: Settings, constraint: Constraint) -> float:
    if constraint.disparity.rate.of_loss:
        return np.nan
    # Imagine decisions that depend on neither label nor group, each class as often as its label:
    # selection and the error rates are then equal in all groups.
    part = prepared.parts["certificate"]
    counts = Counts.from_block(part.label, part.label, observed(part.groups), prepared.classes)
    by_label = counts.table.sum(axis=2)
    share = by_label.sum(axis=0) / by_label.sum()
    # Not rounded: in a small group that would change the very rates that are to be equal.
    imagined = replace(counts, table=by_label[:, :, None] * share)
    told = corrected(imagined, prepared.flips)
    shown = certificate_of(told, constraint, settings.confidence, settings.n_certificates)
    return abs(shown.cautious - shown.estimate)
