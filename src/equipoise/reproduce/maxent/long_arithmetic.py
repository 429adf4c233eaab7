"""Normalisers and elementary functions in long arithmetic, by other formulas than the library's."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal, localcontext
from math import factorial, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_DIGITS = 50
_MOST_TERMS = 1_000_000


def log_normaliser(nodes: Array) -> Decimal:
    """Log of (n - 1)! times the divided difference of exp: E exp<nodes, p>, p uniform on a simplex.

    By the series of complete homogeneous polynomials, whose terms are all positive: it loses no
    digit where nodes are near to each other, as the sum over residues does.

    Parameters
    ----------
    nodes : ndarray, shape (n,)
        Their range may be some thousands, as the number of terms is a few times that.

    Returns
    -------
    Decimal
    """
    with localcontext(Context(prec=_DIGITS, Emin=-(10**9), Emax=10**9)):
        lowest, found = _prefixes(_decimals(nodes), _DIGITS)
        return lowest + (found[-1] * factorial(len(nodes) - 1)).ln()


def mean(nodes: Array, i: int) -> float:
    """E p_i under the density exp<nodes, p>: the divided difference with node i twice, over that.

    Parameters
    ----------
    nodes : ndarray, shape (n,)
    i : int

    Returns
    -------
    float
    """
    with localcontext(Context(prec=_DIGITS, Emin=-(10**9), Emax=10**9)):
        _, found = _prefixes(_decimals(np.append(nodes, nodes[i])), _DIGITS)
        return float(found[-1] / found[-2])


def log_projections(parameter: Array, k: int) -> float:
    """Log E exp tr(diag(parameter) P) over projections of rank k, by Opitz's formula.

    The integral of Harish-Chandra, Itzykson and Zuber is, for projections, a k x k minor of the
    exponential of the bidiagonal matrix with the parameter on its diagonal and ones above, whose
    entries are divided differences of exp.

    Parameters
    ----------
    parameter : ndarray, shape (n,)
    k : int
        At most n / 2.

    Returns
    -------
    float
    """
    n = len(parameter)
    digits = _DIGITS + 6 * k  # a double loses some ten at k = 10
    with localcontext(Context(prec=digits, Emin=-(10**9), Emax=10**9)):
        nodes = _decimals(parameter)
        rows = []
        for i in range(k):
            lowest, found = _prefixes(nodes[i:], digits)
            rows.append([lowest.exp() * entry for entry in found[-k:]])
        size = prod(factorial(p) for p in range(n - k, n))
        scale = Decimal(size) / prod(factorial(p) for p in range(1, k))
        return float((scale * _determinant(rows)).ln())


def bloch(x: float) -> tuple[float, float]:
    """Length and entropy of the Bloch vector's law of parameter x.

    The Bloch vector of a pure state of two levels is uniform on the sphere, so that the density is
    exp(x cos) x / sinh x, its mean coth x - 1 / x and its entropy log(sinh x / x) - x times that.

    Parameters
    ----------
    x : float
        Positive.

    Returns
    -------
    r, entropy : float
    """
    with localcontext(Context(prec=_DIGITS)):
        at = Decimal(x)
        sinh = (at.exp() - (-at).exp()) / 2
        length = (at.exp() + (-at).exp()) / 2 / sinh - 1 / at
        return float(length), float((sinh / at).ln() - at * length)


def log_scrooge(spectrum: Array) -> float:
    """Entropy relative to Haar measure of the Scrooge ensemble of a density matrix.

    That is sqrt(rho) phi over its length, with phi from Haar measure weighted by n <phi, rho phi>
    (Jozsa, Robb, Wootters 1994): its average is rho, so that no law with that average and the
    most entropy has less. Its density at psi is n <psi, rho^-1 psi>^-(n + 1) / det rho over n, so
    that the entropy is log det rho - log n + (n + 1)(Q + 1/2 + ... + 1/n), where Q is the
    subentropy, minus the sum of a_i^n log a_i / prod (a_i - a_j).

    Parameters
    ----------
    spectrum : ndarray, shape (n,)
        Positive and distinct eigenvalues of sum one.

    Returns
    -------
    float
    """
    n = len(spectrum)
    with localcontext(Context(prec=_DIGITS + 10 * n)):
        a = _decimals(spectrum)
        q = -sum(
            (
                a[i] ** n
                * a[i].ln()
                / prod((a[i] - b for b in a[:i] + a[i + 1 :]), start=Decimal(1))
                for i in range(n)
            ),
            Decimal(0),
        )
        harmonic = sum((1 / Decimal(j) for j in range(2, n + 1)), Decimal(0))
        logs = sum((b.ln() for b in a), Decimal(0)) - Decimal(n).ln()
        return float(logs + (n + 1) * (q + harmonic))


def _decimals(values: Array) -> list[Decimal]:
    return [Decimal(float(value)) for value in values]


def _prefixes(nodes: Sequence[Decimal], digits: int) -> tuple[Decimal, list[Decimal]]:
    """The least node, and exp(-that) times divided differences of exp at the first 1, 2, ... nodes.

    They are sums over m of h_m(nodes less the least) / (m + j)!.
    """
    lowest = min(nodes)
    x = [node - lowest for node in nodes]
    reach = max(x)
    inverse = [Decimal(1)]
    for j in range(1, len(x)):
        inverse.append(inverse[-1] / j)  # 1 / (m + j)!
    h = [Decimal(1)] * len(x)
    total = list(inverse)
    little = Decimal(10) ** -digits
    for m in range(1, _MOST_TERMS):
        before = Decimal(0)
        for j, at in enumerate(x):
            before = h[j] = before + at * h[j]
        inverse = [inverse[1] if len(inverse) > 1 else inverse[0] / m, *inverse[1:]]
        for j in range(1, len(x)):
            inverse[j] = inverse[j - 1] / (m + j)
        terms = [a * b for a, b in zip(h, inverse, strict=True)]
        total = [a + b for a, b in zip(total, terms, strict=True)]
        if m > 2 * reach and all(a <= little * b for a, b in zip(terms, total, strict=True)):
            return lowest, total
    raise ValueError(f"nodes have the range {reach:.3g}: give a smaller one")


def _determinant(rows: list[list[Decimal]]) -> Decimal:
    work, found = [list(row) for row in rows], Decimal(1)
    for c in range(len(work)):
        pivot = max(range(c, len(work)), key=lambda r: abs(work[r][c]))
        if pivot != c:
            work[c], work[pivot] = work[pivot], work[c]
            found = -found
        found *= work[c][c]
        for r in range(c + 1, len(work)):
            factor = work[r][c] / work[c][c]
            work[r] = [a - factor * b for a, b in zip(work[r], work[c], strict=True)]
    return found
