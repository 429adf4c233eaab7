"""Sampling with the Metropolis-adjusted Langevin algorithm, re-run."""

from equipoise.reproduce.mala.rerun import MALA_RERUN

__all__ = ["MALA_RERUN"]
