"""Where stochastic optimizers come to rest: laws, chains and stochastic equations."""

from equipoise.optim.dynamics.chains import run_chains, run_diffusion
from equipoise.optim.dynamics.probe import Reading, UpdateProbe
from equipoise.optim.dynamics.problem import (
    DoubleWell,
    OwnCoordinates,
    Problem,
    TwoGroupQuadratic,
    gradient_variance,
    speed_ratio,
)
from equipoise.optim.dynamics.stationary import (
    Convention,
    Normal,
    chain_variance,
    density_ratio,
    stationary,
    threshold,
)

__all__ = [
    "Convention",
    "DoubleWell",
    "Normal",
    "OwnCoordinates",
    "Problem",
    "Reading",
    "TwoGroupQuadratic",
    "UpdateProbe",
    "chain_variance",
    "density_ratio",
    "gradient_variance",
    "run_chains",
    "run_diffusion",
    "speed_ratio",
    "stationary",
    "threshold",
]
