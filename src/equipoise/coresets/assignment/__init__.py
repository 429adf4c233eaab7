"""The cheapest way to divide mass over centres when groups ask for their part of each."""

from equipoise.coresets.assignment.limits import InfeasibleError
from equipoise.coresets.assignment.result import Assignment
from equipoise.coresets.assignment.solve import assign_masses, assign_within

__all__ = ["Assignment", "InfeasibleError", "assign_masses", "assign_within"]
