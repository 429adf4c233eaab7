"""Maximum-entropy distributions on continuous domains, bodies and matrices.

A domain and a mean in; out comes, of all laws on the domain with that mean, the one that is nearest
to the domain's prior, with a bound that proves how near the answer is to it.
"""

from equipoise.maxent.continuous.barrier import Barrier, entropic_barrier
from equipoise.maxent.continuous.box import Box, BoxVertices
from equipoise.maxent.continuous.cross_polytope import CrossPolytope
from equipoise.maxent.continuous.diagonals import Diagonals
from equipoise.maxent.continuous.domain import Domain, Moments
from equipoise.maxent.continuous.ellipsoid import (
    EllipsoidSolution,
    ellipsoid_method,
    parameter_bound,
)
from equipoise.maxent.continuous.errors import (
    MeanOnBoundaryError,
    MeanOutsideError,
    NoConvergenceError,
)
from equipoise.maxent.continuous.faces import Face
from equipoise.maxent.continuous.fit import fit
from equipoise.maxent.continuous.goemans_williamson import GoemansWilliamson
from equipoise.maxent.continuous.matrices import (
    MatrixDomain,
    Projections,
    RankOneProjections,
    UnitaryOrbit,
)
from equipoise.maxent.continuous.points import Points
from equipoise.maxent.continuous.polytope_fit import fit_polytope
from equipoise.maxent.continuous.polytope_law import PolytopeMaxEntropy
from equipoise.maxent.continuous.quantum import barycentric_entropy
from equipoise.maxent.continuous.result import MatrixMaxEntropy, MaxEntropy
from equipoise.maxent.continuous.simplex import Simplex, SolidSimplex
from equipoise.maxent.continuous.sphere import Ball, Sphere

__all__ = [
    "Ball",
    "Barrier",
    "Box",
    "BoxVertices",
    "CrossPolytope",
    "Diagonals",
    "Domain",
    "EllipsoidSolution",
    "Face",
    "GoemansWilliamson",
    "MatrixDomain",
    "MatrixMaxEntropy",
    "MaxEntropy",
    "MeanOnBoundaryError",
    "MeanOutsideError",
    "Moments",
    "NoConvergenceError",
    "Points",
    "PolytopeMaxEntropy",
    "Projections",
    "RankOneProjections",
    "Simplex",
    "SolidSimplex",
    "Sphere",
    "UnitaryOrbit",
    "barycentric_entropy",
    "ellipsoid_method",
    "entropic_barrier",
    "fit",
    "fit_polytope",
    "parameter_bound",
]
