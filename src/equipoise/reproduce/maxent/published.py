"""What the paper is known to claim: its abstract. It has theorems and no experiments."""

from __future__ import annotations

SOURCE = "Leake, Vishnoi 2020, arXiv 2004.07403"

NONE = "not published"

BOUND = "polynomial bound"
"""Of the norm of the dual's optimizer, where the prior is balanced."""

EXACT = "exact algorithms"
"""For the dual and its gradient, on several domains; by the formula of Harish-Chandra, Itzykson and
Zuber for projections of rank k."""

POLYNOMIAL = "polynomial time"
"""Of the whole, with the ellipsoid method."""

GOEMANS_WILLIAMSON = "characterised"
"""The measure that rounds a positive semidefinite matrix is the optimizer of such a problem."""

BARRIER = "computable"
"""The entropic barrier of Bubeck and Eldan for polytopes."""

BARYCENTRIC = "polynomial time"
"""The barycentric quantum entropy of a density matrix."""

ROUNDING = ".878"
"""Of Goemans and Williamson 1995, which the paper refers to."""
