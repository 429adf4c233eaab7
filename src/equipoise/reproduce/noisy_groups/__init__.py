"""Fair classification with noisy groups, re-run."""

from equipoise.reproduce.noisy_groups.rerun import NOISY_GROUPS

__all__ = ["NOISY_GROUPS"]
