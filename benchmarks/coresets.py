"""Summaries for clustering: what they cost to make, how far they are off, and what they save."""

from __future__ import annotations

from benchmarks import coresets_build, coresets_cluster, coresets_errors, coresets_fair
from benchmarks.figure import Figure


def figures() -> list[Figure]:
    return [
        *coresets_build.figures(),
        *coresets_errors.figures(),
        *coresets_fair.figures(),
        *coresets_cluster.figures(),
    ]
