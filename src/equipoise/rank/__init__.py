"""Rankings in which groups have their place: bounds of every prefix, bias, exposure."""

from typing import TYPE_CHECKING, Any

from equipoise.rank.bias import ImplicitBias
from equipoise.rank.bounds import Bound, parse_bounds
from equipoise.rank.calibrate import Calibration, calibrate
from equipoise.rank.discounts import Discount, discounts
from equipoise.rank.expected import ExpectedGroups
from equipoise.rank.exposure import Exposure, exposure, ndkl
from equipoise.rank.latent import LatentAudit, audit_latent, bounds_of
from equipoise.rank.ranking import Ranking, rank_items
from equipoise.rank.run import Ranked, rank
from equipoise.rank.windows import InfeasibleError
from equipoise.verbs import make_callable

if TYPE_CHECKING:
    from equipoise.rank.ranker import Ranker

__all__ = [
    "Bound",
    "Calibration",
    "Discount",
    "ExpectedGroups",
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


def __getattr__(name: str) -> Any:
    # Most of the time that importing this package would take is scikit-learn's.
    if name == "Ranker":
        from equipoise.rank.ranker import Ranker

        return Ranker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
