"""The distribution closest to a measure that has a given mean.

``discrete`` has products of finite domains with rows of data behind them.
"""

from equipoise.maxent import discrete as discrete

__all__ = ["discrete"]
