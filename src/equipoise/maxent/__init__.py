"""The distribution closest to a measure that has a given mean.

``continuous`` has bodies, spheres, finite sets of points and Hermitian matrices.
"""

from equipoise.maxent import continuous as continuous

__all__ = ["continuous"]
