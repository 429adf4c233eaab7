"""AutoBalance, a training loss designed by bilevel optimisation: its tables and figures, re-run.

Two parts: classes made rare, in digits and well-known images, and Waterbirds, where labels and
backgrounds go together.
"""

from equipoise.reproduce.autobalance.rerun import AUTOBALANCE

__all__ = ["AUTOBALANCE"]
