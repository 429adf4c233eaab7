"""Rankings under bounds."""
from equipoise.rank.bounds import Bound
from equipoise.rank.ranking import Ranking, rank_items
from equipoise.rank.windows import InfeasibleRanking

