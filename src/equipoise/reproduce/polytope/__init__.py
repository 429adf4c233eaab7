"""Uniform draws from polytopes by the ball walk that looks at few rows, re-run."""

from equipoise.reproduce.polytope.rerun import POLYTOPE

__all__ = ["POLYTOPE"]
