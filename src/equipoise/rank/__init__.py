"""Rankings under bounds."""

from equipoise.rank.bounds import Bound, parse_bounds
from equipoise.rank.discounts import Discount, discounts
from equipoise.rank.ranking import Ranking, rank_items
from equipoise.rank.windows import InfeasibleError

__all__ = [
    "Bound",
    "Discount",
    "InfeasibleError",
    "Ranking",
    "discounts",
    "parse_bounds",
    "rank_items",
]
