"""Greedy adversarial equilibria: the theorems and examples of the paper, measured."""

from equipoise.reproduce.greedy_equilibrium.rerun import GREEDY_EQUILIBRIUM

__all__ = ["GREEDY_EQUILIBRIUM"]
