"""Rankings in which groups have their place: bounds of every prefix, bias, exposure."""

from equipoise.rank.bias import ImplicitBias
from equipoise.rank.bounds import Bound, parse_bounds
from equipoise.rank.calibrate import Calibration, calibrate
from equipoise.rank.discounts import Discount, discounts
from equipoise.rank.exposure import Exposure, exposure, ndkl
from equipoise.rank.latent import LatentAudit, audit_latent, bounds_of
from equipoise.rank.ranker import Ranker
from equipoise.rank.ranking import Ranking, rank_items
from equipoise.rank.run import Ranked, rank
from equipoise.rank.windows import InfeasibleError
from equipoise.verbs import make_callable

__all__ = [
    "Bound",
    "Calibration",
    "Discount",
    "Exposure",
    "ImplicitBias",
    "InfeasibleError",
    "LatentAudit",
    "Ranked",
    "Ranker",
    "Ranking",
    "audit_latent",
    "bounds_of",
    "calibrate",
    "discounts",
    "exposure",
    "ndkl",
    "parse_bounds",
    "rank",
    "rank_items",
]

make_callable(__name__)
