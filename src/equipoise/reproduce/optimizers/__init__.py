"""Which optimizers lead to fairer models, re-run: theory, simulations and small networks."""

from equipoise.reproduce.optimizers.rerun import OPTIMIZERS

__all__ = ["OPTIMIZERS"]
