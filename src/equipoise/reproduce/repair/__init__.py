"""Maximum-entropy repair of tables, re-run."""

from equipoise.reproduce.repair.rerun import REPAIR

__all__ = ["REPAIR"]
