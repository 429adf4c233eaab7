"""Maximum-entropy distributions on continuous domains, and what follows from them, re-run."""

from equipoise.reproduce.maxent.rerun import MAXENT

__all__ = ["MAXENT"]
