"""Laws of millions of rows of bits: seconds of a fit, what it leaves, and draws a second."""

from __future__ import annotations

import statistics
import time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from equipoise.maxent.discrete import Attribute, Domain, MaxEntropy, Prior, fit

Array = NDArray[Any]

# Rows, columns, and seconds of one core that a fit may take.
_SIZES = ((1_000_000, 50, 4.0), (1_000_000, 100, 9.0), (100_000, 1000, 30.0))
_ROWS_A_SECOND = 2e6
_PASSES = 2.0
_ROUNDS = 3


class _Fitted(NamedTuple):
    seconds: float
    syrk: float  # one product of the rows with themselves, in double precision
    law: MaxEntropy

    @property
    def passes(self) -> float:
        """Such products in whose time the whole fit takes one of its steps."""
        return self.seconds / (len(self.law.residuals) - 1) / self.syrk


def figures() -> list[Figure]:
    """Processor seconds of one core, and what is left after them.

    Returns
    -------
    list of Figure
    """
    found = []
    with threadpool_limits(1):
        for n in (1000, 40_000):  # compiles, for either precision
            _fitted(n, 50).law.sample(10)
        for n, d, bar in _SIZES:
            one = _fitted(n, d)
            what, name = f"{n:,} rows of {d} bits", f"{n}x{d}"
            law = one.law
            found += [
                Figure(f"fit_{name}", one.seconds, "<=", bar, f"{what}: seconds of a fit"),
                Figure(f"residual_{name}", law.residual, "<=", 1e-10, f"{what}: residual"),
                Figure(f"gap_{name}", law.gap, "<=", 1e-15, f"{what}: duality gap"),
            ]
            if d == _SIZES[0][1]:
                told = (
                    f"{what}: seconds of a fit by its {len(law.residuals) - 1} Newton steps, over "
                    f"BLAS's dsyrk of the rows ({one.syrk:.2f} s)"
                )
                began = time.process_time()
                law.sample(n, seed=0)
                rate = n / (time.process_time() - began)
                found += [
                    Figure(f"passes_{name}", one.passes, "<=", _PASSES, told),
                    Figure("drawn", rate, ">=", _ROWS_A_SECOND, f"{what}: draws a second"),
                ]
    return found


def _fitted(n: int, d: int) -> _Fitted:
    random = np.random.default_rng(0)
    hidden = random.random((n, 1))
    codes = (random.random((n, d)) < 0.2 + 0.5 * hidden * random.random(d)).astype(np.uint8)
    domain = Domain([Attribute.numbers([0, 1])] * d)
    wanted = domain.mean(codes, np.exp(-2.0 * codes[:, 0] + codes[:, 1]))
    prior = Prior.of(domain, codes, random.random(n), share=0.5)
    # One after the other, so that what others do on the machine slows both.
    syrk, seconds = [], []
    for _ in range(_ROUNDS if d == _SIZES[0][1] else 1):
        syrk.append(_seconds_of_syrk(codes))
        began = time.process_time()
        law = fit(prior, wanted)
        seconds.append(time.process_time() - began)
    return _Fitted(statistics.median(seconds), statistics.median(syrk), law)


def _seconds_of_syrk(codes: Array) -> float:
    rows = codes.astype(np.float64)
    began = time.process_time()
    blas.dsyrk(1.0, rows.T)
    return time.process_time() - began
