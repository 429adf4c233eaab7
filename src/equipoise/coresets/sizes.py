"""How many points a coreset should have."""

from __future__ import annotations


def suggest_size(eps: float, n_clusters: int, power: float = 2.0, n_collections: int = 1) -> int:
    return 0
