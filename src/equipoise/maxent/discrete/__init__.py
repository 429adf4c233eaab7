"""Maximum-entropy distributions on products of finite domains.

A `Domain` is a product of attributes, a `Prior` a product law mixed with weighted rows on it, and
`fit` finds the law closest to a prior that has given expectations.
"""

from equipoise.maxent.discrete.distribution import Drawn, MaxEntropy
from equipoise.maxent.discrete.domain import Attribute, Domain
from equipoise.maxent.discrete.faces import ExpectationError
from equipoise.maxent.discrete.fit import fit
from equipoise.maxent.discrete.prior import Prior
from equipoise.maxent.discrete.rows import Rows

__all__ = [
    "Attribute",
    "Domain",
    "Drawn",
    "ExpectationError",
    "MaxEntropy",
    "Prior",
    "Rows",
    "fit",
]
