"""Adam in the eigenbasis of Shampoo's preconditioner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from equipoise.optim.stacked.rule import State, kept

# Of the mean eigenvalue. It decides between directions that no gradient has told apart so far.
_TIE = 1e-6


@dataclass(frozen=True)
class SOAP:
    """Adam of gradients that are turned into the eigenbasis of Shampoo's factors.

    Vyas et al. 2024 (arXiv 2409.11321), algorithm 3. Of a parameter (r, a, b, ...), as a matrix
    with b times ... columns, moving means of G G^T and G^T G are kept, and bases of both that are
    near their eigenvectors: those of the first gradient, turned by one step of orthogonal iteration
    every ``every`` steps. Adam's moving mean is kept as it is, and its squares are of the turned
    gradient. As its authors do, nothing moves in the first step, which only finds the bases; and
    vectors, such as biases of shape (r, a) or (r, 1, a), are not turned at all.

    Parameters
    ----------
    betas : tuple of two float
        Of the mean, and of squares and factors.
    eps : float
    every : int
        Steps between turns of the bases.
    longest : int
        An axis with more entries is not turned, since its factor would have their square.

    Notes
    -----
    Where no gradient has come from, eigenvectors are whatever rounding makes them, and Adam's steps
    depend on them: a replicate would end elsewhere in a stack than alone. Factors and bases are
    therefore in double precision, and what the first gradient leaves open is decided by the order
    of rows and columns. Gradients of two classes' logits add up to 0, so that in one turned
    direction there is nothing but rounding, which Adam would blow up to whole steps: roots of mean
    squares are taken to be at least sqrt(machine epsilon) times those of the whole matrix.
    """

    betas: tuple[float, float] = (0.95, 0.95)
    eps: float = 1e-8
    every: int = 10
    longest: int = 2048

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be at least 1, not {self.every}.")

    def directions(
        self,
        gradients: list[Tensor],
        parameters: list[Tensor],
        states: list[State],
        step: int,
        rates: Tensor,
    ) -> list[Tensor]:
        """The mean gradient, rescaled in the eigenbasis."""
        first, second = self.betas
        found = []
        for g, state in zip(gradients, states, strict=True):
            turned = self._turned_axes(g)
            matrix = g.flatten(2) if turned else g
            if "mean" not in state:
                # Not by the number of the step: a parameter may have its first gradient later.
                state["adam"] = 0
                kept(state, "mean", matrix)
                kept(state, "square", matrix)
                for axis in turned:
                    factor = kept(state, f"factor{axis}", _outer(matrix, axis))
                    factor.lerp_(_outer(matrix, axis), 1 - second)
                    state[f"basis{axis}"] = _eigenvectors(factor)
                found.append(torch.zeros_like(g))
                continue
            state["adam"] += 1
            n = state["adam"]
            mean = state["mean"].lerp_(matrix, 1 - first)
            seen = _turn(matrix, state, turned)
            square = state["square"].mul_(second).addcmul_(seen, seen, value=1 - second)
            root = square.sqrt()
            if turned:
                root = torch.maximum(root, _noise(square))
            scaled = _turn(mean, state, turned).div_(root.add_(self.eps))
            back = _turn(scaled, state, turned, back=True)
            for axis in turned:
                state[f"factor{axis}"].lerp_(_outer(matrix, axis), 1 - second)
                if n % self.every == 0:
                    _refresh(state, axis)
            size = (1 - second**n) ** 0.5 / (1 - first**n)
            found.append((back * size).view_as(g))
        return found

    def _turned_axes(self, g: Tensor) -> list[int]:
        if sum(size > 1 for size in g.shape[1:]) < 2:
            return []
        matrix = g.flatten(2)
        return [axis for axis in (1, 2) if matrix.shape[axis] <= self.longest]


def _outer(matrix: Tensor, axis: int) -> Tensor:
    exact = matrix.double()
    return exact @ exact.mT if axis == 1 else exact.mT @ exact


def _turn(x: Tensor, state: State, axes: Sequence[int], *, back: bool = False) -> Tensor:
    for axis in axes:
        basis = state[f"basis{axis}"].to(x.dtype)
        if back:
            basis = basis.mT
        x = basis.mT @ x if axis == 1 else x @ basis
    return x if axes else x.clone()


def _noise(square: Tensor) -> Tensor:
    """Below which a turned gradient is not told from rounding, shape (r, 1, 1)."""
    share = torch.finfo(square.dtype).eps ** 0.5
    return square.mean((1, 2), keepdim=True).sqrt().mul_(share)


def _eigenvectors(factor: Tensor) -> Tensor:
    """Of the largest eigenvalue first, shape (r, n, n)."""
    n = factor.shape[-1]
    order = torch.arange(n, 0, -1, dtype=factor.dtype, device=factor.device) / n
    size = _TIE * torch.diagonal(factor, dim1=1, dim2=2).mean(1)
    size = torch.where(size > 0, size, 1.0)
    tilted = factor + torch.diag_embed(size[:, None] * order)
    vectors: Tensor = torch.linalg.eigh(tilted)[1].flip(-1)
    return vectors


def _refresh(state: State, axis: int) -> None:
    """One step of orthogonal iteration, after which squares belong to the new vectors."""
    factor, basis = state[f"factor{axis}"], state[f"basis{axis}"]
    # The shift changes no eigenvector, and keeps those of eigenvalue 0 from becoming noise.
    size = _TIE * torch.diagonal(factor, dim1=1, dim2=2).mean(1)
    moved = factor @ basis + size[:, None, None] * basis
    eigenvalues = (basis * moved).sum(1)
    order = eigenvalues.argsort(dim=1, descending=True, stable=True)
    moved = moved.gather(2, order[:, None].expand_as(moved))
    square = state["square"]
    along = order[:, :, None] if axis == 1 else order[:, None]
    state["square"] = square.gather(axis, along.expand_as(square))
    state[f"basis{axis}"] = torch.linalg.qr(moved)[0]
