"""min over alpha of L_V(theta*(alpha), alpha), theta*(alpha) being the minimum of an inner loss.

:class:`Bilevel` is a wrapper around two torch optimizers. How the hyper-gradient is estimated is an
object of its own that it takes, from one backward pass to the exact Hessian.
"""

from equipoise.optim.bilevel.bilevel import Bilevel
from equipoise.optim.bilevel.conjugate_gradient import ConjugateGradient
from equipoise.optim.bilevel.curvature import CurvatureError
from equipoise.optim.bilevel.dense import Dense
from equipoise.optim.bilevel.f2sa import F2SA
from equipoise.optim.bilevel.hypergradient import Diagnostics, Estimate, HyperGradient
from equipoise.optim.bilevel.identity import Identity
from equipoise.optim.bilevel.last_layer import LastLayer
from equipoise.optim.bilevel.neumann import Neumann
from equipoise.optim.bilevel.problem import Problem
from equipoise.optim.bilevel.unrolled import Unrolled

__all__ = [
    "F2SA",
    "Bilevel",
    "ConjugateGradient",
    "CurvatureError",
    "Dense",
    "Diagnostics",
    "Estimate",
    "HyperGradient",
    "Identity",
    "LastLayer",
    "Neumann",
    "Problem",
    "Unrolled",
]
