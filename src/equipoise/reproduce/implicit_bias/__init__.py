"""Interventions for ranking in the presence of implicit bias, re-run."""

from equipoise.reproduce.implicit_bias.rerun import IMPLICIT_BIAS

__all__ = ["IMPLICIT_BIAS"]
