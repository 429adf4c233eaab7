"""Draws from distributions: a target in, a kernel, many chains, draws with diagnostics out.

A *kernel* knows how a chain starts and how it takes a step, and nothing else. Chains, thinning,
checkpoints, diagnostics and workers are one loop around any of them.
"""

from equipoise.sampling.ball_walk import BallWalk
from equipoise.sampling.body import Body
from equipoise.sampling.chains import Chains, start
from equipoise.sampling.draws import Draws, join
from equipoise.sampling.hit_and_run import CoordinateHitAndRun, HitAndRun
from equipoise.sampling.kernel import BlockKernel, Kernel, State
from equipoise.sampling.moments import RunningMoments
from equipoise.sampling.polytope import Polytope
from equipoise.sampling.polytope_errors import (
    EmptyPolytopeError,
    SinglePointError,
    UnboundedPolytopeError,
)
from equipoise.sampling.run import Progress, run, stream
from equipoise.sampling.summary import Summary

__all__ = [
    "BallWalk",
    "BlockKernel",
    "Body",
    "Chains",
    "CoordinateHitAndRun",
    "Draws",
    "EmptyPolytopeError",
    "HitAndRun",
    "Kernel",
    "Polytope",
    "Progress",
    "RunningMoments",
    "SinglePointError",
    "State",
    "Summary",
    "UnboundedPolytopeError",
    "join",
    "run",
    "start",
    "stream",
]
