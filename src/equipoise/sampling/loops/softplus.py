"""The logistic loss of many margins and its derivative, in one compiled pass.

A logistic posterior spends as long on exponentials and logarithms as on its two products with the
data. Here an exponential is a polynomial that is computed in vector registers, and of some hundred
logarithms one is taken, of their product.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_LANES = 256  # computed side by side
_FACTORS = 512  # at most 2 each, of which a product does not overflow

_TO_INTEGER = 6755399441055744.0  # 1.5 * 2^52: added, it leaves a whole number in the last bits
_LOG2_E = 1.4426950408889634
# log 2 in two parts, of which the first has its last bits free: whole multiples of it are exact.
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_LEAST = -708.0  # whose exponential is still a normal number
# The Taylor series: of |r| <= log(2) / 2 what is left out is below 1e-17.
_C2, _C3, _C4, _C5, _C6, _C7 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040
_C8, _C9, _C10 = 1 / 40320, 1 / 362880, 1 / 3628800
_C11, _C12, _C13 = 1 / 39916800, 1 / 479001600, 1 / 6227020800


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def softplus_sums(margin: Array, wrong: Array, total: Array) -> None:
    """Sums of log(1 + exp(-m)) by row, and 1 / (1 + exp(m)) of each entry.

    Nothing is reordered, so that what rounding takes from 1 + e is known and given back: margins
    that are all large lose no digits either.

    Parameters
    ----------
    margin : ndarray of float64, shape (k, n)
        No NaN among them, or the sum of the row is NaN; infinite ones count as 708.
    wrong : ndarray of float64, shape (k, n)
        Written to.
    total : ndarray of float64, shape (k,)
        Added to.
    """
    k, n = margin.shape
    rounded, small = np.empty(_LANES), np.empty(_LANES)
    bits = np.empty(_LANES, np.int64)
    power, as_bits = bits.view(np.float64), rounded.view(np.int64)
    product, rest, linear = np.empty(_LANES), np.empty(_LANES), np.empty(_LANES)
    for i in range(k):
        product[:], rest[:], linear[:] = 1.0, 0.0, 0.0
        factors, found = 0, 0.0
        for first in range(0, n, _LANES):
            width = min(_LANES, n - first)
            m, w = margin[i, first : first + width], wrong[i, first : first + width]
            for j in range(width):
                x = max(-abs(m[j]), _LEAST)
                t = x * _LOG2_E + _TO_INTEGER
                rounded[j] = t
                whole = t - _TO_INTEGER
                r = (x - whole * _LN2_HIGH) - whole * _LN2_LOW
                p = _C12 + r * _C13
                p = _C11 + r * p
                p = _C10 + r * p
                p = _C9 + r * p
                p = _C8 + r * p
                p = _C7 + r * p
                p = _C6 + r * p
                p = _C5 + r * p
                p = _C4 + r * p
                p = _C3 + r * p
                p = _C2 + r * p
                small[j] = 1.0 + (r + r * r * p)
            for j in range(width):
                bits[j] = (as_bits[j] + 1023) << 52
            for j in range(width):
                e = small[j] * power[j]
                one = 1.0 + e
                share = 1.0 / one
                product[j] *= one
                rest[j] += (e - (one - 1.0)) * share
                linear[j] += max(-m[j], 0.0)
                w[j] = share if m[j] < 0 else e * share
            factors += 1
            if factors == _FACTORS:
                found += np.log(product).sum()
                product[:], factors = 1.0, 0
        total[i] += found + np.log(product).sum() + rest.sum() + linear.sum()
