"""Groups that are observed with errors: how often they are, and what follows of the true ones."""

from equipoise.noise.copies import symmetric_flips_from_copies
from equipoise.noise.flips import MAX_CONDITION, FlipMatrix
from equipoise.noise.gold import GoldFlips, flips_from_gold
from equipoise.noise.groups import NoisyGroups
from equipoise.noise.independence import FlipsDiffer, flips_differ
from equipoise.noise.response import randomised_response
from equipoise.noise.views import ThreeViews, flips_from_three_views
from equipoise.noise.with_gold import WithGold, groups_with_gold

__all__ = [
    "MAX_CONDITION",
    "FlipMatrix",
    "FlipsDiffer",
    "GoldFlips",
    "NoisyGroups",
    "ThreeViews",
    "WithGold",
    "flips_differ",
    "flips_from_gold",
    "flips_from_three_views",
    "groups_with_gold",
    "randomised_response",
    "symmetric_flips_from_copies",
]
