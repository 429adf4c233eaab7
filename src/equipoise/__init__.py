"""Train, audit and compare models that treat groups of people evenly.

The public names are loaded when they are first used, so that ``import equipoise`` is cheap and
nothing imports torch before something trains.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.audit import Audit, Counts, audit
    from equipoise.cluster import (
        CoresetKMeans,
        CoresetKMedian,
        FairKMeans,
        FairKMedian,
        Summary,
        cluster,
        summarise,
    )
    from equipoise.compare import Comparison, compare
    from equipoise.constraints import Constraint, gap, ratio, worst
    from equipoise.data import Dataset, load, simulate_census
    from equipoise.groups import Groups
    from equipoise.learn import FairClassifier
    from equipoise.noise import NoisyGroups
    from equipoise.rank import ImplicitBias, Ranker, rank
    from equipoise.rates import Rate
    from equipoise.repair import MaxEntropyRepair, repair

__version__ = "0.1.0"

_HOME = {
    "Audit": "equipoise.audit",
    "Comparison": "equipoise.compare",
    "Constraint": "equipoise.constraints",
    "CoresetKMeans": "equipoise.cluster",
    "CoresetKMedian": "equipoise.cluster",
    "Counts": "equipoise.audit",
    "Dataset": "equipoise.data",
    "FairClassifier": "equipoise.learn",
    "FairKMeans": "equipoise.cluster",
    "FairKMedian": "equipoise.cluster",
    "Groups": "equipoise.groups",
    "ImplicitBias": "equipoise.rank",
    "MaxEntropyRepair": "equipoise.repair",
    "NoisyGroups": "equipoise.noise",
    "Ranker": "equipoise.rank",
    "Rate": "equipoise.rates",
    "Summary": "equipoise.cluster",
    "audit": "equipoise.audit",
    "cluster": "equipoise.cluster",
    "compare": "equipoise.compare",
    "gap": "equipoise.constraints",
    "load": "equipoise.data",
    "rank": "equipoise.rank",
    "ratio": "equipoise.constraints",
    "repair": "equipoise.repair",
    "simulate_census": "equipoise.data",
    "summarise": "equipoise.cluster",
    "worst": "equipoise.constraints",
}

__all__ = [
    "Audit",
    "Comparison",
    "Constraint",
    "CoresetKMeans",
    "CoresetKMedian",
    "Counts",
    "Dataset",
    "FairClassifier",
    "FairKMeans",
    "FairKMedian",
    "Groups",
    "ImplicitBias",
    "MaxEntropyRepair",
    "NoisyGroups",
    "Ranker",
    "Rate",
    "Summary",
    "audit",
    "cluster",
    "compare",
    "gap",
    "load",
    "rank",
    "ratio",
    "repair",
    "simulate_census",
    "summarise",
    "worst",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'equipoise' has no attribute {name!r}")
    home = importlib.import_module(_HOME[name])
    # Packages named by a verb are themselves what is called; see equipoise.verbs.
    value = home if home.__name__ == f"{__name__}.{name}" else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
