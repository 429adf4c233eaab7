"""A domain that is small enough to be written out."""

from __future__ import annotations

import itertools

import numpy as np

from equipoise.maxent.discrete import Attribute, Domain, Prior

SIZES = (3, 4, 2, 2, 2)
DOMAIN = Domain(
    [
        Attribute.categories(3),
        Attribute.numbers([0.0, 1.0, 2.5, 7.0]),
        Attribute.joint(2, 2),
        Attribute.categories(2),
    ]
)
EVERYTHING = np.array(list(itertools.product(*map(range, SIZES))))
SHARES = (0.0, 0.3, 1.0)


def some_rows(seed=0, n=80):
    random = np.random.default_rng(seed)
    return np.stack([random.integers(0, size, n) for size in SIZES], axis=1), random.random(n)


def prior_of(share, seed=0, marginals="rows"):
    codes, weights = some_rows(seed)
    return Prior.of(DOMAIN, codes, weights, share=share, marginals=marginals)


def wanted(seed=0):
    """An expectation inside, away from that of the prior."""
    codes, weights = some_rows(seed)
    return DOMAIN.mean(codes, weights * np.exp(0.5 * codes[:, 0] - codes[:, 2] * codes[:, 3]))


def written_out(prior):
    """The prior's probability of every point."""
    seen = {}
    if prior.rows is not None:
        points = map(tuple, prior.rows.levels.tolist())
        seen = dict(zip(points, prior.rows.weights, strict=True))
    laws = [prior.marginals[at] for at in DOMAIN.level_slices]
    levels = DOMAIN.pack(EVERYTHING)
    product = np.prod([law[levels[:, j]] for j, law in enumerate(laws)], axis=0)
    own = np.array([seen.get(tuple(point), 0.0) for point in levels.tolist()])
    return prior.share * product + (1 - prior.share) * own
