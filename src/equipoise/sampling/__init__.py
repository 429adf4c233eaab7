"""Draws from distributions: a target in, a kernel, many chains, draws with diagnostics out.

A *kernel* knows how a chain starts and how it takes a step, and nothing else. Chains, thinning,
checkpoints, diagnostics and workers are one loop around any of them.
"""

from equipoise.sampling.annealed_rounding import (
    AnnealedRounding,
    RoundingStage,
    round_annealed,
)
from equipoise.sampling.ball import uniform_in_ball
from equipoise.sampling.ball_walk import BallWalk
from equipoise.sampling.billiard import Billiard
from equipoise.sampling.body import Body
from equipoise.sampling.chains import Chains, start
from equipoise.sampling.dikin import Dikin
from equipoise.sampling.draws import Draws, join
from equipoise.sampling.ellipsoid import Ellipsoid
from equipoise.sampling.gaussian_gibbs import GaussianGibbs
from equipoise.sampling.hit_and_run import CoordinateHitAndRun, HitAndRun
from equipoise.sampling.isotropy import Isotropic, isotropic
from equipoise.sampling.kernel import BlockKernel, Kernel, State
from equipoise.sampling.moments import RunningMoments
from equipoise.sampling.polytope import Polytope
from equipoise.sampling.polytope_errors import (
    EmptyPolytopeError,
    SinglePointError,
    UnboundedPolytopeError,
)
from equipoise.sampling.readers import read_polytope
from equipoise.sampling.run import Progress, run, stream
from equipoise.sampling.sample import PolytopeSample, TooFewDrawsWarning, sample
from equipoise.sampling.summary import Summary
from equipoise.sampling.tune import tuned
from equipoise.sampling.volume import Stage, Volume, VolumeProgress, log_volume

__all__ = [
    "AnnealedRounding",
    "BallWalk",
    "Billiard",
    "BlockKernel",
    "Body",
    "Chains",
    "CoordinateHitAndRun",
    "Dikin",
    "Draws",
    "Ellipsoid",
    "EmptyPolytopeError",
    "GaussianGibbs",
    "HitAndRun",
    "Isotropic",
    "Kernel",
    "Polytope",
    "PolytopeSample",
    "Progress",
    "RoundingStage",
    "RunningMoments",
    "SinglePointError",
    "Stage",
    "State",
    "Summary",
    "TooFewDrawsWarning",
    "UnboundedPolytopeError",
    "Volume",
    "VolumeProgress",
    "isotropic",
    "join",
    "log_volume",
    "read_polytope",
    "round_annealed",
    "run",
    "sample",
    "start",
    "stream",
    "tuned",
    "uniform_in_ball",
]
