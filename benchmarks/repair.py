"""Maximum entropy on rows of bits: seconds of a fit, what it leaves, and draws a second."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from equipoise.maxent.discrete import Attribute, Domain, Prior, fit

Array = NDArray[Any]

# Rows, columns, and seconds of one core that a fit may take.
_SIZES = ((1_000_000, 50, 4.0), (1_000_000, 100, 9.0), (100_000, 1000, 30.0))
_ROWS_A_SECOND = 2.7e6


def figures() -> list[Figure]:
    """Processor seconds of one core, and what is left after them.

    Returns
    -------
    list of Figure
    """
    found = []
    with threadpool_limits(1):
        _fitted(1000, 5)[-1].sample(10)  # compiles
        for n, d, bar in _SIZES:
            seconds, residual, gap, law = _fitted(n, d)
            what = f"{n:,} rows of {d} bits"
            name = f"{n}x{d}"
            found += [
                Figure(f"fit_{name}", seconds, "<=", bar, f"{what}: seconds of a fit"),
                Figure(f"residual_{name}", residual, "<=", 1e-10, f"{what}: residual"),
                Figure(f"gap_{name}", gap, "<=", 1e-15, f"{what}: duality gap"),
            ]
            if d == _SIZES[0][1]:
                began = time.process_time()
                law.sample(n, seed=0)
                rate = n / (time.process_time() - began)
                found.append(Figure("drawn", rate, ">=", _ROWS_A_SECOND, f"{what}: draws a second"))
    return found


def _fitted(n: int, d: int) -> tuple[float, float, float, Any]:
    random = np.random.default_rng(0)
    hidden = random.random((n, 1))
    codes = (random.random((n, d)) < 0.2 + 0.5 * hidden * random.random(d)).astype(np.uint8)
    domain = Domain([Attribute.numbers([0, 1])] * d)
    wanted = domain.mean(codes, np.exp(-2.0 * codes[:, 0] + codes[:, 1]))
    prior = Prior.of(domain, codes, random.random(n), share=0.5)
    began = time.process_time()
    law = fit(prior, wanted)
    return time.process_time() - began, law.residual, law.gap, law
